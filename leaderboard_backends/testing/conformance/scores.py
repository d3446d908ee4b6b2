"""Reads by score: both ends included, infinite ends, a limit, every allowed score as an end."""

from __future__ import annotations

from math import inf, nextafter

from ...model import Score
from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import ConformancePart, Rules, assert_same, each, fill, load

LADDER: list[Score] = [
    -1.7976931348623157e308,
    -1e300,
    -(2.0**53) - 2,
    -(2**53),
    -1,
    -0.1,
    -5e-324,
    0,
    5e-324,
    0.1,
    0.1 + 0.2,
    1,
    2**53 - 1,
    2**53,
    2.0**53 + 2,
    1e300,
    1.7976931348623157e308,
]
"""Scores from the lowest to the highest, each a hair's breadth or a world away from the next."""


def _fill_ladder(board: LeaderboardBackend, oracle: OracleBoard) -> None:
    for one in (board, oracle):
        load(one, [(f"{score!r} {copy}", "", score) for copy in ("first", "second") for score in LADDER])


class ScoresPart(ConformancePart):
    """What is read by score."""

    def test_both_ends_are_included(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            fill(one, [(f"p{number}", "", number) for number in range(10)])
        for low in range(-1, 11):
            for high in range(low, 11):
                assert_same(board.get_by_score(low, high), oracle.get_by_score(low, high))
                assert_same(board.count_by_score(low, high), oracle.count_by_score(low, high))

    def test_a_range_of_one_score_is_its_tie(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _fill_ladder(board, oracle)
        for score in LADDER:
            assert_same(board.get_by_score(score, score), oracle.get_by_score(score, score))
            assert_same(board.count_by_score(score, score), 2)

    def test_every_score_may_be_an_end(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _fill_ladder(board, oracle)
        for low, high in zip(LADDER, LADDER[2:], strict=False):
            assert_same(board.get_by_score(low, high), oracle.get_by_score(low, high))
            assert_same(board.count_by_score(low, high), 6)

    def test_an_end_beside_a_score_excludes_it(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _fill_ladder(board, oracle)
        for score in (-1e300, -0.1, 0, 0.1, 1, 1e300):
            above, below = nextafter(score, inf), nextafter(score, -inf)
            for low, high in [(above, inf), (-inf, below), (below, above)]:
                assert_same(board.get_by_score(low, high), oracle.get_by_score(low, high))
                assert_same(board.count_by_score(low, high), oracle.count_by_score(low, high))

    @each([(-inf, inf), (0, inf), (-inf, 0), (-inf, -inf), (inf, inf)])
    def test_an_end_may_be_infinite(
        self, board: LeaderboardBackend, oracle: OracleBoard, ends: tuple[float, float]
    ) -> None:
        _fill_ladder(board, oracle)
        assert_same(board.get_by_score(*ends), oracle.get_by_score(*ends))
        assert_same(board.get_by_score(*ends, 3), oracle.get_by_score(*ends, 3))
        assert_same(board.count_by_score(*ends), oracle.count_by_score(*ends))

    def test_zero_is_zero_whatever_its_sign(self, board: LeaderboardBackend) -> None:
        fill(board, [("plus", "", 0.0), ("minus", "", -0.0)])
        for low, high in [(0, 0), (-0.0, 0.0), (0.0, -0.0), (-0.0, -0.0), (-0.0, 5e-324), (-5e-324, 0)]:
            assert [entry.player_id for entry in board.get_by_score(low, high)] == ["plus", "minus"]
            assert board.count_by_score(low, high) == 2

    def test_the_limit_keeps_the_best(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            fill(one, [(f"p{number}", "", number // 2) for number in range(20)])
        for limit in (0, 1, 2, 3, 7, 8, 9, 100, None):
            assert_same(board.get_by_score(2, 5, limit), oracle.get_by_score(2, 5, limit))

    def test_a_range_without_players_is_empty(self, board: LeaderboardBackend) -> None:
        assert_same(board.get_by_score(-inf, inf), [])
        assert_same(board.count_by_score(-inf, inf), 0)
        fill(board, [("a", "", 1), ("b", "", 9)])
        assert_same(board.get_by_score(2, 8), [])
        assert_same(board.get_by_score(10, inf), [])
        assert_same(board.count_by_score(2, 8.5), 0)

    def test_entries_keep_their_ranks_on_the_whole_board(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [(f"p{number}", "", number) for number in range(10)])
        found = board.get_by_score(3, 5)
        assert [entry.score for entry in found] == rules.best_first([3, 4, 5])
        assert [entry.rank for entry in found] == ([5, 6, 7] if rules.order == "descending" else [4, 5, 6])

    def test_a_range_of_hundreds(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            load(one, [(f"p{number}", "", number * 31 % 17) for number in range(800)])
        for limit in (None, 150):
            assert_same(board.get_by_score(3, 12.5, limit), oracle.get_by_score(3, 12.5, limit))
        assert_same(board.count_by_score(3, 12.5), oracle.count_by_score(3, 12.5))

    def test_thousands_of_scores_in_one_call(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            load(one, [(f"p{number}", "", number * 31 % 17) for number in range(self.bulk)])
        assert_same(board.get_by_score(0, inf), oracle.get_by_score(0, inf))
        assert_same(board.get_by_score(0, 20, self.bulk - 1), oracle.get_by_score(0, 20, self.bulk - 1))
        assert_same(board.count_by_score(0, inf), self.bulk)
