"""One open database: its sessions, its writer's lock, its life from opening to closing or fork."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from threading import Lock, RLock, local
from time import monotonic, sleep
from typing import Any, Final, TypeVar, cast
from weakref import WeakKeyDictionary

from transaction.interfaces import TransactionError
from ZODB import DB
from ZODB.POSException import POSError

from ...errors import BackendUnavailableError, LeaderboardClosedError
from ...files import not_applied
from ...forks import guard, survive_forks
from .memory import MemoryStorage
from .session import Session
from .storage import DAMAGE, BoardFile, damaged, open_file

AnyDatabase = TypeVar("AnyDatabase", bound="Database")

MANY: Final = 100_000
"""ZODB logs a warning where more connections than this are open; the app's threads bound the sessions."""

_SPARE_SESSIONS: Final = 4
"""Sessions kept for the next operations; each has a cache of its own."""

_CLOSE_SECONDS: Final = 5.0
"""How long closing waits for reads in other threads."""


class _OfThread(local):
    """What each thread has of its own."""

    def __init__(self) -> None:
        self.at_work = Lock()


_at_work_in: Final[WeakKeyDictionary[Any, _OfThread]] = WeakKeyDictionary()
"""By database of an app: its boards share what it has locked, whichever of them a thread is in an operation of."""


