"""The configured board itself, which is read and never written: whether the app will find it as the file describes it.

On a server it is opened only where it is already, as opening makes a new one there. Of a board in a file a
copy of the file, or of its own folder, is opened, so that the app may have it open meanwhile.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

from ..config import Opening
from ..errors import BackendUnavailableError
from ..location import Location
from ..model import Entry
from ..numerals import size, whole
from ..protocol import LeaderboardBackend
from .finding import Finding, failed, not_applicable, passed
from .kinds import keeps_folder, kind_of
from .scratch import MAKES_NO_FILE, Scratch
from .server import ask_each
from .subject import Subject

T = TypeVar("T")

SAMPLE: Final = 1_000
"""Entries that are read from the top."""
LARGEST_COPY: Final = 64_000_000
"""Bytes that are copied."""
ATTEMPTS: Final = 3
"""A folder that is copied while the app writes to it can be refused, and is then copied again."""


def check_configured(subject: Subject) -> Finding:
    """Read the top of the configured board if it exists already."""
    if kind_of(subject.opening) == "files" and (problem := _problem_of_file(subject.opening)):
        return problem
    entries = sample(subject)
    if entries is None:
        return not_applicable(
            "not read: it does not exist yet, each process makes its own, or its file is too large to copy"
        )
    return passed(f"opens as configured; its first {whole(len(entries))} entries were read")


def sample(subject: Subject) -> Sequence[Entry] | None:
    """Return the first entries of the configured board, `None` where it is not there or cannot be read beside the app.

    Raises what opening and reading raise.
    """
    kind = kind_of(subject.opening)
    if kind == "server":
        return _from_server(subject.opening, lambda board: board.get_top_n(SAMPLE))
    return _from_copy(subject.opening, subject.scratch) if kind == "files" else None


def players_on_server(subject: Subject) -> int | None:
    """Return how many players the configured board has, `None` where it is not there. Raises as `sample` does."""
    return _from_server(subject.opening, len)


def _from_server(opening: Opening, read: Callable[[LeaderboardBackend], T]) -> T | None:
    bare = replace(opening, layers={})
    if not any(ask_each(bare, lambda server: server.has_board(bare, bare.board))):
        return None
    with bare.open() as board:
        return read(board)


def _from_copy(opening: Opening, scratch: Scratch) -> Sequence[Entry] | None:
    own = f"{opening.board}.board" if keeps_folder(opening) else ""
    path = Path(opening.location.path, own)
    if not path.exists() or _size(path) > LARGEST_COPY:
        return None
    for attempt in range(ATTEMPTS):
        trial = opening.backend.open_trial(opening.location.scheme, scratch.folder())
        if trial is None:
            return None
        try:
            with trial as url:
                place = Location.parse(url, opening.location.default_board)[0]
                if own:
                    shutil.copytree(path, Path(place.path, own))
                else:
                    _copy_file(path, place.path)
                with replace(opening, location=place, layers={}).open() as board:
                    return board.get_top_n(SAMPLE)
        except (shutil.Error, BackendUnavailableError):
            if attempt + 1 == ATTEMPTS or not own:
                raise
    return None


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all that is in a folder; what is removed meanwhile does not count."""
    size = 0
    for each in (path, *path.rglob("*")):
        with suppress(FileNotFoundError):
            size += each.stat().st_size
    return size


def _copy_file(path: Path, target: str) -> None:
    """Copy a file; one of SQLite with what its write-ahead log has, as of one moment, also while the app writes.

    Raises `BackendUnavailableError` where SQLite cannot read it beside the app.
    """
    file = path.resolve()  # beside which SQLite has the log, and its index while anybody has the file open
    log, index = Path(f"{file}-wal"), Path(f"{file}-shm")
    if index.exists():
        _back_up(file, target)
        return
    shutil.copyfile(file, target)
    if log.exists():  # a crash left it
        shutil.copyfile(log, f"{target}-wal")


def _back_up(file: Path, target: str) -> None:
    import sqlite3  # noqa: PLC0415 - a Python can be built without it, and looks at other boards all the same

    def check(status: int, *_: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):  # it has waited, and would wait on without end
            raise sqlite3.OperationalError("database is locked")

    try:
        with (
            closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy, progress=check)
    except sqlite3.OperationalError as error:
        raise BackendUnavailableError(
            f"{file} cannot be read beside the app ({error}): let this user read it, and write {file}-shm, as the app "
            "may, or try again later."
        ) from error
    except sqlite3.DatabaseError:  # it is damaged, or none of SQLite: opening the copy says what is wrong
        shutil.copyfile(file, target)


def _problem_of_file(opening: Opening) -> Finding | None:
    """Return why the app could not write its file, without opening it; `None` where it could."""
    path = Path(opening.location.path)
    if not path.exists():
        if opening.options.get(MAKES_NO_FILE, True):
            return None
        return failed(f"{path} does not exist, and create = false", "Correct the path, or set create = true.")
    if not (path.is_dir() if keeps_folder(opening) else path.is_file()):
        return failed(f"{path} is not a {'folder' if keeps_folder(opening) else 'file'}", "Correct the path.")
    if not os.access(path, os.W_OK):
        return failed(
            f"{path} ({size(path.stat().st_size)}) cannot be written by this user: every update would be refused",
            "Give the file and its folder to the user that the app runs as, and run preflight as that user.",
        )
    return None
