"""Boards whose version, feed or fence is not what follows and stops a board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leaderboard_backends import Changes, Entry, Score, UnsupportedOperationError, Version
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.changes import ChangeLog, fence_pass, note_version

from .registry import killed_by

VERSION = "test_every_change_raises_the_version_by_one_and_nothing_else_does"
STATE = "test_a_change_is_the_state_that_it_left"
FOLLOWS = "test_who_applies_the_feed_has_the_board_to_the_last_tie"
LOST = "test_a_feed_that_does_not_go_back_that_far_says_so"
FENCED = "test_a_fenced_board_refuses_every_write_and_answers_every_read"


@killed_by("changes", VERSION)
class RenamingHasNoVersion(NaiveLeaderboard):
    """Renames a player without a new version."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        before, standing = self._changes.number, self._players.get(player_id)
        super()._store(player_id, username, score)
        if standing and standing.score == self._players[player_id].score:
            self._changes.number = before


@killed_by("changes", VERSION)
class EveryWriteIsAChange(NaiveLeaderboard):
    """Raises the version at a write that changes nothing."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        before = self._changes.number
        super()._store(player_id, username, score)
        if self._changes.number == before:
            self._changes.note(player_id, username, score, self._players[player_id].reached)


@killed_by("changes", "test_a_score_that_does_not_stand_raises_nothing_and_a_new_name_does")
class RefusedScoreIsInTheFeed(NaiveLeaderboard):
    """Puts the score that was given into the feed, where a better one stands."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        before = self._changes.number
        super()._store(player_id, username, score)
        if self._changes.number > before and self._changes.kept:
            self._changes.kept[-1] = self._changes.kept[-1]._replace(score=score)


@killed_by("changes", STATE)
class RenamingLosesItsPlaceInTheFeed(NaiveLeaderboard):
    """Says of a renamed player that the score was reached with the renaming."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        if self._changes.kept and self._changes.kept[-1].player_id == player_id:
            self._changes.kept[-1] = self._changes.kept[-1]._replace(reached=self._changes.kept[-1].number)


@killed_by("changes", FOLLOWS)
class RemovalIsNotInTheFeed(NaiveLeaderboard):
    """Removes a player without a word to those who follow."""

    def _remove_player(self, player_id: str) -> bool:
        with self._lock:
            self._changes.check_fence()
            return self._players.pop(player_id, None) is not None


@killed_by("changes", FOLLOWS)
class BatchHasOneNumber(NaiveLeaderboard):
    """Gives all updates of a batch the tie number of its first."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        with self._lock:
            self._changes.check_fence()
            first = self._changes.number + 1
            for player_id, username, score in updates:
                self._store(player_id, username, score)
                standing = self._players[player_id]
                if standing.reached > first:
                    self._players[player_id] = standing._replace(reached=first)
                    if self._changes.kept:
                        self._changes.kept[-1] = self._changes.kept[-1]._replace(reached=first)


@killed_by("changes", STATE)
class FeedBeginsAtTheVersion(NaiveLeaderboard):
    """Returns the change of the version asked for once more."""

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        if after is not None and after.number:
            after = Version(after.history, after.number - 1)
        return super()._get_changes(after, limit)


@killed_by("changes", LOST)
class FeedSkipsWhatItLost(NaiveLeaderboard):
    """Goes on with the oldest change that it has, where older ones were asked for."""

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        kept = self._changes.kept
        if after is not None and kept is not None:
            after = Version(after.history, max(after.number, self._changes.number - len(kept)))
        return super()._get_changes(after, limit)


@killed_by("changes", LOST)
class AnyHistoryWillDo(NaiveLeaderboard):
    """Continues a feed from a version of another board."""

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        return super()._get_changes(after and Version(self._changes.history, after.number), limit)


@killed_by("changes", "test_a_board_that_was_not_asked_to_keeps_no_feed")
class UnaskedFeedIsEmpty(NaiveLeaderboard):
    """Says that nothing changed, where it keeps no feed."""

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        try:
            return super()._get_changes(after, limit)
        except UnsupportedOperationError:
            return super()._get_changes(None, 0)


@killed_by("changes", "test_an_answer_holds_at_its_version")
class AnswerNamesAnOlderVersion(NaiveLeaderboard):
    """Says of an answer the version before the last change."""

    def _get_top_n(self, n: int) -> list[Entry]:
        with self._lock:
            entries = self._page(self._ids(), 1, n)
            note_version(Version(self._changes.history, max(0, self._changes.number - 1)))
            return entries


@killed_by("changes", FENCED)
class FenceLetsRemovalsPass(NaiveLeaderboard):
    """Removes players from a board that has moved."""

    def _remove_player(self, player_id: str) -> bool:
        moved_to, self._changes.moved_to = self._changes.moved_to, None
        try:
            return super()._remove_player(player_id)
        finally:
            self._changes.moved_to = moved_to


@killed_by("changes", FENCED)
class FenceComesAfterTheWrite(NaiveLeaderboard):
    """Refuses an update to a fenced board once it is applied."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            self._store(player_id, username, score)
            self._changes.check_fence()
            return self._rank(player_id)


@killed_by("changes", FENCED)
class FenceStaysForEver(NaiveLeaderboard):
    """Cannot be opened for writes again."""

    def _fence(self, moved_to: str | None) -> None:
        super()._fence(moved_to or self._changes.moved_to)


class _OpenToAll(ChangeLog):
    def check_fence(self) -> None:
        if fence_pass() is None:
            super().check_fence()


@killed_by("changes", "test_a_write_passes_the_fence_that_it_expects_and_no_other")
class AnyPassIsGood(NaiveLeaderboard):
    """Lets a write through a fence that expects another one, or none."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._changes = _OpenToAll(options.get("feed", 0))


class _ChangedByAll(ChangeLog):
    def fence(self, moved_to: str | None) -> None:
        self.moved_to = moved_to


@killed_by("changes", "test_a_fence_is_changed_by_whoever_expects_it_alone")
class FenceIsChangedByAnybody(NaiveLeaderboard):
    """Lifts a fence that somebody else has put up meanwhile."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._changes = _ChangedByAll(options.get("feed", 0))


@killed_by("changes", "test_no_write_is_acknowledged_after_the_fence")
class FenceIsSeenLate(NaiveLeaderboard):
    """Looks for the fence once in ten thousand updates."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            if self._changes.number % 10_000 == 0:
                self._changes.check_fence()
            self._store(player_id, username, score)
            return self._rank(player_id)