class Database:
    """An open ZODB with a stack of sessions. `write_lock` admits one writer of this process at a time."""

    def __init__(self, opening: Callable[[], Any], place: str, cache_size: int) -> None:
        self.place = place
        self.write_lock = guard(RLock())
        self.users = 1
        self.key = ""
        """Under which the boards of this process share it."""
        self._opening = opening
        self._cache_size = cache_size
        self._lock = guard(RLock())
        self._pack_lock = Lock()
        self._idle: list[Session] = []
        self._of_thread = _OfThread()
        self._sessions = 0
        self._closing = False
        self._failed = False
        self._inherited = False
        self._storage = opening()
        self._db = self._connect(self._storage)
        survive_forks(self.abandon)

    def _connect(self, storage: Any) -> Any:
        try:
            return DB(storage, cache_size=self._cache_size, pool_size=MANY)
        except OSError as error:
            _discard(storage)
            raise not_applied(self.place, error) from error
        except DAMAGE as error:
            _discard(storage)
            raise self.damaged(error) from error
        except BaseException:
            _discard(storage)
            raise

    def alone(self) -> Lock:
        """Return what this thread holds during an operation. Raises `BackendUnavailableError` where it is in one.

        A finalizer or a signal handler can come in the middle of an operation. In that of a commit, its own would wait
        for ever for locks of the storage, and in that of a read, it would take the file that is being read. It is a
        lock, of which an interrupt leaves nothing held.
        """
        at_work = self._of_thread.at_work
        if at_work.locked():
            raise BackendUnavailableError(
                f"{self.place} is in the middle of another call of this thread, which a finalizer or a signal handler "
                "interrupted to call a board there: nothing was done. Only note there what to do, and call the board "
                "later."
            )
        return at_work

    # ------------------------------------------------------------------ sessions

    def take(self) -> Session:
        """Return a session for one operation of this thread; `give` must get it back."""
        try:
            if self._inherited or self._failed:
                self._refuse_or_reopen()
            if not self._closing:
                try:
                    return self._idle.pop()
                except IndexError:
                    pass
            return self._one_more()
        except BaseException:
            _free_logging()
            raise

    def _one_more(self) -> Session:
        with self._lock:
            if self._db is None:
                raise LeaderboardClosedError(f"{self.place} was closed while this operation began: open it again.")
            session = self._new_session()
            self._sessions += 1
            return session

    def give(self, session: Session) -> None:
        """Take a session back, and close one where there are more than enough."""
        if self.outdated(session):
            return
        session.rest()
        self._idle.append(session)
        if len(self._idle) > _SPARE_SESSIONS and self._lock.acquire(blocking=False):
            try:
                self._close_one()
            finally:
                self._lock.release()

    def outdated(self, session: Session) -> bool:
        """Whether the session was dropped, or the storage was opened anew since it was taken."""
        return session.db is not self._db

    def drop(self, session: Session) -> None:
        """Forget a session that an interrupt went through: neither it nor the storage is trusted as it is.

        ZODB's own cleaning up can be cut short as well, and then, for example, holds a lock for ever, or takes no
        part in the next transaction. So the next operation opens the file anew.
        """
        self._failed = True
        _free_logging()
        session.leave()
        with self._lock:
            self._sessions -= 1

    def pack(self, days: float) -> None:
        """Drop old records; commits go on meanwhile."""
        with self.alone():
            session = self.take()
            try:
                with self._pack_lock:
                    session.db.pack(days=days)
            finally:
                self.give(session)

    def _new_session(self) -> Session:
        storage = self._storage
        return Session(self._db, storage.finished if isinstance(storage, BoardFile) else storage.lastTransaction)

    def _close_one(self) -> bool:
        try:
            session = self._idle.pop(0)
        except IndexError:
            return False
        self._sessions -= 1
        session.close()
        return True

    # ------------------------------------------------------------------ failures

    def check_wait(self, start: float) -> None:
        """Raise `BackendUnavailableError` where a writer that waited for its turn since then had better not go on."""

    def outcome_unknown(self, session: Session) -> bool:
        """Whether the commit that failed just now in a session may be on disk, or was done before the error came."""
        return bool(getattr(self._storage, "unsure", False)) or session.is_followed()

    def damaged(self, error: Exception) -> BackendUnavailableError:
        """Return the error for records that cannot be read."""
        return damaged(self.place, error)

    def check_identity(self) -> None:
        """Raise `BackendUnavailableError` where the path names another file than the one that is open, or none."""
        storage = self._storage
        if isinstance(storage, BoardFile) and not storage.is_in_place():
            raise BackendUnavailableError(
                f"{self.place} was moved, removed or replaced since it was opened: what is written now would not be "
                "found there. Put it back, or close all boards of this process on it, and then open it again."
            )

    def mend(self, error: Exception) -> None:
        """Clean the storage after a commit failed; where that fails too, the next operation opens it anew.

        So it does after an error that is not the storage's own, as a time limit that a signal handler let go on into
        its code: that may hold a lock for ever then, as after an interrupt.
        """
        self._failed = True
        _free_logging()
        if isinstance(self._storage, BoardFile) and _is_own(error):
            with suppress(OSError, ValueError):
                if not self._storage.unsure:
                    self._storage.mend()
                    self._failed = False

    def _refuse_or_reopen(self) -> None:
        if self._inherited:
            raise BackendUnavailableError(
                f"{self.place} was opened before this process was forked, and belongs to the parent: open the board "
                "after the fork, in one process only."
            )
        with self.write_lock:
            if self._failed and not self._closing:
                self.check_identity()
                self._reopen()
                self._failed = False

    def _reopen(self) -> None:
        with self._lock:
            self._idle.clear()
            self._sessions = 0
            if isinstance(self._storage, BoardFile):
                self._storage.discard()
                self._storage = self._opening()
            elif isinstance(self._storage, MemoryStorage):
                self._storage.recover()
            self._db = self._connect(self._storage)

    # ------------------------------------------------------------------ end

    def check_close(self) -> None:
        """Raise `BackendUnavailableError` where the last board is closed in the middle of an operation of this thread.

        Closing would wait for that one to end, which goes on only afterwards.
        """
        if self.users == 1 and not self._inherited:
            self.alone()

    def close(self) -> None:
        """Close the sessions, waiting a while for those in use, and the storage."""
        if not self._inherited:
            with self.write_lock:
                self._shut()

    def _shut(self) -> None:
        self._closing = True
        end = monotonic() + _CLOSE_SECONDS
        with self._lock:
            while self._sessions and monotonic() < end:
                if not self._close_one():
                    sleep(0.001)  # for the end of a read in another thread, which tells nobody; bounded above
            self._sessions = 0
            db, self._db = self._db, None
            if self._failed:
                self._let_go()
            elif db is not None:
                self._close_db(db)

    def _let_go(self) -> None:
        """Close a storage that is not trusted any more."""
        _discard(self._storage)

    def _close_db(self, db: Any) -> None:
        try:
            db.close()
        except (TransactionError, POSError):  # of a connection that an interrupt left behind
            self._storage.close()

    def abandon(self) -> None:
        """Leave files and connections to the parent, and open what is in memory anew: called in a forked child."""
        self._pack_lock = Lock()
        if isinstance(self._storage, MemoryStorage):
            self._failed = True
            self._idle.clear()
            self._sessions = 0
            return
        self._inherited = True
        _shared.pop(self.key, None)
        if isinstance(self._storage, BoardFile):
            self._storage.abandon()


