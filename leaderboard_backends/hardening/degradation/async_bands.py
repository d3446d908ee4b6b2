# generated from leaderboard_backends/hardening/degradation/bands.py
# by tools/async_faces.py: change that file, then run `make faces`
"""Approximate ranks: in which band of a board a player is, from the scores at the ends of the bands.

The ends are read once in a while; after that, a question costs the player's score alone. A band ends with the last
player of its share of the board, and with all who tie with that one: such a player is in the better band, and
`high_rank` counts them all. Thus the bounds are exact at ties too: a player with the score `s` is in the first band
whose last score is no better than `s`. So the rank is at most the number of players who have that last score or a
better one, and above the number of those who have the last score of the band before, or a better one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import NamedTuple

from ...errors import BackendUnavailableError
from ...model import Entry, Order, Score, is_better
from ...wrapper import LIVE, answered, last_answer
from .async_single_flight import AsyncSingleFlight
from .bands import PATIENCE, PER_MILLE, RankBand, _End, _Ends


class Asked(NamedTuple):
    """What the bands ask of a board."""

    players: Callable[[], Awaitable[int]]
    get_range: Callable[[int, int], Awaitable[list[Entry]]]
    count_by_score: Callable[[Score, Score], Awaitable[int]]


class AsyncRankBands:
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
        self._flight: AsyncSingleFlight[_Ends] = AsyncSingleFlight()

    async def find(self, score: Score, *, renew: bool = True) -> RankBand:
        """Return the band of a score.

        Where another thread takes long to read the ends anew, where the storage or a shard does not answer, and without
        `renew`, those from before serve. Raises `BackendUnavailableError` where there are none, and it does not answer.
        """
        ends = await self._current(renew)
        low = 1
        for end in ends.ends:
            if not is_better(end.score, score, self._order):
                return self._band(end.per_mille, low, end.rank, ends)
            low = end.rank + 1
        return self._band(PER_MILLE[-1], low, low, ends)

    def _band(self, per_mille: int, low: int, high: int, ends: _Ends) -> RankBand:
        percent = per_mille / 10
        return RankBand(f"top {percent:g} %", percent, low, high, max(high, ends.players), self._clock() - ends.moment)

    async def _current(self, renew: bool) -> _Ends:  # noqa: FBT001 - for this class
        ends = self._ends
        if ends is not None and (self._clock() < self._due or not renew):
            return ends
        try:
            return (await self._flight.run(self._read, None if ends is None else PATIENCE))[0]
        except BackendUnavailableError:
            if ends is None:
                raise
            return ends

    async def _read(self) -> _Ends:
        answered(LIVE)  # what an earlier read of this thread left there is none of this one
        moment, players, rank = self._clock(), await self._asked.players(), 0
        told = [last_answer()]
        ends: list[_End] = []
        for per_mille in PER_MILLE:
            last = players * per_mille // PER_MILLE[-1]
            entries = await self._asked.get_range(last, last) if last else []
            told.append(last_answer())
            for entry in entries:
                rank = max(rank, await self._count_to(entry.score))
                told.append(last_answer())
                ends.append(_End(per_mille, entry.score, rank))
        found = _Ends(max(players, rank), ends, moment - max(each.age for each in told))
        if any(each.coverage is not None for each in told):  # without some shards, in place of what may be whole
            self._due = moment + self._seconds
            return self._ends or found
        if players:
            self._ends, self._due = found, found.moment + self._seconds
        return found

    async def _count_to(self, score: Score) -> int:
        """Return how many players have this score or a better one."""
        bounds = (score, inf) if self._order == "descending" else (-inf, score)
        return await self._asked.count_by_score(*bounds)
