"""The log: a file that only grows at its end, one frame a write, and how far it is known to be on the disk."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import FileIO
from threading import Lock
from typing import Final

from ...errors import BackendError, BackendUnavailableError, WriteOutcomeUnknownError
from ...files import not_applied

if sys.platform == "darwin":
    from fcntl import F_FULLFSYNC, fcntl


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
        self._file: FileIO | None = None
        if start is not None:
            self._file = FileIO(path, "ab", opener=_make)
            self._begin(start)
        elif path:
            self._file = FileIO(path, "ab")
            self.end = os.fstat(self._file.fileno()).st_size

    def _begin(self, start: bytes) -> None:
        try:
            self._finish(start)
            sync(self._open().fileno())
            self.end = len(start)
        except BaseException:
            self.close()
            with suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108 - the path is a text
            raise

    def append(self, frame: bytes) -> BackendError | None:
        """Write one frame, and wait for the disk where each write does; return the error where that was refused.

        It is returned, not raised, because a signal handler can raise an error of any class here: only what is returned
        says that the log is as it was before. What is raised leaves that open.
        """
        file = self._file
        if file is None:
            return self._closed()
        try:
            if file.write(frame) != len(frame):
                self._finish(frame[os.fstat(file.fileno()).st_size - self.end :])
            if self._always:
                sync(file.fileno())
        except OSError as error:
            return because(self._undone(file, len(frame), error), error)
        self.end += len(frame)
        self._unsynced = not self._always
        return None

    def _finish(self, data: bytes) -> None:
        file = self._open()
        while data:
            data = data[file.write(data) or 0 :]

    def _open(self) -> FileIO:
        if self._file is None:
            raise self._closed()
        return self._file

    def _closed(self) -> BackendUnavailableError:
        return BackendUnavailableError(f"the log {self.path} is closed. Nothing was applied.")

    def _undone(self, file: FileIO, length: int, error: OSError) -> BackendError:
        """Cut off what was written of a frame, and return the error; where it was whole, it may be on the disk."""
        whole = False
        try:
            whole = os.fstat(file.fileno()).st_size >= self.end + length
            file.truncate(self.end)
            if whole:  # else as it is: a sync beside it may have failed
                self.unsure = True
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
            if not self._unsynced or self._file is None:
                return
            file = os.dup(self._file.fileno())  # first: without it, nothing was synced, and the next sync is to do that
            self._unsynced = False
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
            file, self._file = self._file, None
            if file is not None:
                file.close()

    def abandon(self) -> None:
        """Close the file in a forked child, where another thread of the parent may have held the lock."""
        self._lock = Lock()
        with suppress(OSError):
            self.close()


def _make(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_EXCL, 0o666)


def because(refusal: BackendError, cause: OSError) -> BackendError:
    """Return an error with its cause, as `raise ... from` notes it."""
    refusal.__cause__ = cause
    return refusal
