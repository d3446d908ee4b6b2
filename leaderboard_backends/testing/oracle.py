"""`OracleBoard`: the independent model that judges every backend.

It follows the contract in the plainest way that is still quick: one sorted list of `(key, reached, player)`, where
a smaller key is a better score and `reached` numbers the updates, and one dict from player to what stands. It shares
no code with any backend, checks no value but the sum of an increment, and is not safe for threads.

Cost, n players: O(n) for a write, as a list moves its tail (a few µs at 100,000 players), and O(n log n) for any number
of updates by one `update_scores`; O(log n + entries returned) for a read.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from math import inf, isinf
from typing import NamedTuple

from ..errors import InvalidScoreError
from ..model import Entry, Score, ScoreUpdate

_LARGEST_WHOLE = 2**53


class _Standing(NamedTuple):
    score: Score
    reached: int
    username: str


class OracleBoard:
    """A board that is right because it is simple; it takes valid input only."""

    def __init__(self, order: str = "descending", keep: str = "last") -> None:
        self._sign = -1 if order == "descending" else 1
        self._keep = keep
        self._reached = 0
        self._standings: dict[str, _Standing] = {}
        self._sorted: list[tuple[Score, int, str]] = []

    def copy(self) -> OracleBoard:
        """Return another board that is as this one. O(n), and quicker than to fill it."""
        made = OracleBoard("descending" if self._sign < 0 else "ascending", self._keep)
        made._reached, made._standings, made._sorted = self._reached, self._standings.copy(), self._sorted.copy()
        return made

    # ------------------------------------------------------------------ writes

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        """Store a score and return the rank."""
        self._store(player_id, username, _stored(score))
        return self._rank(player_id)

    def increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        """Add to a score and return the entry that stands; raises `InvalidScoreError` for a sum out of the rule."""
        standing = self._standings.get(player_id)
        total = (standing.score if standing else 0) + _stored(delta)
        if isinf(total) or (isinstance(total, int) and abs(total) > _LARGEST_WHOLE):
            raise InvalidScoreError(f"the sum {total} is outside the score rule")
        self._store(player_id, username, _stored(total))
        return self._entry(player_id)

    def update_scores(self, updates: Iterable[ScoreUpdate | tuple[str, str, Score]]) -> int:
        """Apply updates one by one, sort once at the end, and return how many they were."""
        count = 0
        try:
            for player_id, username, score in updates:
                self._stand(player_id, username, _stored(score))
                count += 1
        finally:
            self._sort()
        return count

    def remove_player(self, player_id: str) -> bool:
        """Remove a player; returns whether there was one."""
        standing = self._standings.pop(player_id, None)
        if standing is None:
            return False
        self._take_out(player_id, standing)
        return True

    def clear(self) -> None:
        """Remove all players."""
        self._standings.clear()
        self._sorted.clear()

    def _store(self, player_id: str, username: str, score: Score) -> None:
        old = self._standings.get(player_id)
        if self._stand(player_id, username, score):
            if old is not None:
                self._take_out(player_id, old)
            insort(self._sorted, self._place(player_id))

    def _stand(self, player_id: str, username: str, score: Score) -> bool:
        """Note a score, and return whether it is one that the player had not reached."""
        old = self._standings.get(player_id)
        if old is not None:
            better = self._sign * score < self._sign * old.score
            if score == old.score or (self._keep == "best" and not better):
                self._standings[player_id] = old._replace(username=username)
                return False
        self._reached += 1
        self._standings[player_id] = _Standing(score, self._reached, username)
        return True

    def _place(self, player_id: str) -> tuple[Score, int, str]:
        standing = self._standings[player_id]
        return self._sign * standing.score, standing.reached, player_id

    def _sort(self) -> None:
        self._sorted = sorted(map(self._place, self._standings))

    def _take_out(self, player_id: str, standing: _Standing) -> None:
        del self._sorted[bisect_left(self._sorted, (self._sign * standing.score, standing.reached, player_id))]

    # ------------------------------------------------------------------ reads

    def get_score(self, player_id: str) -> Score | None:
        """Return the score, or `None`."""
        return self._standings[player_id].score if player_id in self._standings else None

    def get_rank(self, player_id: str) -> int | None:
        """Return the rank, or `None`."""
        return self._rank(player_id) if player_id in self._standings else None

    def get_entry(self, player_id: str) -> Entry | None:
        """Return the entry, or `None`."""
        return self._entry(player_id) if player_id in self._standings else None

    def get_entries(self, player_ids: Iterable[str]) -> list[Entry | None]:
        """Return the entries in the order given, `None` where unknown."""
        return [self.get_entry(player_id) for player_id in player_ids]

    def get_percentile(self, player_id: str) -> float | None:
        """Return `100 * (players - rank + 1) / players`, or `None`."""
        players = len(self._sorted)
        return 100 * (players - self._rank(player_id) + 1) / players if player_id in self._standings else None

    def get_top_n(self, n: int = 100) -> list[Entry]:
        """Return the first n entries."""
        return self._slice(0, n)

    def get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        """Return the entries of these ranks, both ends included."""
        return self._slice(first_rank - 1, last_rank)

    def get_around(self, player_id: str, radius: int = 5) -> list[Entry]:
        """Return the entries from `rank - radius` to `rank + radius`."""
        if player_id not in self._standings:
            return []
        rank = self._rank(player_id)
        return self._slice(max(rank - radius, 1) - 1, rank + radius)

    def get_by_score(self, low: Score, high: Score, limit: int | None = None) -> list[Entry]:
        """Return the entries with `low <= score <= high`, best first, at most `limit`."""
        start, stop = self._indexes(low, high)
        return self._slice(start, stop if limit is None else min(stop, start + limit))

    def count_by_score(self, low: Score, high: Score) -> int:
        """Return how many have `low <= score <= high`."""
        start, stop = self._indexes(low, high)
        return stop - start

    def __len__(self) -> int:
        return len(self._sorted)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, player_id: object) -> bool:
        return player_id in self._standings

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._slice(0, len(self._sorted)))

    def _rank(self, player_id: str) -> int:
        standing = self._standings[player_id]
        return bisect_left(self._sorted, (self._sign * standing.score, standing.reached, player_id)) + 1

    def _entry(self, player_id: str) -> Entry:
        standing = self._standings[player_id]
        return Entry(self._rank(player_id), player_id, standing.username, standing.score)

    def _slice(self, start: int, stop: int) -> list[Entry]:
        return [
            Entry(rank, player_id, self._standings[player_id].username, self._standings[player_id].score)
            for rank, (_, _, player_id) in enumerate(self._sorted[start:stop], start + 1)
        ]

    def _indexes(self, low: Score, high: Score) -> tuple[int, int]:
        first, last = sorted((self._sign * low, self._sign * high))
        return bisect_left(self._sorted, (first, 0, "")), bisect_left(self._sorted, (last, inf, ""))


def _stored(score: Score) -> Score:
    """Return the score as it reads back: `int` where it is whole and within ±2^53."""
    whole = isinstance(score, float) and score.is_integer() and abs(score) <= _LARGEST_WHOLE
    return int(score) if whole else score
