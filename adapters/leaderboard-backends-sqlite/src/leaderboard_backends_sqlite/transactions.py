"""Running an operation on a board: a read on one state, a write as one transaction, their failures in our terms.

Locks are waited for here, in Python, rather than inside SQLite, where Ctrl-C would not be heard.

Checkpoints are made here, too. SQLite's own would run beside other writers' commits; versions before 3.51.3 can then
lose a commit, where a checkpoint begins just as another connection starts the log over (the "WAL-reset bug"). Ours
runs on a second connection while the first holds the writers' lock, so that nobody can commit meanwhile.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Concatenate, Final, ParamSpec, TypeVar

from leaderboard_backends.errors import LeaderboardError

from .failures import at_commit, is_busy, lost_to_writers, not_applied
from .files import BoardFile
from .opening import WAL_LIMIT

Given = ParamSpec("Given")
Result = TypeVar("Result")

_SHORTEST, _LONGEST = 0.000_2, 0.01
"""Seconds; pauses while a lock is held grow from one to the other, at random."""


_LONG: Final = 4
"""How many times its limit makes the log long."""

_PATIENCE: Final = 0.05
"""Seconds that a checkpoint of a long log holds up the writers, while it waits for readers."""


def read(
    file: BoardFile,
    operation: Callable[Concatenate[sqlite3.Connection, Given], Result],
    *args: Given.args,
    **kwargs: Given.kwargs,
) -> Result:
    """Return the operation's result on one state, the newest."""

    def attempt() -> Result:
        with file.lend() as connection:
            connection.execute("BEGIN")
            result = operation(connection, *args, **kwargs)
            connection.execute("COMMIT")
            return result

    try:
        return waiting(file.settings.busy_timeout, attempt)
    except sqlite3.Error as error:
        raise not_applied(file.path, error) from error


def write(
    file: BoardFile,
    operation: Callable[Concatenate[sqlite3.Connection, Given], Result],
    *args: Given.args,
    **kwargs: Given.kwargs,
) -> Result:
    """Run the operation as one transaction."""
    with file.write_lock, file.lend() as connection:
        file.check_identity()
        _begin(file, connection)
        try:
            result = operation(connection, *args, **kwargs)
        except sqlite3.Error as error:
            raise not_applied(file.path, error) from error
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise at_commit(file.path, error) from error
        _checkpoint_where_due(file, connection)
        return result


def _begin(file: BoardFile, connection: sqlite3.Connection) -> None:
    seconds = file.settings.busy_timeout
    try:
        waiting(seconds, lambda: connection.execute("BEGIN IMMEDIATE"))
    except sqlite3.Error as error:
        if is_busy(error):
            raise lost_to_writers(file.path, seconds) from error
        raise not_applied(file.path, error) from error


def _checkpoint_where_due(file: BoardFile, connection: sqlite3.Connection) -> None:
    """Copy a log that has grown into the file; what was committed stands, whatever comes of this."""
    if _log_size(file) <= WAL_LIMIT:
        return
    with suppress(sqlite3.Error, LeaderboardError):
        connection.execute("BEGIN IMMEDIATE")
        try:
            with file.lend() as other:
                _checkpoint(file, other)
        finally:
            connection.execute("ROLLBACK")


def _checkpoint(file: BoardFile, connection: sqlite3.Connection) -> None:
    """Copy as much as readers allow; where the log has become long, wait a moment for those of an older state."""
    end = monotonic() + _PATIENCE
    while True:
        _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if copied == pages or _log_size(file) < _LONG * WAL_LIMIT or monotonic() > end:
            return
        sleep(_SHORTEST)


def _log_size(file: BoardFile) -> int:
    try:
        return Path(f"{file.path}-wal").stat().st_size
    except FileNotFoundError:
        return 0


def waiting(seconds: float, attempt: Callable[[], Result]) -> Result:
    """Return what `attempt` does, trying again for so long while a lock is in its way."""
    end = monotonic() + seconds
    pause = _SHORTEST
    while True:
        try:
            return attempt()
        except sqlite3.Error as error:
            if not is_busy(error) or monotonic() > end:
                raise
        sleep(random.uniform(pause / 2, pause))  # noqa: S311 - no secret
        pause = min(_LONGEST, 2 * pause)
