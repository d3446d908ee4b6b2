"""The file of a board: a path that names one, and what is in the way of opening it, in the terms of our errors."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Final

from .errors import BackendError, BackendFullError, BackendReadOnlyError, BackendUnavailableError, ConfigurationError
from .model import shorten

NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
"""How the system says that a disk, a quota or a file is full."""
NO_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})
"""How the system says that this process, or the machine, may open no more files and connections."""
_DENIED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_EFFECTIVE = os.access in os.supports_effective_ids
"""Whether permissions can be asked for the user that counts at opening, after `seteuid` too."""


def check_path(given: str | PathLike[str], example: str) -> str:
    """Return the path of a board's file as text, which `example` shows how to write.

    Raises `ConfigurationError` where it names no file, and for the spellings by which other libraries name a database
    in memory or a URI: taken as a path, each would be a file of that name.
    """
    path = os.fsdecode(given)
    name = os.path.basename(path)  # noqa: PTH119 - Path drops a slash at the end
    if name == ":memory:" or name.startswith("file:"):
        raise ConfigurationError(
            f"{shorten(path)} means a database in memory, or a URI, to SQLite: write memory://NAME for a "
            f"board in this process's memory, or the path of a file, for example {example}."
        )
    if name in ("", ".", "..") or "\0" in path or not _is_encodable(path):
        raise ConfigurationError(f"{shorten(path)} is not the path of a file: give one, for example {example}.")
    return path


def _is_encodable(path: str) -> bool:
    try:
        return bool(os.fsencode(path))
    except UnicodeEncodeError:
        return False


def check_place(path: str, *, create: bool, beside: Sequence[str]) -> bool:
    """Return whether the file is there; raises where it can be neither opened nor, with `create`, made.

    `beside` are the endings of the files that the storage keeps beside it. Raises `ConfigurationError` where something
    else than a file is there, `BackendReadOnlyError` where this user may not write, and else `BackendUnavailableError`.
    """
    folder = Path(path).parent
    try:
        above, mode = _mode(folder), _mode(path)
    except OSError as error:
        raise BackendUnavailableError(
            f"{path} cannot be reached: {error.strerror}. Check the path, and this user's permissions for its folders."
        ) from error
    if not S_ISDIR(above):
        raise BackendUnavailableError(f"{folder} is not a directory: create it, or mount it, first.")
    if S_ISDIR(mode):
        raise ConfigurationError(f"{path} is a directory: name a file in it.")
    if mode and not S_ISREG(mode):
        raise ConfigurationError(f"{path} is a device, a pipe or a socket: name a file.")
    if not (mode or create):
        raise BackendUnavailableError(
            f"there is no file {path}, and create=false: correct the path, or leave create out."
        )
    _check_permissions(path, [path, *(f"{path}{ending}" for ending in beside)], beside)
    return bool(mode)


def read_only(path: str, beside: Sequence[str]) -> BackendReadOnlyError:
    """Return the error for a file that cannot be written."""
    names = " and ".join(f"{os.path.basename(path)}{ending}" for ending in beside)  # noqa: PTH119 - as above
    return BackendReadOnlyError(
        f"{path} cannot be written: give this user read and write permission for the file, its directory, and "
        f"{names} beside it."
    )


def _check_permissions(path: str, names: Sequence[str], beside: Sequence[str]) -> None:
    if unreadable := [name for name in names if _is_denied(name, os.R_OK)]:
        raise BackendUnavailableError(
            f"{unreadable[0]} cannot be read: give this user read and write permission for it, or run as its owner."
        )
    if not _may(str(Path(path).parent), os.W_OK | os.X_OK) or any(_is_denied(name, os.W_OK) for name in names):
        raise read_only(path, beside)


def _mode(path: str | Path) -> int:
    """Return what is there, 0 for nothing. Raises `OSError` where that cannot be told."""
    try:
        return os.stat(path).st_mode  # noqa: PTH116 - a text that ends in a slash stays one
    except (FileNotFoundError, NotADirectoryError):
        return 0


def _is_denied(name: str, mode: int) -> bool:
    """Whether a file is there that this user may not use so; asked twice, as others make and remove some."""
    return not _may(name, mode) and _may(name, os.F_OK) and not _may(name, mode)


def _may(name: str, mode: int) -> bool:
    return os.access(name, mode, effective_ids=_EFFECTIVE)


def not_applied(path: str, error: OSError) -> BackendError:
    """Return the error for a write, or an opening, of which nothing is there."""
    if error.errno in NO_ROOM:
        return BackendFullError(
            f"{path}: no room left on the disk, in the quota or in the file-size limit ({error.strerror}); nothing was "
            "applied. Free some space, and the board continues to work; reads still work meanwhile."
        )
    if error.errno in _DENIED:
        return BackendReadOnlyError(
            f"{path} cannot be written ({error.strerror}): give this user read and write permission for the folder and "
            "all files in it."
        )
    remedy = "Check the disk." if error.errno not in NO_FILES else "Raise the limit of open files (ulimit -n)."
    return BackendUnavailableError(f"{path} failed: {error.strerror or error}. Nothing was applied. {remedy}")
