"""The lock of a board's folder: a file that one process at a time has locked, with that process's number in it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import FileIO
from typing import Final

from ...errors import BackendUnavailableError, ConfigurationError
from ...files import not_applied
from .log import sync_folder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK: Final = "lock"


def lock_folder(path: str, *, create: bool) -> FileIO:
    """Return the file that is locked while the folder is open. Raises `BackendError` or `ConfigurationError`."""
    try:
        while True:
            _check_folder(path, create=create)
            lock = FileIO(f"{path}/{LOCK}", "ab+")
            try:
                _take(lock, path)
                if is_same(lock, f"{path}/{LOCK}"):  # nobody has removed the folder meanwhile
                    with suppress(OSError):
                        lock.truncate(0)
                        lock.write(f"{os.getpid()}".encode())
                    return lock
            except BaseException:
                lock.close()
                raise
            lock.close()
    except OSError as error:
        raise not_applied(path, error) from error


def _check_folder(path: str, *, create: bool) -> None:
    """Make the folder where there is none."""
    above = os.path.dirname(path)  # noqa: PTH120 - the path is a text
    for each in (above, path):
        if os.path.isdir(each):  # noqa: PTH112 - as above
            continue
        if os.path.lexists(each):
            raise ConfigurationError(f"{each} is not a folder: name the folder that the journals of boards are in.")
        holder = os.path.dirname(each)  # noqa: PTH120 - as above
        if not os.path.isdir(holder):  # noqa: PTH112 - as above
            raise BackendUnavailableError(f"{holder} is not a directory: create it, or mount it, first.")
        if not create:
            raise BackendUnavailableError(
                f"there is no folder {each}, and create=false: correct the path, or leave create out."
            )
        with suppress(FileExistsError):
            os.mkdir(each)  # noqa: PTH102 - as above
        sync_folder(holder)


def _take(lock: FileIO, path: str) -> None:
    try:
        if sys.platform == "win32":
            lock.seek(1 << 30)
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        lock.seek(0)
        owner = lock.read(20).decode("ascii", "replace")
        if owner == str(os.getpid()):
            raise BackendUnavailableError(
                f"{path} is open in this process already, or is being opened or closed: a journal has one object. "
                "Share the board that is open, or close it first."
            ) from error
        raise BackendUnavailableError(
            f"{path} is open in another process{f' ({owner})' if owner.isdigit() else ''}: a journal belongs to one "
            "process at a time. Stop that one first; for several processes, use redis:// or sqlite://."
        ) from error


def is_same(file: FileIO, path: str) -> bool:
    """Whether an open file is still the one of this path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))  # noqa: PTH116 - as above
    except (OSError, ValueError):  # it is closed
        return False
