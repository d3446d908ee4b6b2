"""Every operation of a board over the shards of a cluster: what each hook asks of the shards, and makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from time import monotonic
from typing import Any, Final, TypeVar, cast

from ...capabilities import StorageInfo
from ...changes import Change, Changes, Version
from ...errors import BackendError, BatchOutcomes, LeaderboardError, WriteOutcomeUnknownError
from ...model import Entry, Score, percentile, score_from_float
from ...protocol import PAGE_SIZE
from ...score_limits import ScoreLimits, limits_wanted
from .failures import LateTicketError
from .merge import Joined, ticket_text
from .plans import Ask, Joint, Plan, Seen, then
from .requests import MAX_RANK, Request
from .routing import Single
from .shard_feeds import Feed, feeds, merged, whole_board
from .shard_requests import AFTER_ALL, BEFORE_ALL, Row
from .sharded import ShardedBoard

T = TypeVar("T")

TICKETS: Final = 50
"""How many tickets a write takes before it gives up: one is nearly always enough."""
TICKET_LIFE: Final = 0.5
"""Seconds after which a ticket is not used, but another one taken, once: shards refuse those older than a second."""


def rank_of_one(value: tuple[list[tuple[int, Row] | None], int]) -> int | None:
    """Return the rank of a standing, where it is that of one player."""
    standings, _ = value
    return standings[0][0] if len(standings) == 1 and standings[0] else None


class ClusterOperations(ShardedBoard):
    """The hooks of a board over the shards of a cluster."""

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        limits = limits_wanted()
        return self._write(lambda ticket: self._writes.update(player_id, username, score, ticket, limits))

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        limits = limits_wanted()
        return self._write(lambda ticket: self._writes.increment(player_id, username, delta, ticket, limits))

    def _remove_player(self, player_id: str) -> bool:
        own = self._requests.shard_of(player_id)
        request = self._requests.shards[own].remove(player_id)
        (removed,) = self._write_to_shards([Single(self._requests.slots[own], request)])
        if isinstance(removed, Exception):
            raise removed
        return bool(removed)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        outcomes: list[Any] = []
        limits = limits_wanted()
        for first in range(0, len(updates), self._batch_size):
            outcomes += self._update_batch(updates[first : first + self._batch_size], limits)
            if any(isinstance(outcome, Exception) for outcome in outcomes[first:]):
                raise batch_error(outcomes, first, len(updates))

    def _update_batch(self, updates: Sequence[tuple[str, str, Score]], limits: ScoreLimits | None) -> list[Any]:
        """Apply updates, each shard's as one step; returns the outcome of each."""
        places: dict[int, list[int]] = {}
        for place, (player_id, _, _) in enumerate(updates):
            places.setdefault(self._requests.shard_of(player_id), []).append(place)
        outcomes: list[Any] = [None] * len(updates)
        left, above = list(places), 0
        for _ in range(TICKETS):
            try:
                ticket = self._take_ticket(len(updates), above) if self._strict else None
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
            for shard, outcome in zip(left, self._write_to_shards(single, ticketed=self._strict), strict=True):
                if isinstance(outcome, LateTicketError):
                    late.append(shard)
                    above = max(above, outcome.above)
                for place in places[shard]:
                    outcomes[place] = outcome
            if not (left := late):
                break
        return outcomes

    def _write(self, make: Callable[[int | None], Plan[T]]) -> T:
        """Run a write with a ticket; with another one where a shard does not take it, as nothing was applied then."""
        if not self._strict:
            return self._run(make(None), Seen())
        above = 0
        for attempt in range(TICKETS):
            began = monotonic()
            ticket = self._take_ticket(1, above)
            if monotonic() - began > TICKET_LIFE and attempt == 0:  # another one need not come sooner
                continue
            try:
                return self._run(make(ticket), Seen())
            except LateTicketError as error:
                above, late = error.above, error
        raise late

    # ------------------------------------------------------------------ reads

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        found, _ = self._standings(player_ids)
        return [None if each is None else each[1].entry(each[0]) for each in found]

    def _standings(self, player_ids: Sequence[str]) -> tuple[list[tuple[int, Row] | None], int]:
        return self._read(lambda: self._reads.standings(player_ids, at_once=self._at_once), rank_of_one)

    def _get_rank(self, player_id: str) -> int | None:
        ((standing,), _) = self._standings((player_id,))
        return None if standing is None else standing[0]

    def _get_score(self, player_id: str) -> Score | None:
        ((placed,), _) = self._read(lambda: self._reads.locate((player_id,)))
        return None if placed is None else score_from_float(placed.row.score)

    def _get_percentile(self, player_id: str) -> float | None:
        ((standing,), players) = self._standings((player_id,))
        return None if standing is None else percentile(standing[0], players)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        first, last = min(first_rank, MAX_RANK), min(last_rank, MAX_RANK)
        make = partial(entries_of, first_rank=first)
        return self._read(lambda: then(self._reads.between(first - 1, last - first + 1), make))

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._read(lambda: then(self._reads.around(player_id, min(radius, MAX_RANK)), joined_entries))

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        better, worse = self._ends(low, high)
        count = MAX_RANK if limit is None else min(limit, MAX_RANK)
        return self._read(lambda: then(self._reads.rows(better, 0, count, worse.score), joined_entries))

    def _count_by_score(self, low: Score, high: Score) -> int:
        better, worse = self._ends(low, high)
        return self._read(lambda: self._reads.count_between(better, worse))

    def _count(self) -> int:
        return self._read(self._reads.count)

    def _ends(self, low: Score, high: Score) -> tuple[Row, Row]:
        better, worse = (high, low) if self._requests.descending else (low, high)
        return Row(float(better), BEFORE_ALL), Row(float(worse), AFTER_ALL)

    def _iterate(self) -> Iterator[Entry]:
        last: Row | None = None
        while True:
            if self._closed:
                self._refuse_closed()
            point = last
            joined = self._read(lambda: self._reads.rows(point, 0, PAGE_SIZE + 1))  # noqa: B023 - called at once
            rows = without(last, joined.ahead)[:PAGE_SIZE]
            yield from entries_of(rows, joined.before + 1 + (joined.ahead[:1] == [last]))
            if len(rows) < PAGE_SIZE:
                return
            last = rows[-1]

    # ------------------------------------------------------------------ changes

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        asked = whole_board(self._requests, after)
        read = 0 if after is None else max(limit, 1)

        def make(shards: Sequence[int]) -> Request[Any]:
            return feeds(asked, shards, read)

        def plan() -> Plan[list[dict[int, Feed]]]:
            return (yield Ask(joint=Joint(range(self.shards), make))).joint

        found: dict[int, Feed] = {}
        for part in self._read_once(plan, whole=True)[0]:
            found |= part
        return merged([found[shard] for shard in range(self.shards)], self._generation, after, limit)

    def list_states(self, after: Change | None, limit: int) -> list[Change]:
        """Return the players that rank after a state, as `changes.ListsStates` says. One round trip, seldom two."""
        point: Row | None = None
        if after is not None and after.player_id is not None and after.score is not None:
            member = self._requests.member(after.player_id, after.username, after.reached)
            point = Row(float(after.score), member)
        joined, _ = self._read_once(lambda: self._reads.rows(point, 0, limit + 1), whole=True)
        return [self._requests.state(row) for row in without(point, joined.ahead)[:limit]]

    def _storage_info(self) -> StorageInfo:
        """Return what the primary says of itself that keeps the least."""
        infos = [
            self._cluster.server(node).storage_info(self._manifest) for node in self._cluster.slot_map().primaries()
        ]
        least = min(infos, key=lambda info: KEPT.index(info.machine_crash.amount))
        used = [info.used_bytes for info in infos if info.used_bytes is not None]
        where = str(self._cluster.address)
        return replace(least, server=where, server_pid=None, server_run="", used_bytes=sum(used) if used else None)


