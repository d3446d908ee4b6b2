"""The folder of a run goes with it, and one whose process was killed goes with the next run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard_backends.comparison.scratch import PREFIX, scratch_folder

HOLDS = """
import sys
from pathlib import Path
from leaderboard_backends.comparison.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    (folder / "deep").mkdir()
    (folder / "deep" / "board.db").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_it_goes_with_what_uses_it_however_that_ends(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        (folder / "board").write_text("x")
        assert folder.parent == tmp_path
    with pytest.raises(ZeroDivisionError), scratch_folder(tmp_path):
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())


def test_what_a_killed_run_left_is_removed_and_what_is_in_use_or_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}notes").mkdir()  # has no lock, so that no run made it, or not wholly
    with _holding(tmp_path) as killed, _holding(tmp_path) as alive:
        assert killed.stdout is not None
        assert alive.stdout is not None
        left, used = Path(killed.stdout.readline().strip()), Path(alive.stdout.readline().strip())
        killed.kill()
        killed.wait()
        assert left.is_dir()
        with scratch_folder(tmp_path):
            assert not left.exists()
            assert (used / "deep" / "board.db").exists()
        alive.communicate(timeout=30)
    assert [path.name for path in tmp_path.iterdir()] == [f"{PREFIX}notes"]


def _holding(parent: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDS, str(parent)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
