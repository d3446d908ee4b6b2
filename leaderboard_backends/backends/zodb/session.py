"""A session: one connection with its transaction manager, used by one thread at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging import getLogger
from typing import Any, Final, NamedTuple

from BTrees.OOBTree import OOBTree
from transaction import TransactionManager, _transaction
from transaction.interfaces import NoTransaction
from ZODB.POSException import POSKeyError

from ...errors import BoardMismatchError
from .order import FORMAT, StoredBoard

_transaction._LOGGER = getLogger("txn")  # noqa: SLF001 - else each transaction asks `logging` for a logger of its thread,
# in which an exception from a signal can leave the lock of `logging` held for ever (until Python 3.13)

ROOT_KEY: Final = "leaderboard_backends"
"""Under which name of the database's root the boards are: an OOBTree, board name -> StoredBoard."""

_READS_BETWEEN_TRIMS: Final = 128
"""Trimming the cache at every read would cost as much as the read."""


class Named(NamedTuple):
    """What an object looks its board up by: where that was deleted, and made anew in the other order, there is none."""

    name: str
    descending: bool


class Session:
    """A connection that sees one state of the database, and is renewed where there is a newer one.

    Where the storage is ours, `last_transaction` tells its last transaction, and a read stays in the snapshot of
    the read before it as long as that is the same. Elsewhere it is `None`, and each read begins anew.
    """

    __slots__ = ("_begun", "_connection", "_last_transaction", "_manager", "_reads", "_seen", "_stored", "db")

    def __init__(self, db: Any, last_transaction: Callable[[], bytes] | None) -> None:
        self.db = db
        self._manager = TransactionManager(explicit=True)
        self._connection = db.open(self._manager)
        self._last_transaction = last_transaction
        self._seen: bytes | None = None
        self._begun = False
        self._stored: dict[Named, StoredBoard] = {}
        self._reads = 0

    def read(self, board: Named) -> StoredBoard:
        """Return the board in a state that has every transaction acknowledged before this call."""
        last = self._last_transaction
        if last is None or last() != self._seen:
            self.begin()
        self._reads += 1
        if not self._reads % _READS_BETWEEN_TRIMS:
            self._connection.cacheGC()
        return self._standing(board)

    def write(self, board: Named) -> StoredBoard:
        """Begin a transaction that may write, and return the board; one that is fenced meanwhile conflicts."""
        self.begin()
        stored = self._standing(board)
        if self._last_transaction is None:  # where writers of this process do not take turns with all others
            self._connection.readCurrent(stored)
        return stored

    def begin(self) -> None:
        """Begin a transaction on the newest state."""
        self.end()
        seen = None if self._last_transaction is None else self._last_transaction()
        self._begun = True
        self._manager.begin()
        self._seen = seen

    def commit(self) -> None:
        """Commit what was changed; nothing changed, nothing is written."""
        self._manager.commit()
        self._seen, self._begun = None, False

    def is_followed(self) -> bool:
        """Whether the storage has a later transaction than this one began on: where writers take turns, it is this."""
        return self._last_transaction is not None and self._last_transaction() != self._seen

    @contextmanager
    def as_committed(self, board: Named) -> Iterator[StoredBoard | None]:
        """Yield the board as the last commit made it; `None` where nobody else can have committed meanwhile."""
        del board
        yield None

    def end(self) -> None:
        """Leave the transaction; what was changed is forgotten."""
        self._seen = None
        if self._begun:
            with suppress(NoTransaction):
                self._manager.abort()
            self._begun = False

    def rest(self) -> None:
        """Be ready for another thread: a snapshot of a storage that is not ours is let go."""
        if self._last_transaction is None:
            self.end()

    def forget(self) -> None:
        """Leave a transaction that failed, however it failed, and trust nothing in the cache any more."""
        with suppress(OSError):  # a full disk may refuse this too; the storage is mended next
            self.end()
        self._connection.cacheMinimize()

    def leave(self) -> None:
        """Part with a connection that is not to be used or closed any more, in whatever state it is."""
        self.db = None
        with suppress(Exception):  # whatever is left of it
            self.end()
        self._connection.transaction_manager = None

    def close(self) -> None:
        """Give the connection back to the database, without its cache."""
        self.forget()
        self._connection.close()

    def establish(self, name: str, *, descending: bool) -> StoredBoard:
        """Return the board, made in this transaction where there is none; raises `BoardMismatchError`."""
        root = self._connection.root()
        if ROOT_KEY not in root:
            root[ROOT_KEY] = OOBTree()
        boards = root[ROOT_KEY]
        if not isinstance(boards, OOBTree):
            raise BoardMismatchError(
                f"the root of this database has {ROOT_KEY!r} already, and it is a {type(boards).__name__}, not a "
                f"table of boards: use another file."
            )
        if name not in boards:
            boards[name] = StoredBoard(descending=descending)
        return self._checked(name, boards[name])

    def delete(self, board: Named) -> None:
        """Remove the board in a transaction, if it is there; a pack gives back its room in the file."""
        self.begin()
        boards = self._connection.root()[ROOT_KEY]
        if board.name in boards:
            self._stored_in(self._connection, board).deleted = True  # for whoever holds it open
            del boards[board.name]

    def _standing(self, board: Named) -> StoredBoard:
        stored = self._stored.get(board)
        return stored if stored is not None and not stored.deleted else self._load(board)

    def _load(self, board: Named) -> StoredBoard:
        stored = self._stored[board] = self._stored_in(self._connection, board)
        return stored

    def _stored_in(self, connection: Any, board: Named) -> StoredBoard:
        name = board.name
        try:
            stored = connection.root()[ROOT_KEY][name]
        except POSKeyError:  # a record that is not there, and no name of a board
            raise
        except KeyError as error:
            raise BoardMismatchError(f"the board {name!r} is no longer in its database: open it again.") from error
        checked = self._checked(name, stored)
        if checked.descending != board.descending:
            raise BoardMismatchError(f"the board {name!r} was made anew in the other order: open it again.")
        return checked

    def _checked(self, name: str, stored: Any) -> StoredBoard:
        if not isinstance(stored, StoredBoard):
            raise BoardMismatchError(f"{name!r} in this database is a {type(stored).__name__}, not a board.")
        if stored.format != FORMAT:
            raise BoardMismatchError(
                f"the board {name!r} has format {stored.format}, this version reads {FORMAT}: open it with the version "
                f"of leaderboard-backends that wrote it, and copy its entries."
            )
        return stored
