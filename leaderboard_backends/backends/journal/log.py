"""The log: a file that only grows at its end, one frame a write, and how far it is known to be on the disk."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from threading import Lock
from typing import Final

from ...errors import BackendError, WriteOutcomeUnknownError
from .failures import not_applied

if sys.platform == "darwin":
    from fcntl import F_FULLFSYNC, fcntl

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def sync(descriptor: int) -> None:
    """Wait until the content of a file is on the disk."""
    if sys.platform == "darwin":
        fcntl(descriptor, F_FULLFSYNC)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def sync_folder(path: str) -> None:
    """Wait until the names of the files in a folder are on the disk, where a system has that."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Log:
    """A log that is open for appending; guarded by the lock of its board, `sync` apart."""

    def __init__(
        self, path: str = "", generation: int = 0, start: bytes | None = None, *, always: bool = False
    ) -> None:
        """Open the log of a path, or make one that begins with `start`, which is on the disk once this returns.

        Without a path, it is one that is closed already.
        """
        self.path: Final = path
        self.generation: Final = generation
        self.end = 0
        """How long it is."""
        self.unsure = False
        """Whether the file may end in what was refused: then it must not be written any more."""
        self._always: Final = always
        self._lock = Lock()
        self._unsynced = True
        self._file = -1
        if start is not None:
            self._file = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o666)
            self._begin(start)
        elif path:
            self._file = os.open(path, _FLAGS)
            self.end = os.fstat(self._file).st_size

    def _begin(self, start: bytes) -> None:
        try:
            self._write(start)
            sync(self._file)
            self.end = len(start)
        except BaseException:
            self.close()
            with suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108 - the path is a text
            raise

    def append(self, frame: bytes) -> None:
        """Write one frame, and wait for the disk where each write does. Raises `BackendError`: nothing was applied."""
        try:
            if os.write(self._file, frame) != len(frame):
                self._write(frame[os.fstat(self._file).st_size - self.end :])
            if self._always:
                sync(self._file)
        except OSError as error:
            raise self._undone(len(frame), error) from error
        self.end += len(frame)
        self._unsynced = not self._always

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._file, data) :]

    def _undone(self, length: int, error: OSError) -> BackendError:
        """Cut off what was written of a frame, and return the error; where it was whole, it may be on the disk."""
        whole = False
        try:
            whole = os.fstat(self._file).st_size >= self.end + length
            os.ftruncate(self._file, self.end)
            self.unsure = whole
        except OSError:
            self.unsure = True
        if whole:
            return WriteOutcomeUnknownError(
                f"{self.path} could not be synced ({error.strerror}): the write may be there after a power cut, or not."
                " Read the player's entry before you repeat it, and check the disk."
            )
        return not_applied(self.path, error)

    def sync(self) -> None:
        """Wait until all that was appended is on the disk; called without the lock of the board, too."""
        with self._lock:  # so that the file stays open
            if not self._unsynced or self._file < 0:
                return
            self._unsynced = False
            file = os.dup(self._file)
        try:
            sync(file)
        except OSError:
            self.unsure = True
            raise
        finally:
            os.close(file)

    def close(self) -> None:
        """Close the file, and sync nothing."""
        with self._lock:
            file, self._file = self._file, -1
            if file >= 0:
                os.close(file)

    def abandon(self) -> None:
        """Close the file in a forked child, where another thread of the parent may have held the lock."""
        self._lock = Lock()
        with suppress(OSError):
            self.close()
