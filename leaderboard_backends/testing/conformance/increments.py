"""`increment_score`: exact sums, the edges of the score rule, and what `keep="best"` does to a sum."""

from __future__ import annotations

import pytest

from ...errors import InvalidScoreError
from ...model import Entry, Score
from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import ConformancePart, Rules, assert_follows, assert_same, each, fill, ids

LARGEST = 2**53
MAX_DOUBLE = 1.7976931348623157e308

SUMS: list[tuple[Score, Score]] = [
    (0, 0),
    (1, 1),
    (5, -5),
    (-5, 5),
    (5, -7),
    (LARGEST - 1, 1),
    (1 - LARGEST, -1),
    (LARGEST, -1),
    (LARGEST, -LARGEST),
    (LARGEST - 3, 2),
    (2**52 + 1, 2**52 - 2),
    (0.1, 0.2),
    (0.5, 0.5),
    (1.5, 1),
    (1, -0.25),
    (0.5, -0.5),
    (-0.5, 0.5),
    (0, -0.0),
    (LARGEST, 0.5),
    (LARGEST - 1, 0.5),
    (LARGEST, 2.0**53 + 2),
    (2.0**53 + 2, 1),
    (2.0**53 + 2, -2),
    (2.0**53 + 2, -1),
    (2.0**53 + 4, 2.0**53 + 4),
    (1e16, 1),
    (1e300, 1),
    (1e300, -1e300),
    (1e300, 1e284),
    (5e-324, 5e-324),
    (5e-324, -5e-324),
    (1e-300, 1e300),
    (MAX_DOUBLE, 1),
    (MAX_DOUBLE, -MAX_DOUBLE),
    (1e308, 7e307),
]
"""A standing score and a delta, whose sum is allowed."""

REFUSED_SUMS: list[tuple[Score, Score]] = [
    (LARGEST, 1),
    (-LARGEST, -1),
    (LARGEST - 1, 2),
    (LARGEST, LARGEST),
    (-LARGEST, -LARGEST),
    (2**52 + 1, 2**52),
    (1e308, 1e308),
    (-1e308, -1e308),
    (MAX_DOUBLE, MAX_DOUBLE),
    (MAX_DOUBLE, 1e292),
]
"""A standing score and a delta, whose sum is beyond ±2^53 in whole numbers, or overflows."""


class IncrementsPart(ConformancePart):
    """What adding to a score does."""

    def test_an_unknown_player_starts_at_zero(self, board: LeaderboardBackend) -> None:
        assert_same(board.increment_score("ada", "Ada", 5), Entry(1, "ada", "Ada", 5))
        assert_same(list(board), [Entry(1, "ada", "Ada", 5)])

    def test_an_unknown_players_first_sum_always_stands(self, board: LeaderboardBackend) -> None:
        for player, delta in [("up", 3), ("down", -3), ("still", 0)]:
            assert board.increment_score(player, "", delta).score == delta
        assert {entry.player_id: entry.score for entry in board.get_top_n()} == {"up": 3, "down": -3, "still": 0}

    def test_an_increment_returns_the_entry_right_after_it(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("a", "A", 50), ("b", "B", rules.worse(50, 10)), ("c", "C", rules.worse(50, 20))])
        step = rules.better(0, 15)
        assert_same(board.increment_score("b", "renamed", step), Entry(1, "b", "renamed", rules.better(50, 5)))
        assert_same(board.increment_score("c", "", step), Entry(3, "c", "", rules.worse(50, 5)))

    def test_an_increment_into_a_tie_ranks_last_in_it(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("late", "", rules.worse(50)), ("a", "", 50), ("b", "", 50)])
        assert board.increment_score("late", "", rules.better(0)).rank == 3
        assert ids(board.get_top_n()) == ["a", "b", "late"]

    def test_an_increment_by_nothing_changes_the_username_alone(self, board: LeaderboardBackend) -> None:
        fill(board, [("a", "", 50), ("b", "", 50)])
        assert_same(board.increment_score("a", "renamed", 0), Entry(1, "a", "renamed", 50))
        assert_same(board.increment_score("a", "again", -0.0), Entry(1, "a", "again", 50))
        assert ids(board.get_top_n()) == ["a", "b"]

    def test_a_worse_sum_is_stored_or_ignored_as_keep_says(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("ada", "Ada", 50), ("bob", "Bob", rules.worse(50))])
        entry = board.increment_score("ada", "Countess", rules.worse(0, 5))
        expected = Entry(2, "ada", "Countess", rules.worse(50, 5)) if rules.keep == "last" else None
        assert_same(entry, expected or Entry(1, "ada", "Countess", 50))
        assert_same(board.get_entry("ada"), entry)

    @each(SUMS)
    def test_a_sum_is_exact(self, board: LeaderboardBackend, oracle: OracleBoard, addends: tuple[Score, Score]) -> None:
        standing, delta = addends
        for one in (board, oracle):
            fill(one, [("tied", "", standing), ("ada", "Ada", standing)])
        assert_same(board.increment_score("ada", "Countess", delta), oracle.increment_score("ada", "Countess", delta))
        assert_follows(board, oracle)

    @each(REFUSED_SUMS)
    def test_a_sum_out_of_the_score_rule_raises_and_changes_nothing(
        self, board: LeaderboardBackend, addends: tuple[Score, Score]
    ) -> None:
        standing, delta = addends
        fill(board, [("other", "Other", 0), ("ada", "Ada", standing)])
        before = list(board)
        with pytest.raises(InvalidScoreError, match="sum") as refused:
            board.increment_score("ada", "Countess", delta)
        assert isinstance(refused.value, ValueError)
        assert "2^53" in str(refused.value)
        assert_same(list(board), before)
        assert_same(board.increment_score("ada", "Ada", 0), board.get_entry("ada"))

    def test_a_refused_sum_leaves_the_board_working(self, board: LeaderboardBackend) -> None:
        board.update_score("ada", "Ada", LARGEST)
        with pytest.raises(InvalidScoreError):
            board.increment_score("ada", "Ada", 1)
        assert board.update_score("bob", "Bob", 1) in (1, 2)
        assert board.remove_player("ada")
        assert_same(board.increment_score("ada", "Ada", 1).score, 1)

    def test_many_small_steps_add_up_as_doubles_do(self, board: LeaderboardBackend, rules: Rules) -> None:
        step, expected = rules.better(0, 0.1), 0.0
        for _ in range(25):
            expected += step
            entry = board.increment_score("ada", "Ada", step)
            assert entry.score == expected
        assert_same(board.get_score("ada"), expected)

    def test_every_unit_counts_just_below_the_largest_whole_number(
        self, board: LeaderboardBackend, rules: Rules
    ) -> None:
        sign = 1 if rules.order == "descending" else -1
        board.update_score("ada", "Ada", sign * (LARGEST - 4))
        reached = [board.increment_score("ada", "Ada", sign).score for _ in range(4)]
        assert_same(reached, [sign * (LARGEST - left) for left in (3, 2, 1, 0)])
