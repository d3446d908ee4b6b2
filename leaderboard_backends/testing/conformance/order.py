"""Order and ties: best first, first come first within a tie, total, and the same for every allowed score."""

from __future__ import annotations

import random
from math import inf, isfinite, nextafter

from ...model import Score
from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import ConformancePart, Rules, assert_follows, each, fill, ids, load

NEITHER_BY_NAME = ["mia", "zoe", "abe", "kim", "Bob"]
"""Names in no alphabetical order, forwards or backwards."""

TIED_SCORES: list[Score] = [
    0,
    -7,
    0.1,
    -0.1,
    0.5,
    1e-5,
    -1e-5,
    5e-324,
    -5e-324,
    2**31,
    2**53 - 1,
    2**53,
    -(2**53),
    2.0**53 + 2,
    2.0**63,
    1e300,
    -1e300,
    1.7976931348623157e308,
    -1.7976931348623157e308,
]


class OrderPart(ConformancePart):
    """Which player stands where."""

    def test_the_best_score_ranks_first(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("low", "", 10), ("high", "", 30), ("middle", "", 20)])
        best_first = ["high", "middle", "low"] if rules.order == "descending" else ["low", "middle", "high"]
        assert ids(board.get_top_n()) == best_first
        assert [board.get_rank(player) for player in best_first] == [1, 2, 3]

    def test_negative_scores_order_as_numbers(self, board: LeaderboardBackend, rules: Rules) -> None:
        scores: list[Score] = [-1, -10, -2, 0, -0.5, 3]
        fill(board, [(f"p{score}", "", score) for score in scores])
        assert [entry.score for entry in board.get_top_n()] == rules.best_first(scores)

    def test_scores_do_not_order_as_text(self, board: LeaderboardBackend, rules: Rules) -> None:
        scores: list[Score] = [9, 10, 100, 20, 1e5, 1e16, 0.001]
        fill(board, [(f"p{score}", "", score) for score in scores])
        assert [entry.score for entry in board.get_top_n()] == rules.best_first(scores)

    def test_within_a_tie_whoever_reached_the_score_first_ranks_first(self, board: LeaderboardBackend) -> None:
        fill(board, [(player, "", 50) for player in NEITHER_BY_NAME])
        assert ids(board.get_top_n()) == NEITHER_BY_NAME

    def test_a_tie_stored_in_bulk_keeps_the_order_of_the_input(self, board: LeaderboardBackend) -> None:
        load(board, [(player, "", 50) for player in NEITHER_BY_NAME])
        assert ids(board.get_top_n()) == NEITHER_BY_NAME

    def test_a_tie_reached_by_increments_keeps_the_order_of_arrival(self, board: LeaderboardBackend) -> None:
        for player in NEITHER_BY_NAME:
            board.increment_score(player, "", 50)
        assert ids(board.get_top_n()) == NEITHER_BY_NAME

    def test_hundreds_of_ties_in_quick_succession_keep_their_order(self, board: LeaderboardBackend) -> None:
        players = [f"p{number}" for number in range(300)]
        random.Random(7).shuffle(players)
        fill(board, [(player, "", 5) for player in players[:100]])
        load(board, [(player, "", 5) for player in players[100:]])
        assert ids(board.get_top_n(300)) == players

    def test_a_player_who_improves_into_a_tie_ranks_last_in_it(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("late", "", rules.worse(50)), ("first", "", 50), ("second", "", 50)])
        assert board.update_score("late", "", 50) == 3
        assert ids(board.get_top_n()) == ["first", "second", "late"]

    def test_a_player_who_falls_into_a_tie_ranks_last_in_it(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("falls", "", rules.better(50)), ("first", "", 50), ("second", "", 50)])
        rank = board.update_score("falls", "", 50)
        assert rank == (3 if rules.keep == "last" else 1)

    def test_an_update_to_the_same_score_keeps_the_place_in_the_tie(self, board: LeaderboardBackend) -> None:
        fill(board, [(player, "", 50) for player in NEITHER_BY_NAME])
        assert board.update_score(NEITHER_BY_NAME[0], "renamed", 50) == 1
        assert board.increment_score(NEITHER_BY_NAME[1], "renamed", 0).rank == 2
        load(board, [(NEITHER_BY_NAME[2], "renamed", 50.0)])
        assert ids(board.get_top_n()) == NEITHER_BY_NAME
        assert [entry.username for entry in board.get_top_n()] == ["renamed", "renamed", "renamed", "", ""]

    def test_a_player_who_leaves_a_score_and_comes_back_joins_the_end_of_the_tie(
        self, board: LeaderboardBackend, rules: Rules
    ) -> None:
        fill(board, [("first", "", 50), ("second", "", 50), ("third", "", 50)])
        if rules.keep == "last":
            fill(board, [("first", "", rules.better(50)), ("first", "", 50)])
            fill(board, [("second", "", rules.worse(50)), ("second", "", 50)])
        else:
            for player in ("first", "second"):
                board.remove_player(player)
                board.update_score(player, "", 50)
        assert ids(board.get_top_n()) == ["third", "first", "second"]

    def test_a_removed_player_comes_back_at_the_end_of_the_tie(self, board: LeaderboardBackend) -> None:
        fill(board, [(player, "", 50) for player in NEITHER_BY_NAME])
        board.remove_player(NEITHER_BY_NAME[0])
        assert board.update_score(NEITHER_BY_NAME[0], "", 50) == len(NEITHER_BY_NAME)
        assert ids(board.get_top_n()) == [*NEITHER_BY_NAME[1:], NEITHER_BY_NAME[0]]

    def test_a_removal_leaves_the_rest_of_the_tie_in_order(self, board: LeaderboardBackend) -> None:
        fill(board, [(player, "", 50) for player in NEITHER_BY_NAME])
        board.remove_player(NEITHER_BY_NAME[2])
        assert ids(board.get_top_n()) == [player for player in NEITHER_BY_NAME if player != NEITHER_BY_NAME[2]]

    @each(TIED_SCORES)
    def test_ties_are_exact_for_every_score(self, board: LeaderboardBackend, rules: Rules, score: Score) -> None:
        neighbours: list[Score] = [near for near in (nextafter(score, -inf), nextafter(score, inf)) if isfinite(near)]
        fill(board, [("mia", "", score), ("zoe", "", score), ("abe", "", score)])
        fill(board, [(f"near {near!r}", "", near) for near in neighbours])
        expected = rules.best_first([score, *neighbours])
        standing = ids(board.get_top_n())
        assert [player for player in standing if not player.startswith("near")] == ["mia", "zoe", "abe"]
        assert standing.index("mia") == expected.index(score)
        assert len(standing) == 3 + len(neighbours)

    def test_equal_numbers_tie_whatever_their_type(self, board: LeaderboardBackend) -> None:
        fill(board, [("mia", "", 5), ("zoe", "", 5.0), ("abe", "", 5), ("kim", "", -0.0), ("Bob", "", 0)])
        standing = ids(board.get_top_n())
        assert [player for player in standing if player in ("mia", "zoe", "abe")] == ["mia", "zoe", "abe"]
        assert [player for player in standing if player in ("kim", "Bob")] == ["kim", "Bob"]

    def test_the_order_is_total(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        chance = random.Random(11)
        for _ in range(250):
            player, score = f"p{chance.randrange(40)}", chance.choice([1, 2, 2, 3, 2.5, -1])
            assert board.update_score(player, "", score) == oracle.update_score(player, "", score)
        assert_follows(board, oracle)
        assert [board.get_rank(player) for player in ids(oracle)] == list(range(1, len(oracle) + 1))
