"""Reads that join what shards answer, over shards in memory that answer as the scripts do: held to one sorted list."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count, product
from math import inf
from random import Random
from typing import Any, NamedTuple, TypeVar, cast

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.backends.redis.manifest import READY, Manifest
from leaderboard_backends.backends.redis.merge import MANY, Joined, JoinedReads
from leaderboard_backends.backends.redis.parsing import SEPARATOR
from leaderboard_backends.backends.redis.plans import Answers, Joint, MomentPassedError, Plan, Seen
from leaderboard_backends.backends.redis.requests import MAX_RANK, Request
from leaderboard_backends.backends.redis.shard_requests import (
    AFTER_ALL,
    BEFORE_ALL,
    STAMP_BYTES,
    Located,
    Row,
    ShardedRequests,
    State,
    Tally,
)
from leaderboard_backends.model import Order

T = TypeVar("T")

ORDERS: tuple[Order, ...] = ("descending", "ascending")
NODES = 3
"""How many requests a question to all shards is split into."""
CHANGES = 4
"""How many changes writers make during one read, at most."""


class Shards:
    """The shards of a board in memory. Each request is one atomic step, as a script is, and sees them as they are."""

    def __init__(self, number: int, order: Order) -> None:
        self.requests = ShardedRequests("board", order, "last", "prefix", Manifest(number, "strict", "made", READY))
        self.reads = JoinedReads(self.requests)
        self.rows: list[list[Row]] = [[] for _ in range(number)]
        """Of each shard, in ascending order whatever the board's."""
        self.stamp = 0
        self.trips = 0
        self.longest = 0
        """The most rows that a shard has sent in one answer."""
        self._versions = [0] * number
        self._numbers = {shard.key.encode(): at for at, shard in enumerate(self.requests.shards)}
        self._scripts = {
            "entries": self._entries,
            "shard_standing": self._standing,
            "tally": self._tally,
            "window": self._window,
            "sample": self._sample,
        }

    # ------------------------------------------------------------------ what they hold

    def fill(self, updates: Iterable[tuple[str, float]]) -> None:
        """Give new players their scores, in this order."""
        for player_id, score in updates:
            self.stamp += 1
            member = self.requests.member(player_id, f"name{self.stamp % 3}", self.stamp)
            self.rows[self.requests.shard_of(player_id)].append(Row(score, member))
        for rows in self.rows:
            rows.sort()

    def change(self, player_id: str, score: float | None) -> int:
        """Give a player another score, or remove it; returns the shard."""
        shard = self.requests.shard_of(player_id)
        self.rows[shard] = [row for row in self.rows[shard] if row.player_id != player_id]
        self._versions[shard] += 1
        if score is not None:
            self.fill([(player_id, score)])
        return shard

    def best_first(self, states: Iterable[Sequence[Row]]) -> list[Row]:
        """Return the rows of several shards in the board's order."""
        return sorted(chain.from_iterable(states), reverse=self.requests.descending)

    # ------------------------------------------------------------------ carrying a read

    def run(self, plan: Plan[T], before_each: Callable[[], None] = lambda: None) -> T:
        """Bring what a read asks to the shards, one request after the other, and return what it answers."""
        try:
            ask = next(plan)
            while True:
                self.trips += 1
                single: dict[int, Any] = {}
                joint: list[Any] = []
                for shard, request in ask.single.items():
                    before_each()
                    single[shard] = self._answer(request)
                for node in range(NODES):
                    if shards := self._shards_of(node, ask.joint):
                        before_each()
                        joint.append(self._answer(cast("Joint", ask.joint).make(shards)).value)
                ask = plan.send(Answers(single, joint))
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # what the plan returns

    def _shards_of(self, node: int, joint: Joint | None) -> list[int]:
        """Return for which of a node's shards a request is made."""
        shards = range(node, len(self.rows), NODES)
        wanted = [shard for shard in shards if joint and shard in joint.shards]
        return [*shards] if joint and joint.with_neighbours and wanted else wanted

    def _answer(self, request: Request[Any]) -> Any:
        reader = hiredis.Reader()
        reader.feed(request.packed)
        _, _, _, *texts = reader.gets()
        assert request.script is not None
        return request.answer(self._scripts[request.script.name](texts))

    # ------------------------------------------------------------------ what the scripts answer

    def _entries(self, texts: Sequence[bytes]) -> list[Any]:
        key, *player_ids = texts
        rows = self._of(key)
        ranks = {row.member[STAMP_BYTES:].partition(SEPARATOR)[2]: rank for rank, row in enumerate(rows)}
        reply: list[Any] = []
        for player_id in player_ids:
            if (rank := ranks.get(player_id)) is None:
                reply += [None, None, None]
            else:
                reply += [rank, _text(rows[rank].score), rows[rank].member.removesuffix(SEPARATOR + player_id)]
        return [*reply, *self._state(key)]

    def _standing(self, texts: Sequence[bytes]) -> list[Any]:
        key, player_id, *others = texts
        located = self._entries((key, player_id))
        rank, score, record = located[:3]
        if rank is None:
            return [located, self._tally((b"0", b"0"))]
        return [located, self._tally((b"1", b"0", score, record + SEPARATOR + player_id, *others))]

    def _tally(self, texts: Sequence[bytes]) -> list[Any]:
        end, owners = 2 + 2 * int(texts[0]), int(texts[1])
        points = [Row(float(score), member) for score, member in zip(texts[2:end:2], texts[3:end:2], strict=True)]
        versions, keys = texts[end : end + owners], texts[end + owners :]
        changed = any(text and int(text) != self._state(key)[1] for text, key in zip(versions, keys, strict=False))
        counts = [sum(self._before(key, point) for key in keys) for point in points]
        scores = {row.member: _text(row.score) for key in keys[:owners] for row in self._of(key)}
        _, version, players = (sum(numbers) for numbers in zip((0, 0, 0), *map(self._state, keys), strict=True))
        known = [scores.get(point.member) for point in points] if owners else None
        return [None, 0, 0, version, players, int(changed), known, *counts]

    def _window(self, texts: Sequence[bytes]) -> list[Any]:
        score, member, behind, ahead, bound, *keys = texts
        parts = []
        for key in keys:
            rows = self._of(key)
            at = self._before(key, Row(float(score), member)) if score else 0
            stop = min(at + int(ahead), len(rows))
            if bound:
                stop = min(stop, self._before(key, Row(float(bound), AFTER_ALL)))
            back, onward = rows[max(0, at - int(behind)) : at], rows[at:stop]
            parts.append([*self._state(key), at, self._flat(back), self._flat(onward)])
        return [None, parts]

    def _sample(self, texts: Sequence[bytes]) -> list[Any]:
        end = 1 + int(texts[0])
        ranks = [int(text) for text in texts[1:end]]
        return [None, [[*self._state(key), self._flat(self._at(key, ranks))] for key in texts[end:]]]

    def _at(self, key: bytes, ranks: Sequence[int]) -> list[Row]:
        rows = self._of(key)
        return [rows[rank] for rank in ranks if rank < len(rows)]

    def _of(self, key: bytes) -> list[Row]:
        rows = self.rows[self._numbers[key]]
        return rows[::-1] if self.requests.descending else rows

    def _before(self, key: bytes, point: Row) -> int:
        rows = self.rows[self._numbers[key]]
        if not self.requests.descending:
            return bisect_left(rows, point)
        member = {BEFORE_ALL: AFTER_ALL, AFTER_ALL: BEFORE_ALL}.get(point.member, point.member)
        return len(rows) - bisect_right(rows, Row(point.score, member))

    def _state(self, key: bytes) -> tuple[int, int, int]:
        """Return the number of the last clear, the version, and the number of players."""
        shard = self._numbers[key]
        return 0, self._versions[shard], len(self.rows[shard])

    def _flat(self, rows: Sequence[Row]) -> list[bytes]:
        self.longest = max(self.longest, len(rows))
        return [text for row in rows for text in (row.member, _text(row.score))]


