"""The board over the shards of a cluster for asyncio programs: what `cluster` says, with coroutines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

from ...location import Option
from .async_cluster_operations import AsyncClusterOperations
from .cluster import ClusterLeaderboard


class AsyncClusterLeaderboard(AsyncClusterOperations):
    """A board over the shards of a cluster; what tasks ask of a node at the same time goes out by one write."""

    capabilities = ClusterLeaderboard.capabilities
    options: ClassVar[Mapping[str, Option]] = ClusterLeaderboard.options
    is_addressed_by = ClusterLeaderboard
    opening = ("feed", "shards", "ties")

    async def open(  # type: ignore[override]  # its options are these
        self, feed: int | None = None, shards: int | None = None, ties: str | None = None
    ) -> Self:
        """Find the board, or make it; finishes what another process has left half-way."""
        await self._open(shards, ties, feed)
        return self
