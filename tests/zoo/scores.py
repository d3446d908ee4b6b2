"""Bugs in how scores are kept, compared and found."""

from __future__ import annotations

from math import inf
from struct import pack, unpack

from leaderboard_backends import Entry, Score
from leaderboard_backends.model import MAX_INTEGER

from .bases import PlainBoard
from .registry import killed_by

READS_BACK = "test_a_score_reads_back_as_given"
BOTH_ENDS = "test_both_ends_are_included"
INFINITE = "test_an_end_may_be_infinite"
BESIDE = "test_an_end_beside_a_score_excludes_it"
LIMIT = "test_the_limit_keeps_the_best"
NEGATIVE = "test_negative_scores_order_as_numbers"


@killed_by("updates", READS_BACK)
class SinglePrecision(PlainBoard):
    """Scores are kept in 32 bits, and round above 2^24."""

    def _stored(self, score: Score) -> Score:
        if abs(score) > 1e38:
            return score
        rounded: float = unpack("f", pack("f", score))[0]
        return int(rounded) if rounded.is_integer() else rounded


@killed_by("updates", READS_BACK)
class SmallInteger(PlainBoard):
    """Whole scores are kept in 32 bits, and turn negative above 2^31."""

    def _stored(self, score: Score) -> Score:
        return (score + 2**31) % 2**32 - 2**31 if isinstance(score, int) else score


@killed_by("updates", READS_BACK)
class WholeScoresOnly(PlainBoard):
    """Fractions of scores are cut off."""

    def _stored(self, score: Score) -> Score:
        return int(score) if abs(score) < MAX_INTEGER else score


@killed_by("updates", READS_BACK)
class TwoDecimals(PlainBoard):
    """Scores are rounded to hundredths, as a column of money is."""

    def _stored(self, score: Score) -> Score:
        return round(score, 2)


@killed_by("updates", READS_BACK)
class FifteenDigits(PlainBoard):
    """Scores pass through a text of 15 digits, and their last bits are lost."""

    def _stored(self, score: Score) -> Score:
        return float(f"{score:.15g}") if isinstance(score, float) else score


@killed_by("updates", READS_BACK)
class FloatsComeBack(PlainBoard):
    """A whole score reads back as a float."""

    def _get_score(self, player_id: str) -> Score | None:
        score = super()._get_score(player_id)
        return None if score is None else float(score)


@killed_by("updates", READS_BACK)
class LargeFloatsBecomeIntegers(PlainBoard):
    """Every score without a fraction reads back as an int, however large."""

    def _stored(self, score: Score) -> Score:
        return int(score) if float(score).is_integer() else score


@killed_by("updates", READS_BACK)
class NegativeZero(PlainBoard):
    """`-0.0` reads back as `-0.0`."""

    def update_score(self, player_id: str, username: str, score: Score) -> int:
        rank = super().update_score(player_id, username, score)
        if repr(score) == "-0.0":
            self._players[player_id] = self._players[player_id]._replace(score=-0.0)
        return rank


@killed_by("scores", "test_zero_is_zero_whatever_its_sign")
class NegativeZeroIsLess(PlainBoard):
    """A range of scores that ends at `-0.0` leaves 0 out."""

    def get_by_score(self, low: Score, high: Score, limit: int | None = None) -> list[Entry]:
        return super().get_by_score(low, -5e-324 if repr(high) == "-0.0" and low < 0 else high, limit)

    def count_by_score(self, low: Score, high: Score) -> int:
        return sum(repr(high) != "-0.0" or entry.score < 0 for entry in self.get_by_score(low, high))


@killed_by("updates", READS_BACK)
class TinyScoresVanish(PlainBoard):
    """Scores below the smallest normal double become 0."""

    def _stored(self, score: Score) -> Score:
        return score if abs(score) >= 2.0**-1022 else 0


@killed_by("order", "test_scores_do_not_order_as_text")
class ScoresAsText(PlainBoard):
    """100 stands before 20: scores are compared as texts."""

    def _ids(self) -> list[str]:
        texts = {player_id: str(standing.score) for player_id, standing in self._players.items()}
        return sorted(super()._ids(), key=texts.__getitem__, reverse=self._order == "descending")


