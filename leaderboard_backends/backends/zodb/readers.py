"""The files that reads of a FileStorage use: ZODB's pool of them, without its way to wait for ever."""

from __future__ import annotations

import errno
from collections.abc import Callable
from io import FileIO
from threading import Lock, RLock, get_ident
from time import monotonic
from typing import Any, Final, TypeVar
from weakref import ref

from ZODB.FileStorage.FileStorage import FilePool

from ...forks import guard

_LONGEST_WAIT: Final = 60.0
"""Seconds for which a read or a commit waits for the others; a disk that stalls longer is no disk to wait for."""

Value = TypeVar("Value")

_NAP: Final = 0.05


class ReadFiles(FilePool):  # type: ignore[misc]  # ZODB ships no types
    """A pool whose books hold after an interrupt: ZODB's counts a file as in use, then waits for it for ever.

    Many may read, or one may write; a writer that waits goes first. A thread is in one read or write at a time; what
    it held before, an interrupt left behind. Where the thread itself is gone, waiting ends in an `OSError` after a
    while, upon which the file is opened anew. There is no `Condition`: entering one is Python code, in which an
    interrupt leaves its lock held.
    """

    _files: list[FileIO]
    _out: list[FileIO]

    def __init__(self, path: str, storage: ref[Any]) -> None:
        """`storage` is whose file it is; its `require_place` raises `OSError` where the path names another one."""
        super().__init__(path)
        self._storage: Final = storage
        self._mutex = guard(RLock())
        self._readers: dict[FileIO, int] = {}
        self._writer = 0
        """The thread that writes, or waits to write; 0 where there is none."""
        self._latches: list[Lock] = []

    def empty(self) -> None:
        """Close the files that nobody reads."""
        super().empty()
        self._readers.clear()

    def close(self) -> None:
        """Close all files; who waits for one hears of it."""
        self.closed = True
        while self._out:
            self._out.pop().close()
        self.empty()
        self._writer = 0
        self.wake()

    def write_lock(self) -> _Writing:
        """Return the context that holds off all reads."""
        return _Writing(self)

    def get(self) -> _Reading:
        """Return the context that lends a file for one read."""
        return _Reading(self)

    def begin_write(self) -> None:
        """Wait for the reads to end."""
        try:
            self._wait_until(self._may_write)
        except BaseException:
            if self._writer == get_ident():
                self._writer = 0
            raise

    def end_write(self) -> None:
        """Let the reads go on."""
        self._writer = 0
        self.wake()

    def lend(self) -> FileIO:
        """Return a file, once no writer is there or waits."""
        return self._wait_until(self._free_file)

    def take_back(self, file: FileIO) -> None:
        """Take a file back."""
        if file in self._out:
            self._out.remove(file)
            self._files.append(file)
        if self._writer and not self._out:
            self.wake()

    def wake(self) -> None:
        """Let all who wait look again; who is missed looks again after a nap."""
        latches, self._latches = self._latches, []
        for latch in latches:
            latch.release()

    def _may_write(self) -> bool | None:
        if self._writer not in (0, get_ident()):
            return None
        self._writer = get_ident()
        return None if self._out else True

    def _free_file(self) -> FileIO | None:
        if self._writer not in (0, get_ident()):
            return None
        self._writer = 0  # which an interrupt left behind
        # Without a buffer: a buffer has a lock, which a thread may hold when the process is forked.
        file = self._files.pop() if self._files else self._opened()
        self._readers[file] = get_ident()
        self._out.append(file)
        return file

    def _opened(self) -> FileIO:
        file = FileIO(self.name)
        try:
            if (storage := self._storage()) is not None:
                storage.require_place()
        except OSError:
            file.close()
            raise
        return file

    def _wait_until(self, attempt: Callable[[], Value | None]) -> Value:
        end = monotonic() + _LONGEST_WAIT
        while True:
            with self._mutex:
                if self.closed:
                    raise ValueError("closed")
                self._let_go_of_leftovers()
                if (got := attempt()) is not None:
                    return got
                latch = Lock()
                latch.acquire()
                self._latches.append(latch)
            latch.acquire(timeout=_NAP)
            if monotonic() > end:
                raise OSError(errno.ETIMEDOUT, "a read or a commit before this one did not end")

    def _let_go_of_leftovers(self) -> None:
        for file in [file for file in self._out if self._readers.get(file) == get_ident()]:
            self._out.remove(file)
            self._files.append(file)


class _Writing:
    """No generator: one that an interrupt leaves suspended keeps what it holds as long as its traceback lives."""

    def __init__(self, pool: ReadFiles) -> None:
        self._pool = pool
        self._held = False

    def __enter__(self) -> None:
        try:
            self._pool.begin_write()
            self._held = True
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        if self._held:
            self._pool.end_write()
            self._held = False


class _Reading:
    """As above."""

    def __init__(self, pool: ReadFiles) -> None:
        self._pool = pool
        self._file: FileIO | None = None

    def __enter__(self) -> FileIO:
        self._file = self._pool.lend()
        return self._file

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._pool.take_back(self._file)
            self._file = None
