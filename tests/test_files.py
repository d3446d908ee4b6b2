"""Files of boards: whatever is in the way of opening one is named, in an error of the tree, for each backend."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from leaderboard_backends import BackendUnavailableError, ConfigurationError, open_leaderboard
from leaderboard_backends.files import check_path, not_applied

SCHEMES = ["zodb", "sqlite"]
"""The backends whose boards are in a file."""

PLACES = {
    "closed/board": "BackendUnavailableError: closed/board cannot be reached: Permission denied",
    "closed/deeper/board": "BackendUnavailableError: closed/deeper/board cannot be reached: Permission denied",
    "locked/board": "BackendReadOnlyError: locked/board cannot be written: give this user read and write permission",
    "unreadable": "BackendUnavailableError: unreadable cannot be read: give this user read and write permission",
    "unwritable": "BackendReadOnlyError: unwritable cannot be written: give this user read and write permission",
    "missing/board": "BackendUnavailableError: missing is not a directory: create it, or mount it",
    "unreadable/board": "BackendUnavailableError: unreadable is not a directory",
    "closed": "ConfigurationError: closed is a directory: name a file in it",
    "loop": "BackendUnavailableError: loop cannot be reached: Too many levels of symbolic links",
    "pipe": "ConfigurationError: pipe is a device, a pipe or a socket: name a file",
    "a" * 300: "File name too long",
}
"""What is in the way, and how it is said."""

DESCRIPTIONS = {
    "closed/board": "ConfigurationError: closed/board cannot be read: Permission denied",
    "unreadable": "ConfigurationError: unreadable cannot be read: Permission denied",
    "closed": "ConfigurationError: closed is not a file",
    "missing/board": "ConfigurationError: missing/board is not a file",
    "unwritable/board": "ConfigurationError: unwritable/board is not a file",
    "loop": "ConfigurationError: loop is not a file",
    "pipe": "ConfigurationError: pipe is not a file",
    "unwritable": "ConfigurationError: unwritable describes no storage",
    "a" * 300: "File name too long",
}
"""The same of a file that is only read."""

OPENING = """
import os, sys
from leaderboard_backends import LeaderboardError, open_leaderboard
open_leaderboard(f"{sys.argv[1]}://{sys.argv[2]}/usable").close()  # imports what only root might read
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
for name in sys.argv[3:]:
    try:
        open_leaderboard(f"{sys.argv[1]}://{sys.argv[2]}/{name}").close()
        print(name, "opens")
    except LeaderboardError as error:
        print(f"{type(error).__name__}: {error}".replace(f"{sys.argv[2]}/", ""))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with the places above; pytest's own are closed to other users."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o777)
        for name in ("closed", "closed/deeper", "locked"):
            (folder / name).mkdir()
        for name in ("unreadable", "unwritable"):
            (folder / name).touch()
        (folder / "loop").symlink_to("loop")
        os.mkfifo(folder / "pipe")
        for name, mode in {"closed": 0, "locked": 0o555, "unreadable": 0o222, "unwritable": 0o444}.items():
            (folder / name).chmod(mode)
        yield folder
        (folder / "closed").chmod(0o700)


@pytest.mark.parametrize(
    ("scheme", "places"), [*((scheme, PLACES) for scheme in SCHEMES), ("zodb+config", DESCRIPTIONS)]
)
def test_whatever_is_in_the_way_of_a_file_is_named_in_an_error_of_the_tree(
    scheme: str, places: dict[str, str], folder: Path
) -> None:
    if places is DESCRIPTIONS:
        (folder / "usable").write_text("<mappingstorage/>\n")
    command = [sys.executable, "-W", "error", "-c", OPENING, scheme, str(folder), *places]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    said = done.stdout.splitlines()
    assert len(said) == len(places), done.stderr
    assert [line for line, meant in zip(said, places.values(), strict=True) if meant not in line] == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", [":memory:", "file:board.db", "file::memory:"])
def test_a_database_in_memory_of_another_library_is_refused_with_ours(scheme: str, name: str, tmp_path: Path) -> None:
    for url in (f"{scheme}:///{name}", f"{scheme}://{tmp_path}/{name}"):
        with pytest.raises(ConfigurationError, match=r"write memory://NAME"):
            open_leaderboard(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_url_without_a_path_names_the_board_in_memory_too(scheme: str) -> None:
    for url in (f"{scheme}://", f"{scheme}:///", f"{scheme}://:memory:", f"{scheme}://board.db"):
        with pytest.raises(ConfigurationError, match=r"memory://weekly|no readable host"):
            open_leaderboard(url)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_path_that_ends_as_a_folder_does_names_no_file(scheme: str, tmp_path: Path) -> None:
    for end in ("boards/", "..", "."):
        with pytest.raises(ConfigurationError, match="is not the path of a file"):
            open_leaderboard(f"{scheme}://{tmp_path}/{end}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["", ".", "a\0b", "a\ud800b", "board.db/", ":memory:", "file:board.db"])
def test_a_path_that_no_file_can_have_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="for example /var/board"):
        check_path(path, "/var/board")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_refused_opening_leaves_the_place_for_the_next(scheme: str, tmp_path: Path) -> None:
    url = f"{scheme}://{tmp_path}/boards/board"
    with pytest.raises(BackendUnavailableError):
        open_leaderboard(url)
    (tmp_path / "boards").mkdir()
    with open_leaderboard(url) as board:
        assert board.update_score("ada", "Ada", 1) == 1


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_whoever_may_open_no_more_files_is_not_told_to_check_the_disk(number: int) -> None:
    told = str(not_applied("/var/lib/app/board", OSError(number, os.strerror(number))))
    assert "ulimit -n" in told
    assert "disk" not in told
