"""Bugs in updates, one by one and in batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from leaderboard_backends import InvalidValueError, Score
from leaderboard_backends.backends.naive import _Standing
from leaderboard_backends.model import check_updates

from .bases import PlainBoard
from .registry import killed_by

BETTER = "test_a_better_score_is_stored_always"
LAST_NAME = "test_the_username_given_last_is_the_one_shown"
SEVERAL = "test_several_updates_of_one_player_count_in_order"
EVERY_SIZE = "test_batches_of_every_size_are_whole"
CHECKED = "test_all_input_is_checked_before_the_first_write"


@killed_by("updates", BETTER)
class BestInverted(PlainBoard):
    """`keep="best"` keeps the worst score."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        if self._keep == "last" or standing is None:
            super()._store(player_id, username, score)
            return
        worse = min if self._order == "descending" else max
        self._changes.number += 1
        self._players[player_id] = _Standing(worse(score, standing.score), self._changes.number, username)


@killed_by("updates", BETTER)
class BestIsAlwaysHighest(PlainBoard):
    """`keep="best"` keeps the highest score on ascending boards, too."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        if self._keep == "best" and standing and score < standing.score:
            score = standing.score
        keep, self._keep = self._keep, "last"
        super()._store(player_id, username, score)
        self._keep = keep


@killed_by("updates", "test_a_worse_score_is_stored_or_ignored_as_keep_says")
class KeepIsForgotten(PlainBoard):
    """`keep="best"` stores every score."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        keep, self._keep = self._keep, "last"
        super()._store(player_id, username, score)
        self._keep = keep


@killed_by("updates", BETTER)
class FirstScoreStays(PlainBoard):
    """`keep="best"` keeps the first score, as INSERT OR IGNORE does."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        super()._store(player_id, username, standing.score if standing and self._keep == "best" else score)


@killed_by("updates", "test_an_ignored_score_still_stores_the_username")
class UsernameLostWithTheScore(PlainBoard):
    """Where a score is ignored, the username is, too."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        super()._store(player_id, username, score)
        if standing and self._players[player_id].score == standing.score:
            self._players[player_id] = standing


@killed_by("updates", LAST_NAME)
class FirstUsernameStays(PlainBoard):
    """A player keeps the first username."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        super()._store(player_id, standing.username if standing else username, score)


@killed_by("updates", LAST_NAME)
class EmptyUsernameIsNone(PlainBoard):
    """An empty username leaves the one that was there."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        super()._store(player_id, username or (standing.username if standing else ""), score)


@killed_by("updates", "test_two_players_may_have_one_username")
class UsernamesAreUnique(PlainBoard):
    """A player with the username of another takes the other's place."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        others = [other for other in self._players if other != player_id and self._players[other].username == username]
        for other in others if username else ():
            del self._players[other]
        super()._store(player_id, username, score)


@killed_by("updates", BETTER)
class EveryThirdUpdateIsLost(PlainBoard):
    """Every third update is lost, if its player is there already."""

    _seen = 0

    def _store(self, player_id: str, username: str, score: Score) -> None:
        self._seen += 1
        if self._seen % 3 or player_id not in self._players:
            super()._store(player_id, username, score)


@killed_by("bulk", SEVERAL)
class BatchKeepsTheLastOfEach(PlainBoard):
    """Of several updates of one player in a batch, the last alone counts."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        super()._update_scores(list({update[0]: update for update in updates}.values()))


@killed_by("bulk", SEVERAL)
class BatchKeepsTheFirstOfEach(PlainBoard):
    """Of several updates of one player in a batch, the first alone counts."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        super()._update_scores(list({update[0]: update for update in reversed(updates)}.values())[::-1])


@killed_by("bulk", "test_the_end_state_is_that_of_one_by_one")
class BatchIsSorted(PlainBoard):
    """A batch is applied in the order of its players."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        super()._update_scores(sorted(updates, key=lambda update: update[0]))


@killed_by("bulk", SEVERAL)
class BatchIgnoresKeep(PlainBoard):
    """A batch stores worse scores under `keep="best"`."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        keep, self._keep = self._keep, "last"
        super()._update_scores(updates)
        self._keep = keep


@killed_by("bulk", "test_a_batch_meets_players_who_are_there_already")
class BatchKeepsUsernames(PlainBoard):
    """A batch does not store the usernames of players who are there."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        known = {player_id: standing.username for player_id, standing in self._players.items()}
        super()._update_scores([(player, known.get(player, username), score) for player, username, score in updates])


@killed_by("bulk", "test_a_batch_meets_players_who_are_there_already")
class BatchReplacesTheBoard(PlainBoard):
    """A batch that is a large part of the board replaces it: players who are not in it are gone."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        if 2 * len(updates) > len(self._players):
            named = {update[0] for update in updates}
            self._players = {player: standing for player, standing in self._players.items() if player in named}
        super()._update_scores(updates)


@killed_by("bulk", EVERY_SIZE)
class LastChunkIsLost(PlainBoard):
    """A batch is written a hundred at a time, and what is left over is not."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        super()._update_scores(updates[: max(100, len(updates) // 100 * 100)])


@killed_by("bulk", EVERY_SIZE)
class ThousandUpdatesAtMost(PlainBoard):
    """All of a batch beyond its first 1,000 updates is lost."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        super()._update_scores(updates[:1000])


@killed_by("bulk", "test_it_returns_how_many_updates_it_took")
class PlayersCountedForUpdates(PlainBoard):
    """`update_scores` returns how many players it wrote."""

    def update_scores(self, updates: Iterable[tuple[str, str, Score]]) -> int:
        taken = list(updates)
        super().update_scores(taken)
        return len({update[0] for update in taken})


@killed_by("bulk", CHECKED)
class WritesBeforeItChecks(PlainBoard):
    """A batch with a bad update is written up to it."""

    def update_scores(self, updates: Any) -> int:
        return sum(super(WritesBeforeItChecks, self).update_scores([update]) for update in updates)


@killed_by("bulk", CHECKED)
class BadUpdatesAreSkipped(PlainBoard):
    """A bad update in a batch is left out without a word."""

    def update_scores(self, updates: Any) -> int:
        taken = 0
        for update in updates:
            try:
                taken += super().update_scores([update])
            except InvalidValueError:
                continue
        return taken


@killed_by("bulk", "test_updates_may_be_named_tuples_tuples_lists_or_a_generator")
class InputReadTwice(PlainBoard):
    """A batch is checked in one pass and written in another, for which a generator has nothing left."""

    def update_scores(self, updates: Any) -> int:
        check_updates(updates)
        return super().update_scores(updates)
