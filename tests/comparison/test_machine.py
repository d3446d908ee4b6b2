from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard_backends import usage
from leaderboard_backends.comparison import identity


def test_the_file_system_is_that_of_the_nearest_mount() -> None:
    assert usage.file_system(Path("/proc/self")) == "proc"
    assert usage.file_system(Path("/")) not in ("proc", "unknown")


def test_files_go_where_a_disk_is_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert identity.folder_on_disk() == tmp_path
    monkeypatch.setattr(identity, "IN_MEMORY", (usage.file_system(tmp_path),))
    other = identity.folder_on_disk()
    assert other == tmp_path or usage.file_system(other) not in usage.IN_MEMORY


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "OWN_GROUPS", Path("/no/such/file"))
    usable = os.sched_getaffinity(0)
    assert usage.usable_cores() == len(usable)
    command = "from leaderboard_backends.usage import usable_cores; print(usable_cores() <= 1)"
    pinned = f"import os; os.sched_setaffinity(0, [{min(usable)}]); {command}"
    assert subprocess.run([sys.executable, "-c", pinned], capture_output=True, check=True).stdout == b"True\n"


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/app/web", {"app/web/cpu.max": "max 100000", "app/cpu.max": "50000 100000"}, 0.5),
        ("0::/", {"cpu.max": "25000 100000"}, 0.25),
        ("0::/of/the/host", {"cpu.max": "25000 100000"}, 0.25),
        ("7:cpu,cpuacct:/web", {"cpu/web/cpu.cfs_quota_us": "75000", "cpu/web/cpu.cfs_period_us": "100000"}, 0.75),
        ("7:cpu:/web", {"cpu/web/cpu.cfs_quota_us": "-1", "cpu/web/cpu.cfs_period_us": "100000"}, None),
        ("0::/app", {"app/cpu.max": "max 100000"}, None),
    ],
)
def test_no_more_cores_than_the_quota_of_a_control_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, groups: str, files: dict[str, str], cores: float | None
) -> None:
    (tmp_path / "own").write_text(f"3:memory:/elsewhere\n{groups}\n")
    for name, text in files.items():
        (tmp_path / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / name).write_text(f"{text}\n")
    monkeypatch.setattr(usage, "OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(usage, "CONTROL_GROUPS", tmp_path / "groups")
    assert usage.usable_cores() == (cores or len(os.sched_getaffinity(0)))


def test_versions_name_what_is_installed_alone() -> None:
    found = identity.versions()
    assert found["sortedcontainers"]
    assert "no such library" not in found
    assert all(found.values())
