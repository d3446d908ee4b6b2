"""Running an operation on a board: a read on one state, a write as one transaction, their failures in our terms."""

from __future__ import annotations

import random
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from transaction.interfaces import TransientError
from ZODB.POSException import ConflictError, POSKeyError, ReadOnlyError

from ...changes import check_fence
from ...errors import (
    BackendError,
    BackendFullError,
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    InvalidValueError,
    LeaderboardError,
    RankUnknownError,
    WriteConflictError,
    WriteOutcomeUnknownError,
)
from ...files import NO_ROOM
from .database import Database
from .order import StoredBoard
from .session import Named, Session
from .storage import DAMAGE

Changed = TypeVar("Changed")
Given = ParamSpec("Given")
Result = TypeVar("Result")

_READ_ATTEMPTS: Final = 5
_AT_ONCE: Final = 0.5
"""Seconds within which an attempt fails whose failure is over already: a lost connection that was noticed only now."""
_LONGEST_PAUSE: Final = 0.02
"""Seconds; the pause after a conflict grows to this, at random, so that two clients get out of step."""
_REFUSALS: Final = (InvalidValueError, BoardMovedError, BoardMismatchError)
"""What an operation raises before it changes anything."""


def read(
    database: Database,
    board: Named,
    operation: Callable[Concatenate[StoredBoard, Given], Result],
    *args: Given.args,
    **kwargs: Given.kwargs,
) -> Result:
    """Return the operation's result on the newest state; what a pack or a reopening cut short is read anew."""
    with database.alone():
        for attempt in range(_READ_ATTEMPTS):
            start = monotonic()
            session = database.take()
            try:
                if attempt:
                    session.forget()
                return operation(session.read(board), *args, **kwargs)
            except LeaderboardError:
                raise
            except Exception as error:  # noqa: BLE001 - a storage may raise any; raised as one of ours below
                failure = error
                passes = isinstance(error, POSKeyError) or _is_over(error, start, attempt)
                if not (passes or database.outdated(session)):
                    break
            except BaseException:
                database.drop(session)
                raise
            finally:
                database.give(session)
    raise unavailable(database, failure) from failure


def write(
    database: Database,
    board: Named,
    attempts: int,
    answer: Callable[[StoredBoard, Changed], Result],
    operation: Callable[Concatenate[StoredBoard, Given], Changed],
    *args: Given.args,
    **kwargs: Given.kwargs,
) -> Result:
    """Run the operation as one transaction; a conflict repeats the whole of it, on the state that won.

    `answer` makes what the caller gets of the operation's result. Where others may have committed since the transaction
    began, it is asked once more, on the state that this commit made.
    """

    def on_board(session: Session) -> tuple[Changed, Result]:
        stored = session.write(board)
        check_fence(stored.moved_to)
        changed = operation(stored, *args, **kwargs)
        return changed, answer(stored, changed)

    def once_more(session: Session, found: tuple[Changed, Result]) -> tuple[Changed, Result]:
        changed, before = found
        try:
            with session.as_committed(board) as stored:
                return changed, before if stored is None else answer(stored, changed)
        except Exception as error:
            session.forget()
            raise RankUnknownError(
                f"{database.place} failed after a commit: {_text(error)}. The write was applied, but its rank is not "
                "known: do not repeat it, read the rank."
            ) from error

    return transact(database, attempts, on_board, once_more)[1]


def transact(
    database: Database,
    attempts: int,
    work: Callable[[Session], Result],
    afterwards: Callable[[Session, Result], Result] = lambda _, result: result,
) -> Result:
    """Run `work` in a session and commit; raises `WriteConflictError` after so many attempts.

    What `work` returned goes through `afterwards`, in the same session, once it is committed.
    """
    start = monotonic()
    with database.alone(), database.write_lock:
        database.check_wait(start)
        for attempt in range(attempts):
            if attempt:
                sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.001 * 2**attempt)))  # noqa: S311 - no secret
            session = database.take()
            try:
                return afterwards(session, _commit(database, session, work, attempt))
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


def _commit(database: Database, session: Session, work: Callable[[Session], Result], attempt: int) -> Result:
    start, committing = monotonic(), False
    try:
        result = work(session)
        committing = True
        session.commit()
    except Exception as error:
        if isinstance(error, ConflictError) or (isinstance(error, _REFUSALS) and not committing):
            session.end()
            raise
        unknown = committing and database.outcome_unknown(session)
        session.forget()
        if committing:
            database.mend(error)
        elif isinstance(error, LeaderboardError):  # of a signal handler, for example
            raise
        if not unknown and _is_over(error, start, attempt):
            raise ConflictError(_text(error)) from error
        raise _failed(database, error, unknown=unknown) from error
    return result


def _is_over(error: Exception, start: float, attempt: int) -> bool:
    """Whether an attempt that began at `start` may be repeated: after a conflict, or a first failure that passes."""
    passes = isinstance(error, TransientError) and not attempt and monotonic() - start < _AT_ONCE
    return passes or isinstance(error, ConflictError)


def unavailable(database: Database, error: Exception) -> BackendError:
    """Return the error for a storage that failed before anything was written."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return BackendFullError(
            f"{database.place}: no room left on the disk ({error.strerror}); nothing was applied. Free some space, or "
            "call pack(); the board then continues to work."
        )
    if isinstance(error, ReadOnlyError):
        return BackendReadOnlyError(f"{database.place} does not accept writes: it was opened read-only.")
    if isinstance(error, DAMAGE) and type(error) is not ValueError:  # which is that of a closed file, too
        return database.damaged(error)
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
