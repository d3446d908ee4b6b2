"""The files that reads of a FileStorage use: ZODB's pool of them, without its way to wait for ever."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Final

from ZODB.FileStorage.FileStorage import FilePool

_LONGEST_WAIT: Final = 60.0
"""Seconds for which a read or a commit waits for the others; a disk that stalls longer is no disk to wait for."""

_NAP: Final = 0.05


class ReadFiles(FilePool):  # type: ignore[misc]  # ZODB ships no types
    """A pool whose books hold after an interrupt: ZODB's counts a file as in use, then waits for it for ever.

    Many may read, or one may write; a writer that waits goes first. What an interrupt leaves behind in the few
    steps that nothing can guard ends in an `OSError` after a while, upon which the file is opened anew.
    """

    writers: int
    writing: bool

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold off all reads."""
        waiting = writing = False
        try:
            with self._cond:
                waiting, self.writers = True, self.writers + 1
                self._wait_until_free(lambda: not (self.writing or self._out))
                writing = self.writing = True
            yield
        finally:
            with self._cond:
                if writing:
                    self.writing = False
                if waiting:
                    self.writers = max(0, self.writers - 1)
                self._cond.notify_all()

    @contextmanager
    def get(self) -> Iterator[BinaryIO]:
        """Lend a file for one read."""
        file: Any = None
        try:
            with self._cond:
                self._wait_until_free(lambda: not self.writers)
                file = self._files.pop() if self._files else Path(self.name).open("rb")  # noqa: SIM115 - the pool closes it
                self._out.append(file)
            yield file
        finally:
            if file in self._out:
                self._out.remove(file)
                self._files.append(file)
            if self.writers and not self._out:
                with self._cond:
                    self._cond.notify_all()

    def _wait_until_free(self, free: Callable[[], bool]) -> None:
        end = monotonic() + _LONGEST_WAIT
        while not free():
            self._cond.wait(_NAP)
            if monotonic() > end:
                raise OSError(errno.ETIMEDOUT, "a read or a commit before this one did not end")
        if self.closed:
            raise ValueError("closed")
