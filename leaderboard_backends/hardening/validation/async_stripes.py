"""Locks by player for the tasks of an event loop, a fixed number of them shared by all players, as in `stripes`."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import Final, Protocol, TypeVar

from .stripes import STRIPES, stripe_of, stripes_of

Value = TypeVar("Value")


class AsyncPlayerLocks(Protocol):
    """Keeps two tasks from changing one player at once."""

    def of(self, player_id: str) -> AbstractAsyncContextManager[object]:
        """Hold the lock of a player."""
        ...

    async def holding(self, player_ids: Iterable[str] | None, work: Callable[[], Awaitable[Value]]) -> Value:
        """Return what the work returns, done with the locks of several players held; `None` is all players."""
        ...


class AsyncStripes:
    """Locks that serve the players whose ids hash to them; tasks get one in the order in which they asked for it."""

    def __init__(self) -> None:
        self._locks: Final = tuple(Lock() for _ in range(STRIPES))

    def of(self, player_id: str) -> AbstractAsyncContextManager[object]:
        """Hold the lock of a player; O(1)."""
        return self._locks[stripe_of(player_id)]

    async def holding(self, player_ids: Iterable[str] | None, work: Callable[[], Awaitable[Value]]) -> Value:
        """Do work with the locks of several players held, or of all; O(players)."""
        async with AsyncExitStack() as stack:
            for stripe in stripes_of(player_ids):
                await stack.enter_async_context(self._locks[stripe])
            return await work()


class AsyncNoLocks:
    """Locks nothing, for rules that need no standing score."""

    _nothing: Final = nullcontext()

    def of(self, player_id: str) -> AbstractAsyncContextManager[object]:
        """Hold nothing."""
        del player_id
        return self._nothing

    async def holding(self, player_ids: Iterable[str] | None, work: Callable[[], Awaitable[Value]]) -> Value:
        """Do the work."""
        del player_ids
        return await work()
