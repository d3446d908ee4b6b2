"""Bugs in increments."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite

from leaderboard_backends import Entry, InvalidScoreError, Score
from leaderboard_backends.model import MAX_INTEGER, add_scores, is_better, score_from_float

from .bases import PlainBoard
from .registry import killed_by

EXACT = "test_a_sum_is_exact"
REFUSED = "test_a_sum_out_of_the_score_rule_raises_and_changes_nothing"
RIGHT_AFTER = "test_an_increment_returns_the_entry_right_after_it"
AS_KEEP_SAYS = "test_a_worse_sum_is_stored_or_ignored_as_keep_says"


@killed_by("increments", REFUSED)
class SumsAsFloats(PlainBoard):
    """Sums are made of floats: 2^53 + 1 is 2^53, without a word."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        total = score_from_float(float(standing) + float(delta))
        return add_scores(total, 0)


@killed_by("increments", REFUSED)
class SumsOverflow(PlainBoard):
    """A sum that is too large becomes infinite."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        total = standing + delta
        return add_scores(standing, delta) if isfinite(total) else total


@killed_by("increments", REFUSED)
class SumsAreClipped(PlainBoard):
    """A sum out of the score rule becomes the largest whole score."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        try:
            return add_scores(standing, delta)
        except InvalidScoreError:
            return max(-MAX_INTEGER, min(MAX_INTEGER, standing + delta))


@killed_by("increments", REFUSED)
class SumsOfAnySize(PlainBoard):
    """Whole sums grow beyond 2^53."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        total = standing + delta
        return total if isinstance(total, int) else add_scores(standing, delta)


@killed_by("increments", EXACT)
class SumsAreRounded(PlainBoard):
    """Sums are rounded to ten decimals."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        return add_scores(round(add_scores(standing, delta), 10), 0)


@killed_by("increments", EXACT)
class SumsAreCut(PlainBoard):
    """Increments add whole numbers alone: a fraction of a delta is lost."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        return add_scores(standing, int(delta) if abs(delta) < MAX_INTEGER else delta)


@killed_by("increments", EXACT)
class SumsOfDecimals(PlainBoard):
    """0.1 + 0.2 is 0.3: sums are made of decimals, and are not those of doubles."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        exact = add_scores(standing, delta)
        return exact if isinstance(exact, int) else add_scores(float(Decimal(repr(standing)) + Decimal(repr(delta))), 0)


@killed_by("increments", EXACT)
class NoWayDown(PlainBoard):
    """A negative delta adds nothing."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        return add_scores(standing, max(delta, 0))


@killed_by("increments", REFUSED)
class RefusedSumRenames(PlainBoard):
    """An increment that is refused has stored the username already."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if player_id in self._players:
            self._players[player_id] = self._players[player_id]._replace(username=username)
        return super()._increment_score(player_id, username, delta)


@killed_by("increments", REFUSED)
class RefusedSumRemoves(PlainBoard):
    """An increment that is refused has taken the player off the board."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        with self._lock:
            standing = self._players.pop(player_id, None)
            total = self._sum(standing.score if standing else 0, delta)
            if standing:
                self._players[player_id] = standing
            self._store(player_id, username, total)
            return self._entry(self._rank(player_id), player_id)


@killed_by("increments", "test_an_unknown_players_first_sum_always_stands")
class FirstSumIgnored(PlainBoard):
    """Under `keep="best"`, a new player's first sum is lost where it is no better than 0."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if self._keep == "best" and player_id not in self._players:
            self._update_score(player_id, username, 0)
        return super()._increment_score(player_id, username, delta)


@killed_by("increments", "test_an_unknown_player_starts_at_zero")
class FirstSumCountsTwice(PlainBoard):
    """A new player starts with the delta, and it is added once more."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if player_id not in self._players:
            self._update_score(player_id, username, delta)
        return super()._increment_score(player_id, username, delta)


@killed_by("increments", AS_KEEP_SAYS)
class IncrementsIgnoreKeep(PlainBoard):
    """Under `keep="best"`, a sum that is worse is stored all the same."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        keep, self._keep = self._keep, "last"
        try:
            return super()._increment_score(player_id, username, delta)
        finally:
            self._keep = keep


@killed_by("increments", RIGHT_AFTER)
class DeltaComparedForTheSum(PlainBoard):
    """Under `keep="best"`, an increment counts only where the delta alone beats the score."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        if standing and self._keep == "best" and not is_better(delta, standing, self._order):
            return standing
        return add_scores(standing, delta)


@killed_by("increments", AS_KEEP_SAYS)
class IgnoredSumIsReturned(PlainBoard):
    """Under `keep="best"`, an increment that is ignored returns the sum that was not stored."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        total = self._sum(self._get_score(player_id) or 0, delta)
        return super()._increment_score(player_id, username, delta)._replace(score=total)


@killed_by("increments", RIGHT_AFTER)
class IncrementsKeepTheUsername(PlainBoard):
    """An increment does not store the username of a player who is there."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        standing = self._players.get(player_id)
        return super()._increment_score(player_id, standing.username if standing else username, delta)


@killed_by("increments", RIGHT_AFTER)
class IncrementReturnsTheDelta(PlainBoard):
    """`increment_score` returns what was added as the score."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return super()._increment_score(player_id, username, delta)._replace(score=delta)


@killed_by("increments", "test_every_unit_counts_just_below_the_largest_whole_number")
class LargeSumsStandStill(PlainBoard):
    """Near 2^53, an increment by 1 adds nothing, as where sums have the precision of a smaller float."""

    def _sum(self, standing: Score, delta: Score) -> Score:
        return standing if abs(standing) > 2**52 and abs(delta) == 1 else add_scores(standing, delta)
