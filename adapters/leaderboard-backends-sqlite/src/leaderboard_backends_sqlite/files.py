"""The file of some boards: its connections, its writer's lock, its life from opening to closing or fork."""

from __future__ import annotations

import ctypes
import os
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from threading import Condition, Lock, RLock, get_ident, local
from types import TracebackType
from typing import Final
from weakref import WeakSet

from leaderboard_backends.errors import BackendUnavailableError, LeaderboardClosedError, LeaderboardError

from . import opening
from .failures import is_busy, is_full
from .opening import Settings
from .patience import Connection, waiting

_SPARE: Final = 8
"""Connections kept for the next operations; each has a cache of its own."""

_FORK_SECONDS: Final = 5.0
"""How long a fork waits for operations in other threads."""


class _OfThread(local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.at_work = Lock()


class BoardFile:
    """An open file. An operation borrows a connection; `write_lock` admits one writer of this object at a time.

    The connection given back last is lent first, so that a thread finds the pages it just read or wrote in the cache.
    No connection is closed while an operation has it: closing the file closes the idle ones, and the others as they
    come back.
    """

    def __init__(self, path: str, settings: Settings, *, create: bool) -> None:
        self.path = path
        self.settings = settings
        self._place = Path(path)
        self._log = Path(f"{path}-wal")
        self.users = 1
        self.write_lock = Lock()
        self.writers_waiting: set[int] = set()
        self._lock = RLock()
        self._changed = Condition(self._lock)
        self._lent: set[Loan] = set()
        self._closed = False
        self._forking = self._barred = False
        self._of_thread = _OfThread()
        self._idle = [opening.open_file(path, settings, create=create)]
        self._identity = _identity(self._place)
        _open_files.add(self)

    def alone(self) -> Lock:
        """Return what this thread holds during an operation. Raises `BackendUnavailableError` where it is in one.

        A finalizer or a signal handler can come in the middle of an operation. Its own would close the connection of
        that one, as what an interrupt left behind, or wait for the lock of a write that waits for it. It is a lock, of
        which an interrupt leaves nothing held.
        """
        at_work = self._of_thread.at_work
        if at_work.locked():
            raise BackendUnavailableError(
                f"{self.path} is in the middle of another call of this thread, which a finalizer or a signal handler "
                "interrupted to call a board there: nothing was done. Only note there what to do, and call the board "
                "later."
            )
        return at_work

    # ------------------------------------------------------------------ lending

    def lend(self, *, second: bool = False) -> Loan:
        """Return the context that lends a connection to one operation, or a second one to an operation that has one."""
        return Loan(self, second=second)

    def take(self, loan: Loan) -> Connection:
        """Return a connection, a new one where none is idle; raises `LeaderboardClosedError` after `close`.

        What an interrupt kept this thread from giving back is closed: a thread is in one operation at a time.
        """
        with self._lock:
            while self._forking and not loan.second:  # the fork waits for the operation that has the first
                self._changed.wait()
            if self._closed:
                raise LeaderboardClosedError(f"{self.path} was closed while this operation began: open it again.")
            leftovers = [] if loan.second else [old for old in self._lent if old.thread == loan.thread]
            self._lent.add(loan)
            if self._idle:
                loan.connection = self._idle.pop()
        for old in leftovers:
            self.drop(old)
        if loan.connection is None:
            loan.connection = self._new_connection(loan)
        return loan.connection

    def _new_connection(self, loan: Loan) -> Connection:
        try:
            self.check_identity()
            return waiting(self.settings.busy_timeout, lambda: opening.connect(self.path, self.settings))
        except BaseException:
            self.drop(loan)
            raise

    def give(self, loan: Loan) -> None:
        """Take a connection back."""
        with self._lock:
            if loan in self._lent and not self._closed and len(self._idle) < _SPARE:
                connection, loan.connection = loan.connection, None
                self._returned(loan)
                if connection is not None:
                    self._idle.append(connection)
                return
        self.drop(loan)

    def drop(self, loan: Loan) -> None:
        """Close a connection that was lent, which leaves what it had begun undone."""
        connection, loan.connection = loan.connection, None
        try:
            if connection is not None:
                connection.close()
        finally:
            with self._lock:
                self._returned(loan)

    def _returned(self, loan: Loan) -> None:
        self._lent.discard(loan)
        if self._forking:
            self._changed.notify_all()

    def check_identity(self) -> None:
        """Raise `BackendUnavailableError` where the path names another file than the one that is open."""
        if _identity(self._place) != self._identity:
            raise BackendUnavailableError(
                f"{self.path} was removed or replaced while it was open; nothing was applied. Close all boards of this "
                "process on it, and then open it again."
            )

    def log_size(self) -> int:
        """Return how many bytes the log has."""
        try:
            return self._log.stat().st_size
        except OSError:
            return 0

    # ------------------------------------------------------------------ end, and fork

    def close(self) -> None:
        """Close the idle connections; the last of all to close copies the log into the file and removes it."""
        with self._lock:
            self._closed = True
            closing = [Loan(self, connection=connection) for connection in self._idle]
            self._lent.update(closing)
            self._idle = []
        for loan in closing:
            self.drop(loan)

    def pause(self) -> None:
        """Before a fork: wait for operations, whose locks inside SQLite a child would inherit for ever, and close.

        SQLite notes its locks in the memory of the process. A child that inherits open connections believes that it
        has the locks of its parent; when the parent then closes the file, it removes the log that the child writes to.

        Until `resume`, a signal handler in this thread is refused, as amid an operation: it would wait for its thread.
        """
        self._lock.acquire()
        self._forking = True
        self._barred = not self._of_thread.at_work.locked()
        if self._barred:
            self._of_thread.at_work.acquire()
        self._changed.wait_for(lambda: not self._others_at_work(), _FORK_SECONDS)
        while self._idle:
            with suppress(sqlite3.Error):
                self._idle.pop().close()

    def _others_at_work(self) -> bool:
        """Whether another thread that lives has a connection; one that forks is in no operation."""
        threads = {loan.thread for loan in self._lent} - {get_ident()}
        return not threads.isdisjoint(sys._current_frames())  # noqa: SLF001 - knows threads that Python did not start

    def resume(self) -> None:
        """After a fork, in the parent."""
        self._forking = False
        if self._barred:
            self._barred = False
            with suppress(RuntimeError):  # where Ctrl-C came before it was taken
                self._of_thread.at_work.release()
        self._changed.notify_all()
        self._lock.release()

    def abandon(self) -> None:
        """After a fork, in the child: leave the connections to the parent; new ones are opened as they are needed.

        SQLite forbids even closing them here, so they are kept from ever being freed.
        """
        for connection in (*self._idle, *(loan.connection for loan in self._lent)):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        self._idle, self._lent, self._forking, self._barred = [], set(), False, False
        self._of_thread = _OfThread()
        self.write_lock, self._lock = Lock(), RLock()
        self.writers_waiting.clear()
        self._changed = Condition(self._lock)


class Loan:
    """Lends a connection. One that an interrupt or a failing disk went through is closed, not lent again."""

    __slots__ = ("_file", "connection", "second", "thread")

    def __init__(self, file: BoardFile, *, second: bool = False, connection: Connection | None = None) -> None:
        self._file = file
        self.second = second
        self.connection = connection
        self.thread = get_ident()

    def __enter__(self) -> Connection:
        return self._file.take(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if (kind is None or self._refused(error)) and self._outside_transaction():
            self._file.give(self)
        else:
            watch = self.connection.watch if self.connection is not None else None
            self._file.drop(self)
            if watch is not None:
                watch.hear(error)

    def _refused(self, error: BaseException | None) -> bool:
        """Whether the operation refused, a lock was in the way or the disk was full: nothing that harms a connection.

        Of a full disk, reads need the connection that is open: a new one may find no room for its part of the log.
        """
        if isinstance(error, sqlite3.Error):
            return is_busy(error) or is_full(self._file.path, error)
        return isinstance(error, LeaderboardError)

    def _outside_transaction(self) -> bool:
        connection = self.connection
        if connection is not None and connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        return connection is not None and not connection.in_transaction


def _identity(place: Path) -> tuple[int, int]:
    try:
        found = place.stat()
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


# ---------------------------------------------------------------------- sharing in a process, and fork

_open_files: WeakSet[BoardFile] = WeakSet()
_by_place: dict[tuple[str, Settings], BoardFile] = {}
_registry_lock = RLock()
_paused: list[BoardFile] = []


def share_file(path: str, settings: Settings, *, create: bool) -> BoardFile:
    """Return the open file; the boards of a process that have the same settings share its connections.

    Raises what `BoardFile` does, and `BackendUnavailableError` where the file that is open was replaced.
    """
    place = (os.path.realpath(path), settings)
    with _registry_lock:
        found = _by_place.get(place)
        if found is None:
            found = _by_place[place] = BoardFile(*place, create=create)
        else:
            found.check_identity()
            found.users += 1
        return found


def release(file: BoardFile) -> None:
    """Close the file with the last of its boards."""
    with _registry_lock:
        file.users -= 1
        if file.users:
            return
        if _by_place.get((file.path, file.settings)) is file:
            del _by_place[file.path, file.settings]
    file.close()


def _before_fork() -> None:
    _registry_lock.acquire()
    for file in list(_open_files):
        _paused.append(file)  # first: Ctrl-C may end the wait for an operation of another thread
        file.pause()


def _after_fork_in_parent() -> None:
    while _paused:
        with suppress(RuntimeError):  # where Ctrl-C came before its lock was taken
            _paused.pop().resume()
    _registry_lock.release()


def _after_fork_in_child() -> None:
    global _registry_lock  # noqa: PLW0603 - the parent's threads will never release the old one here
    _registry_lock = RLock()
    _paused.clear()
    for file in list(_open_files):
        file.abandon()


if sys.platform != "win32":
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
