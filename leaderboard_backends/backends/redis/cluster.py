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

With `feed`, each shard keeps its latest changes, in the same step as they are made; all shards are read together, by
one round trip, and their changes merged (`shard_feeds`). A version has the number of each shard. With an answer
(`at_version`), it takes a round trip more, and may be later than the answer.

Cost, beside what one server takes: `len`, `count_by_score` one round trip to all primaries at once; `get_rank`,
`get_entry`, `get_entries`, `get_percentile`, `get_around` two; `get_top_n`, `get_by_score` one, seldom two; a range at
a deep rank three to five; `get_score` one, to one node; `update_score` two, `increment_score` three, a batch two, each
one less with `ties=clock`; a batch goes to all its shards at once. Each shard counts for each rank, so more shards
than eight per primary cost more than they give.

Crash: as one server's, for each primary. A failover loses the acknowledged writes that the promoted replica had not
received; `wait_replicas=n` returns once n replicas have a write, else raises `WriteOutcomeUnknownError`. A primary that
was frozen or cut off, and replaced meanwhile, can still answer reads until it hears of that (about a node time-out).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from secrets import token_hex
from time import monotonic
from typing import Any, ClassVar, Final, TypeVar, cast

from ...answers import LIVE, Answer, Coverage, answered, consistent_wanted, partial_wanted
from ...capabilities import StorageInfo
from ...changes import FEED_OPTION, NO_VERSION, Change, Changes, Version, note_version, version_wanted
from ...errors import (
    BackendError,
    BackendUnavailableError,
    BatchOutcomes,
    BoardMismatchError,
    LeaderboardError,
    RankUnknownError,
    ShardsMissingError,
    WriteOutcomeUnknownError,
)
from ...location import Option
from ...model import Entry, Keep, Order, Score, percentile, score_from_float
from ...protocol import PAGE_SIZE
from ...score_limits import ScoreLimits, limits_wanted
from .address import CLUSTER_OPTIONS, OPTIONS, ClusterAddress
from .board import DEFAULT_BATCH, DEFAULT_PREFIX, AddressedLeaderboard, RedisLeaderboard
from .failures import LateTicketError
from .handshake import check_server
from .merge import Answers, Ask, JoinedReads, Joint, Plan
from .requests import MAX_RANK, Request
from .server import exchange
from .shard_feeds import Asked, Feed, feeds, merged, share_of_feed, whole_board
from .shard_requests import (
    AFTER_ALL,
    BEFORE_ALL,
    READY,
    Located,
    Manifest,
    ManifestRequests,
    Part,
    Placed,
    Row,
    Sampled,
    ShardedRequests,
    Standing,
    State,
    Tally,
    check_manifest,
)
from .topology import CONNECT_TIMEOUT, Several, Single, Terms, shared_cluster

T = TypeVar("T")

DEFAULT_SHARDS: Final = 64
COLLECTS: Final = 10
"""How often a consistent read looks at all shards."""
TICKETS: Final = 50
"""How many tickets a write takes before it gives up: one is nearly always enough."""
TICKET_LIFE: Final = 0.5
"""Seconds after which a ticket is not used any more."""
_CLEARING: Final = "clearing "
_TURNS: Final = 20
"""How often a call starts again because others clear or delete the board."""


class _ClearFoundError(Exception):
    """A read has met shards before and after a clear, whose number it has."""


def _no_rank(_: object) -> None:
    """Return the rank of an answer that is about no single player."""


def _rank_of_one(value: tuple[list[tuple[int, Row] | None], int]) -> int | None:
    """Return the rank of a standing, where it is that of one player."""
    standings, _ = value
    return standings[0][0] if len(standings) == 1 and standings[0] else None


