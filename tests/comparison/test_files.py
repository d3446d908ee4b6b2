"""A file is there whole or not at all, whatever ends the writing."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from leaderboard_backends.comparison.result_files import is_stream, scratch_folder, write_atomically


def test_text_is_written_as_utf_8_and_bytes_as_they_are(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", "10.7 µs\n")
    write_atomically(tmp_path / "bytes", b"\x00\r\n")
    assert (tmp_path / "text").read_bytes() == "10.7 µs\n".encode()
    assert (tmp_path / "bytes").read_bytes() == b"\x00\r\n"


def test_the_folder_is_made(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b" / "report.md", "said")
    assert (tmp_path / "a" / "b" / "report.md").read_text(encoding="utf-8") == "said"


def test_a_file_that_was_there_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("old", encoding="utf-8")
    write_atomically(path, "new")
    assert path.read_text(encoding="utf-8") == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_who_has_the_old_file_open_goes_on_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "report.md"
    path.write_text("old", encoding="utf-8")
    with path.open(encoding="utf-8") as reader:
        write_atomically(path, "new")
        assert reader.read() == "old"


@pytest.mark.parametrize("content", [None, 3])
def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "report.md"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(TypeError):
        write_atomically(path, content)
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_of_that_name_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()
    with pytest.raises(OSError, match=r"report\.md"):
        write_atomically(tmp_path / "report.md", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "report.md").symlink_to(tmp_path / "kept" / "report.md")
    write_atomically(tmp_path / "report.md", "new")
    assert (tmp_path / "report.md").is_symlink()
    assert (tmp_path / "kept" / "report.md").read_text(encoding="utf-8") == "new"


def test_a_device_and_a_pipe_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        write_atomically(Path("/dev/full"), "new")
    assert is_stream(Path("/dev/full"))
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit((tmp_path / "pipe").read_text)
        write_atomically(tmp_path / "pipe", "new")
        assert reading.result() == "new"
    assert is_stream(tmp_path / "pipe")
    assert not is_stream(tmp_path)
    assert not is_stream(tmp_path / "absent")


def test_a_pipe_without_a_name_is_written_to() -> None:
    reading, writing = os.pipe()
    write_atomically(Path(f"/dev/fd/{writing}"), "new")
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == "new"


def test_others_may_read_it_as_any_file_that_is_made(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "report.md", "new")
    assert (tmp_path / "report.md").stat().st_mode == (tmp_path / "usual").stat().st_mode


# ---------------------------------------------------------------------- the folder of a comparison

HOLDS = """
import sys
from pathlib import Path
from leaderboard_backends.comparison.result_files import scratch_folder
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


def test_it_goes_with_a_run_that_is_killed_and_those_of_others_stay(tmp_path: Path) -> None:
    with _holding(tmp_path) as killed, _holding(tmp_path) as alive:
        assert killed.stdout is not None
        assert alive.stdout is not None
        left, used = Path(killed.stdout.readline().strip()), Path(alive.stdout.readline().strip())
        killed.kill()
        end = monotonic() + 30
        while left.exists() and monotonic() < end:
            sleep(0.01)  # nobody tells when it is removed
        assert not left.exists()
        assert (used / "deep" / "board.db").exists()
        alive.communicate(timeout=30)
    assert not list(tmp_path.iterdir())


def _holding(parent: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLDS, str(parent)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
