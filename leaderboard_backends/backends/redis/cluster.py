"""`redis+cluster://H1:7000,H2:7001/?board=NAME`: one board over K shards, spread over the primaries of a cluster.

A player's state is in the shard that the id's hash names. K (option `shards`) is fixed when the board is made and
stored with it; more shards are a new board. The board is "per player" consistent (`Capabilities`): an operation on one
player is linearizable, the order is total and the same for every reader, and what spans shards joins one state of
each, taken while the call runs. The rank that an update returns counts the update itself, and the other shards at some
moment of the call.

Ties: with `ties=strict`, each update takes a ticket from one sequencer, in the board's manifest, and the ticket is its
place in a tie over all shards: of two updates where one ended before the other began, the earlier ranks first. That is
a round trip more, and where the manifest's node is down, updates fail and reads go on. A single update whose ticket
was overtaken in its shard is ordered as it is applied; those of a batch keep their tickets. A promoted sequencer goes
on after its predecessor as long as the two servers' clocks differ by less than a failover takes. With `ties=clock`,
the clock of the shard's server is the ticket: nothing is asked first, and between shards whose clocks differ by d,
updates less than d apart may be ordered the other way round, and so may those of one batch. Such a write asks the
manifest beside it whether a clear is under way.

`consistent` (or `with consistent_reads():`) gives one moment of all shards: a read is repeated until two in a row meet
the same state of each shard. `partial` (or `with partial_answers():`) lets reads answer without shards that do not
answer; `ask` tells which, and how far the rank can be off. Otherwise such a read raises `ShardsMissingError`.

`clear` goes to all shards under a number of its own. Whoever meets one that was cut half-way finishes it.

With `read_from=replica`, reads go to one replica of each primary (`cluster_replicas`), which proves how old its answer
can be, shard by shard (`replicas`). Shards whose replica is behind what this process wrote or showed before, is older
than `max_staleness`, has another history, or fails, are read from their primary. Primaries alone answer `consistent`
reads, those that decide a write (`ask_live`), and the change feed, and count for the rank of an update.

With `feed`, each shard keeps its latest changes, in the same step as they are made; all shards are read together, by
one round trip, and their changes merged (`shard_feeds`). A version has the number of each shard. With an answer
(`at_version`), it takes a round trip more, and may be later than the answer.

Cost, beside what one server takes: `len`, `count_by_score` one round trip to all primaries at once; `get_rank`,
`get_entry`, `get_entries`, `get_percentile`, `get_around` two; `get_top_n`, `get_by_score` one, seldom two; a range at
a deep rank three to five; `get_score` one, to one node; `update_score` two, `increment_score` three, a batch two, each
one less with `ties=clock`; a batch goes to all its shards at once. Each shard counts for each rank, so more shards
than eight per primary cost more than they give. A read of replicas takes as many round trips, and one more where some
shards are read from their primaries.

Crash: as one server's, for each primary. A failover loses the acknowledged writes that the promoted replica had not
received; `wait_replicas=n` returns once n replicas have a write, else raises `WriteOutcomeUnknownError`. A primary that
was frozen or cut off, and replaced meanwhile, can still answer reads until it hears of that (about a node time-out); as
a replica, it is not read before it has its successor's history.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar, cast

from ...capabilities import StorageInfo
from ...changes import FEED_OPTION, Change, Changes, Version
from ...errors import (
    BackendError,
    BatchOutcomes,
    ConfigurationError,
    LeaderboardError,
    WriteOutcomeUnknownError,
)
from ...location import Location, Option
from ...model import Entry, Keep, Order, Score, percentile, score_from_float
from ...protocol import PAGE_SIZE
from ...score_limits import ScoreLimits, limits_wanted
from .address import CLUSTER_OPTIONS, OPTIONS, ClusterAddress
from .board import DEFAULT_BATCH, DEFAULT_PREFIX, RedisLeaderboard
from .cluster_replicas import ClusterReplicas
from .failures import LateTicketError
from .merge import Ask, Joint, Plan
from .replicas import MAX_STALENESS
from .requests import MAX_RANK, Request
from .shard_feeds import Asked, Feed, feeds, merged, whole_board
from .shard_requests import (
    AFTER_ALL,
    BEFORE_ALL,
    Placed,
    Row,
    Tally,
)
from .sharded import Seen, ShardedBoard
from .topology import Several, Single, Terms

T = TypeVar("T")

TICKETS: Final = 50
"""How many tickets a write takes before it gives up: one is nearly always enough."""
TICKET_LIFE: Final = 0.5
"""Seconds after which a ticket is not used any more."""


def _rank_of_one(value: tuple[list[tuple[int, Row] | None], int]) -> int | None:
    """Return the rank of a standing, where it is that of one player."""
    standings, _ = value
    return standings[0][0] if len(standings) == 1 and standings[0] else None


class ClusterLeaderboard(ShardedBoard):
    """A board over the shards of a cluster, shared by all processes that open it."""

    capabilities = replace(
        RedisLeaderboard.capabilities,
        consistency="per player",
        survives=(
            f"{RedisLeaderboard.capabilities.survives}; a failover loses the acknowledged writes that the promoted "
            "replica had not received, unless wait_replicas asks for their confirmation"
        ),
    )
    options: ClassVar[Mapping[str, Option]] = {**OPTIONS, "feed": FEED_OPTION, **CLUSTER_OPTIONS}

    def __init__(
        self,
        name: str = "default",
        *,
        address: ClusterAddress,
        order: Order = "descending",
        keep: Keep = "last",
        prefix: str = DEFAULT_PREFIX,
        batch_size: int = DEFAULT_BATCH,
        feed: int | None = None,
        shards: int | None = None,
        ties: str | None = None,
        partial: bool = False,
        consistent: bool = False,
        read_timeout: float = 1.0,
        wait_replicas: int = 0,
        wait_timeout: float = 1.0,
        read_from: str = "primary",
        max_staleness: float = MAX_STALENESS,
    ) -> None:
        terms = Terms(read_timeout, wait_replicas, wait_timeout)
        super().__init__(name, order, keep, address, prefix, terms, partial=partial, consistent=consistent)
        self._batch_size: Final = batch_size
        self._open(shards, ties, feed)
        if read_from == "replica":
            self._replicas = ClusterReplicas(self._cluster, self._requests, max_staleness)
            self.capabilities = replace(type(self).capabilities, consistency="eventual")

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` for no address, and for a contradiction."""
        if options.get("consistent") and options.get("read_from") == "replica":
            raise ConfigurationError(
                f"{location} has consistent=true and read_from=replica, but reads of one moment of all shards are "
                "answered by primaries alone: leave one out. For some reads, there is consistent_reads()."
            )
        return super().check_location(location, name, **options)

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        limits = limits_wanted()
        return self._write(lambda ticket: self._updating(player_id, username, score, ticket, limits))

    def _updating(
        self, player_id: str, username: str, score: Score, ticket: int | None, limits: ScoreLimits | None
    ) -> Plan[int]:
        """Update a player while the other shards count who is before it, if its place in the tie is as expected."""
        own = self._requests.shard_of(player_id)
        request = self._requests.shards[own].update(player_id, username, score, _text(ticket), limits)
        expected = AFTER_ALL if ticket is None else self._requests.member(player_id, username, ticket + 1)
        points = (Row(float(score), expected), Row(float(score), BEFORE_ALL))[: 2 if ticket is None else 1]
        answers = yield Ask({own: request}, self._reads.joint_tally(points, left_out=(own,)))
        placed: Placed = answers.single[own]
        tallies: list[Tally] = answers.joint
        alone = placed.row.score == score and all(tally.counts[0] == tally.counts[-1] for tally in tallies)
        if placed.row != points[0] and not (ticket is None and alone):  # in the tie, or of the place, not expected
            tallies = yield from self._reads.tally((placed.row,), left_out=(own,))
        return 1 + placed.rank + sum(tally.counts[0] for tally in tallies)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        limits = limits_wanted()
        return self._write(lambda ticket: self._incrementing(player_id, username, delta, ticket, limits))

    def _incrementing(
        self, player_id: str, username: str, delta: Score, ticket: int | None, limits: ScoreLimits | None
    ) -> Plan[Entry]:
        own = self._requests.shard_of(player_id)
        request = self._requests.shards[own].increment(player_id, username, delta, _text(ticket), limits)
        placed = (yield Ask({own: request})).single[own]
        tallies = yield from self._reads.tally((placed.row,), left_out=(own,))
        rank = 1 + placed.rank + sum(tally.counts[0] for tally in tallies)
        return Entry(rank, player_id, username, score_from_float(placed.row.score))

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
            try:
                outcomes += self._update_batch(updates[first : first + self._batch_size], limits)
            except BackendError as error:  # of the manifest: nothing of this batch was sent
                outcomes += [error] * (len(updates) - first)
            if any(isinstance(outcome, Exception) for outcome in outcomes[first:]):
                raise _batch_error(outcomes, first, len(updates))

    def _update_batch(self, updates: Sequence[tuple[str, str, Score]], limits: ScoreLimits | None) -> list[Any]:
        """Apply updates, each shard's as one step; returns the outcome of each."""
        places: dict[int, list[int]] = {}
        for place, (player_id, _, _) in enumerate(updates):
            places.setdefault(self._requests.shard_of(player_id), []).append(place)
        outcomes: list[Any] = [None] * len(updates)
        left, above = list(places), 0
        for _ in range(TICKETS):
            ticket = self._take_ticket(len(updates), above) if self._strict else None
            single = [
                Single(
                    self._requests.slots[shard],
                    self._requests.shards[shard].update_many(
                        [updates[place] for place in places[shard]], places[shard], _text(ticket), limits
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
            if monotonic() - began > TICKET_LIFE and attempt < TICKETS - 1:
                continue
            try:
                return self._run(make(ticket), Seen())
            except LateTicketError as error:
                above, late = error.above, error
        raise late

    # ------------------------------------------------------------------ reads

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        found, _ = self._read(lambda: self._reads.standings(player_ids), _rank_of_one)
        return [None if each is None else each[1].entry(each[0]) for each in found]

    def _get_rank(self, player_id: str) -> int | None:
        ((standing,), _) = self._read(lambda: self._reads.standings((player_id,)), _rank_of_one)
        return None if standing is None else standing[0]

    def _get_score(self, player_id: str) -> Score | None:
        ((placed,), _) = self._read(lambda: self._reads.locate((player_id,)))
        return None if placed is None else score_from_float(placed.row.score)

    def _get_percentile(self, player_id: str) -> float | None:
        ((standing,), players) = self._read(lambda: self._reads.standings((player_id,)), _rank_of_one)
        return None if standing is None else percentile(standing[0], players)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        first, last = min(first_rank, MAX_RANK), min(last_rank, MAX_RANK)
        rows = self._read(lambda: self._reads.between(first - 1, last - first + 1))
        return _entries(rows, first)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        joined = self._read(lambda: self._reads.around(player_id, min(radius, MAX_RANK)))
        if joined is None:
            return []
        return _entries(joined.behind[::-1] + joined.ahead, joined.before + 1 - len(joined.behind))

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        better, worse = self._ends(low, high)
        count = MAX_RANK if limit is None else min(limit, MAX_RANK)
        joined = self._read(lambda: self._reads.rows(better, 0, count, worse.score))
        return _entries(joined.ahead, joined.before + 1)

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
            rows = _without(last, joined.ahead)[:PAGE_SIZE]
            yield from _entries(rows, joined.before + 1 + (joined.ahead[:1] == [last]))
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
        return [self._requests.state(row) for row in _without(point, joined.ahead)[:limit]]

    def feed_group(self) -> object:
        """Return the cluster, which returns the changes of several boards by one round trip."""
        return self._cluster

    def follow_feeds(
        self, after: Mapping[Any, Version], limit: int, checked: Collection[object]
    ) -> dict[Any, Changes | None]:
        """Return the changes of the checked boards by one round trip to all primaries; nothing of the others.

        A board whose shards are found before and after a clear takes more.
        """
        boards: dict[ClusterLeaderboard, list[Asked]] = {
            board: whole_board(board._requests, version)  # noqa: SLF001 - of this class
            for board, version in after.items()
            if board in checked
        }
        asked = [shard for shards in boards.values() for shard in shards]
        found = self._feeds_of(asked, limit) if asked else []
        changes: dict[Any, Changes | None] = {}
        for board, shards in boards.items():
            own, found = found[: len(shards)], found[len(shards) :]
            if len({feed.state.cleared for feed in own}) == 1:
                changes[board] = merged(own, board._generation, after[board], limit)  # noqa: SLF001 - of this class
            else:
                changes[board] = board.get_changes(after[board], limit)
        return changes

    def _feeds_of(self, asked: Sequence[Asked], limit: int) -> list[Feed]:
        """Return what shards say, of any boards of this cluster; raises where one does not answer."""
        slots = tuple(shard.requests.slots[shard.shard] for shard in asked)

        def make(places: Sequence[int]) -> Request[Any]:
            return feeds(asked, places, limit)

        outcomes = self._cluster.carry((), Several(slots, range(len(asked)), make), self._terms)
        if outcomes.missing:
            raise next(iter(outcomes.missing.values()))
        found: dict[int, Feed] = {}
        for part in outcomes.values:
            found |= part
        return [found[place] for place in range(len(asked))]

    def _storage_info(self) -> StorageInfo:
        """Return what the primary says of itself that keeps the least."""
        infos = [
            self._cluster.server(node).storage_info(self._manifest) for node in self._cluster.slot_map().primaries()
        ]
        least = min(infos, key=lambda info: _KEPT.index(info.machine_crash.amount))
        used = [info.used_bytes for info in infos if info.used_bytes is not None]
        where = str(self._cluster.address)
        return replace(least, server=where, server_pid=None, server_run="", used_bytes=sum(used) if used else None)


_KEPT: Final = ("nothing", "not known", "other", "all but the last second", "everything")


def _text(ticket: int | None) -> str:
    return "" if ticket is None else str(ticket)


def _without(point: Row | None, rows: list[Row]) -> list[Row]:
    """Return the rows after a point, of those from it on."""
    return rows[rows[:1] == [point] :]


def _entries(rows: Sequence[Row], first_rank: int) -> list[Entry]:
    return [row.entry(rank) for rank, row in enumerate(rows, first_rank)]


def _batch_error(outcomes: Sequence[Any], earlier: int, total: int) -> LeaderboardError:
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
