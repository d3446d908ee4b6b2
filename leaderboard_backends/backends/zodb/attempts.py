"""Running an operation on a board: a read on one state, a write as one transaction, their failures in our terms."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from time import sleep
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from transaction.interfaces import TransactionError
from ZODB.POSException import ConflictError, POSError, POSKeyError, ReadOnlyError

from ...changes import board_moved
from ...errors import (
    BackendError,
    BackendFullError,
    BackendReadOnlyError,
    BackendUnavailableError,
    LeaderboardError,
    WriteConflictError,
    WriteOutcomeUnknownError,
)
from .database import Database
from .order import StoredBoard
from .session import Session
from .storage import DAMAGE, damaged

Given = ParamSpec("Given")
Result = TypeVar("Result")

_FULL: Final = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_READ_ATTEMPTS: Final = 5
_LONGEST_PAUSE: Final = 0.02
"""Seconds; the pause after a conflict grows to this, at random, so that two clients get out of step."""

_FAILURES: Final = (OSError, POSError, TransactionError, MemoryError, *DAMAGE)
"""What ZODB raises where a storage fails, or holds what nobody can read, such as a length beyond all memory."""


def read(
    database: Database,
    name: str,
    operation: Callable[Concatenate[StoredBoard, Given], Result],
    *args: Given.args,
    **kwargs: Given.kwargs,
) -> Result:
    """Return the operation's result on the newest state; what a pack or a reopening cut short is read anew."""
    for attempt in range(_READ_ATTEMPTS):
        session = database.take()
        try:
            if attempt:
                session.forget()
            return operation(session.read(name), *args, **kwargs)
        except LeaderboardError:
            raise
        except _FAILURES as error:
            failure = error
            if not isinstance(error, ConflictError | POSKeyError) and not database.outdated(session):
                break
        except BaseException:
            database.drop(session)
            raise
        finally:
            database.give(session)
    raise unavailable(database, failure) from failure


def write(
    database: Database,
    name: str,
    attempts: int,
    operation: Callable[Concatenate[StoredBoard, Given], Result],
    *args: Given.args,
    **kwargs: Given.kwargs,
) -> Result:
    """Run the operation as one transaction; a conflict repeats the whole of it, on the state that won."""

    def on_board(session: Session) -> Result:
        stored = session.write(name)
        if stored.moved_to is not None:
            raise board_moved(stored.moved_to)
        return operation(stored, *args, **kwargs)

    return transact(database, attempts, on_board)


def transact(database: Database, attempts: int, work: Callable[[Session], Result]) -> Result:
    """Run `work` in a session and commit; raises `WriteConflictError` after so many attempts."""
    with database.write_lock:
        for attempt in range(attempts):
            if attempt:
                sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.001 * 2**attempt)))  # noqa: S311 - no secret
            session = database.take()
            try:
                return _commit(database, session, work)
            except ConflictError as error:
                conflict = error
            except LeaderboardError:
                raise
            except BaseException:
                database.drop(session)
                raise
            finally:
                database.give(session)
    raise WriteConflictError(
        f"{database.place}: this write conflicted with other clients {attempts} times; nothing was applied. Repeat "
        "it, or open the board with a higher number of attempts."
    ) from conflict


def _commit(database: Database, session: Session, work: Callable[[Session], Result]) -> Result:
    committing = False
    try:
        result = work(session)
        committing = True
        session.commit()
    except (ConflictError, LeaderboardError):
        session.end()
        raise
    except _FAILURES as error:
        session.forget()
        unknown = committing and database.outcome_unknown()
        if committing:
            database.mend()
        raise _failed(database, error, unknown=unknown) from error
    return result


def unavailable(database: Database, error: Exception) -> BackendError:
    """Return the error for a storage that failed before anything was written."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return BackendFullError(
            f"{database.place}: no room left on the disk ({error.strerror}); nothing was applied. Free some space, or "
            "call pack(); the board then continues to work."
        )
    if isinstance(error, ReadOnlyError):
        return BackendReadOnlyError(f"{database.place} does not accept writes: it was opened read-only.")
    if isinstance(error, DAMAGE) and type(error) is not ValueError:  # which is that of a closed file, too
        return damaged(database.place, error)
    return BackendUnavailableError(f"{database.place} failed: {_text(error)}. Nothing was applied.")


def _failed(database: Database, error: Exception, *, unknown: bool) -> Exception:
    if unknown and not isinstance(error, ReadOnlyError):
        return WriteOutcomeUnknownError(
            f"{database.place} failed during a commit: {_text(error)}. The write may be on disk: read it before you "
            "repeat it."
        )
    return unavailable(database, error)


def _text(error: Any) -> str:
    return f"{type(error).__name__}: {error}"
