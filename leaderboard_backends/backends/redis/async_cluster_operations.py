# generated from leaderboard_backends/backends/redis/cluster_operations.py
# by tools/async_faces.py: change that file, then run `make faces`
"""Every operation of a board over the shards of a cluster: what each hook asks of the shards, and makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from time import monotonic
from typing import Any, TypeVar

from ...capabilities import StorageInfo
from ...changes import Changes, Version
from ...errors import BackendError
from ...model import Entry, Score, percentile, score_from_float
from ...protocol import PAGE_SIZE
from ...score_limits import ScoreLimits, limits_wanted
from .async_sharded import AsyncShardedBoard
from .cluster_operations import (
    KEPT,
    TICKET_LIFE,
    TICKETS,
    batch_error,
    entries_of,
    joined_entries,
    rank_of_one,
    without,
)
from .failures import LateTicketError
from .merge import ticket_text
from .plans import Ask, Joint, Plan, Seen, then
from .requests import MAX_RANK, Request
from .routing import Single
from .shard_feeds import Feed, feeds, merged, whole_board
from .shard_requests import AFTER_ALL, BEFORE_ALL, Row

T = TypeVar("T")


class AsyncClusterOperations(AsyncShardedBoard):
    """The hooks of a board over the shards of a cluster."""

    # ------------------------------------------------------------------ writes

    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        limits = limits_wanted()
        return await self._write(lambda ticket: self._writes.update(player_id, username, score, ticket, limits))

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        limits = limits_wanted()
        return await self._write(lambda ticket: self._writes.increment(player_id, username, delta, ticket, limits))

    async def _remove_player(self, player_id: str) -> bool:
        own = self._requests.shard_of(player_id)
        request = self._requests.shards[own].remove(player_id)
        (removed,) = await self._write_to_shards([Single(self._requests.slots[own], request)])
        if isinstance(removed, Exception):
            raise removed
        return bool(removed)

    async def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        outcomes: list[Any] = []
        limits = limits_wanted()
        for first in range(0, len(updates), self._batch_size):
            outcomes += await self._update_batch(updates[first : first + self._batch_size], limits)
            if any(isinstance(outcome, Exception) for outcome in outcomes[first:]):
                raise batch_error(outcomes, first, len(updates))

    async def _update_batch(self, updates: Sequence[tuple[str, str, Score]], limits: ScoreLimits | None) -> list[Any]:
        """Apply updates, each shard's as one step; returns the outcome of each."""
        places: dict[int, list[int]] = {}
        for place, (player_id, _, _) in enumerate(updates):
            places.setdefault(self._requests.shard_of(player_id), []).append(place)
        outcomes: list[Any] = [None] * len(updates)
        left, above = list(places), 0
        for _ in range(TICKETS):
            try:
                ticket = await self._take_ticket(len(updates), above) if self._strict else None
            except BackendError as error:  # of the manifest: nothing was sent to the shards that are left
                for place in chain.from_iterable(places[shard] for shard in left):
                    outcomes[place] = error
                break
            single = [
                Single(
                    self._requests.slots[shard],
                    self._requests.shards[shard].update_many(
                        [updates[place] for place in places[shard]], places[shard], ticket_text(ticket), limits
                    ),
                )
                for shard in left
            ]
            late = []
            for shard, outcome in zip(left, await self._write_to_shards(single, ticketed=self._strict), strict=True):
                if isinstance(outcome, LateTicketError):
                    late.append(shard)
                    above = max(above, outcome.above)
                for place in places[shard]:
                    outcomes[place] = outcome
            if not (left := late):
                break
        return outcomes

    async def _write(self, make: Callable[[int | None], Plan[T]]) -> T:
        """Run a write with a ticket; with another one where a shard does not take it, as nothing was applied then."""
        if not self._strict:
            return await self._run(make(None), Seen())
        above = 0
        for attempt in range(TICKETS):
            began = monotonic()
            ticket = await self._take_ticket(1, above)
            if monotonic() - began > TICKET_LIFE and attempt == 0:  # another one need not come sooner
                continue
            try:
                return await self._run(make(ticket), Seen())
            except LateTicketError as error:
                above, late = error.above, error
        raise late

    # ------------------------------------------------------------------ reads

    async def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        found, _ = await self._standings(player_ids)
        return [None if each is None else each[1].entry(each[0]) for each in found]

    async def _standings(self, player_ids: Sequence[str]) -> tuple[list[tuple[int, Row] | None], int]:
        return await self._read(lambda: self._reads.standings(player_ids, at_once=self._at_once), rank_of_one)

    async def _get_rank(self, player_id: str) -> int | None:
        ((standing,), _) = await self._standings((player_id,))
        return None if standing is None else standing[0]

    async def _get_score(self, player_id: str) -> Score | None:
        ((placed,), _) = await self._read(lambda: self._reads.locate((player_id,)))
        return None if placed is None else score_from_float(placed.row.score)

    async def _get_percentile(self, player_id: str) -> float | None:
        ((standing,), players) = await self._standings((player_id,))
        return None if standing is None else percentile(standing[0], players)

    async def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        first, last = min(first_rank, MAX_RANK), min(last_rank, MAX_RANK)
        make = partial(entries_of, first_rank=first)
        return await self._read(lambda: then(self._reads.between(first - 1, last - first + 1), make))

    async def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return await self._read(lambda: then(self._reads.around(player_id, min(radius, MAX_RANK)), joined_entries))

    async def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        better, worse = self._ends(low, high)
        count = MAX_RANK if limit is None else min(limit, MAX_RANK)
        return await self._read(lambda: then(self._reads.rows(better, 0, count, worse.score), joined_entries))

    async def _count_by_score(self, low: Score, high: Score) -> int:
        better, worse = self._ends(low, high)
        return await self._read(lambda: self._reads.count_between(better, worse))

    async def _count(self) -> int:
        return await self._read(self._reads.count)

    def _ends(self, low: Score, high: Score) -> tuple[Row, Row]:
        better, worse = (high, low) if self._requests.descending else (low, high)
        return Row(float(better), BEFORE_ALL), Row(float(worse), AFTER_ALL)

    async def _iterate(self) -> AsyncIterator[Entry]:
        last: Row | None = None
        while True:
            if self._closed:
                self._refuse_closed()
            point = last
            joined = await self._read(lambda: self._reads.rows(point, 0, PAGE_SIZE + 1))  # noqa: B023 - called at once
            rows = without(last, joined.ahead)[:PAGE_SIZE]
            for each in entries_of(rows, joined.before + 1 + (joined.ahead[:1] == [last])):
                yield each
            if len(rows) < PAGE_SIZE:
                return
            last = rows[-1]

    # ------------------------------------------------------------------ changes

    async def _get_changes(self, after: Version | None, limit: int) -> Changes:
        asked = whole_board(self._requests, after)
        read = 0 if after is None else max(limit, 1)

        def make(shards: Sequence[int]) -> Request[Any]:
            return feeds(asked, shards, read)

        def plan() -> Plan[list[dict[int, Feed]]]:
            return (yield Ask(joint=Joint(range(self.shards), make))).joint

        found: dict[int, Feed] = {}
        for part in (await self._read_once(plan, whole=True))[0]:
            found |= part
        return merged([found[shard] for shard in range(self.shards)], self._generation, after, limit)

    async def _storage_info(self) -> StorageInfo:
        """Return what the primary says of itself that keeps the least."""
        infos = [
            await self._cluster.server(node).storage_info(self._manifest)
            for node in (await self._cluster.slot_map()).primaries()
        ]
        least = min(infos, key=lambda info: KEPT.index(info.machine_crash.amount))
        used = [info.used_bytes for info in infos if info.used_bytes is not None]
        where = str(self._cluster.address)
        return replace(least, server=where, server_pid=None, server_run="", used_bytes=sum(used) if used else None)