KEPT: Final = ("nothing", "not known", "other", "all but the last second", "everything")


def without(point: Row | None, rows: list[Row]) -> list[Row]:
    """Return the rows after a point, of those from it on."""
    return rows[rows[:1] == [point] :]


def joined_entries(joined: Joined | None) -> list[Entry]:
    """Return the entries of rows around a point."""
    if joined is None:
        return []
    return entries_of(joined.behind[::-1] + joined.ahead, joined.before + 1 - len(joined.behind))


def entries_of(rows: Sequence[Row], first_rank: int) -> list[Entry]:
    """Return the entries of rows that follow one another."""
    return [row.entry(rank) for rank, row in enumerate(rows, first_rank)]


def batch_error(outcomes: Sequence[Any], earlier: int, total: int) -> LeaderboardError:
    """Return the error of a batch that failed in part, which says what became of each update."""
    failed = [outcome for outcome in outcomes if isinstance(outcome, LeaderboardError)]
    unknown = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, WriteOutcomeUnknownError)]
    applied = [place for place, outcome in enumerate(outcomes) if not isinstance(outcome, Exception)]
    refused = sorted({*range(total)} - {*unknown, *applied})
    first = next((outcomes[place] for place in unknown), failed[0])
    text = (
        f"of {total} updates, {len(applied)} were applied, {len(refused)} were not, and {len(unknown)} may have been: "
        f"the error's outcomes has their positions. The first problem: {first}"
    )
    error = cast("Any", type(first))(text)
    vars(error).update(vars(first))
    error.applied, error.outcomes = earlier, BatchOutcomes(tuple(applied), tuple(refused), tuple(unknown))
    error.__cause__ = first
    return cast("LeaderboardError", error)
