"""Approximate ranks: the true rank is within the bounds, ties at a band's end included, and questions are few."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard_backends import (
    BackendUnavailableError,
    Entry,
    InvalidPlayerError,
    LeaderboardClosedError,
    Order,
    Score,
)
from leaderboard_backends.answers import Coverage
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.hardening.degradation import DegradableLeaderboard, RankBand
from leaderboard_backends.model import is_better
from leaderboard_backends.testing.oracle import OracleBoard
from leaderboard_backends.wrapper import Answer, answered, ask

PERCENTS = [0.1, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0]


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Counting(DelegatingLeaderboard):
    """Counts what it is asked, and can be made to fail."""

    def __init__(self, inner: NaiveLeaderboard) -> None:
        super().__init__(inner)
        self.scores = self.others = 0
        self.down = False

    def _get_score(self, player_id: str) -> Score | None:
        self.scores += 1
        return super()._get_score(player_id)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        self._other()
        return super()._get_range(first_rank, last_rank)

    def _count_by_score(self, low: Score, high: Score) -> int:
        self._other()
        return super()._count_by_score(low, high)

    def _count(self) -> int:
        self._other()
        return super()._count()

    def _other(self) -> None:
        self.others += 1
        if self.down:
            raise BackendUnavailableError("no answer")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inner() -> Counting:
    return Counting(NaiveLeaderboard())


@pytest.fixture
def board(inner: Counting, clock: Clock) -> DegradableLeaderboard:
    return DegradableLeaderboard(inner, clock=clock)


def band(board: DegradableLeaderboard, player_id: str) -> RankBand:
    found = board.rank_band(player_id)
    assert found is not None
    return found


def test_the_bands_of_a_thousand_players(board: DegradableLeaderboard) -> None:
    board.update_scores([(f"p{rank}", "", -rank) for rank in range(1, 1001)])
    assert band(board, "p1") == RankBand("top 0.1 %", 0.1, 1, 1, 1000, 0.0)
    assert band(board, "p2") == RankBand("top 1 %", 1.0, 2, 10, 1000, 0.0)
    assert band(board, "p11") == RankBand("top 5 %", 5.0, 11, 50, 1000, 0.0)
    assert band(board, "p100") == RankBand("top 10 %", 10.0, 51, 100, 1000, 0.0)
    assert band(board, "p250") == RankBand("top 25 %", 25.0, 101, 250, 1000, 0.0)
    assert band(board, "p251") == RankBand("top 50 %", 50.0, 251, 500, 1000, 0.0)
    assert band(board, "p1000") == RankBand("top 100 %", 100.0, 501, 1000, 1000, 0.0)


def test_a_player_who_ties_with_the_last_of_a_band_is_in_it_and_the_bounds_say_so(
    board: DegradableLeaderboard,
) -> None:
    board.update_scores([("ann", "", 9), *[(f"t{number}", "", 5) for number in range(6)], ("eve", "", 1)])
    assert band(board, "t0") == band(board, "t5") == RankBand("top 25 %", 25.0, 1, 7, 8, 0.0)
    assert band(board, "eve") == RankBand("top 100 %", 100.0, 8, 8, 8, 0.0)


def test_a_band_that_would_end_before_the_first_player_is_left_out(board: DegradableLeaderboard) -> None:
    board.update_scores([(f"p{rank}", "", -rank) for rank in range(1, 6)])
    assert band(board, "p1") == RankBand("top 25 %", 25.0, 1, 1, 5, 0.0)
    assert band(board, "p2") == RankBand("top 50 %", 50.0, 2, 2, 5, 0.0)
    assert band(board, "p3") == RankBand("top 100 %", 100.0, 3, 5, 5, 0.0)


def test_an_unknown_player_has_no_band(board: DegradableLeaderboard) -> None:
    assert board.rank_band("nobody") is None
    with pytest.raises(InvalidPlayerError):
        board.rank_band("")


def test_a_closed_board_refuses(board: DegradableLeaderboard) -> None:
    board.close()
    with pytest.raises(LeaderboardClosedError):
        board.rank_band("ann")


class OfReplicas(Counting):
    """Notes that a replica answered, whose second answer is the oldest."""

    def _other(self) -> None:
        super()._other()
        answered(Answer("replica", 0.5 if self.others == 2 else 0.25))


def test_bounds_are_as_old_as_the_oldest_answer_of_a_replica_that_they_are_made_of(clock: Clock) -> None:
    board = DegradableLeaderboard(OfReplicas(NaiveLeaderboard()), clock=clock)
    board.update_scores([("ann", "", 9), ("bob", "", 5)])
    assert ask(board.rank_band, "ann") == (RankBand("top 50 %", 50.0, 1, 1, 2, 0.5), Answer("approximate", 0.5))
    clock.now += 1.0
    assert band(board, "bob").age == 1.5


class OverShards(Counting):
    """Notes that a shard did not answer, while one is away."""

    away = False

    def _other(self) -> None:
        super()._other()
        if self.away:
            answered(Answer("partial", 0.0, Coverage(1, (0,))))


def test_bounds_without_some_shards_are_not_kept_in_place_of_whole_ones(clock: Clock) -> None:
    inner = OverShards(NaiveLeaderboard())
    board = DegradableLeaderboard(inner, clock=clock)
    board.update_scores([("ann", "", 9), ("bob", "", 5)])
    inner.away = True
    without = band(board, "ann")
    asked, inner.away = inner.others, False
    whole = band(board, "ann")
    assert (whole, inner.others) == (without, 2 * asked)
    inner.away = True
    clock.now += 1000.0
    for _ in range(2):
        assert band(board, "ann") == whole._replace(age=1000.0)
    assert inner.others == 3 * asked, "those who do answer are not asked by each call"
    inner.away = False
    clock.now += 1000.0
    assert band(board, "ann") == whole


@pytest.mark.parametrize("order", ["descending", "ascending"])
@settings(deadline=None)
@given(scores=st.lists(st.sampled_from([0, 1, 2, 2.5, 3, 7, 9]) | st.integers(-50, 50), min_size=1, max_size=120))
def test_the_true_rank_is_within_the_bounds(order: Order, scores: list[Score]) -> None:
    board, oracle = DegradableLeaderboard(NaiveLeaderboard(order=order), clock=Clock()), OracleBoard(order)
    updates = [(f"p{number}", "", score) for number, score in enumerate(scores)]
    board.update_scores(updates)
    oracle.update_scores(updates)
    entries = oracle.get_top_n(len(scores))
    bands = [band(board, entry.player_id) for entry in entries]
    for entry, found in zip(entries, bands, strict=True):
        assert found.low_rank <= entry.rank <= found.high_rank
        assert found.players == len(scores)
        assert found.percent in PERCENTS
        assert found.label == f"top {found.percent:g} %"
        shares = sum(other.score == entry.score for other in entries)
        assert entry.rank <= len(scores) * found.percent / 100 or shares > 1
    assert (bands[0].low_rank, bands[-1].high_rank) == (1, len(scores))
    for before, after in pairwise(dict.fromkeys(bands)):
        assert after.low_rank == before.high_rank + 1


class Seen(DelegatingLeaderboard):
    """Keeps the board as it was when its bands were read, with the moment."""

    def __init__(self, inner: NaiveLeaderboard, clock: Clock) -> None:
        super().__init__(inner)
        self.clock = clock
        self.moment = 0.0
        self.entries: list[Entry] = []

    def _count(self) -> int:
        self.moment, self.entries = self.clock(), list(self.inner)
        return super()._count()

    def ranks(self, score: Score) -> tuple[int, int]:
        """Return the ranks of those who had a score, or the one that somebody would have had."""
        better = sum(is_better(entry.score, score, self.order) for entry in self.entries)
        equal = sum(entry.score == score for entry in self.entries)
        return better + 1, better + max(equal, 1)


STEPS = st.one_of(
    st.tuples(st.just("update"), st.integers(0, 30), st.integers(0, 6)),
    st.tuples(st.just("increment"), st.integers(0, 30), st.integers(-2, 2)),
    st.tuples(st.just("remove"), st.integers(0, 30)),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 4.0, 10.0])),
    st.tuples(st.just("ask"), st.integers(0, 30)),
)


@pytest.mark.parametrize("order", ["descending", "ascending"])
@settings(deadline=None)
@given(steps=st.lists(STEPS, min_size=10, max_size=120))
def test_after_any_updates_the_rank_at_the_age_that_is_told_is_within_the_bounds(
    order: Order, steps: list[tuple[Any, ...]]
) -> None:
    clock = Clock()
    inner = Seen(NaiveLeaderboard(order=order), clock)
    board = DegradableLeaderboard(inner, clock=clock)
    for name, *arguments in [*steps, *[("ask", player) for player in range(31)]]:
        player = f"p{arguments[0]}"
        if name == "wait":
            clock.now += arguments[0]
        elif name == "update":
            board.update_score(player, "", arguments[1])
        elif name == "increment":
            board.increment_score(player, "", arguments[1])
        elif name == "remove":
            board.remove_player(player)
        elif player in inner:
            found, answer = ask(board.rank_band, player)
            assert found is not None
            assert answer == Answer("approximate", found.age)
            assert found.age == clock.now - inner.moment < 10.0
            best, worst = inner.ranks(inner.inner.get_entry(player).score)  # type: ignore[union-attr]
            assert found.low_rank <= best <= worst <= found.high_rank


def test_a_question_costs_one_score_and_the_bounds_fifteen_questions_once_in_a_while(
    inner: Counting, board: DegradableLeaderboard, clock: Clock
) -> None:
    board.update_scores([(f"p{rank}", "", -rank) for rank in range(1, 1001)])
    for _ in range(20):
        board.rank_band("p500")
    assert (inner.scores, inner.others) == (20, 15)
    clock.now += 10.0
    board.rank_band("p500")
    assert (inner.scores, inner.others) == (21, 30)


def test_the_bounds_hold_for_the_state_of_the_age_that_is_told(board: DegradableLeaderboard, clock: Clock) -> None:
    board.update_scores([(f"p{rank}", "", -rank) for rank in range(1, 101)])
    before = band(board, "p50")
    board.update_scores([(f"new{number}", "", 1) for number in range(100)])
    clock.now += 9.0
    assert ask(board.rank_band, "p50") == (before._replace(age=9.0), Answer("approximate", 9.0))
    clock.now += 1.0
    assert ask(board.rank_band, "p50") == (
        RankBand("top 100 %", 100.0, 101, 200, 200, 0.0),
        Answer("approximate", 0.0),
    )


def test_who_joined_the_end_of_the_board_since_would_have_ranked_one_beyond_it(board: DegradableLeaderboard) -> None:
    board.update_scores([("ann", "", 5), ("bob", "", 5)])
    assert band(board, "bob") == RankBand("top 50 %", 50.0, 1, 2, 2, 0.0)
    board.update_score("late", "", 1)
    assert band(board, "late") == RankBand("top 100 %", 100.0, 3, 3, 3, 0.0)


def test_a_board_that_was_empty_is_looked_at_again(board: DegradableLeaderboard) -> None:
    assert board.rank_band("ann") is None
    board.update_score("ann", "", 5)
    board.remove_player("ann")
    board.update_scores([("ann", "", 5), ("bob", "", 4)])
    assert band(board, "ann").players == 2


def test_while_the_storage_is_down_the_bounds_from_before_serve(
    inner: Counting, board: DegradableLeaderboard, clock: Clock
) -> None:
    board.update_scores([(f"p{rank}", "", -rank) for rank in range(1, 101)])
    before = band(board, "p50")
    inner.down = True
    clock.now += 60.0
    assert ask(board.rank_band, "p50") == (before._replace(age=60.0), Answer("approximate", 60.0))


def test_without_bounds_from_before_a_storage_that_is_down_is_told(
    inner: Counting, board: DegradableLeaderboard
) -> None:
    board.update_score("ann", "", 5)
    inner.down = True
    with pytest.raises(BackendUnavailableError, match="no answer"):
        board.rank_band("ann")