def _text(score: float) -> bytes:
    return b"%.17g" % score


# ---------------------------------------------------------------------- what reads must answer of a sorted list


class Read(NamedTuple):
    """A read, and its definition: what it answers of all rows, best first."""

    plan: Callable[[], Plan[Any]]
    definition: Callable[[list[Row]], object]


def precedes(row: Row, point: Row, *, descending: bool) -> bool:
    if row.score != point.score:
        return (row.score > point.score) == descending
    if point.member in (BEFORE_ALL, AFTER_ALL):
        return point.member == AFTER_ALL
    return row.member != point.member and (row.member > point.member) == descending


def joined(
    rows: Sequence[Row], point: Row | None, behind: int, ahead: int, bound: float | None, *, descending: bool
) -> Joined:
    before = [row for row in rows if point is not None and precedes(row, point, descending=descending)]
    onward = [
        row
        for row in rows[len(before) :]
        if bound is None or precedes(row, Row(bound, AFTER_ALL), descending=descending)
    ]
    return Joined(len(before), before[::-1][:behind], onward[:ahead])


def around(rows: Sequence[Row], player_id: str, radius: int, *, descending: bool) -> Joined | None:
    own = next((row for row in rows if row.player_id == player_id), None)
    return None if own is None else joined(rows, own, radius, radius + 1, None, descending=descending)


