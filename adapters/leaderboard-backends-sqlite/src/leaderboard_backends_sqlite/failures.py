"""What sqlite3 raises, in the terms of the library's error tree: what failed, whether it applied, what to do."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

from leaderboard_backends.errors import (
    BackendError,
    BackendFullError,
    BackendUnavailableError,
    BoardMismatchError,
    WriteConflictError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.files import NO_ROOM, read_only

if sys.platform != "win32":
    import resource

BESIDE: Final = ("-wal", "-shm")
"""The endings of the files that SQLite keeps beside its own."""

ODD_ROWS: Final = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
"""What reading a row raises that has other types, or is not there where it must be."""

_BLOCK: Final = 65_536
"""More than SQLite writes at once."""

_MISMATCHES: Final = {
    sqlite3.SQLITE_NOTADB: "is not an SQLite file",
    sqlite3.SQLITE_ERROR: "does not have the tables of boards any more",
}

_DAMAGED: Final = " It is damaged: restore a backup, or recover what is readable with sqlite3 {path} .recover."
_LOCKED: Final = " Another process has locked it: try again, or stop that process."

_FOREIGN: Final = " A file of boards is never this large or this slow to read: name another file, or restore a backup."

_REMEDIES: Final = {
    sqlite3.SQLITE_INTERRUPT: _FOREIGN,
    sqlite3.SQLITE_TOOBIG: _FOREIGN,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_CONSTRAINT: _DAMAGED,
    sqlite3.SQLITE_IOERR: " Check the disk.",
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_PROTOCOL: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: (
        " Check the permissions of the file and of the files -wal and -shm beside it, and the number of open files."
    ),
}


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection's lock was in the way, so that trying again may serve."""
    return primary(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)


def primary(error: sqlite3.Error) -> int:
    """Return SQLite's result code without its extension; 0 where the module raised the error itself."""
    return _extended(error) & 0xFF


def _extended(error: sqlite3.Error) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code


def not_applied(path: str, error: sqlite3.Error) -> BackendError:
    """Return the error for a read, an opening, or a write that failed before its commit."""
    code = primary(error)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return read_only(path, BESIDE)
    if is_full(path, error):
        return BackendFullError(
            f"{path}: no room left on the disk, in the quota or in the file-size limit ({_text(error)}); nothing was "
            "applied. Free some space, and the board continues to work; reads still work meanwhile."
        )
    if code in _MISMATCHES:
        return BoardMismatchError(f"{path} {_MISMATCHES[code]} ({_text(error)}). Name another file.")
    remedy = _REMEDIES.get(code, "").format(path=path)
    return BackendUnavailableError(f"{path} failed: {_text(error)}. Nothing was applied.{remedy}")


def damaged(path: str, error: Exception) -> BackendUnavailableError:
    """Return the error for rows that no board wrote."""
    return BackendUnavailableError(
        f"{path} has rows that no board writes ({type(error).__name__}: {error}). Nothing was applied."
        f"{_DAMAGED.format(path=path)}"
    )


def lost_to_writers(path: str, seconds: float) -> WriteConflictError:
    """Return the error for a write that never got its turn."""
    return WriteConflictError(
        f"{path}: other writers held the file for {seconds:g} s; nothing was applied. Repeat the write, or open the "
        f"board with a longer busy_timeout."
    )


def at_commit(path: str, error: sqlite3.Error) -> BackendError:
    """Return the error for a commit that failed.

    A commit whose last page could not be written is not applied: whoever reads the log next finds it incomplete.
    Where a sync failed, or what comes after it, the commit may be on disk and come back with the next recovery.
    """
    incomplete = _extended(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE) and is_full(path, error)
    if primary(error) == sqlite3.SQLITE_IOERR and not incomplete:
        return WriteOutcomeUnknownError(
            f"{path} failed during a commit: {_text(error)}. The write may be on disk: read it before you repeat it, "
            "and check the disk."
        )
    return not_applied(path, error)


def amid_commit(path: str, error: Exception) -> BackendError:
    """Return the error for a commit into which a signal handler let an error of its own go on."""
    return WriteOutcomeUnknownError(
        f"{path} was interrupted during a commit: {type(error).__name__}: {error}. The write may be on disk: read it "
        "before you repeat it."
    )


def is_full(path: str, error: sqlite3.Error) -> bool:
    """Whether a write failed for want of room.

    SQLite tells a full disk, but neither a quota nor a file-size limit: these it calls an input/output error, as it
    does a failing disk. So the limit is looked up, and the disk asked for a block, in a file of its own.
    """
    if primary(error) == sqlite3.SQLITE_FULL:
        return True
    if _extended(error) not in (sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE):
        return False
    return _over_limit(path) or not _has_room(path)


def _over_limit(path: str) -> bool:
    if sys.platform == "win32":
        return False
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    sizes = [file.stat().st_size for file in (Path(path), Path(f"{path}-wal")) if file.exists()]
    return limit != resource.RLIM_INFINITY and any(size + _BLOCK > limit for size in sizes)


def _has_room(path: str) -> bool:
    probe = Path(f"{path}-room")
    try:
        probe.write_bytes(bytes(_BLOCK))
    except OSError as error:
        return error.errno not in NO_ROOM  # a disk that fails, or was mounted anew to be read only, is not full
    finally:
        with suppress(OSError):
            probe.unlink()
    return True


def _text(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return f"{name}: {error}"
