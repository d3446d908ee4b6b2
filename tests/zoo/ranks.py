"""Bugs in ranks and percentiles."""

from __future__ import annotations

from collections.abc import Sequence

from leaderboard_backends import Entry, Score
from leaderboard_backends.model import percentile

from .bases import CachingBoard, PlainBoard
from .registry import killed_by

AGREE = "test_score_rank_and_entry_agree"
BEST_IS_100 = "test_the_best_player_has_percentile_100"
EVERY_READ = "test_every_read_follows_every_kind_of_write"
BY_RANK = "test_percentiles_follow_the_rank"


@killed_by("lookups", AGREE)
class RankFromZero(PlainBoard):
    """The best player's rank is 0."""

    def _get_rank(self, player_id: str) -> int | None:
        rank = super()._get_rank(player_id)
        return None if rank is None else rank - 1


@killed_by("lookups", AGREE)
class TiesShareARank(PlainBoard):
    """Players with one score have one rank, as RANK() of SQL gives it."""

    def _get_rank(self, player_id: str) -> int | None:
        if player_id not in self._players:
            return None
        own = self._merit(player_id)
        return 1 + sum(self._merit(other) < own for other in self._players)


@killed_by("ranges", "test_a_range_includes_both_ends")
class DenseRanks(PlainBoard):
    """Entries are numbered by their score, without gaps, as DENSE_RANK() of SQL does."""

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        better = sorted({self._merit(player_id) for player_id in self._players})
        page = super()._get_range(first_rank, last_rank)
        return [entry._replace(rank=better.index(self._merit(entry.player_id)) + 1) for entry in page]


@killed_by("lookups", AGREE)
class RankIgnoresTheOrder(PlainBoard):
    """`get_rank` counts from the highest score on ascending boards, too."""

    def _get_rank(self, player_id: str) -> int | None:
        if player_id not in self._players:
            return None
        players = self._players
        return 1 + sorted(players, key=lambda other: (-players[other].score, players[other].reached)).index(player_id)


@killed_by("updates", "test_an_update_returns_the_rank_right_after_it")
class RankBeforeTheUpdate(PlainBoard):
    """`update_score` returns the rank that the player had."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        before = self._get_rank(player_id)
        after = super()._update_score(player_id, username, score)
        return before or after


@killed_by("updates", "test_a_worse_score_is_stored_or_ignored_as_keep_says")
class RankOfTheIgnoredScore(PlainBoard):
    """`update_score` returns the rank that an ignored score would have had."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        rank = super()._update_score(player_id, username, score)
        if self._players[player_id].score == score:
            return rank
        sign = -1 if self._order == "descending" else 1
        return 1 + sum(self._merit(other) <= sign * score for other in self._players if other != player_id)


@killed_by("updates", "test_the_first_player_ranks_first")
class RankAsFloat(PlainBoard):
    """Ranks come back as floats."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return float(super()._update_score(player_id, username, score))  # type: ignore[return-value]  # the bug


@killed_by("updates", "test_each_rank_returned_is_the_rank_that_is_read")
class RankBehindTheTie(PlainBoard):
    """`update_score` returns the rank of the last player with that score."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        super()._update_score(player_id, username, score)
        own = self._merit(player_id)
        return sum(self._merit(other) <= own for other in self._players)


@killed_by("increments", "test_an_increment_returns_the_entry_right_after_it")
class IncrementReturnsTheOldRank(PlainBoard):
    """`increment_score` returns the new score with the rank that the player had."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        before = self._get_rank(player_id)
        entry = super()._increment_score(player_id, username, delta)
        return entry._replace(rank=before or entry.rank)


@killed_by("lookups", "test_hundreds_of_friends_in_one_call")
class RanksAmongFriends(PlainBoard):
    """A friends board ranks friends among themselves."""

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        entries = super()._get_entries(player_ids)
        ranks = sorted({entry.rank for entry in entries if entry})
        return [entry and entry._replace(rank=ranks.index(entry.rank) + 1) for entry in entries]


@killed_by("scores", "test_entries_keep_their_ranks_on_the_whole_board")
class RanksWithinTheScores(PlainBoard):
    """A range of scores is numbered from 1."""

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        found = super()._get_by_score(low, high, limit)
        return [entry._replace(rank=rank) for rank, entry in enumerate(found, 1)]


@killed_by("ranges", "test_around_every_player_of_a_small_board")
class RanksAmongNeighbours(PlainBoard):
    """A player's neighbours are numbered from 1."""

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        found = super()._get_around(player_id, radius)
        return [entry._replace(rank=rank) for rank, entry in enumerate(found, 1)]


