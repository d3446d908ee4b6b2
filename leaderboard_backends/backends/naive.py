"""`naive://NAME`: a dict, sorted anew for each question. What people write first, kept as the baseline.

Order: every player's score and the number of the update that reached it, in a dict; a read sorts them all by
(best score, earliest number). Ties are exact.

Cost, n players: `update_score` and `increment_score` O(n log n), as they return a rank; `update_scores` O(1) each;
`get_score`, `len` and `in` O(1); every other read O(n log n). No round trips.

Crash: nothing survives the process. One lock makes it safe to share between threads. A finalizer or a signal handler
that calls the board in the middle of a call of its own thread gets an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ..in_process import InProcessLeaderboard
from ..model import Entry, Keep, Order, Score, add_scores, is_better, percentile


class _Standing(NamedTuple):
    score: Score
    reached: int
    username: str


class NaiveLeaderboard(InProcessLeaderboard):
    """A board in a dict of this process, sorted at every read."""

    scans = True

    def __init__(
        self, name: str = "default", *, order: Order = "descending", keep: Keep = "last", feed: int = 0
    ) -> None:
        super().__init__(name, order=order, keep=keep, feed=feed)
        self._players: dict[str, _Standing] = {}

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        def update() -> int:
            self._changes.check_fence()
            self._check_limits(player_id, score)
            self._store(player_id, username, score)
            return self._rank(player_id)

        return self._alone(update)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        def increment() -> Entry:
            self._changes.check_fence()
            standing = self._players.get(player_id)
            score = add_scores(standing.score if standing else 0, delta)
            self._check_limits(player_id, score, delta)
            self._store(player_id, username, score)
            return self._entry(self._rank(player_id), player_id)

        return self._alone(increment)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        def update_all() -> None:
            self._changes.check_fence()
            self._check_all_limits(updates)
            for update in updates:
                self._store(*update)

        self._alone(update_all)

    def _remove_player(self, player_id: str) -> bool:
        def remove() -> bool:
            self._changes.check_fence()
            try:
                if self._players.pop(player_id, None) is None:
                    return False
                self._changes.note(player_id)
            except BaseException:
                self._begin_history()
                raise
            return True

        return self._alone(remove)

    def _clear(self) -> None:
        def clear() -> None:
            self._changes.check_fence()
            if self._players:
                try:
                    self._players = {}
                    self._changes.note(None)
                except BaseException:
                    self._begin_history()
                    raise

        self._alone(clear)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        def entries() -> list[Entry | None]:
            ranks = {player_id: rank for rank, player_id in enumerate(self._ids(), 1)}
            return [
                self._entry(ranks[player_id], player_id) if player_id in ranks else None for player_id in player_ids
            ]

        return self._alone(entries)

    def _get_rank(self, player_id: str) -> int | None:
        return self._alone(lambda: self._rank(player_id) if player_id in self._players else None)

    def _get_percentile(self, player_id: str) -> float | None:
        def share() -> float | None:
            return percentile(self._rank(player_id), len(self._players)) if player_id in self._players else None

        return self._alone(share)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._alone(lambda: self._page(self._ids(), first_rank, last_rank))

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        def around() -> list[Entry]:
            if player_id not in self._players:
                return []
            ids = self._ids()
            rank = ids.index(player_id) + 1
            return self._page(ids, max(1, rank - radius), rank + radius)

        return self._alone(around)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        def by_score() -> list[Entry]:
            ranked = enumerate(self._ids(), 1)
            found = [(rank, player_id) for rank, player_id in ranked if low <= self._players[player_id].score <= high]
            return [self._entry(rank, player_id) for rank, player_id in found[:limit]]

        return self._alone(by_score)

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._alone(lambda: sum(low <= standing.score <= high for standing in self._players.values()))

    def _count(self) -> int:
        return self._alone(lambda: len(self._players))

    def _standing(self, player_id: str) -> Score | None:
        standing = self._players.get(player_id)
        return standing.score if standing else None

    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        if standing is None or (
            score != standing.score and (self._keep == "last" or is_better(score, standing.score, self._order))
        ):
            stored = _Standing(score, self._changes.number + 1, username)
        elif username != standing.username:
            stored = standing._replace(username=username)
        else:
            return
        try:
            self._players[player_id] = stored
            self._changes.note(player_id, username, stored.score, stored.reached)
        except BaseException:
            self._begin_history()
            raise

    def _begin_history(self) -> None:
        """Have whoever follows the feed read the board anew, as an interrupt may have kept a change from it."""
        self._changes.number += 1  # else the next to reach a score would have the number of this change
        self._changes.restart()

    def _ids(self) -> list[str]:
        sign = -1 if self._order == "descending" else 1
        players = self._players
        return sorted(players, key=lambda player_id: (sign * players[player_id].score, players[player_id].reached))

    def _rank(self, player_id: str) -> int:
        return self._ids().index(player_id) + 1

    def _page(self, ids: list[str], first_rank: int, last_rank: int) -> list[Entry]:
        ranked = enumerate(ids[first_rank - 1 : last_rank], first_rank)
        return [self._entry(rank, player_id) for rank, player_id in ranked]

    def _entry(self, rank: int, player_id: str) -> Entry:
        standing = self._players[player_id]
        return Entry(rank, player_id, standing.username, standing.score)
