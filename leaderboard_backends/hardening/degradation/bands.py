"""Approximate ranks: in which band of a board a player is, from the scores at the ends of the bands.

The ends are read once in a while; after that, a question costs the player's score alone. A band ends with the last
player of its share of the board, and with all who tie with that one: such a player is in the better band, and
`high_rank` counts them all. Thus the bounds are exact at ties too: a player with the score `s` is in the first band
whose last score is no better than `s`. So the rank is at most the number of players who have that last score or a
better one, and above the number of those who have the last score of the band before, or a better one.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from ...errors import BackendUnavailableError
from ...model import Entry, Order, Score, is_better
from ...wrapper import LIVE, answered, last_answer
from .single_flight import SingleFlight

PER_MILLE: Final = (1, 10, 50, 100, 250, 500, 1000)
"""The shares of the board, in thousandths, with which bands end."""
PATIENCE: Final = 0.02
"""Seconds for which a question waits for another's reading of the ends, where there are ends from before."""


class RankBand(NamedTuple):
    """A band of ranks. A player with the score that was asked for ranked in it, `age` seconds ago."""

    label: str
    """In words: `top 5 %`."""
    percent: float
    """The share of the board with which the band ends; those who tie with its last player are in it, too."""
    low_rank: int
    """The best rank of the band."""
    high_rank: int
    """The worst rank of the band."""
    players: int
    """The players of the whole board."""
    age: float
    """Seconds since the bounds held."""


class Asked(NamedTuple):
    """What the bands ask of a board."""

    players: Callable[[], int]
    get_range: Callable[[int, int], list[Entry]]
    count_by_score: Callable[[Score, Score], int]


class _End(NamedTuple):
    per_mille: int
    score: Score
    rank: int


class _Ends(NamedTuple):
    players: int
    ends: list[_End]
    moment: float


class RankBands:
    """The bands of a board, read anew after `seconds`: 15 questions to the board, by one thread.

    The ranks are exact for a board that rests meanwhile. Beside writers, each end is of its own moment, which is some
    questions earlier or later. A band that would end before the first player does not exist: of 50 players, the best is
    in the top 5 %. Whoever has reached a score since that is worse than all were then would have been one beyond them.
    """

    def __init__(self, asked: Asked, seconds: float, *, order: Order, clock: Callable[[], float]) -> None:
        self._asked = asked
        self._seconds = seconds
        self._order: Order = order
        self._clock = clock
        self._ends: _Ends | None = None
        self._due = -inf
        """From when on they are to be read anew."""
        self._flight: SingleFlight[_Ends] = SingleFlight()

    def find(self, score: Score, *, renew: bool = True) -> RankBand:
        """Return the band of a score.

        Where another thread takes long to read the ends anew, where the storage or a shard does not answer, and without
        `renew`, those from before serve. Raises `BackendUnavailableError` where there are none, and it does not answer.
        """
        ends = self._current(renew)
        low = 1
        for end in ends.ends:
            if not is_better(end.score, score, self._order):
                return self._band(end.per_mille, low, end.rank, ends)
            low = end.rank + 1
        return self._band(PER_MILLE[-1], low, low, ends)

    def _band(self, per_mille: int, low: int, high: int, ends: _Ends) -> RankBand:
        percent = per_mille / 10
        return RankBand(f"top {percent:g} %", percent, low, high, max(high, ends.players), self._clock() - ends.moment)

    def _current(self, renew: bool) -> _Ends:  # noqa: FBT001 - for this class
        ends = self._ends
        if ends is not None and (self._clock() < self._due or not renew):
            return ends
        try:
            return self._flight.run(self._read, None if ends is None else PATIENCE)[0]
        except BackendUnavailableError:
            if ends is None:
                raise
            return ends

    def _read(self) -> _Ends:
        answered(LIVE)  # what an earlier read of this thread left there is none of this one
        moment, players, rank = self._clock(), self._asked.players(), 0
        told = [last_answer()]
        ends: list[_End] = []
        for per_mille in PER_MILLE:
            last = players * per_mille // PER_MILLE[-1]
            entries = self._asked.get_range(last, last) if last else []
            told.append(last_answer())
            for entry in entries:
                rank = max(rank, self._count_to(entry.score))
                told.append(last_answer())
                ends.append(_End(per_mille, entry.score, rank))
        found = _Ends(max(players, rank), ends, moment - max(each.age for each in told))
        if any(each.coverage is not None for each in told):  # without some shards, in place of what may be whole
            self._due = moment + self._seconds
            return self._ends or found
        if players:
            self._ends, self._due = found, found.moment + self._seconds
        return found

    def _count_to(self, score: Score) -> int:
        """Return how many players have this score or a better one."""
        bounds = (score, inf) if self._order == "descending" else (-inf, score)
        return self._asked.count_by_score(*bounds)