@killed_by("order", NEGATIVE)
class NegativeScoresBecomeZero(PlainBoard):
    """Scores below zero are stored as 0."""

    def _stored(self, score: Score) -> Score:
        return max(score, 0)


@killed_by("order", NEGATIVE)
class NegativeScoresByMagnitude(PlainBoard):
    """Scores below zero stand in the wrong order among themselves, as padded texts or raw bits do."""

    def _merit(self, player_id: str) -> Score:
        merit = super()._merit(player_id)
        score = self._players[player_id].score
        return merit if score >= 0 else (1 / score if self._order == "ascending" else -1 / score)


@killed_by("lookups", "test_a_score_of_zero_is_a_score")
class ZeroIsNoScore(PlainBoard):
    """A player with a score of 0 reads as unknown."""

    def _get_score(self, player_id: str) -> Score | None:
        return super()._get_score(player_id) or None


@killed_by("scores", BOTH_ENDS)
class EndExcluded(PlainBoard):
    """A range of scores leaves out its upper end."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return [entry for entry in super()._get_by_score(low, high, None) if entry.score < high][:limit]


@killed_by("scores", BOTH_ENDS)
class StartExcludedFromTheCount(PlainBoard):
    """`count_by_score` leaves out the lower end."""

    def _count_by_score(self, low: Score, high: Score) -> int:
        return sum(low < standing.score <= high for standing in self._players.values())


@killed_by("scores", BOTH_ENDS)
class EndsSwappedWhenAscending(PlainBoard):
    """On an ascending board, a range of scores is found only where its ends are given the other way round."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        low, high = (low, high) if self._order == "descending" else (high, low)
        return super()._get_by_score(low, high, limit)


@killed_by("scores", BOTH_ENDS)
class WorstFirst(PlainBoard):
    """A range of scores comes worst first."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        found = super()._get_by_score(low, high, None)[::-1]
        return found[:limit]


@killed_by("scores", LIMIT)
class ZeroIsNoLimit(PlainBoard):
    """A limit of 0 returns everybody."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return super()._get_by_score(low, high, limit or None)


@killed_by("scores", LIMIT)
class LimitKeepsTheWorst(PlainBoard):
    """A limited range of scores shows the last of those in it."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        found = super()._get_by_score(low, high, None)
        return found if limit is None else found[max(0, len(found) - limit) :]


@killed_by("scores", LIMIT)
class LimitBeforeTheRange(PlainBoard):
    """The limit is taken from the top of the board, and the range from what is left."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        top = self._get_range(1, self._count() if limit is None else limit)
        return [entry for entry in top if low <= entry.score <= high]


@killed_by("scores", INFINITE)
class InfinityCountsNobody(PlainBoard):
    """`count_by_score` with an infinite end counts nobody."""

    def _count_by_score(self, low: Score, high: Score) -> int:
        return 0 if inf in (-low, high) else super()._count_by_score(low, high)


@killed_by("scores", INFINITE)
class InfinityIsTheLargestInteger(PlainBoard):
    """An open end of a range leaves out all beyond ±2^53."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return super()._get_by_score(max(low, -MAX_INTEGER), min(high, MAX_INTEGER), limit)


@killed_by("scores", BESIDE)
class WholeBounds(PlainBoard):
    """The ends of a range of scores are rounded to whole numbers."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return super()._get_by_score(_whole(low), _whole(high), limit)


@killed_by("scores", BESIDE)
class BoundsAsShortText(PlainBoard):
    """The ends of a range of scores are sent as texts of 15 digits."""

    def _count_by_score(self, low: Score, high: Score) -> int:
        return super()._count_by_score(float(f"{low:.15g}"), float(f"{high:.15g}"))


@killed_by("scores", "test_a_range_of_one_score_is_its_tie")
class DistinctScoresCounted(PlainBoard):
    """`count_by_score` counts scores, not players."""

    def _count_by_score(self, low: Score, high: Score) -> int:
        return len({standing.score for standing in self._players.values() if low <= standing.score <= high})


@killed_by("scores", "test_thousands_of_scores_in_one_call")
class ThousandScoresAtMost(PlainBoard):
    """A range of scores ends after 1,000 entries, without a word."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return super()._get_by_score(low, high, limit)[:1000]


def _whole(bound: Score) -> Score:
    return bound if abs(bound) == inf else round(bound)
