"""`update_scores`: the same end state as one by one, everything checked before the first write."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from ...errors import InvalidScoreError
from ...model import Score, ScoreUpdate
from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import ConformancePart, OpenBoard, Rules, assert_follows, assert_same, each, fill, ids


class _BrokenInputError(Exception):
    pass


class BulkPart(ConformancePart):
    """What one call with many updates does."""

    def test_it_returns_how_many_updates_it_took(self, board: LeaderboardBackend) -> None:
        assert_same(board.update_scores([("a", "", 1), ("b", "", 2), ("a", "", 1)]), 3)
        assert len(board) == 2

    def test_no_updates_change_nothing(self, board: LeaderboardBackend) -> None:
        board.update_score("ada", "Ada", 1)
        before = list(board)
        assert_same(board.update_scores([]), 0)
        assert_same(board.update_scores(iter(())), 0)
        assert_same(list(board), before)

    def test_updates_may_be_named_tuples_tuples_lists_or_a_generator(self, board: LeaderboardBackend) -> None:
        def generated() -> Iterator[tuple[str, str, Score]]:
            yield ScoreUpdate("a", "A", 1)
            yield ("b", "B", 1)

        assert board.update_scores(generated()) == 2
        assert board.update_scores([["c", "C", 1]]) == 1  # type: ignore[list-item]  # a list serves as a tuple does
        assert board.update_scores({("d", "D", 1): None}) == 1
        assert ids(board.get_top_n()) == ["a", "b", "c", "d"]

    def test_the_end_state_is_that_of_one_by_one(
        self, board: LeaderboardBackend, oracle: OracleBoard, open_board: OpenBoard, rules: Rules
    ) -> None:
        chance = random.Random(5)
        updates = [
            (f"p{chance.randrange(30)}", f"n{number}", chance.choice([1, 2, 2.5, -3, 1e300])) for number in range(200)
        ]
        one_by_one = open_board(rules)
        fill(one_by_one, updates)
        oracle.update_scores(updates)
        assert board.update_scores(updates) == 200
        assert_follows(board, oracle)
        assert_same(list(one_by_one), list(board))

    def test_several_updates_of_one_player_count_in_order(
        self, board: LeaderboardBackend, oracle: OracleBoard, rules: Rules
    ) -> None:
        updates = [
            ("a", "first", 50),
            ("b", "b", 50),
            ("a", "better", rules.better(50)),
            ("c", "c", 50),
            ("a", "back", 50),
            ("a", "worse", rules.worse(50)),
            ("b", "same", 50),
            ("a", "last", 50),
        ]
        board.update_scores(updates)
        oracle.update_scores(updates)
        assert_follows(board, oracle)

    def test_a_batch_meets_players_who_are_there_already(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            fill(one, [("old", "Old", 5), ("stays", "Stays", 7), ("tied", "Tied", 7), ("gone", "", 7)])
            one.remove_player("gone")
            one.update_scores([("new", "New", 7), ("old", "Old", 7), ("tied", "renamed", 7), ("gone", "", 6)])
            fill(one, [("later", "", 7), ("gone", "", 7)])
        assert_follows(board, oracle)

    def test_a_small_batch_on_a_large_board(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            one.update_scores((f"p{number}", "", number % 7) for number in range(600))
            one.update_scores([("p3", "", 4), ("p599", "", 4), ("p600", "", 4), ("p3", "", 5)])
        assert_follows(board, oracle)

    @each([1, 2, 99, 100, 101, 499, 500, 501, 999, 1000, 1001, 1024, 1025])
    def test_batches_of_every_size_are_whole(self, plain_board: LeaderboardBackend, size: int) -> None:
        updates = [(f"p{number}", f"n{number}", number // 3) for number in range(size)]
        oracle = OracleBoard()
        oracle.update_scores(updates)
        assert plain_board.update_scores(updates) == size
        assert_follows(plain_board, oracle)

    def test_thousands_in_one_call(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        chance = random.Random(9)
        updates = [
            (f"p{chance.randrange(self.bulk // 2)}", f"n{number % 10}", chance.randrange(50))
            for number in range(self.bulk)
        ]
        assert board.update_scores(updates) == oracle.update_scores(updates) == self.bulk
        assert_follows(board, oracle)

    @each([0, 700, 1499])
    def test_all_input_is_checked_before_the_first_write(self, plain_board: LeaderboardBackend, position: int) -> None:
        plain_board.update_score("p0", "before", 1)
        updates: list[tuple[str, str, Score]] = [(f"p{number}", "after", number) for number in range(1500)]
        updates[position] = ("bad", "bad", float("nan"))
        with pytest.raises(InvalidScoreError, match=rf"\b{position}\b.*nan"):
            plain_board.update_scores(updates)
        assert [entry.username for entry in plain_board] == ["before"]

    def test_input_that_fails_while_it_is_read_writes_nothing(self, plain_board: LeaderboardBackend) -> None:
        def failing() -> Iterator[tuple[str, str, Score]]:
            yield ("a", "A", 1)
            raise _BrokenInputError

        with pytest.raises(_BrokenInputError):
            plain_board.update_scores(failing())
        assert list(plain_board) == []

    def test_the_board_may_be_read_by_the_input_it_is_given(self, plain_board: LeaderboardBackend) -> None:
        fill(plain_board, [("a", "A", 1), ("b", "B", 2)])
        doubled = ((entry.player_id, entry.username, entry.score * 2) for entry in plain_board)
        assert plain_board.update_scores(doubled) == 2
        assert [entry.score for entry in plain_board.get_top_n()] == [4, 2]

    def test_a_bulk_load_is_the_base_for_single_updates(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            one.update_scores((f"p{number}", "", 5) for number in range(50))
            fill(one, [("p7", "", 6), ("p7", "", 5), ("late", "", 5)])
            one.increment_score("p8", "", 0)
            one.remove_player("p9")
        assert_follows(board, oracle)
