"""Opening, closing, `with`, `ping`, and what a closed board refuses."""

from __future__ import annotations

import pytest

from ...errors import LeaderboardClosedError
from ...model import Entry
from ...protocol import LeaderboardBackend
from ..subject import unique_name
from .foundation import OPERATIONS, ConformancePart, OpenBoard, Rules, each, fill


class _AppError(Exception):
    pass


class LifePart(ConformancePart):
    """From `make` to `close`."""

    def test_a_new_board_is_what_make_was_asked_for(self, open_board: OpenBoard, rules: Rules) -> None:
        name = unique_name()
        board = open_board(rules, name)
        assert isinstance(board, LeaderboardBackend)
        assert (board.name, board.order, board.keep, board.closed) == (name, rules.order, rules.keep, False)

    def test_a_new_board_is_empty_and_true(self, board: LeaderboardBackend) -> None:
        assert (len(board), list(board), board.get_top_n()) == (0, [], [])
        assert bool(board) is True

    def test_the_text_of_a_board_names_it(self, plain_board: LeaderboardBackend) -> None:
        assert plain_board.name in repr(plain_board)
        plain_board.close()
        assert plain_board.name in repr(plain_board)
        assert "closed" in repr(plain_board)

    def test_ping_returns_nothing(self, board: LeaderboardBackend) -> None:
        assert OPERATIONS["ping"](board) is None

    def test_closing_twice_is_fine(self, board: LeaderboardBackend) -> None:
        board.update_score("ada", "", 1)
        board.close()
        board.close()
        assert board.closed

    @pytest.fixture
    def closed_board(self, plain_board: LeaderboardBackend) -> LeaderboardBackend:
        """A board that was closed after it was used."""
        fill(plain_board, [("ada", "Ada", 5)])
        plain_board.close()
        return plain_board

    @each(OPERATIONS)
    def test_a_closed_board_refuses(self, closed_board: LeaderboardBackend, operation: str) -> None:
        with pytest.raises(LeaderboardClosedError, match=closed_board.name):
            OPERATIONS[operation](closed_board)

    @each(OPERATIONS)
    def test_a_board_that_was_never_used_refuses_once_closed(
        self, plain_board: LeaderboardBackend, operation: str
    ) -> None:
        plain_board.close()
        with pytest.raises(LeaderboardClosedError):
            OPERATIONS[operation](plain_board)

    def test_iteration_over_a_closed_board_refuses(self, closed_board: LeaderboardBackend) -> None:
        """`list` asks for the length first, which refuses on its own account; `for` does not."""
        with pytest.raises(LeaderboardClosedError, match=closed_board.name):
            next(iter(closed_board), None)

    def test_what_a_closed_board_refuses_is_not_written(self, plain_board: LeaderboardBackend) -> None:
        fill(plain_board, [("ada", "Ada", 5)])
        plain_board.close()
        for operation in ("update_score", "increment_score", "update_scores", "remove_player", "clear"):
            with pytest.raises(LeaderboardClosedError):
                OPERATIONS[operation](plain_board)
        if not (plain_board.capabilities.durable or plain_board.capabilities.shared):
            return
        reopened = self.reopen(plain_board)
        try:
            assert list(reopened) == [Entry(1, "ada", "Ada", 5)]
        finally:
            self.dispose(reopened)

    def test_a_with_block_closes(self, plain_board: LeaderboardBackend) -> None:
        with plain_board as board:
            assert board is plain_board
            assert board.update_score("ada", "", 1) == 1
        assert plain_board.closed

    def test_a_with_block_closes_and_passes_an_error_on(self, plain_board: LeaderboardBackend) -> None:
        with pytest.raises(_AppError), plain_board:
            raise _AppError
        assert plain_board.closed

    def test_a_closed_board_enters_no_with_block(self, plain_board: LeaderboardBackend) -> None:
        plain_board.close()
        with pytest.raises(LeaderboardClosedError):
            plain_board.__enter__()

    def test_closing_one_board_leaves_another_open(self, open_board: OpenBoard) -> None:
        first, second = open_board(), open_board()
        first.close()
        assert second.update_score("ada", "", 1) == 1
        assert not second.closed
