"""The lock of a board's folder: a file that one process at a time has locked, with that process's number in it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Final

from ...errors import BackendUnavailableError, ConfigurationError
from .failures import not_applied
from .log import sync_folder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK: Final = "lock"


def lock_folder(path: str, *, create: bool) -> int:
    """Return the file that is locked while the folder is open. Raises `BackendError` or `ConfigurationError`."""
    try:
        while True:
            _check_folder(path, create=create)
            lock = os.open(f"{path}/{LOCK}", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            try:
                _take(lock, path)
                if is_same(lock, f"{path}/{LOCK}"):  # nobody has removed the folder meanwhile
                    with suppress(OSError):
                        os.truncate(lock, 0)
                        os.write(lock, f"{os.getpid()}".encode())
                    return lock
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)
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


def _take(lock: int, path: str) -> None:
    try:
        if sys.platform == "win32":
            os.lseek(lock, 1 << 30, os.SEEK_SET)
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
            os.lseek(lock, 0, os.SEEK_SET)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        owner = os.pread(lock, 20, 0).decode("ascii", "replace") if hasattr(os, "pread") else ""
        raise BackendUnavailableError(
            f"{path} is open in another process{f' ({owner})' if owner.isdigit() else ''}: a journal belongs to one "
            "process at a time. Stop that one first; for several processes, use redis:// or sqlite://."
        ) from error


def is_same(file: int, path: str) -> bool:
    """Whether an open file is still the one of this path."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))  # noqa: PTH116 - as above
    except OSError:
        return False
