"""`remove_player` and `clear`: what is gone is gone from every read, and what stays closes up."""

from __future__ import annotations

from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import ConformancePart, Rules, assert_follows, assert_same, fill, ids, load


class RemovalPart(ConformancePart):
    """What removing does."""

    def test_it_returns_whether_there_was_one(self, board: LeaderboardBackend) -> None:
        board.update_score("ada", "Ada", 1)
        assert board.remove_player("nobody") is False
        assert board.remove_player("ada") is True
        assert board.remove_player("ada") is False

    def test_a_removed_player_is_gone_from_every_read(self, board: LeaderboardBackend) -> None:
        fill(board, [("ada", "Ada", 5), ("bob", "Bob", 5)])
        board.remove_player("ada")
        reads = [board.get_score("ada"), board.get_rank("ada"), board.get_entry("ada"), board.get_percentile("ada")]
        assert reads == [None] * 4
        assert board.get_entries(["ada"]) == [None]
        assert "ada" not in board
        assert len(board) == board.count_by_score(0, 9) == 1
        assert board.get_around("ada") == []
        for read in (board.get_top_n(), board.get_range(1, 9), board.get_by_score(0, 9), list(board)):
            assert ids(read) == ["bob"]

    def test_ranks_close_up_behind_a_removed_player(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            fill(one, [(f"p{number}", "", number // 2) for number in range(20)])
            for number in (0, 7, 8, 19, 12):
                assert one.remove_player(f"p{number}")
        assert_follows(board, oracle)
        assert [board.get_rank(player) for player in ids(oracle)] == list(range(1, 16))

    def test_a_removed_player_starts_afresh(self, board: LeaderboardBackend, rules: Rules) -> None:
        board.update_score("ada", "Ada", 50)
        board.remove_player("ada")
        worse = rules.worse(50, 10)
        assert board.update_score("ada", "", worse) == 1
        assert [(entry.username, entry.score) for entry in board.get_top_n()] == [("", worse)]
        board.remove_player("ada")
        assert board.increment_score("ada", "", 3).score == 3

    def test_removing_nobody_changes_nothing(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            fill(one, [("ada", "Ada", 5), ("bob", "Bob", 5), ("cy", "Cy", 7)])
            assert one.remove_player("bob")
            assert not one.remove_player("bob")
            assert not one.remove_player("nobody")
        assert_follows(board, oracle)
        assert_same(board.get_percentile("ada"), oracle.get_percentile("ada"))

    def test_removing_the_last_player_leaves_an_empty_board(self, board: LeaderboardBackend) -> None:
        board.update_score("ada", "Ada", 1)
        board.remove_player("ada")
        assert (len(board), list(board), board.get_top_n()) == (0, [], [])
        assert board.update_score("bob", "Bob", 1) == 1

    def test_removing_all_players_one_by_one(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        players = [f"p{number}" for number in range(60)]
        for one in (board, oracle):
            load(one, [(player, "", len(player) * 7 % 3) for player in players])
        for player in players[::2] + players[1::2]:
            assert board.remove_player(player)
            oracle.remove_player(player)
            assert board.get_top_n(5) == oracle.get_top_n(5)
        assert_follows(board, oracle)

    def test_clear_removes_every_player(self, board: LeaderboardBackend) -> None:
        load(board, [(f"p{number}", "", number) for number in range(1200)])
        board.clear()
        assert (len(board), list(board), board.get_top_n(), board.get_score("p1")) == (0, [], [], None)
        assert board.count_by_score(float("-inf"), float("inf")) == 0

    def test_a_cleared_board_starts_afresh(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("ada", "Ada", 50), ("bob", "Bob", 50)])
        board.clear()
        worse = rules.worse(50)
        fill(board, [("bob", "", worse), ("ada", "", worse)])
        assert [(entry.player_id, entry.username, entry.score) for entry in board] == [
            ("bob", "", worse),
            ("ada", "", worse),
        ]

    def test_clearing_an_empty_board_is_fine(self, board: LeaderboardBackend) -> None:
        board.clear()
        board.clear()
        assert len(board) == 0
