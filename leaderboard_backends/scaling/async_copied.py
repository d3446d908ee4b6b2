"""What a replicated board of an asyncio program has of its own: how it is opened and closed, and its copy on the loop.

The copy is loaded and followed by threads, for which a synchronous board object with the part `replica` is open beside
the asynchronous one: both have the same place, the same settings, and the same `Replica`.
"""

from __future__ import annotations

from asyncio import Event, get_running_loop, timeout
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from typing import Any, Final, Self

from ..aio.direct import DirectLeaderboard
from ..aio.hooks import in_thread, take_turn
from ..aio.opening import AsyncReopening
from ..async_protocol import AsyncLeaderboard
from ..async_wrapper import AsyncWrapper
from ..changes import Version, noting_version, version_wanted
from ..wrapper import layer, layers
from .board_copy import BoardCopy
from .follower import follower_of
from .replica import ReplicatedLeaderboard, check_promises

WORK_OF_A_CALLER: Final = 4
"""Units of a turn's work for what a caller does who waited for the copy."""


class AsyncCopiedLeaderboard(AsyncWrapper):
    """A board whose copy another object follows; `AsyncReplicatedLeaderboard` has the reads and writes."""

    def __init__(self, inner: AsyncLeaderboard, followed: AsyncLeaderboard) -> None:
        """Take the copy of a synchronous board in threads, which is closed with this one."""
        super().__init__(inner)
        copied = layer(followed, ReplicatedLeaderboard)
        assert copied is not None  # noqa: S101 - `wrap` asked for it
        self.capabilities = replace(inner.capabilities, consistency="eventual")
        self._replica: Final = copied._replica  # noqa: SLF001 - the same part, here and in three lines below
        self._max_staleness: Final = self._replica.freshness.max_staleness
        self._raises: Final = copied._raises  # noqa: SLF001 - as above
        self._shows_feed: Final = copied._shows_feed  # noqa: SLF001 - as above
        self._follower: Final = follower_of(self._replica.board)
        self._followed: Final = followed
        self._direct: DirectLeaderboard | None = None

    @classmethod
    async def wrap(  # type: ignore[override]  # it is awaited
        cls, inner: AsyncLeaderboard, reopen: AsyncReopening, **settings: Any
    ) -> Self:
        """Return the board with a copy around it, as `ReplicatedLeaderboard.wrap` does; raises the same."""
        *_, storage = layers(inner)
        check_promises(inner.capabilities, type(storage).__name__)
        return cls(inner, await reopen.in_threads(replica=settings))

    async def _hear(self, seconds: float) -> None:
        """Wait for what the follower hears next, for so long at most; a look each millisecond would be late."""
        loop, heard = get_running_loop(), Event()

        def tell() -> None:
            with suppress(RuntimeError):  # which says that the loop is over
                loop.call_soon_threadsafe(heard.set)

        self._replica.listeners.add(tell)
        try:
            with suppress(TimeoutError):
                async with timeout(seconds):
                    await heard.wait()
        finally:
            self._replica.listeners.discard(tell)
        await take_turn(WORK_OF_A_CALLER)  # whoever waits hears it at the same time

    async def _at_rest(self, copy: BoardCopy) -> DirectLeaderboard:
        """Return the copy as it answers on the event loop, which must not wait for the lock of a large batch."""
        while copy.applies_many:
            await in_thread(copy.count)  # which waits for it
        if self._direct is None or self._direct.board is not copy:
            self._direct = DirectLeaderboard(copy)
        return self._direct

    def _noting_version(self) -> AbstractContextManager[list[Version]]:
        """Want the version of a write where the caller does; else writes of tasks share calls, and copies wait."""
        return noting_version() if version_wanted() else nullcontext([])

    async def _close(self) -> None:
        try:
            await super()._close()
        finally:
            if self._closed:  # else the board inside refused, and stays open
                self._direct = None
                await self._followed.close()
