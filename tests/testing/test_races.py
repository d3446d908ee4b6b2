"""Boards that are right in one thread, or one process, and wrong in several: caught in at least 19 runs of 20.

Each takes its lock, only not for long enough; none of them sleeps to make the bug easy to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import local

import pytest

from leaderboard_backends import Entry, Keep, LeaderboardBackend, Order, Score
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.model import add_scores, is_better, percentile
from leaderboard_backends.testing.conformance.foundation import ALL_RULES
from leaderboard_backends.testing.conformance.histories import HISTORIES, check_threads
from leaderboard_backends.testing.runner import run_kit
from leaderboard_backends.testing.subject import BoardFactory

RUNS = 20
ENOUGH = 19


class SumOutsideTheLock(NaiveLeaderboard):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        total = add_scores(self._get_score(player_id) or 0, delta)
        with self._lock:
            self._store(player_id, username, total)
            return self._entry(self._rank(player_id), player_id)


class RankOfALaterMoment(NaiveLeaderboard):
    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            self._store(player_id, username, score)
        return self._get_rank(player_id) or 0


class MovesInTwoSteps(NaiveLeaderboard):
    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            standing = self._players.get(player_id)
            moves = standing is not None and score != standing.score
            if standing and moves and (self._keep == "last" or is_better(score, standing.score, self._order)):
                del self._players[player_id]
        return super()._update_score(player_id, username, score)


class FriendsOneByOne(NaiveLeaderboard):
    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return [super(FriendsOneByOne, self)._get_entries([player_id])[0] for player_id in player_ids]


class CachedByThread(NaiveLeaderboard):
    """Each thread keeps the list that it read, until it writes itself."""

    def __init__(self, name: str, *, order: Order, keep: Keep) -> None:
        super().__init__(name, order=order, keep=keep)
        self._cache = local()

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        self._cache.__dict__.clear()

    def _remove_player(self, player_id: str) -> bool:
        self._cache.__dict__.clear()
        return super()._remove_player(player_id)

    def _clear(self) -> None:
        self._cache.__dict__.clear()
        super()._clear()

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        cached: list[Entry] | None = self._cache.__dict__.get("all")
        if cached is None:
            cached = self._cache.__dict__["all"] = super()._get_range(1, 1000)
        return cached[first_rank - 1 : last_rank]


class BatchInSteps(NaiveLeaderboard):
    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        for update in updates:
            super()._update_score(*update)


class RemovesTwice(NaiveLeaderboard):
    def _remove_player(self, player_id: str) -> bool:
        found = self._get_score(player_id) is not None
        super()._remove_player(player_id)
        return found


class RankThenTheRest(NaiveLeaderboard):
    """Finds the rank in one state, and what belongs to it in another."""

    def _get_percentile(self, player_id: str) -> float | None:
        rank = self._get_rank(player_id)
        return None if rank is None else percentile(rank, max(rank, self._count()))

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        rank = self._get_rank(player_id)
        return [] if rank is None else self._get_range(max(1, rank - radius), rank + radius)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        ranks = [self._get_rank(player_id) for player_id in player_ids]
        pages = [[] if rank is None else self._get_range(rank, rank) for rank in ranks]
        return [page[0] if page else None for page in pages]


class NumberedTooEarly(NaiveLeaderboard):
    """The number that orders a tie is taken first, and may be used after a later one: the tie turns round."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            self._updates += 1
            number = self._updates
        with self._lock:
            self._store(player_id, username, score)
            standing = self._players[player_id]
            if standing.reached > number:
                self._players[player_id] = standing._replace(reached=number)
            return self._rank(player_id)


class ClearsOneByOne(NaiveLeaderboard):
    def _clear(self) -> None:
        for player_id in list(self._players):
            self._remove_player(player_id)


RACY: list[type[NaiveLeaderboard]] = [
    SumOutsideTheLock,
    RankOfALaterMoment,
    MovesInTwoSteps,
    FriendsOneByOne,
    CachedByThread,
    BatchInSteps,
    RemovesTwice,
    RankThenTheRest,
    NumberedTooEarly,
    ClearsOneByOne,
]
CORRECT: list[type[LeaderboardBackend]] = [NaiveLeaderboard, SortedContainersLeaderboard]


def histories_fail(make: BoardFactory, seed: int, histories: int = HISTORIES) -> str:
    """Return what a run of the kit's histories, under all four rules, says of a board; empty where it passes."""
    for rules in ALL_RULES:
        try:
            check_threads(make("race", order=rules.order, keep=rules.keep), rules, seed=seed, histories=histories)
        except AssertionError as error:
            return str(error)
    return ""


@pytest.mark.parametrize("racy", RACY)
def test_a_race_between_threads_is_caught(racy: type[NaiveLeaderboard]) -> None:
    accounts = [histories_fail(racy, seed) for seed in range(RUNS)]
    caught = [account for account in accounts if account.startswith("not linearizable")]
    assert len(caught) == len([account for account in accounts if account])
    assert len(caught) >= ENOUGH, f"caught in {len(caught)} runs of {RUNS}"


@pytest.mark.parametrize("correct", CORRECT)
def test_a_correct_board_passes_every_run(correct: BoardFactory) -> None:
    assert [histories_fail(correct, seed, histories=10) for seed in range(RUNS)] == [""] * RUNS


def test_a_run_of_the_kit_says_what_cannot_have_been_and_how_to_repeat_it() -> None:
    report = run_kit(SumOutsideTheLock, parts=["histories"], seed=7)
    assert report.verdict == "DOES NOT CONFORM"
    text = report.failures[0].text
    assert "not linearizable: no order of these" in text
    assert "next, it would answer Entry(" in text
    assert "The same programs again: seed = 7" in text
