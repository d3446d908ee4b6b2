from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard_backends.comparison import machine


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    assert machine.file_system(Path("/proc/self")) == "proc"
    assert machine.file_system(Path("/")) not in ("proc", "unknown")


def test_files_go_where_a_disk_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert machine.folder_on_disk() == tmp_path
    monkeypatch.setattr(machine, "IN_MEMORY", (machine.file_system(tmp_path),))
    other = machine.folder_on_disk()
    assert other == tmp_path or machine.file_system(other) not in machine.IN_MEMORY


def test_versions_name_what_is_installed_alone() -> None:
    found = machine.versions()
    assert found["sortedcontainers"]
    assert "no such library" not in found
    assert all(found.values())
