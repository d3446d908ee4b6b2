"""`iter(board)`: best first, in pages, exact without writers, never failing beside them."""

from __future__ import annotations

import random
from itertools import islice

from ...protocol import PAGE_SIZE, LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import ConformancePart, assert_same, each, fill, load


class IterationPart(ConformancePart):
    """What iteration gives."""

    def test_an_empty_board_iterates_over_nothing(self, board: LeaderboardBackend) -> None:
        assert_same(list(board), [])

    def test_several_pages_are_exact(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        chance = random.Random(13)
        updates = [(f"p{number}", f"n{number}", chance.randrange(20)) for number in range(2 * PAGE_SIZE + 345)]
        for one in (board, oracle):
            load(one, updates)
        assert_same(list(board), list(oracle))

    @each([PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 2 * PAGE_SIZE])
    def test_the_last_page_may_be_full_or_nearly(self, plain_board: LeaderboardBackend, players: int) -> None:
        load(plain_board, [(f"p{number}", "", number) for number in range(players)])
        assert_same([entry.rank for entry in plain_board], list(range(1, players + 1)))

    def test_two_iterations_do_not_disturb_each_other(self, plain_board: LeaderboardBackend) -> None:
        fill(plain_board, [(f"p{number}", "", number) for number in range(5)])
        first, second = iter(plain_board), iter(plain_board)
        taken = list(islice(first, 2))
        assert_same(list(second), plain_board.get_top_n())
        assert_same(taken + list(first), plain_board.get_top_n())

    def test_an_iteration_that_is_given_up_holds_nothing(self, plain_board: LeaderboardBackend) -> None:
        load(plain_board, [(f"p{number}", "", number) for number in range(PAGE_SIZE + 5)])
        for _ in range(20):
            assert next(iter(plain_board)).rank == 1
        assert plain_board.update_score("new", "", -1) == PAGE_SIZE + 6

    def test_a_board_may_be_written_while_it_is_iterated(self, board: LeaderboardBackend) -> None:
        load(board, [(f"p{number}", "", number) for number in range(PAGE_SIZE + 200)])
        seen = 0
        for entry in board:
            if seen % 100 == 0:
                board.update_score(f"new {seen}", "", seen)
                board.remove_player(entry.player_id)
            seen += 1
        assert seen >= PAGE_SIZE

    def test_a_board_may_be_cleared_while_it_is_iterated(self, board: LeaderboardBackend) -> None:
        load(board, [(f"p{number}", "", number) for number in range(2 * PAGE_SIZE)])
        walk = iter(board)
        next(walk)
        board.clear()
        assert len(list(walk)) < 2 * PAGE_SIZE
        assert list(board) == []