class _Seen:
    """The states of shards that a read is made of, and the shards that did not answer."""

    def __init__(self, *, whole: bool = False) -> None:
        self.whole: Final = whole
        """Whether no shard may be missing, whatever the board permits."""
        self.states: dict[tuple[int, ...], State] = {}
        """By shards: the state of one, or of several of one node together."""
        self.changed = False
        """Whether shards were asked twice and had changed."""
        self.cleared: set[int] = set()
        self.missing: dict[int, BackendError] = {}

    def note(self, value: Tally | Standing | Mapping[int, Located | Part | Sampled | Feed]) -> None:
        """Note the states of an answer."""
        if isinstance(value, Standing):
            self.note({value.shard: value.located})
            self.note(value.others)
        elif isinstance(value, Tally):
            self._note(value.shards, value.state, value.earliest)
        else:
            for shard, part in value.items():
                self._note((shard,), part.state, part.state.cleared)

    def _note(self, shards: tuple[int, ...], state: State, earliest: int) -> None:
        self.changed |= self.states.get(shards, state) != state
        self.states[shards] = state
        if shards:
            self.cleared |= {state.cleared, earliest}

    def players(self) -> int:
        """Return how many players the shards that answered have."""
        return sum(state.players for state in self.states.values())


class ClusterLeaderboard(AddressedLeaderboard):
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
    ) -> None:
        super().__init__(name, order=order, keep=keep)
        self._batch_size: Final = batch_size
        self._partial: Final = partial
        self._consistent: Final = consistent
        self._terms: Final = Terms(read_timeout, wait_replicas, wait_timeout)
        self._manifest: Final = ManifestRequests(self._name, order, keep, prefix)
        self._players: int | None = None
        """How many players there were when all shards were last counted."""
        self._cluster: Final = shared_cluster(address)
        self._cluster.hold(self)
        try:
            manifest = self._open(shards, ties, prefix, feed)
        except BaseException:
            self._cluster.leave(self)
            raise
        self._strict: Final = manifest.ties == "strict"

    @property
    def shards(self) -> int:
        """The number of shards."""
        return len(self._requests.shards)

    # ------------------------------------------------------------------ opening, clearing, deleting

    def _open(self, shards: int | None, ties: str | None, prefix: str, feed: int | None) -> Manifest:
        """Find the board, or make it; finishes what another process has left half-way."""
        if not self._cluster.version:
            self._cluster.version = self._check_nodes()
        for _ in range(_TURNS):
            request = self._manifest.open(shards, ties, DEFAULT_SHARDS, token_hex(4))
            manifest: Manifest = self._ask_manifest(request)
            check_manifest(manifest)
            self._generation = manifest.generation
            self._requests = ShardedRequests(self._name, self._order, self._keep, prefix, manifest)
            self._reads = JoinedReads(self._requests)
            if manifest.state == "deleting":
                self._finish_delete(manifest.generation)
            elif manifest.state == "making":
                self._make(manifest.generation, share_of_feed(feed, manifest.shards))
            else:
                self._finish_clear(manifest.generation, manifest.state)
                self._read(self._reads.count)  # a shard that is missing was lost: it is never made anew
                if feed is not None:
                    kept = share_of_feed(feed, manifest.shards)
                    self._ask_all([shard.keep(kept) for shard in self._requests.shards])
                return manifest
        raise BackendUnavailableError(f"{self._cluster.address}: the board is being deleted again and again.")

    def _make(self, generation: str, feed: str) -> None:
        """Make all shards of a new board; raises where there was one, and only its manifest is lost."""
        earlier = self._ask_manifest(self._manifest.copied(), self._manifest.far_slot)
        if earlier not in (None, generation):
            self._change(generation, "making", "")
            raise BoardMismatchError(
                f"{self._cluster.address} has lost the manifest of the board {self._name!r} (the key "
                f"{self._manifest.key}), not its shards: restore the data of its node. To begin anew, delete the key "
                f"{self._manifest.copy_key} first."
            )
        self._ask_manifest(self._manifest.copy(generation), self._manifest.far_slot)
        self._ask_all([shard.make(feed) for shard in self._requests.shards])
        self._change(generation, "making", READY)

    def _check_nodes(self) -> str:
        """Return what the nodes are; raises for one that cannot hold a board, and where none answers."""
        nodes = [self._cluster.server(node) for node in self._cluster.slot_map().primaries()]
        found = exchange({node: [self._manifest.information()] for node in nodes}, monotonic() + CONNECT_TIMEOUT)
        answers = {node: outcome for node, (outcome,) in found.items()}
        versions = [
            check_server(answer, node.address, cluster=True)
            for node, answer in answers.items()
            if not isinstance(answer, BackendError)
        ]
        if not versions:
            raise next(iter(answers.values()))
        return versions[0]

    def _clear(self) -> None:
        for _ in range(_TURNS):
            number = self._take_ticket(1, 0)
            state = self._change(self._generation, READY, f"{_CLEARING}{number}")
            try:
                self._finish_clear(self._generation, state)
            except BackendUnavailableError as error:
                if state != f"{_CLEARING}{number}":
                    raise
                raise WriteOutcomeUnknownError(
                    f"the clear has begun, and whoever uses the board next finishes it: {error}"
                ) from error
            if state == f"{_CLEARING}{number}":
                return
        raise BackendUnavailableError("other processes clear the board again and again; this call cleared nothing.")

    def _finish_clear(self, generation: str, state: str) -> None:
        """Remove the players of all shards that a clear has not come to, if that is the board's state."""
        if state.startswith(_CLEARING):
            number = int(state.removeprefix(_CLEARING))
            self._ask_all([shard.clear(number) for shard in self._requests.shards])
            self._change(generation, state, READY)

    def _delete(self) -> None:
        self._change(self._generation, "", "deleting")
        self._finish_delete(self._generation)

    def _finish_delete(self, generation: str) -> None:
        self._ask_all([shard.delete() for shard in self._requests.shards])
        self._ask_manifest(self._manifest.copy(None), self._manifest.far_slot)
        self._change(generation, "deleting", "")

    def _change(self, generation: str, state: str, following: str) -> str:
        return str(self._ask_manifest(self._manifest.transition(generation, state, following)))

    def _state(self) -> str:
        return self._ask_manifest(self._manifest.state(self._generation))

    def _ask_manifest(self, request: Request[T], slot: int | None = None) -> T:
        single = Single(self._manifest.slot if slot is None else slot, request)
        (answer,) = self._cluster.carry([single], None, self._terms).answers()
        return answer  # type: ignore[no-any-return]  # what the request parses

    def _ask_all(self, requests: Sequence[Request[T]]) -> list[T]:
        """Bring a request to each shard; raises the first error, once all have answered or failed."""
        single = [Single(slot, request) for slot, request in zip(self._requests.slots, requests, strict=True)]
        return self._cluster.carry(single, None, self._terms).answers()

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
            return self._run(make(None), _Seen())
        above = 0
        for attempt in range(TICKETS):
            began = monotonic()
            ticket = self._take_ticket(1, above)
            if monotonic() - began > TICKET_LIFE and attempt < TICKETS - 1:
                continue
            try:
                return self._run(make(ticket), _Seen())
            except LateTicketError as error:
                above, late = error.above, error
        raise late

    def _write_to_shards(self, single: Sequence[Single], *, ticketed: bool = False) -> list[Any]:
        """Bring writes to shards, and return their outcomes.

        A clear that was cut half-way is finished before they count as done; that none is under way, a ticket has told.
        """
        if ticketed:
            return self._cluster.carry(single, None, self._terms).single
        asked = Single(self._manifest.slot, self._manifest.state(self._generation))
        *outcomes, state = self._cluster.carry([*single, asked], None, self._terms).single
        if isinstance(state, str):
            try:
                self._finish_clear(self._generation, state)
            except BackendError as error:
                unknown = WriteOutcomeUnknownError(f"the write was applied, and a clear may remove it: {error}")
                unknown.__cause__ = error
                outcomes = [outcome if isinstance(outcome, Exception) else unknown for outcome in outcomes]
        return outcomes

    def _take_ticket(self, updates: int, above: int) -> int:
        for _ in range(_TURNS):
            ticket = self._ask_manifest(self._manifest.ticket(self._generation, updates, above))
            if ticket.state == READY:
                return ticket.number
            if not ticket.state.startswith(_CLEARING):
                raise BoardMismatchError(
                    f"{self._cluster.address}: the board {self._name!r} is being deleted; nothing was applied."
                )
            self._finish_clear(self._generation, ticket.state)
        raise BackendUnavailableError("other processes clear the board again and again; nothing was applied.")

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

    def _read(self, plan: Callable[[], Plan[T]], rank_of: Callable[[T], int | None] = _no_rank) -> T:
        """Run a read; one of a single moment until two in a row have met the same state of all shards.

        `rank_of` tells the rank of the player that an answer is about, for the bounds of a partial one.
        """
        at_once = self._consistent or consistent_wanted()
        value, seen = (self._read_at_once if at_once else self._read_once)(plan, rank_of)
        if version_wanted():
            note_version(NO_VERSION if seen.missing else self._get_changes(None, 0).version)
        return value

    def _read_at_once(self, plan: Callable[[], Plan[T]], rank_of: Callable[[T], int | None]) -> tuple[T, _Seen]:
        before: _Seen | None = None
        for _ in range(COLLECTS):
            value, seen = self._read_once(plan, rank_of)
            if not seen.states or (before and not seen.changed and seen.states == before.states):
                return value, seen
            before = seen
        raise BackendUnavailableError(
            f"the shards changed during each of {COLLECTS} reads, so no answer is of one moment of all of them: try "
            "again, or read without consistent."
        )

    def _read_once(
        self, plan: Callable[[], Plan[T]], rank_of: Callable[[T], int | None] = _no_rank, *, whole: bool = False
    ) -> tuple[T, _Seen]:
        for turn in range(_TURNS):
            seen = _Seen(whole=whole)
            try:
                value = self._run(plan(), seen)
            except _ClearFoundError as found:
                state = self._state()
                self._finish_clear(self._generation, state)
                if turn and state == READY:  # a failover has lost a part of that clear
                    self._ask_all([shard.clear(found.args[0]) for shard in self._requests.shards])
                continue
            if sum(map(len, seen.states)) == self.shards:
                self._players = seen.players()
            if seen.missing:
                self._note_partial(rank_of(value), seen)
            elif self._partial or partial_wanted():
                answered(LIVE)
            return value, seen
        raise BackendUnavailableError("other processes clear the board again and again.")

    def _note_partial(self, lowest: int | None, seen: _Seen) -> None:
        """Note which shards an answer is without, and how far a rank can be off by what they held when last seen."""
        unseen = None if self._players is None else max(0, self._players - seen.players())
        highest = None if lowest is None or unseen is None else lowest + unseen
        coverage = Coverage(self.shards - len(seen.missing), tuple(sorted(seen.missing)), lowest, highest)
        answered(Answer("partial", 0.0, coverage))

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

    # ------------------------------------------------------------------ running plans

    def _run(self, plan: Plan[T], seen: _Seen) -> T:
        """Bring what a plan asks to the shards until it returns; an error after a write says that it was applied."""
        applied = False
        try:
            ask = next(plan)
            while True:
                writes = any(request.writes for request in ask.single.values())
                answers = self._answer(ask, seen, applied=applied or writes, writes=writes)
                applied |= writes
                ask = plan.send(answers)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the plan returns

    def _answer(self, ask: Ask, seen: _Seen, *, applied: bool, writes: bool) -> Answers:
        slots = self._requests.slots
        single = [Single(slots[shard], request) for shard, request in ask.single.items()]
        if untold := writes and not self._strict:  # the ticket of a strict one has told whether a clear is under way
            single.append(Single(self._manifest.slot, self._manifest.state(self._generation)))
        outcomes = self._cluster.carry(single, self._several(ask.joint), self._terms)
        state = outcomes.single.pop() if untold else READY
        answers = dict(zip(ask.single, outcomes.single, strict=True))
        if not writes:
            lost = {shard: each for shard, each in answers.items() if isinstance(each, BackendError)}
            self._admit_missing(lost, applied=applied, partial=False)
        outcomes.answers()
        if isinstance(state, str) and state != READY:
            self._finish_clear_of_others(state)
        partial = not seen.whole and (self._partial or partial_wanted())
        partial = partial and not (ask.joint and ask.joint.with_neighbours)
        self._admit_missing(outcomes.missing, applied=applied, partial=partial)
        seen.missing |= outcomes.missing
        for value in outcomes.values if writes else (answers, *outcomes.values):
            seen.note(value)
        if len(seen.cleared) > 1:
            if not applied:
                raise _ClearFoundError(max(seen.cleared))
            self._finish_clear_of_others(None)
        return Answers(answers, outcomes.values)

    def _finish_clear_of_others(self, state: str | None) -> None:
        """Finish a clear that a write has met, after which it counts as done."""
        try:
            self._finish_clear(self._generation, self._state() if state is None else state)
        except BackendError as error:
            raise RankUnknownError(f"the update was applied, and a clear may remove it: {error}") from error

    def _several(self, joint: Joint | None) -> Several | None:
        if joint is None:
            return None
        return Several(self._requests.slots, joint.shards, joint.make, joint.with_neighbours)

    def _admit_missing(self, missing: Mapping[int, BackendError], *, applied: bool, partial: bool) -> None:
        """Raise if there are any, unless an answer without them is permitted."""
        if not missing:
            return
        first = next(iter(missing.values()))
        lost = next((error for error in missing.values() if isinstance(error, BoardMismatchError)), None)
        text = (
            f"{self.shards - len(missing)} of {self.shards} shards answered within {self._terms.read_timeout:g} s "
            f"(read_timeout); missing: {', '.join(map(str, sorted(missing)))}. The first of them: {first}"
        )
        if applied:
            raise RankUnknownError(f"the update was applied, but its rank is not known: {text}") from first
        if lost is not None:
            raise lost
        if partial:
            return
        raise ShardsMissingError(text, self.shards - len(missing), self.shards, tuple(sorted(missing))) from first

    # ------------------------------------------------------------------ the rest

    def _fence(self, moved_to: str | None) -> None:
        """Fence the manifest, which is asked before a clear, then the shards; lift the fence the other way round."""
        state = self._state()  # raises for a board that is gone
        if moved_to is not None:
            self._ask_manifest(self._manifest.mark(moved_to))
            state = self._state()
        self._finish_clear(self._generation, state)
        self._ask_all([shard.fence(moved_to) for shard in self._requests.shards])
        if moved_to is None:
            self._ask_manifest(self._manifest.mark(None))

    def _fenced(self) -> str | None:
        return self._ask_manifest(self._manifest.marked())

    def _ping(self) -> None:
        self._ask_all([shard.ping() for shard in self._requests.shards])

    def _close(self) -> None:
        self._cluster.leave(self)

    def _storage(self) -> str:
        return self._cluster.version

    def _storage_info(self) -> StorageInfo:
        """Return what the primary says of itself that keeps the least."""
        infos = [
            self._cluster.server(node).storage_info(self._manifest) for node in self._cluster.slot_map().primaries()
        ]
        least = min(infos, key=lambda info: _KEPT.index(info.machine_crash.amount))
        used = [info.used_bytes for info in infos if info.used_bytes is not None]
        where = str(self._cluster.address)
        return replace(least, server=where, server_pid=None, used_bytes=sum(used) if used else None)

    def _place(self) -> str:
        return str(self._cluster.address)


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
