"""Bugs in reads by rank: the top, ranges, neighbours."""

from __future__ import annotations

from leaderboard_backends import Entry

from .bases import PlainBoard
from .registry import killed_by

EVERY_RANGE = "test_every_range_of_a_small_board"
NEIGHBOURS = "test_around_every_player_of_a_small_board"
CUT = "test_around_is_cut_at_both_ends"
AS_MANY = "test_the_top_has_as_many_as_asked_for"
BEST_FIRST = "test_the_best_score_ranks_first"


@killed_by("ranges", "test_a_range_includes_both_ends")
class LastRankMissing(PlainBoard):
    """A range of ranks that does not start at the top leaves out its last rank."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank, last_rank if first_rank == 1 else last_rank - 1)


@killed_by("ranges", EVERY_RANGE)
class FirstRankMissing(PlainBoard):
    """A range of ranks starts one rank too late."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank + 1, last_rank) if first_rank > 1 else super()._get_range(1, last_rank)


@killed_by("ranges", "test_a_range_is_cut_at_the_boards_end")
class RangeBeyondTheEndIsEmpty(PlainBoard):
    """A range that reaches beyond the last player is empty."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank, last_rank) if first_rank == 1 or last_rank <= self._count() else []


@killed_by("ranges", EVERY_RANGE)
class RangeTakesALength(PlainBoard):
    """The second rank of a range is taken for a number of entries."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank, first_rank + last_rank - 1)


@killed_by("ranges", "test_counts_and_ranks_far_beyond_the_board")
class RanksInThirtyTwoBits(PlainBoard):
    """A rank or a count above 2^31 turns negative, and the answer is empty."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank, last_rank) if last_rank < 2**31 else []


@killed_by("order", BEST_FIRST)
class RangesIgnoreTheOrder(PlainBoard):
    """Reads by rank show the highest score first on ascending boards, too."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        players = self._players
        ids = sorted(players, key=lambda player_id: (-players[player_id].score, players[player_id].reached))
        return self._page(ids, first_rank, last_rank)


@killed_by("ranges", AS_MANY)
class TopHasOneMore(PlainBoard):
    """`get_top_n(n)` returns n + 1 entries, as a range from 0 to n does."""

    def _get_top_n(self, n: int) -> list[Entry]:
        return super()._get_top_n(n + 1)


@killed_by("ranges", AS_MANY)
class TopZeroIsEverybody(PlainBoard):
    """`get_top_n(0)` returns the whole board."""

    def get_top_n(self, n: int = 100) -> list[Entry]:
        return super().get_top_n(n) if type(n) is not int or n else self._get_range(1, self._count())


@killed_by("ranges", "test_the_top_is_a_hundred_by_default")
class TopIsTenByDefault(PlainBoard):
    """`get_top_n()` returns ten entries."""

    def get_top_n(self, n: int = 10) -> list[Entry]:
        return super().get_top_n(n)


@killed_by("order", "test_hundreds_of_ties_in_quick_succession_keep_their_order")
class TopIsAHundredAtMost(PlainBoard):
    """`get_top_n(300)` returns 100 entries."""

    def _get_top_n(self, n: int) -> list[Entry]:
        return super()._get_top_n(min(n, 100))


@killed_by("ranges", "test_thousands_in_one_page")
class ThousandRanksAtMost(PlainBoard):
    """A read by rank ends after 1,000 entries, without a word."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank, min(last_rank, first_rank + 999))


@killed_by("ranges", CUT)
class AroundStartsBelowRankOne(PlainBoard):
    """The best player has no neighbours: the range of them starts below rank 1."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        rank = self._get_rank(player_id)
        return [] if rank is None else self._page(self._ids(), rank - radius, rank + radius)


@killed_by("ranges", CUT)
class AroundIsAlwaysFull(PlainBoard):
    """At the board's ends, a player has more neighbours on one side to make up for the other."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        rank = self._get_rank(player_id)
        if rank is None:
            return []
        first = max(1, min(rank - radius, self._count() - 2 * radius))
        return self._get_range(first, first + 2 * radius)


@killed_by("ranges", NEIGHBOURS)
class AroundWithoutThePlayer(PlainBoard):
    """A player's neighbours come without the player."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return [entry for entry in super()._get_around(player_id, radius) if entry.player_id != player_id]


@killed_by("ranges", "test_around_with_radius_zero_is_the_player_alone")
class AroundZeroIsEmpty(PlainBoard):
    """A radius of 0 returns nothing."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return super()._get_around(player_id, radius) if radius else []


@killed_by("ranges", "test_around_with_radius_zero_is_the_player_alone")
class AroundZeroIsTheDefault(PlainBoard):
    """A radius of 0 is taken for the default of 5."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return super()._get_around(player_id, radius or 5)


@killed_by("ranges", "test_around_has_five_on_each_side_by_default")
class AroundHasFiveInAll(PlainBoard):
    """The radius counts neighbours of both sides together."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return super()._get_around(player_id, radius // 2)


@killed_by("ranges", "test_around_an_unknown_player_is_empty")
class AroundNobodyIsTheTop(PlainBoard):
    """Around a player who is not there stands the top of the board."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return super()._get_around(player_id, radius) or self._get_range(1, radius + 1)


@killed_by("ranges", "test_around_in_the_middle_of_a_tie")
class AroundFindsTheScore(PlainBoard):
    """Within a tie, neighbours are those of the first player with that score."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        if player_id not in self._players:
            return []
        own = self._merit(player_id)
        rank = 1 + sum(self._merit(other) < own for other in self._players)
        return self._get_range(max(1, rank - radius), rank + radius)


@killed_by("ranges", NEIGHBOURS)
class PlainTuples(PlainBoard):
    """A player's neighbours come as plain tuples: `entry.rank` fails."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return [tuple(entry) for entry in super()._get_around(player_id, radius)]  # type: ignore[misc]  # the bug
