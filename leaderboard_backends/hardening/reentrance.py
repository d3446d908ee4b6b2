"""Calls amid another call of their own thread: a finalizer or a signal handler would wait for ever for its locks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import BackendUnavailableError


def inside(lock: Any) -> Callable[[], bool]:
    """Return what `is_inside` asks of a lock: a method of C, for the path of every call."""
    question: Callable[[], bool] = lock._is_owned  # noqa: SLF001 - as `threading.Condition` asks it
    return question


def is_inside(lock: Any) -> bool:
    """Whether this thread holds an `RLock`, which would let it in again: what the lock guards may be half changed."""
    return inside(lock)()


def refuse_inside(lock: Any) -> None:
    """Raise `BackendUnavailableError` where this thread holds an `RLock`."""
    if lock._is_owned():  # noqa: SLF001 - as above
        raise BackendUnavailableError(
            "the board is in the middle of another call of this thread, which a finalizer or a signal handler "
            "interrupted to call it: nothing was done. Only note there what to do, and call the board later."
        )
