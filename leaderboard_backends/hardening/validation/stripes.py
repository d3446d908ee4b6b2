"""Locks by player, a fixed number of them shared by all players, so that memory does not grow with the board."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from threading import Lock
from typing import Final, Protocol

from ...forks import survive_forks

STRIPES: Final = 256
"""A power of two. Of 32 threads at random players, some two wait for another player's lock."""


class PlayerLocks(Protocol):
    """Keeps two threads from changing one player at once."""

    def of(self, player_id: str) -> AbstractContextManager[object]:
        """Hold the lock of a player."""
        ...

    def of_all(self, player_ids: Iterable[str]) -> AbstractContextManager[object]:
        """Hold the locks of several players."""
        ...

    def whole(self) -> AbstractContextManager[object]:
        """Hold the locks of all players."""
        ...


class Stripes:
    """Locks that serve the players whose ids hash to them; several are taken in one order, so none waits in a ring."""

    def __init__(self) -> None:
        self._make_locks()
        survive_forks(self._make_locks)  # they guard no state, and may be held for as long as a storage takes

    def _make_locks(self) -> None:
        self._locks = tuple(Lock() for _ in range(STRIPES))

    def of(self, player_id: str) -> AbstractContextManager[object]:
        """Hold the lock of a player; O(1)."""
        return self._locks[hash(player_id) & (STRIPES - 1)]

    def of_all(self, player_ids: Iterable[str]) -> AbstractContextManager[object]:
        """Hold the locks of several players; O(players)."""
        return self._hold(sorted({hash(player_id) & (STRIPES - 1) for player_id in player_ids}))

    def whole(self) -> AbstractContextManager[object]:
        """Hold all locks."""
        return self._hold(range(STRIPES))

    @contextmanager
    def _hold(self, indexes: Iterable[int]) -> Iterator[None]:
        with ExitStack() as held:
            for index in indexes:
                held.enter_context(self._locks[index])
            yield


class NoLocks:
    """Locks nothing, for rules that need no standing score."""

    _nothing: Final = nullcontext()

    def of(self, player_id: str) -> AbstractContextManager[object]:
        """Hold nothing."""
        del player_id
        return self._nothing

    def of_all(self, player_ids: Iterable[str]) -> AbstractContextManager[object]:
        """Hold nothing."""
        del player_ids
        return self._nothing

    def whole(self) -> AbstractContextManager[object]:
        """Hold nothing."""
        return self._nothing
