"""Bugs that one thread alone never meets. Each lets others in at the wrong moment, as any round trip would."""

from __future__ import annotations

import time
from collections.abc import Sequence

from leaderboard_backends import Entry, Score
from leaderboard_backends.model import percentile

from .bases import PlainBoard
from .registry import killed_by

LINEARIZABLE = "test_histories_of_threads_are_linearizable"


def let_others_in(seconds: float = 0.0) -> None:
    """Give the processor to another thread; for some time where it must get far, as on a busy machine it must wait."""
    time.sleep(seconds)


@killed_by("threads", "test_increments_by_powers_of_two_are_neither_lost_nor_doubled")
class LostIncrements(PlainBoard):
    """Of two increments at one time, one is lost."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        total = self._sum(self._get_score(player_id) or 0, delta)
        let_others_in()
        self._update_score(player_id, username, total)
        with self._lock:
            return self._entry(self._rank(player_id), player_id)


@killed_by("threads", "test_a_friends_board_beside_writers_is_one_state")
class HalfBatchesSeen(PlainBoard):
    """A reader sees the first half of a batch."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        for update in updates:
            super()._update_score(*update)
            let_others_in()


@killed_by("threads", "test_a_friends_board_beside_writers_is_one_state")
class FriendsOneByOne(PlainBoard):
    """A friends board shows one friend before a batch, and another after it."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        entries = []
        for player_id in player_ids:
            entries += super()._get_entries([player_id])
            let_others_in()
        return entries


@killed_by("threads", "test_readers_beside_writers_see_whole_entries")
class NameBeforeScore(PlainBoard):
    """A reader sees a new username with the old score."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            standing = self._players.get(player_id)
            if standing:
                self._players[player_id] = standing._replace(username=username)
        let_others_in()
        return super()._update_score(player_id, username, score)


@killed_by("threads", "test_readers_beside_writers_see_whole_entries")
class GoneWhileMoving(PlainBoard):
    """A player whose score changes is off the board for a moment."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        if self._keep == "last" and self._get_score(player_id) not in (None, score):
            self._remove_player(player_id)
            let_others_in()
        return super()._update_score(player_id, username, score)


@killed_by("histories", LINEARIZABLE)
class NeighboursOfALaterMoment(PlainBoard):
    """A player is not among the player's own neighbours: the rank is read first, and the range later."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        rank = self._get_rank(player_id)
        let_others_in()
        return [] if rank is None else self._get_range(max(1, rank - radius), rank + radius)


@killed_by("updates", "test_every_read_follows_every_kind_of_write")
class ReadsLag(PlainBoard):
    """The top shows what was there a few writes ago, as a replica does."""

    def __init__(self, name: str = "default", **rules: str) -> None:
        super().__init__(name, **rules)  # type: ignore[arg-type]  # passed on as given
        self._replica: list[Entry] = []
        self._reads = 0

    def _get_top_n(self, n: int) -> list[Entry]:
        self._reads += 1
        if self._reads % 3 == 1:
            self._replica = super()._get_top_n(max(n, 100))
        return self._replica[:n]


@killed_by("threads", "test_closing_beside_other_threads_refuses_their_calls_in_words")
class ClosingBreaksCalls(PlainBoard):
    """A call that `close` overtakes ends in the client's own error."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        let_others_in()
        if self._closed:
            raise RuntimeError("Connection closed by peer.")
        return super()._increment_score(player_id, username, delta)


@killed_by("threads", "test_one_player_written_by_several_threads_stands_once")
class CountedTwice(PlainBoard):
    """Two threads that store a new player at one time count two."""

    _counted = 0

    def _count(self) -> int:
        return max(self._counted, 0)  # `len` raises below

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        new = player_id not in self._players
        let_others_in()
        self._counted += new
        return super()._update_score(player_id, username, score)

    def _remove_player(self, player_id: str) -> bool:
        removed = super()._remove_player(player_id)
        self._counted -= removed
        return removed


@killed_by("histories", LINEARIZABLE)
class RankOfALaterMoment(PlainBoard):
    """`update_score` returns a rank that the player has only after somebody else's update."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            self._store(player_id, username, score)
        let_others_in()
        return self._get_rank(player_id) or 1


@killed_by("histories", LINEARIZABLE)
class RemovedTwice(PlainBoard):
    """Two threads that remove one player are both told that they did."""

    def _remove_player(self, player_id: str) -> bool:
        found = self._get_score(player_id) is not None
        let_others_in()
        super()._remove_player(player_id)
        return found


@killed_by("threads", "test_a_percentile_beside_writers_is_of_one_state")
class PercentileOfTwoMoments(PlainBoard):
    """A percentile is made of a rank and a number of players that never stood together."""

    def _get_percentile(self, player_id: str) -> float | None:
        rank = self._get_rank(player_id)
        let_others_in()
        return None if rank is None else percentile(rank, max(rank, self._count()))