class ForeignDatabase(Database):
    """A database that the app opened and closes, over any storage: nothing is assumed of who else writes it."""

    def __init__(self, db: Any) -> None:
        self._given = db
        super().__init__(lambda: db.storage, db.getName(), 0)
        self._of_thread = _at_work_in.setdefault(db, _OfThread())

    def _connect(self, storage: Any) -> Any:
        del storage
        return self._given

    def _new_session(self) -> Session:
        return Session(self._db, None)

    def outcome_unknown(self, session: Session) -> bool:
        """A storage that is not ours does not tell how far a failed commit came."""
        del session
        return True

    def mend(self, error: Exception) -> None:
        """Leave the storage to the app."""
        del error

    def check_close(self) -> None:
        """Raise as for a file. Boards in one database have sessions of their own, and each waits for its own alone."""
        if self._sessions > len(self._idle):
            super().check_close()

    def _close_db(self, db: Any) -> None:
        """Leave the database to the app."""


def _is_own(error: Exception) -> bool:
    """Whether the disk, ZODB or a damaged record may have raised an error; a handler's `TimeoutError` has no number."""
    if isinstance(error, OSError):
        return error.errno is not None
    return isinstance(error, (POSError, *DAMAGE))


def _free_logging() -> None:
    """Free the lock of `logging` where an interrupt left this thread with it.

    ZODB asks for loggers all the time, and before Python 3.13 an exception from a signal can come between taking that
    lock and noting it; every other thread that asks for a logger would wait for ever.
    """
    with suppress(RuntimeError):  # which tells that this thread does not have it
        while True:
            logging._lock.release()  # type: ignore[attr-defined]  # noqa: SLF001 - what `logging` leaves out


def _discard(storage: Any) -> None:
    """Close the files of a storage in whatever state it is; one in memory has none."""
    if isinstance(storage, BoardFile):
        storage.discard()


# ---------------------------------------------------------------------- sharing in a process

_shared: dict[str, Database] = {}
_registry_lock: Final = guard(RLock())


def share_file(path: str, *, cache_size: int, create: bool) -> Database:
    """Return the database of a file; the boards of a process on one file share it, and its first `cache_size`."""
    real = os.path.realpath(path)
    return share(real, lambda: Database(lambda: open_file(real, create=create), real, cache_size))


def share(key: str, opening: Callable[[], AnyDatabase]) -> AnyDatabase:
    """Return the open database of a key for one more board of this process; the first board has it opened."""
    with _registry_lock:
        found = _shared.get(key)
        if found is None:
            found = _shared[key] = opening()
            found.key = key
        else:
            found.users += 1
        return cast("AnyDatabase", found)


def release(database: Database) -> None:
    """Close the database with the last of its boards."""
    with _registry_lock:
        database.users -= 1
        if database.users == 0:
            if _shared.get(database.key) is database:
                del _shared[database.key]
            database.close()