@killed_by("removal", "test_ranks_close_up_behind_a_removed_player")
class RanksKeptThroughRemoval(PlainBoard):
    """Ranks that were read stay as they were when a better player is removed."""

    _ranks: dict[str, int] | None = None

    def _store(self, player_id: str, username: str, score: Score) -> None:
        self._ranks = None
        super()._store(player_id, username, score)

    def _clear(self) -> None:
        self._ranks = None
        super()._clear()

    def _rank(self, player_id: str) -> int:
        if self._ranks is None:
            self._ranks = {found: rank for rank, found in enumerate(self._ids(), 1)}
        return self._ranks[player_id]


@killed_by("removal", "test_removing_all_players_one_by_one")
class TopKeptThroughRemoval(CachingBoard):
    """The top that was read last still shows a player who was removed."""

    def _remove_player(self, player_id: str) -> bool:
        return self._players.pop(player_id, None) is not None


@killed_by("updates", "test_the_username_given_last_is_the_one_shown")
class TopKeptThroughRenaming(CachingBoard):
    """The top that was read last still shows the name that a player had."""

    def _store(self, player_id: str, username: str, score: Score) -> None:
        cached, before = self._cached, self._players.get(player_id)
        super()._store(player_id, username, score)
        if before and before.score == self._players[player_id].score:
            self._cached = cached


@killed_by("updates", EVERY_READ)
class TopKeptThroughBatches(CachingBoard):
    """The top that was read last does not show what a batch changed."""

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        cached = self._cached
        super()._update_scores(updates)
        self._cached = cached


@killed_by("updates", EVERY_READ)
class TopKeptThroughIncrements(CachingBoard):
    """The top that was read last does not show what an increment changed."""

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        cached = self._cached
        entry = super()._increment_score(player_id, username, delta)
        self._cached = cached
        return entry


@killed_by("lookups", BEST_IS_100)
class PercentileOff(PlainBoard):
    """Nobody has percentile 100: the player is left out of those who are no better."""

    def _get_percentile(self, player_id: str) -> float | None:
        found = super()._get_percentile(player_id)
        return None if found is None else found - 100 / self._count()


@killed_by("lookups", BY_RANK)
class PercentileInWholeNumbers(PlainBoard):
    """Percentiles are cut to whole numbers."""

    def _get_percentile(self, player_id: str) -> float | None:
        found = super()._get_percentile(player_id)
        return None if found is None else float(int(found))


@killed_by("lookups", BEST_IS_100)
class PercentileOfTheRank(PlainBoard):
    """The percentile is the rank's share of the players, so the last has 100."""

    def _get_percentile(self, player_id: str) -> float | None:
        rank = self._get_rank(player_id)
        return None if rank is None else 100 * rank / self._count()


@killed_by("lookups", BEST_IS_100)
class PercentileAsAShare(PlainBoard):
    """The percentile is a share between 0 and 1."""

    def _get_percentile(self, player_id: str) -> float | None:
        found = super()._get_percentile(player_id)
        return None if found is None else found / 100


@killed_by("lookups", BEST_IS_100)
class PercentileOfTheOthers(PlainBoard):
    """The percentile counts the other players alone, so that the last has 0."""

    def _get_percentile(self, player_id: str) -> float | None:
        rank, others = self._get_rank(player_id), self._count() - 1
        return None if rank is None else 100 * (others - rank + 1) / others if others else 100.0


@killed_by("lookups", BY_RANK)
class PercentileIgnoresTheOrder(PlainBoard):
    """On an ascending board, the slowest has percentile 100."""

    def _get_percentile(self, player_id: str) -> float | None:
        rank = self._get_rank(player_id)
        if rank is None:
            return None
        players = self._count()
        return percentile(rank if self._order == "descending" else players - rank + 1, players)


@killed_by("lookups", "test_percentiles_follow_removals")
class PercentileOfAllThereEverWere(PlainBoard):
    """Removed players still count in a percentile."""

    _most = 0

    def _get_percentile(self, player_id: str) -> float | None:
        rank = self._get_rank(player_id)
        return None if rank is None else percentile(rank, self._most)

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        self._most = max(self._most, len(self._players))
