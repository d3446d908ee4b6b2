"""Running an operation on a board: a read on one state, a write as one transaction, their failures in our terms.

Checkpoints, which copy the log into the file, are made here. SQLite's own would run beside other writers' commits;
versions before 3.51.3 can then lose a commit, where a checkpoint begins just as another connection starts the log
over (the "WAL-reset bug"). Ours runs on a second connection while the first holds the writers' lock, so that nobody
can commit meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident
from time import monotonic, sleep
from typing import Final, TypeVar

from leaderboard_backends.errors import LeaderboardError

from .failures import ODD_ROWS, amid_commit, at_commit, damaged, is_busy, lost_to_writers, not_applied
from .files import BoardFile
from .opening import WAL_LIMIT
from .patience import waiting

Result = TypeVar("Result")

_LONG: Final = 2
"""How many times its limit makes the log long."""

_YIELD: Final = 0.000_05
_NAP: Final = 0.000_2
_PATIENCE: Final = 0.05
"""Seconds that a checkpoint of a long log holds up the writers, while it waits for readers."""


def read(file: BoardFile, operation: Callable[[sqlite3.Connection], Result]) -> Result:
    """Return the operation's result on one state, the newest."""

    def attempt() -> Result:
        with file.lend() as connection:
            connection.execute("BEGIN")
            result = operation(connection)
            connection.execute("COMMIT")
            return result

    try:
        with file.alone():
            return waiting(file.settings.busy_timeout, attempt)
    except sqlite3.Error as error:
        raise not_applied(file.path, error) from error
    except LeaderboardError:
        raise
    except ODD_ROWS as error:
        raise damaged(file.path, error) from error


def write(file: BoardFile, operation: Callable[[sqlite3.Connection], Result]) -> Result:
    """Run the operation as one transaction, once, when it is this thread's turn."""
    thread = get_ident()
    alone = file.alone()
    file.writers_waiting.add(thread)
    try:
        with alone, file.write_lock:
            file.writers_waiting.discard(thread)
            return _transact(file, operation)
    finally:
        file.writers_waiting.discard(thread)
        if file.writers_waiting:
            sleep(_YIELD)  # else this thread could take the lock again before one that waits has woken up


def _transact(file: BoardFile, operation: Callable[[sqlite3.Connection], Result]) -> Result:
    committing = False
    try:
        with file.lend() as connection:
            file.check_identity()
            _begin(file, connection)
            result = operation(connection)
            committing = True
            connection.execute("COMMIT")
            _checkpoint_where_due(file, connection)
            return result
    except sqlite3.Error as error:
        raise (at_commit if committing else not_applied)(file.path, error) from error
    except LeaderboardError as error:
        if committing:
            raise amid_commit(file.path, error) from error
        raise
    except ODD_ROWS as error:
        raise (amid_commit if committing else damaged)(file.path, error) from error


def _begin(file: BoardFile, connection: sqlite3.Connection) -> None:
    seconds = file.settings.busy_timeout
    try:
        waiting(seconds, lambda: connection.execute("BEGIN IMMEDIATE"))
    except sqlite3.Error as error:
        if is_busy(error):
            raise lost_to_writers(file.path, seconds) from error
        raise


def _checkpoint_where_due(file: BoardFile, connection: sqlite3.Connection) -> None:
    """Copy a log that has grown into the file; what was committed stands, whatever comes of this."""
    if file.log_size() <= WAL_LIMIT:
        return
    with suppress(sqlite3.Error, LeaderboardError):
        connection.execute("BEGIN IMMEDIATE")
        try:
            with file.lend(second=True) as other:
                _checkpoint(file, other)
        finally:
            connection.execute("ROLLBACK")


def _checkpoint(file: BoardFile, connection: sqlite3.Connection) -> None:
    """Copy as much as readers allow; where the log has become long, wait a moment for those of an older state."""
    end = monotonic() + _PATIENCE
    while True:
        _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if copied == pages or file.log_size() < _LONG * WAL_LIMIT or monotonic() > end:
            return
        sleep(_NAP)
