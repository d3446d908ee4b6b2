"""Locks by player, a fixed number of them shared by all players, so that memory does not grow with the board.

Only `with` on a lock itself takes and frees it whatever interrupts the thread: in a context manager written in Python,
an exception from a signal can come between taking the lock and entering the block. So work that needs several locks is
done inside as many nested blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from threading import RLock, local
from typing import Any, Final, TypeVar

from ...forks import survive_forks
from ..reentrance import refuse_inside

Value = TypeVar("Value")

STRIPES: Final = 64
"""A power of two, and a number of nested blocks. Of 12 threads at random players, some two wait for another's lock."""


def stripe_of(player_id: str) -> int:
    """Return which lock serves a player."""
    return hash(player_id) & (STRIPES - 1)


def stripes_of(player_ids: Iterable[str] | None) -> list[int]:
    """Return which locks serve several players, or all, in the order in which they are taken."""
    return [*range(STRIPES)] if player_ids is None else sorted({stripe_of(player_id) for player_id in player_ids})


class _OfThread(local):
    """What each thread has of its own."""

    last: Sequence[Any] = ()
    """The first lock of its last call, which it has for as long as it is in it."""


class Stripes:
    """Locks that serve the players whose ids hash to them; several are taken in one order, so none waits in a ring."""

    def __init__(self) -> None:
        self._make_locks()
        survive_forks(self._make_locks)  # they guard no state, and may be held for as long as a storage takes

    def _make_locks(self) -> None:
        self._locks = tuple(RLock() for _ in range(STRIPES))
        self._of_thread = _OfThread()

    def of(self, player_id: str) -> AbstractContextManager[object]:
        """Hold the lock of a player; O(1). Raises `BackendUnavailableError` where this thread holds any already."""
        lock = self._locks[stripe_of(player_id)]
        self._refuse_inside((lock,))
        return lock

    def holding(self, player_ids: Iterable[str] | None, work: Callable[[], Value]) -> Value:
        """Do work with the locks of several players held, or of all; O(players). Raises as `of` does."""
        locks = [self._locks[stripe] for stripe in stripes_of(player_ids)]
        self._refuse_inside(locks)
        return _inside(iter(locks), work)

    def _refuse_inside(self, locks: Sequence[Any]) -> None:
        """Raise where a call comes amid another of its thread: it could wait for who waits for a lock of that one."""
        for lock in (*self._of_thread.last, *locks):
            refuse_inside(lock)
        self._of_thread.last = locks[:1]


def _inside(locks: Iterator[AbstractContextManager[object]], work: Callable[[], Value]) -> Value:
    for lock in locks:
        with lock:
            return _inside(locks, work)
    return work()
