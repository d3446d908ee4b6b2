"""Reads and writes of a board of several shards, joined from what the shards answer; without input or output.

Each is a plan (`plans`). The last answers of a read are those that it is made of, one atomic step of each shard: where
a shard is asked again, for more rows, its new answer replaces the old one as a whole, and where one of several players
has moved since they were looked up, the read starts again. Very long lists of players are read in parts.

Rows of all shards compare as the server compares them, by score and member. Players are spread evenly by a hash, so the
first n of a board are hardly ever more than n/K + 3*sqrt(n/K) + 3 of one of K shards (three standard deviations of a
binomial distribution); that affects how often a shard is asked again, and no answer.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from itertools import chain
from math import isqrt
from operator import gt, lt
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from ...errors import BackendUnavailableError
from ...model import Entry, Score, score_from_float
from ...score_limits import ScoreLimits
from .plans import Answers, Ask, Joint, Plan
from .requests import MAX_RANK, Request
from .shard_requests import (
    AFTER_ALL,
    BEFORE_ALL,
    Located,
    Part,
    Placed,
    Row,
    Sampled,
    ShardedRequests,
    State,
    Tally,
    share,
)

T = TypeVar("T")

_NOBODY: Final[Mapping[int, int | None]] = MappingProxyType({})

ATTEMPTS: Final = 1000
"""How often a read starts again, because what it was about has moved meanwhile."""
MANY: Final = 1000
"""How many players are counted in each shard by one request: that takes a node some 10 µs for each in each shard."""
_FEW: Final = 4
"""How many rows too many of each shard are better than another round trip."""


class Joined(NamedTuple):
    """The rows around a point, over all shards."""

    before: int
    """How many players stand before the point."""
    behind: list[Row]
    """The nearest first."""
    ahead: list[Row]


class JoinedReads:
    """The reads of one board."""

    def __init__(self, requests: ShardedRequests) -> None:
        self._requests: Final = requests
        self._descending: Final = requests.descending
        self._all: Final = frozenset(range(len(requests.shards)))

    # ------------------------------------------------------------------ players

    def count(self) -> Plan[int]:
        """Return the number of players."""
        tallies = yield from self.tally(begins=True)
        return _players(tallies)

    def states(self, shards: Collection[int]) -> Plan[dict[int, State]]:
        """Return the state of each of some shards."""
        if not shards:
            return {}
        sampled = yield from self._sample((), shards)
        return {shard: found.state for shard, found in sampled.items()}

    def count_between(self, better: Row, worse: Row) -> Plan[int]:
        """Return the number of players from one point to another."""
        tallies = yield from self.tally((better, worse), begins=True)
        return _before(tallies, 1) - _before(tallies, 0)

    def locate(self, player_ids: Sequence[str]) -> Plan[tuple[list[Placed | None], dict[int, Located]]]:
        """Return where players are in their shards, which is enough for their scores, and what each shard answered."""
        places: dict[int, list[int]] = {}
        for place, player_id in enumerate(player_ids):
            places.setdefault(self._requests.shard_of(player_id), []).append(place)
        answers = yield Ask(
            {
                shard: self._requests.shards[shard].locate([player_ids[place] for place in own])
                for shard, own in places.items()
            }
        )
        found: list[Placed | None] = [None] * len(player_ids)
        for shard, own in places.items():
            for place, placed in zip(own, answers.single[shard].players, strict=True):
                found[place] = placed
        return found, dict(answers.single)

    def standings(
        self, player_ids: Sequence[str], *, at_once: bool = False
    ) -> Plan[tuple[list[tuple[int, Row] | None], int]]:
        """Return rank and row of players, and the number of all players, from one state of each shard.

        Several players, and one whose rank is to be of one moment (`at_once`), are read until none of them has moved
        between the two round trips. Where none of them is known, the number is 0. More than `MANY` players are read
        with the whole board, if that is small beside counting each of them in each shard, else in parts: each of one
        state.
        """
        if len(player_ids) == 1 and not at_once:
            return (yield from self._standing(player_ids[0]))
        if len(player_ids) > MANY:
            return (yield from self._many_standings(player_ids, at_once=at_once))
        return (yield from self._few_standings(player_ids, at_once=at_once))

    def _few_standings(
        self, player_ids: Sequence[str], *, at_once: bool, begins: bool = True
    ) -> Plan[tuple[list[tuple[int, Row] | None], int]]:
        for _ in range(ATTEMPTS):
            placed, shards = yield from self.locate(player_ids)
            points = list(dict.fromkeys(place.row for place in placed if place))
            if not points and (len(shards) == 1 or not at_once):
                return [None] * len(player_ids), 0
            owners = {shard: _version(found) for shard, found in shards.items()}
            tallies = yield from self.tally(points, owners, begins=begins)
            if _stand(points, tallies):
                counts = zip(*(tally.counts for tally in tallies), strict=True)
                ranks = {row: 1 + sum(before) for row, before in zip(points, counts, strict=True)}
                found = [(ranks[place.row], place.row) if place else None for place in placed]
                return found, _players(tallies) if points else 0
        raise _unsettled()

    def _standing(self, player_id: str) -> Plan[tuple[list[tuple[int, Row] | None], int]]:
        """Return the standing of one player: its own shard is asked once, so no writer can make it start again."""

        def make(shards: Sequence[int]) -> Request[Any]:
            return self._requests.standing(player_id, shards)

        answers = yield Ask(joint=Joint((self._requests.shard_of(player_id),), make, with_neighbours=True))
        (standing,) = answers.joint
        (placed,) = standing.located.players
        if placed is None:
            return [None], 0
        tallies = yield from self.tally((placed.row,), left_out=(standing.shard, *standing.others.shards))
        tallies.append(standing.others)
        rank = 1 + placed.rank + _before(tallies, 0)
        return [(rank, placed.row)], standing.located.state.players + _players(tallies)

    def _many_standings(
        self, player_ids: Sequence[str], *, at_once: bool
    ) -> Plan[tuple[list[tuple[int, Row] | None], int]]:
        players = yield from self.count()  # all parts are of its moment, where they are to be of one
        if players <= len(player_ids) * len(self._all):
            joined = yield from self.rows(None, 0, MAX_RANK)
            ranked = {row.player_id: (rank, row) for rank, row in enumerate(joined.ahead, 1)}
            return [ranked.get(player_id) for player_id in player_ids], len(joined.ahead)
        found: list[tuple[int, Row] | None] = []
        for first in range(0, len(player_ids), MANY):
            own = player_ids[first : first + MANY]
            part, _ = yield from self._few_standings(own, at_once=at_once, begins=False)
            found += part
        return found, players

    # ------------------------------------------------------------------ rows

    def rows(self, point: Row | None, behind: int, ahead: int, bound: Score | None = None) -> Plan[Joined]:
        """Return the nearest rows before a point and from it on (the board's start where it is `None`)."""
        count = len(self._all)
        parts: dict[int, Part] = {}
        asked: dict[int, tuple[int, int]] = {}
        short, sizes = set(self._all), (share(behind, count), share(ahead, count))
        while short:
            asked |= dict.fromkeys(short, sizes)
            found = yield from self._window(short, point, sizes, bound, begins=not parts)
            parts = {shard: part for shard, part in parts.items() if shard not in short} | found
            back, before = _nearest(
                {shard: part.behind for shard, part in parts.items()},
                {shard: asked[shard][0] for shard in parts},
                behind,
                reverse=not self._descending,
            )
            onward, after = _nearest(
                {shard: part.ahead for shard, part in parts.items()},
                {shard: asked[shard][1] for shard in parts},
                ahead,
                reverse=self._descending,
            )
            short, sizes = before | after, (min(behind, 2 * sizes[0]), min(ahead, 2 * sizes[1]))
        return Joined(sum(part.before for part in parts.values()), back, onward)

    def around(self, player_id: str, radius: int) -> Plan[Joined | None]:
        """Return the rows around a player, whose own is the first ahead; `None` for an unknown player."""
        for _ in range(ATTEMPTS):
            (placed,), _ = yield from self.locate((player_id,))
            if placed is None:
                return None
            joined = yield from self.rows(placed.row, radius, radius + 1)
            if joined.ahead[:1] == [placed.row]:  # else the player has moved meanwhile
                return joined
        raise _unsettled()

    def between(self, first: int, number: int) -> Plan[list[Row]]:
        """Return the rows of ranks, `first` counted from 0."""
        point, skipped = None, first
        if first > number + _FEW * len(self._all):
            near = yield from self._near(first, number)
            if near is None:
                return []
            point, skipped = near
        behind, ahead = 0, min(skipped + number, MAX_RANK)
        for _ in range(ATTEMPTS):
            joined = yield from self.rows(point, behind, ahead)
            rows = joined.behind[::-1] + joined.ahead
            offset = first - (joined.before - len(joined.behind))
            if offset >= 0 and (len(rows) >= offset + number or len(joined.ahead) < ahead):
                return rows[offset : offset + number]
            behind = max(behind, 2 * (joined.before - first))
            ahead = max(ahead, 2 * (first + number - joined.before))
        raise _unsettled()

    def _near(self, first: int, number: int) -> Plan[tuple[Row | None, int] | None]:
        """Return a row at or before a rank, and how many rows are between at most; `None` where the board is shorter.

        A row that is no longer there, or is farther away by now, costs rows and round trips, and changes no answer.
        """
        count = len(self._all)
        centre, step = first // count, max(1, isqrt(first // count) // 4)
        point, skipped = None, first
        for _ in range(4):
            sampled = yield from self._sample(_ranks_around(centre, step), self._all)
            if sum(found.state.players for found in sampled.values()) <= first:
                if (yield from self.count()) <= first:
                    return None
                continue  # the shards were sampled at different moments
            point, low = _last_before(sampled, first, descending=self._descending)
            skipped = first - sum(low.values())
            if skipped <= number + _FEW * count * step:
                break
            centre, step = (sum(low.values()) + skipped) // count, max(1, step // 8)
        return point, skipped

    # ------------------------------------------------------------------ one round trip

    def tally(
        self,
        points: Sequence[Row] = (),
        owners: Mapping[int, int | None] = _NOBODY,
        *,
        left_out: Collection[int] = (),
        begins: bool = False,
    ) -> Generator[Ask, Answers, list[Tally]]:
        """Return what the shards hold, and how many players stand before points."""
        if (joint := self.joint_tally(points, owners, left_out=left_out)) is None:
            return []
        answers = yield Ask(joint=joint._replace(begins=begins))
        return answers.joint

    def joint_tally(
        self, points: Sequence[Row] = (), owners: Mapping[int, int | None] = _NOBODY, *, left_out: Collection[int] = ()
    ) -> Joint | None:
        """Return what `tally` asks of all shards but some; `None` where there are no others."""
        shards = self._all.difference(left_out)

        return Joint(shards, self._requests.tally(points, owners)) if shards else None

    def _window(
        self, shards: Collection[int], point: Row | None, sizes: tuple[int, int], bound: Score | None, *, begins: bool
    ) -> Generator[Ask, Answers, dict[int, Part]]:
        answers = yield Ask(joint=Joint(shards, self._requests.window(point, *sizes, bound), begins=begins))
        return _united(answers.joint)

    def _sample(self, ranks: Sequence[int], shards: Collection[int]) -> Generator[Ask, Answers, dict[int, Sampled]]:
        answers = yield Ask(joint=Joint(shards, self._requests.sample(ranks)))
        return _united(answers.joint)


class JoinedWrites:
    """The writes of one board that answer a rank: the player's shard is written, the others count who is before it."""

    def __init__(self, requests: ShardedRequests, reads: JoinedReads) -> None:
        self._requests: Final = requests
        self._reads: Final = reads

    def update(
        self, player_id: str, username: str, score: Score, ticket: int | None, limits: ScoreLimits | None
    ) -> Plan[int]:
        """Update a player while the other shards count who is before it, if its place in the tie is as expected."""
        own = self._requests.shard_of(player_id)
        request = self._requests.shards[own].update(player_id, username, score, ticket_text(ticket), limits)
        expected = AFTER_ALL if ticket is None else self._requests.member(player_id, username, ticket + 1)
        points = (Row(float(score), expected), Row(float(score), BEFORE_ALL))[: 2 if ticket is None else 1]
        answers = yield Ask({own: request}, self._reads.joint_tally(points, left_out=(own,)))
        placed: Placed = answers.single[own]
        tallies: list[Tally] = answers.joint
        alone = placed.row.score == score and all(tally.counts[0] == tally.counts[-1] for tally in tallies)
        if placed.row != points[0] and not (ticket is None and alone):  # in the tie, or of the place, not expected
            tallies = yield from self._reads.tally((placed.row,), left_out=(own,))
        return 1 + placed.rank + sum(tally.counts[0] for tally in tallies)

    def increment(
        self, player_id: str, username: str, delta: Score, ticket: int | None, limits: ScoreLimits | None
    ) -> Plan[Entry]:
        """Add to a player's score; returns the entry, with the rank among what the others hold a moment later."""
        own = self._requests.shard_of(player_id)
        request = self._requests.shards[own].increment(player_id, username, delta, ticket_text(ticket), limits)
        placed = (yield Ask({own: request})).single[own]
        tallies = yield from self._reads.tally((placed.row,), left_out=(own,))
        rank = 1 + placed.rank + sum(tally.counts[0] for tally in tallies)
        return Entry(rank, player_id, username, score_from_float(placed.row.score))


def ticket_text(ticket: int | None) -> str:
    """Return a ticket as scripts take it; none is empty."""
    return "" if ticket is None else str(ticket)


def _united(values: Iterable[Mapping[int, T]]) -> dict[int, T]:
    return {shard: part for value in values for shard, part in value.items()}


def _players(tallies: Sequence[Tally]) -> int:
    return sum(tally.state.players for tally in tallies)


def _before(tallies: Sequence[Tally], place: int) -> int:
    """Return how many players stand before the point at a place."""
    return sum(tally.counts[place] for tally in tallies)


def _unsettled() -> BackendUnavailableError:
    return BackendUnavailableError(
        f"the players asked for moved during each of {ATTEMPTS} reads: try again when they change less often."
    )


def _version(found: Located) -> int | None:
    """Return the version that a shard must still have when others are counted.

    Only that tells that a player who was unknown still is; of known ones, their rows tell where they stand.
    """
    return found.state.version if None in found.players else None


def _stand(points: Sequence[Row], tallies: Sequence[Tally]) -> bool:
    """Whether the players of all points stand where these say, and the shards have the versions that they must have."""
    if not tallies or any(tally.changed for tally in tallies):
        return False
    scores = zip(*(tally.scores for tally in tallies), strict=True)
    return all(row.score in known for row, known in zip(points, scores, strict=True))


def _nearest(
    lists: Mapping[int, Sequence[Row]], asked: Mapping[int, int], number: int, *, reverse: bool
) -> tuple[list[Row], set[int]]:
    """Return the nearest rows of all lists, and the shards that may have others among them."""
    if not number:
        return [], set()
    rows = sorted(chain.from_iterable(lists.values()), reverse=reverse)[:number]
    cut = {shard for shard, own in lists.items() if len(own) == asked[shard] < number}
    if cut and len(rows) == number:
        precedes = gt if reverse else lt
        cut = {shard for shard in cut if precedes(lists[shard][-1], rows[-1])}
    return rows, cut


def _ranks_around(centre: int, step: int) -> list[int]:
    """Return ranks that are dense near a centre and sparse to both ends, the first one included."""
    offsets = {*range(-8, 9), *(sign * 4**power for power in range(2, 20) for sign in (1, -1))}
    return sorted({0, *(rank for offset in offsets if 0 <= (rank := centre + offset * step) <= MAX_RANK)})


def _last_before(sampled: Mapping[int, Sampled], first: int, *, descending: bool) -> tuple[Row | None, dict[int, int]]:
    """Return the last sampled row that is surely not after a rank, and the least count before it in each shard."""
    low = dict.fromkeys(sampled, 0)
    following = {shard: found.rows[0][0] if found.rows else found.state.players for shard, found in sampled.items()}
    at_most = sum(following.values())  # how many players stand before the next one of the rows
    best, own, before = None, 0, 0
    for row, shard, at in sorted(
        ((row, shard, at) for shard, found in sampled.items() for at, (_, row) in enumerate(found.rows)),
        reverse=descending,
    ):
        if at_most > first:
            break
        rows = sampled[shard].rows
        best, own, before = row, shard, rows[at][0]
        low[shard] = before + 1
        following[shard] = rows[at + 1][0] if at + 1 < len(rows) else sampled[shard].state.players
        at_most += following[shard] - before
    return best, low if best is None else {**low, own: before}
