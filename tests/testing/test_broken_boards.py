"""Boards with one bug each. The kit must catch every one, by the part of it that is about that bug."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Sequence
from struct import pack, unpack
from typing import Any, ClassVar

import pytest

from leaderboard_backends import Capabilities, Entry, Keep, Order, Score
from leaderboard_backends.backends.naive import NaiveLeaderboard, _Standing
from leaderboard_backends.testing.runner import run_kit


class TiesByName(NaiveLeaderboard):
    def _ids(self) -> list[str]:
        sign = -1 if self._order == "descending" else 1
        return sorted(self._players, key=lambda player_id: (sign * self._players[player_id].score, player_id))


class LatestFirst(NaiveLeaderboard):
    def _ids(self) -> list[str]:
        sign = -1 if self._order == "descending" else 1
        players = self._players
        return sorted(players, key=lambda player_id: (sign * players[player_id].score, -players[player_id].reached))


class SameScoreMoves(NaiveLeaderboard):
    def _store(self, player_id: str, username: str, score: Score) -> None:
        if player_id in self._players and self._players[player_id].score == score:
            del self._players[player_id]
        super()._store(player_id, username, score)


class RankOffByOne(NaiveLeaderboard):
    def _get_rank(self, player_id: str) -> int | None:
        rank = super()._get_rank(player_id)
        return None if rank is None else rank - 1


class RankBeforeTheUpdate(NaiveLeaderboard):
    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        before = self._get_rank(player_id)
        after = super()._update_score(player_id, username, score)
        return before or after


class BestInverted(NaiveLeaderboard):
    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        if self._keep == "best" and standing:
            worse = score < standing.score if self._order == "descending" else score > standing.score
            score = score if worse else standing.score
            self._updates += 1
            self._players[player_id] = _Standing(score, self._updates, username)
        else:
            super()._store(player_id, username, score)


class FirstSumIgnored(NaiveLeaderboard):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if self._keep == "best" and player_id not in self._players:
            self._update_score(player_id, username, 0)
        return super()._increment_score(player_id, username, delta)


class UsernameLost(NaiveLeaderboard):
    def _store(self, player_id: str, username: str, score: Score) -> None:
        standing = self._players.get(player_id)
        super()._store(player_id, username, score)
        if standing and self._players[player_id].score == standing.score:
            self._players[player_id] = standing


class SharedList(NaiveLeaderboard):
    def __init__(self, name: str, *, order: Order, keep: Keep) -> None:
        super().__init__(name, order=order, keep=keep)
        self._cached: list[Entry] | None = None

    def _store(self, player_id: str, username: str, score: Score) -> None:
        self._cached = None
        super()._store(player_id, username, score)

    def _get_top_n(self, n: int) -> list[Entry]:
        if self._cached is None:
            self._cached = super()._get_top_n(n)
        return self._cached


class PlainTuples(NaiveLeaderboard):
    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return [tuple(entry) for entry in super()._get_around(player_id, radius)]  # type: ignore[misc]  # the bug


class RoundedSums(NaiveLeaderboard):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        total = float(self._get_score(player_id) or 0) + float(delta)
        self._update_score(player_id, username, int(total) if total.is_integer() else total)
        return self._get_entries([player_id])[0] or pytest.fail("the player is not there")


class SinglePrecision(NaiveLeaderboard):
    def _store(self, player_id: str, username: str, score: Score) -> None:
        if abs(score) < 1e38:
            rounded: float = unpack("f", pack("f", score))[0]
            score = int(rounded) if rounded.is_integer() else rounded
        super()._store(player_id, username, score)


class FloatsComeBack(NaiveLeaderboard):
    def _get_score(self, player_id: str) -> Score | None:
        score = super()._get_score(player_id)
        return None if score is None else float(score)


class RefusedSumRenames(NaiveLeaderboard):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        if player_id in self._players:
            self._players[player_id] = self._players[player_id]._replace(username=username)
        return super()._increment_score(player_id, username, delta)


class AnswersWhenClosed(NaiveLeaderboard):
    def get_rank(self, player_id: str) -> int | None:
        return self._get_rank(player_id)


class ClosesOnce(NaiveLeaderboard):
    def close(self) -> None:
        if self._closed:
            raise RuntimeError("closed already")
        super().close()


class TakesNan(NaiveLeaderboard):
    def update_score(self, player_id: str, username: str, score: Score) -> int:
        return super().update_score(player_id, username, score if score == score else 0)  # noqa: PLR0124 - finds nan


class WritesBeforeItChecks(NaiveLeaderboard):
    def update_scores(self, updates: Any) -> int:
        return sum(super(WritesBeforeItChecks, self).update_scores([update]) for update in updates)


class EndExcluded(NaiveLeaderboard):
    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return [entry for entry in super()._get_by_score(low, high, None) if entry.score < high][:limit]


class LastRankMissing(NaiveLeaderboard):
    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank, last_rank if first_rank == 1 else last_rank - 1)


class AroundNotCut(NaiveLeaderboard):
    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        rank = self._get_rank(player_id)
        return [] if rank is None else self._page(self._ids(), rank - radius, rank + radius)


class PercentileOff(NaiveLeaderboard):
    def _get_percentile(self, player_id: str) -> float | None:
        found = super()._get_percentile(player_id)
        return None if found is None else found - 100 / self._count()


class UnicodeFolded(NaiveLeaderboard):
    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(unicodedata.normalize("NFC", player_id), username, score)


class OnePlace(NaiveLeaderboard):
    _place_of_all: ClassVar[dict[str, _Standing]] = {}

    def __init__(self, name: str, *, order: Order, keep: Keep) -> None:
        super().__init__(name, order=order, keep=keep)
        self._players = self._place_of_all

    def _clear(self) -> None:
        self._players.clear()


class RemovalForgotten(NaiveLeaderboard):
    def _remove_player(self, player_id: str) -> bool:
        return player_id in self._players


class LostIncrements(NaiveLeaderboard):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        score = self._get_score(player_id) or 0
        time.sleep(0)  # lets another thread in, as any round trip would
        self._update_score(player_id, username, score + delta)
        return self._get_entries([player_id])[0] or pytest.fail("the player is not there")


class HalfBatchesSeen(NaiveLeaderboard):
    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        for update in updates:
            super()._update_score(*update)
            time.sleep(0)  # lets a reader in


class RefusesMore(NaiveLeaderboard):
    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        self._unsupported("get_around", f"no {radius} neighbours of {player_id} can be found.")


class DeclaresMore(NaiveLeaderboard):
    capabilities = Capabilities(durable=False, shared=False, unsupported=frozenset({"get_around"}))


class SharedInName(NaiveLeaderboard):
    capabilities = Capabilities(durable=False, shared=True, survives="nothing")


class DurableInName(NaiveLeaderboard):
    capabilities = Capabilities(durable=True, shared=False, survives="a crash, it says")


class CountsAnew(NaiveLeaderboard):
    """Each object numbers its updates from 1, so that after reopening a late player overtakes a tie."""

    capabilities = Capabilities(durable=False, shared=True, survives="this process")
    _places: ClassVar[dict[str, dict[str, _Standing]]] = {}

    def __init__(self, name: str, *, order: Order, keep: Keep) -> None:
        super().__init__(name, order=order, keep=keep)
        self._players = self._places.setdefault(name, {})

    def _clear(self) -> None:
        self._players.clear()


class RefusesAsDeclared(RefusesMore):
    capabilities = Capabilities(durable=False, shared=False, unsupported=frozenset({"get_around"}))


CAUGHT: list[tuple[type[NaiveLeaderboard], str, str]] = [
    (TiesByName, "order", "test_within_a_tie_whoever_reached_the_score_first_ranks_first"),
    (LatestFirst, "order", "test_a_tie_stored_in_bulk_keeps_the_order_of_the_input"),
    (SameScoreMoves, "order", "test_an_update_to_the_same_score_keeps_the_place_in_the_tie"),
    (RankOffByOne, "lookups", "test_score_rank_and_entry_agree"),
    (RankBeforeTheUpdate, "updates", "test_an_update_returns_the_rank_right_after_it"),
    (BestInverted, "updates", "test_a_better_score_is_stored_always"),
    (FirstSumIgnored, "increments", "test_an_unknown_players_first_sum_always_stands"),
    (UsernameLost, "updates", "test_an_ignored_score_still_stores_the_username"),
    (SharedList, "isolation", "test_lists_returned_are_the_callers_own"),
    (PlainTuples, "ranges", "test_around_every_player_of_a_small_board"),
    (RoundedSums, "increments", "test_a_sum_out_of_the_score_rule_raises_and_changes_nothing"),
    (SinglePrecision, "updates", "test_a_score_reads_back_as_given"),
    (FloatsComeBack, "updates", "test_a_score_reads_back_as_given"),
    (RefusedSumRenames, "increments", "test_a_sum_out_of_the_score_rule_raises_and_changes_nothing"),
    (AnswersWhenClosed, "life", "test_a_closed_board_refuses[get_rank]"),
    (ClosesOnce, "life", "test_closing_twice_is_fine"),
    (TakesNan, "values", "test_every_bad_value_is_refused[update_score(score)]"),
    (WritesBeforeItChecks, "bulk", "test_all_input_is_checked_before_the_first_write"),
    (EndExcluded, "scores", "test_both_ends_are_included"),
    (LastRankMissing, "ranges", "test_a_range_includes_both_ends"),
    (AroundNotCut, "ranges", "test_around_is_cut_at_both_ends"),
    (PercentileOff, "lookups", "test_the_best_player_has_percentile_100"),
    (UnicodeFolded, "texts", "test_ids_are_compared_as_bytes"),
    (OnePlace, "isolation", "test_two_boards_do_not_share_players"),
    (RemovalForgotten, "removal", "test_a_removed_player_is_gone_from_every_read"),
    (LostIncrements, "threads", "test_increments_by_powers_of_two_are_neither_lost_nor_doubled"),
    (HalfBatchesSeen, "threads", "test_a_friends_board_beside_writers_is_one_state"),
    (RefusesMore, "capabilities", "test_an_operation_works_or_refuses_as_declared[get_around]"),
    (DeclaresMore, "capabilities", "test_an_operation_works_or_refuses_as_declared[get_around]"),
    (SharedInName, "capabilities", "test_two_objects_on_one_shared_board_see_each_others_writes"),
    (CountsAnew, "capabilities", "test_another_object_on_a_shared_or_durable_board_finds_its_data"),
    (CountsAnew, "capabilities", "test_a_board_that_is_there_opens_in_its_own_order_only"),
    (DurableInName, "capabilities", "test_another_object_on_a_shared_or_durable_board_finds_its_data"),
]

CRASH = re.compile(r"^E +(?:AttributeError|ImportError|KeyError|NameError|TypeError)\b", re.MULTILINE)
"""A broken board that no longer fits the code it is made from fails too, and shows nothing of the kit."""

SEEN = re.compile(r"^E +(?:assert |AssertionError|Failed: |RuntimeError|.*UnsupportedOperationError)", re.MULTILINE)
"""What the kit says of a bug: an assertion, a missing refusal, or the error that the board raised where it must not."""

SEEN_BY_THE_MACHINE = [SameScoreMoves, UsernameLost, EndExcluded, UnicodeFolded]


@pytest.mark.parametrize(("broken", "part", "test"), CAUGHT, ids=[caught[0].__name__ for caught in CAUGHT])
def test_each_bug_is_caught_by_the_test_that_is_about_it(broken: type[NaiveLeaderboard], part: str, test: str) -> None:
    report = run_kit(broken, parts=[part])
    assert report.verdict == "DOES NOT CONFORM"
    failed = [outcome for outcome in report.failures if outcome.test.startswith(test)]
    assert failed, f"only these failed: {[outcome.test for outcome in report.failures]}"
    for outcome in failed:
        assert not CRASH.search(outcome.text), f"the board crashed, so its bug was not seen:\n{outcome.text}"
        assert SEEN.search(outcome.text), f"nothing was said of the bug:\n{outcome.text}"


@pytest.mark.parametrize("broken", SEEN_BY_THE_MACHINE)
def test_random_programs_alone_find_the_bug_and_say_how_to_repeat_them(broken: type[NaiveLeaderboard]) -> None:
    report = run_kit(broken, parts=["machine"], stop_after=1, seed=7)
    assert [outcome.result for outcome in report.failures] == ["failed"]
    assert "seed = 7" in report.failures[0].text


def test_a_refusal_that_is_declared_is_told_apart_from_a_pass() -> None:
    report = run_kit(RefusesAsDeclared, examples=5)
    assert report.verdict == "CONFORMS", report.failures[0].text
    refused = [outcome.test for outcome in report.outcomes if outcome.result == "refused"]
    assert "test_an_operation_works_or_refuses_as_declared[get_around]" in refused
    assert any(test.startswith("test_around_is_cut_at_both_ends") for test in refused)
    assert not [test for test in refused if test.startswith("test_the_best_score_ranks_first")]
