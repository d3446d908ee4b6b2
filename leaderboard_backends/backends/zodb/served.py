"""A database that other processes write as well: over a ZEO server, or any storage of ZODB's configuration language.

Three things differ from a file of this process alone. A read begins on the newest state of the storage, so it sees all
that anybody was told of. A rank is worked out once more after the commit, on the state that this commit made, because
others may have committed since the transaction began. And a forked child, or a thread after an interrupt, opens the
storage anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import partial
from threading import Lock
from time import monotonic, sleep
from typing import Any, ClassVar, Final
from weakref import WeakSet

from transaction import TransactionManager
from ZODB import DB
from ZODB.Connection import Connection
from ZODB.interfaces import IMVCCStorage
from ZODB.POSException import ConflictError
from ZODB.utils import maxtid, p64, u64

from ...capabilities import Capabilities
from ...errors import BackendUnavailableError, LeaderboardError
from ...forks import PATIENCE
from ...location import Option, integer
from .database import MANY, Database
from .order import StoredBoard
from .session import Named, Session

ATTEMPTS: Final = 100
"""A write of one client among several that never pause loses most of its attempts on a board of a few players."""
MANY_ATTEMPTS: Final = Option(integer(1), f"how often a conflicting write is tried ({ATTEMPTS})")
_ROOT_ATTEMPTS: Final = 20
"""How often the root of a new database is tried: clients that open it at once conflict."""
_SHORT_WAIT: Final = 0.5
"""Seconds for a turn to write, after which a storage without connection is not waited for as well."""

_CATCHING_UP: Final = 5.0
"""Seconds for a ZEO client to be told of what its server says that it has."""
_NEXT_LOOK: Final = 0.0002

_left_to_parent: Final[list[object]] = []
"""What a forked child must neither use nor close: closing it would end what the parent goes on with."""


class BoardConnection(Connection):  # type: ignore[misc]  # ZODB ships no types
    """A connection that knows how far its last commit came, and which transaction it became."""

    finishing = False
    """Whether the storage was asked to make the last commit final; before that, nothing is applied."""
    committed: bytes | None = None
    """The id of the transaction that the last commit made; `None` where it changed nothing."""

    def tpc_finish(self, transaction: Any) -> None:
        """Make a commit final."""
        changed = [self._cache.get(oid) for oid in (*self._modified, *self._creating)]
        self.finishing = True
        super().tpc_finish(transaction)
        serials = [
            found._p_serial  # noqa: SLF001 - persistent's own names
            for found in changed
            if found is not None and found._p_changed is not None  # noqa: SLF001 - one that was merged is a ghost
        ]
        self.committed = max(serials, default=None)

    def snapshot(self) -> bytes:
        """Return the id of the last transaction that this connection sees."""
        start: bytes | None = getattr(self._storage, "_start", None)  # of ZODB's adapter; its storage may be ahead
        return self._storage.lastTransaction() if start is None else p64(u64(start) - 1)  # type: ignore[no-any-return]


class _BoardDB(DB):  # type: ignore[misc]  # ZODB ships no types
    klass: ClassVar = BoardConnection

    def lastTransaction(self) -> bytes:  # noqa: N802 - ZODB's name
        """Let a connection open the state of any commit; RelStorage itself may lag behind its instances."""
        return maxtid  # type: ignore[no-any-return]  # ZODB ships no types


class ServedSession(Session):
    """A session whose reads begin anew; `keeps_history` tells whether the storage can show the state of a commit."""

    __slots__ = ("_keeps_history",)

    def __init__(self, db: Any, *, keeps_history: bool) -> None:
        super().__init__(db, None)
        self._keeps_history = keeps_history

    @property
    def finishing(self) -> bool:
        """Whether the last commit may be applied."""
        return self._connection.finishing  # type: ignore[no-any-return]  # as above

    def commit(self) -> None:
        """Commit what was changed."""
        self._connection.finishing, self._connection.committed = False, None
        super().commit()

    @contextmanager
    def as_committed(self, board: Named) -> Iterator[StoredBoard | None]:
        """Yield the board as the last commit made it: the newest state, or that of the commit where others followed."""
        connection = self._connection
        if connection.committed is None or not self._keeps_history:
            yield None
            return
        connection.newTransaction(None, sync=False)  # to the newest state that is known here, which has the commit
        try:
            if connection.snapshot() == connection.committed:
                yield self._standing(board)
                return
        finally:
            connection.afterCompletion(None)
        with closing(self.db.open(TransactionManager(explicit=True), at=connection.committed)) as past:
            yield self._stored_in(past, board)


class ServedDatabase(Database):
    """A database over a storage that `opening` connects to, as often as need be."""

    def __init__(self, opening: Callable[[], Any], place: str, settings: Mapping[str, Any]) -> None:
        self._settings = settings
        self.keeps_history = self.is_shared = True
        super().__init__(opening, place, 0)
        _served.add(self)

    @property
    def storage(self) -> Any:
        """The open storage."""
        return self._storage

    def _connect(self, storage: Any) -> Any:
        try:
            self.keeps_history = bool(getattr(storage, "supportsUndo", bool)())
            self.is_shared = hasattr(storage, "is_connected") or bool(IMVCCStorage.providedBy(storage))
            return self._make(storage)
        except LeaderboardError:
            raise
        except Exception as error:
            _discard(storage)
            raise BackendUnavailableError(
                f"{self.place} cannot be opened ({type(error).__name__}: {error}). Nothing was applied."
            ) from error
        except BaseException:
            _discard(storage)
            raise

    def _make(self, storage: Any) -> DB:
        for _ in range(_ROOT_ATTEMPTS):
            try:
                return _BoardDB(storage, **{"pool_size": MANY, **self._settings})
            except ConflictError as error:  # another client made the root meanwhile
                conflict = error
        raise conflict

    def _new_session(self) -> Session:
        return ServedSession(self._db, keeps_history=self.keeps_history)

    def outcome_unknown(self, session: Session) -> bool:
        """Whether the storage was asked to make the commit final."""
        return not isinstance(session, ServedSession) or session.finishing

    def mend(self, error: Exception) -> None:
        """Nothing: the storage itself goes back to its last commit."""
        del error

    def check_wait(self, start: float) -> None:
        """Refuse a writer that already waited for others, all of which waited for a storage that is out of reach."""
        is_connected = getattr(self._storage, "is_connected", None)
        if is_connected is not None and monotonic() - start > _SHORT_WAIT and not is_connected():
            raise BackendUnavailableError(f"{self.place} is not connected. Nothing was applied.")

    def damaged(self, error: Exception) -> BackendUnavailableError:
        """Return the error for records that cannot be read, or a storage that failed in an unusual way."""
        return BackendUnavailableError(
            f"{self.place} failed ({type(error).__name__}: {error}). Nothing was applied. If it goes on, records are "
            "damaged: restore a backup of the storage."
        )

    # ------------------------------------------------------------------ opened anew

    def _reopen(self) -> None:
        with self._lock:
            self._idle.clear()
            self._sessions = 0
            storage, self._storage = self._storage, None
            _discard(storage)
            self._storage = self._opening()
            self._db = self._connect(self._storage)

    def close_before_fork(self) -> None:
        """Close what is on SQLite; parent and child open it anew.

        SQLite notes its locks in the memory of the process, and a child believes that it has those of its parent. When
        the parent then closes the file, it removes the log that the child still writes to.
        """
        if sqlite_folder(self._storage) is None or not self.write_lock.acquire(timeout=PATIENCE):
            return
        try:
            with self._lock:
                _discard(self._storage)
                self._storage, self._db, self._failed = None, None, True
        finally:
            self.write_lock.release()

    def abandon(self) -> None:
        """Leave all that is open to the parent; the next operation here opens the storage for this process.

        What only one process can open stays the parent's, and what is on SQLite where a fork did not wait for a write.
        """
        self._pack_lock = Lock()
        self._inherited = not self.is_shared or sqlite_folder(self._storage) is not None
        _left_to_parent.append((self._storage, self._db, self._idle))
        _let_go_of_socket(self._storage)
        self._storage, self._idle, self._sessions, self._failed = None, [], 0, True

    def _let_go(self) -> None:
        _discard(self._storage)

    def _close_db(self, db: Any) -> None:
        with suppress(Exception):  # a server that is gone; the storage is let go of below
            db.close()
        _discard(self._storage)


def see_newest(storage: Any) -> Any:
    """Have each transaction of a ZEO client begin on the newest state of its server, and return the client's storage.

    ZEO's own `server_sync` waits for a reply that comes after the news of all commits before it. With uvloop, which a
    server uses where it is installed, the reply may come first: then a reader did not see what others were told of.
    """
    storage.server_sync, storage.sync = False, partial(_catch_up, storage)
    return storage


def _catch_up(storage: Any) -> None:
    newest, until = storage._call("lastTransaction"), monotonic() + _CATCHING_UP  # noqa: SLF001 - no public way
    while storage.lastTransaction() < newest:
        if monotonic() > until:
            raise BackendUnavailableError(
                f"the ZEO server did not report the commits of other clients within {_CATCHING_UP:g} s."
            )
        sleep(_NEXT_LOOK)  # the client's thread, which hears of it, tells nobody


def promises(capabilities: Capabilities, database: ServedDatabase) -> Capabilities:
    """Return what a board promises: a storage without history cannot tell the rank that a commit made."""
    return capabilities if database.keeps_history else replace(capabilities, consistency="per player")


def sqlite_folder(storage: Any) -> str | None:
    """Return the folder of RelStorage on SQLite, `None` for any other storage."""
    return getattr(getattr(storage, "_adapter", None), "data_dir", None)


def _before_fork() -> None:
    for database in list(_served):
        database.close_before_fork()


_served: Final[WeakSet[ServedDatabase]] = WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork)


def _discard(storage: Any) -> None:
    """Close a storage in whatever state it is."""
    if storage is not None:
        with suppress(Exception):
            storage.close()


def _let_go_of_socket(storage: Any) -> None:
    """Put the null device in the place of a ZEO client's socket, which is the parent's as well.

    The socket object must neither be closed nor collected: either takes it out of the parent's event loop.
    """
    with suppress(AttributeError):  # another storage, or not connected
        number = storage._server.client.protocol.transport.get_extra_info("socket").fileno()  # noqa: SLF001 - no public way
        null = os.open(os.devnull, os.O_RDWR)
        try:
            os.dup2(null, number, inheritable=False)
        finally:
            os.close(null)
