# generated from leaderboard_backends/delegating.py
# by tools/async_faces.py: change that file, then run `make faces`
"""`AsyncDelegatingLeaderboard`: a board that only passes calls on to another one.

It is what wrappers are made from: override the hooks that the wrapper is about and leave the others alone. It adds one
Python call to each operation, and no round trip.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from .async_protocol import AsyncLeaderboard
from .capabilities import Capabilities, StorageInfo
from .changes import Changes, Version
from .model import Entry, Score


class AsyncDelegatingLeaderboard(AsyncLeaderboard):
    """A board with the name, order, keep rule, capabilities and data of `inner`; closing it closes `inner`.

    On the class, `capabilities` promises nothing; each object promises what its inner board does.
    An operation costs one Python call more than that of `inner`, no round trip, and raises the same.
    """

    capabilities = Capabilities(durable=False, shared=False)

    def __init__(self, inner: AsyncLeaderboard) -> None:
        super().__init__(inner.name, order=inner.order, keep=inner.keep)
        self._inner = inner
        self.capabilities = inner.capabilities

    @property
    def inner(self) -> AsyncLeaderboard:
        """The board that calls are passed on to."""
        return self._inner

    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return await self._inner.update_score(player_id, username, score)

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return await self._inner.increment_score(player_id, username, delta)

    async def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        await self._inner.update_scores(updates)

    async def _remove_player(self, player_id: str) -> bool:
        return await self._inner.remove_player(player_id)

    async def _clear(self) -> None:
        await self._inner.clear()

    async def _get_score(self, player_id: str) -> Score | None:
        return await self._inner.get_score(player_id)

    async def _get_rank(self, player_id: str) -> int | None:
        return await self._inner.get_rank(player_id)

    async def _get_entry(self, player_id: str) -> Entry | None:
        return await self._inner.get_entry(player_id)

    async def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return await self._inner.get_entries(player_ids)

    async def _get_percentile(self, player_id: str) -> float | None:
        return await self._inner.get_percentile(player_id)

    async def _get_top_n(self, n: int) -> list[Entry]:
        return await self._inner.get_top_n(n)

    async def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return await self._inner.get_range(first_rank, last_rank)

    async def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return await self._inner.get_around(player_id, radius)

    async def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return await self._inner.get_by_score(low, high, limit)

    async def _count_by_score(self, low: Score, high: Score) -> int:
        return await self._inner.count_by_score(low, high)

    async def _count(self) -> int:
        return await self._inner.count()

    def _iterate(self) -> AsyncIterator[Entry]:
        return aiter(self._inner)

    async def _delete(self) -> None:
        await self._inner.delete()

    async def _get_changes(self, after: Version | None, limit: int) -> Changes:
        return (
            Changes(await self._inner.get_version(), [])
            if after is None
            else await self._inner.get_changes(after, limit)
        )

    async def _fence(self, moved_to: str | None) -> None:
        if moved_to is None:
            await self._inner.lift_fence()
        else:
            await self._inner.fence(moved_to)

    async def _fenced(self) -> str | None:
        return await self._inner.fenced()

    async def _storage_info(self) -> StorageInfo:
        return await self._inner.storage_info()

    async def _ping(self) -> None:
        await self._inner.ping()

    async def _close(self) -> None:
        try:
            await self._inner.close()
        except BaseException:
            self._closed = self._inner.closed  # one that is in the middle of a call refuses, and stays open
            raise

    def _inherit(self) -> None:
        """Leave it to the board inside to say what becomes of it in a forked child."""

    def _storage(self) -> str:
        return self._inner.storage

    def _place(self) -> str:
        return repr(self._inner)