def standings(rows: Sequence[Row], player_ids: Sequence[str]) -> tuple[list[tuple[int, Row] | None], int]:
    ranked = {row.player_id: (rank, row) for rank, row in enumerate(rows, 1)}
    found = [ranked.get(player_id) for player_id in player_ids]
    return found, len(rows) if any(found) else 0


def reads_of(shards: Shards, players: Sequence[str], chance: Random) -> Iterator[Read]:
    """Yield reads of every kind with random arguments; most of what they name is there."""
    reads, descending = shards.reads, shards.requests.descending
    rows = shards.best_first(shards.rows)
    numbers = [0, 1, 2, chance.randrange(60), len(rows), MAX_RANK]
    scores = [*{row.score for row in rows}, -inf, inf, 0.5]
    worse, better = sorted((chance.choice(scores), chance.choice(scores)), reverse=not descending)
    some, one = chance.choices(players, k=chance.choice([1, 2, 8])), chance.choice(players)
    number, radius, behind, ahead = (chance.choice(numbers) for _ in range(4))
    point = chance.choice([None, Row(better, BEFORE_ALL), Row(worse, AFTER_ALL), *rows[:: max(1, len(rows) // 5)]])
    first = chance.choice([0, number, *[chance.randrange(len(rows) + 1)] * 4, max(0, len(rows) - 3), MAX_RANK - 1])
    bound = chance.choice([None, worse])
    ends = Row(better, BEFORE_ALL), Row(worse, AFTER_ALL)

    def located() -> Plan[list[Row | None]]:
        placed, _ = yield from reads.locate(some)
        return [each and each.row for each in placed]

    yield Read(reads.count, len)
    yield Read(
        lambda: reads.count_between(*ends),
        lambda rows: sum(
            precedes(row, ends[1], descending=descending) and not precedes(row, ends[0], descending=descending)
            for row in rows
        ),
    )
    yield Read(located, lambda rows: [each and each[1] for each in standings(rows, some)[0]])
    yield Read(lambda: reads.standings(some), lambda rows: standings(rows, some))
    yield Read(lambda: reads.around(one, radius), lambda rows: around(rows, one, radius, descending=descending))
    yield Read(lambda: reads.between(first, number), lambda rows: rows[first : first + number])
    yield Read(lambda: reads.between(first, 3), lambda rows: rows[first : first + 3])
    yield Read(
        lambda: reads.rows(point, behind, ahead, bound),
        lambda rows: joined(rows, point, behind, ahead, bound, descending=descending),
    )


def made(number: int, order: Order, players: Sequence[str], scores: int, chance: Random) -> Shards:
    """Return shards with players of a few scores, some of them negative or no whole number.

    Where chance wants it, shards have scores of their own, so that one has all the best.
    """
    shards = Shards(number, order)
    shards.stamp = chance.choice([0, 2**32, 2**52])  # bytes of 0, of 255, of both
    skew = chance.choice([0, 0, scores])
    shard_of = shards.requests.shard_of
    shards.fill((player_id, shard_of(player_id) * skew + chance.randrange(scores) / 2 - 1) for player_id in players)
    return shards


# ---------------------------------------------------------------------- the claims


@given(
    seed=st.integers(0, 2**32),
    order=st.sampled_from(ORDERS),
    number=st.sampled_from([1, 4, 64]),
    players=st.integers(0, 300),
    scores=st.sampled_from([1, 3, 20, 1000]),
)
def test_every_read_answers_what_one_sorted_list_does(
    seed: int, order: Order, number: int, players: int, scores: int
) -> None:
    chance = Random(seed)
    names = [f"p{index}" for index in range(players + 2)]
    shards = made(number, order, names[:players], scores, chance)
    rows = shards.best_first(shards.rows)
    for read in chain.from_iterable(reads_of(shards, names, chance) for _ in range(3)):
        assert shards.run(read.plan()) == read.definition(rows)


@settings(max_examples=3 * settings().max_examples)
@given(
    seed=st.integers(0, 2**32),
    order=st.sampled_from(ORDERS),
    players=st.integers(0, 80),
    scores=st.sampled_from([1, 3, 20]),
)
def test_beside_writers_an_answer_is_still_that_of_one_state_of_each_shard(
    seed: int, order: Order, players: int, scores: int
) -> None:
    """Players come, go and move between any two requests; what is answered joins states of the time of the call."""
    chance = Random(seed)
    names = [f"p{index}" for index in range(players + 2)]
    shards = made(4, order, names[:players], scores, chance)
    for read in reads_of(shards, names, chance):
        states = [[list(rows)] for rows in shards.rows]
        writes = iter(range(CHANGES))

        def write(states: list[list[list[Row]]] = states, writes: Iterator[int] = writes) -> None:
            while chance.random() < 0.4 and next(writes, None) is not None:
                score = chance.choice([None, chance.randrange(scores) / 2 - 1, 1e6, -1e6])
                shard = shards.change(chance.choice(names), score)
                states[shard].append(list(shards.rows[shard]))

        answer = shards.run(read.plan(), write)
        assert any(read.definition(shards.best_first(each)) == answer for each in product(*states))


def test_one_player_who_never_stands_still_is_ranked_at_once() -> None:
    """By its shard as it was found there; several players are read until none of them moves."""
    shards = made(4, "descending", [f"p{number}" for number in range(40)], 20_000, Random(5))
    places = count()

    def move() -> None:
        shards.change("p7", next(places) % 20_000)

    ((standing,), players) = shards.run(shards.reads.standings(("p7",)), move)
    assert standing is not None
    assert (standing[1].player_id, players) == ("p7", 40)
    assert shards.trips == 2
    with pytest.raises(BackendUnavailableError, match="moved during each"):
        shards.run(shards.reads.standings(("p7", "p8")), move)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("number", "scores"), [(1, 20_000), (4, 300), (16, 20_000), (64, 2)])
def test_a_deep_range_takes_few_trips_and_no_shard_sends_much_more_than_its_part(
    order: Order, number: int, scores: int
) -> None:
    players = 20_000
    shards = made(number, order, [f"p{index}" for index in range(players)], scores, Random(5))
    rows = shards.best_first(shards.rows)
    for first in (0, 90, 5000, 12_345, players - 30):
        shards.trips = shards.longest = 0
        assert shards.run(shards.reads.between(first, 100)) == rows[first : first + 100]
        assert shards.trips <= 6
        assert shards.longest <= 100 + 200 // number


@pytest.mark.parametrize("number", [4, 16])
def test_many_players_are_ranked_as_few_are(number: int) -> None:
    """In parts, or with the whole board where that is not much larger."""
    names = [f"p{index}" for index in range(20_000)]
    shards = made(number, "ascending", names, 300, Random(5))
    some = Random(6).sample([*names, "nobody"], 2 * MANY + 1)
    found, players = standings(shards.best_first(shards.rows), some)
    assert shards.run(shards.reads.standings(some)) == (found, players)


@pytest.mark.parametrize("number", [1, 16])
@pytest.mark.parametrize("first", [20_000, 40_000, MAX_RANK - 101])
def test_a_range_beyond_the_end_is_empty_and_sends_no_rows_to_speak_of(number: int, first: int) -> None:
    shards = made(number, "descending", [f"p{index}" for index in range(20_000)], 300, Random(5))
    assert shards.run(shards.reads.between(first, 100)) == []
    assert shards.longest <= 200


def test_players_whom_nobody_knows_are_looked_for_once_unless_they_are_to_be_of_one_moment() -> None:
    shards = made(4, "descending", [f"p{number}" for number in range(40)], 20_000, Random(5))
    unknown, places = [f"q{number}" for number in range(20)], count()

    def move() -> None:
        shards.change("p7", next(places))

    assert shards.run(shards.reads.standings(unknown), move) == ([None] * 20, 0)
    assert shards.trips == 1
    assert shards.run(shards.reads.standings(unknown, at_once=True)) == ([None] * 20, 0)
    assert shards.trips == 3


def test_no_shard_counts_twice_where_it_was_met_with_others_and_alone() -> None:
    seen = Seen()
    seen.note(Tally((0, 1), State(0, 5, 30), 0, [], [], changed=False))
    seen.note({0: Located(State(0, 3, 20), [])})
    assert seen.players() == 20
    seen.note(Tally((0, 1), State(0, 6, 31), 0, [], [], changed=False))
    assert seen.players() == 31


def test_what_is_met_after_the_moment_of_a_read_must_be_as_it_was_then() -> None:
    """However the shards are grouped by then, and whichever of them is named first."""
    seen = Seen(looks=2)
    seen.moment = {0: State(0, 3, 20), 1: State(0, 2, 10)}
    seen.note(Tally((1, 0), State(0, 5, 30), 0, [], [], changed=False))
    seen.note({1: Located(State(0, 2, 10), [])})
    for value in (Tally((1, 0), State(0, 6, 30), 0, [], [], changed=False), {0: Located(State(0, 4, 20), [])}):
        with pytest.raises(MomentPassedError):
            seen.note(value)
