"""Locks by player for the tasks of an event loop, a fixed number of them shared by all players, as in `stripes`."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final, TypeVar

from .stripes import STRIPES, stripe_of, stripes_of

Value = TypeVar("Value")


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
