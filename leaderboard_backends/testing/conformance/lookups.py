"""Reads of players: score, rank, entry, friends, percentile, membership."""

from __future__ import annotations

from ...model import Entry
from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import ConformancePart, Rules, assert_same, fill, ids, load


class LookupsPart(ConformancePart):
    """What is read of one player, or of some."""

    def test_an_unknown_player_reads_as_none(self, board: LeaderboardBackend) -> None:
        for filled in (False, True):
            if filled:
                board.update_score("ada", "Ada", 1)
            assert board.get_score("nobody") is None
            assert board.get_rank("nobody") is None
            assert board.get_entry("nobody") is None
            assert board.get_percentile("nobody") is None
            assert_same(board.get_entries(["nobody", "no one"]), [None, None])
            assert ("nobody" in board) is board.contains("nobody") is False

    def test_score_rank_and_entry_agree(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            fill(one, [(f"p{number}", f"n{number}", number % 4 + 0.5) for number in range(20)])
        for player in ids(oracle):
            assert_same(board.get_score(player), oracle.get_score(player))
            assert_same(board.get_rank(player), oracle.get_rank(player))
            assert_same(board.get_entry(player), oracle.get_entry(player))
            assert (player in board) is board.contains(player) is True

    def test_a_score_of_zero_is_a_score(self, board: LeaderboardBackend) -> None:
        board.update_score("ada", "", 0)
        assert_same(board.get_score("ada"), 0)
        assert "ada" in board
        assert_same(board.get_entry("ada"), Entry(1, "ada", "", 0))

    def test_the_length_counts_players(self, board: LeaderboardBackend) -> None:
        assert_same(len(board), 0)
        fill(board, [("a", "", 1), ("b", "", 1), ("a", "", 2)])
        assert_same([len(board), board.count()], [2, 2])

    def test_friends_come_in_the_order_asked_for(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            fill(one, [(player, player.upper(), len(player)) for player in ("a", "bb", "cc", "ddd")])
        asked = ["cc", "nobody", "a", "cc", "ddd", "no one", "bb", "a"]
        assert_same(board.get_entries(asked), oracle.get_entries(asked))
        assert_same(board.get_entries(player for player in asked), oracle.get_entries(asked))
        assert_same(board.get_entries(tuple(asked)), oracle.get_entries(asked))

    def test_no_friends_are_an_empty_list(self, board: LeaderboardBackend) -> None:
        board.update_score("ada", "", 1)
        assert_same(board.get_entries([]), [])
        assert_same(board.get_entries(iter(())), [])

    def test_hundreds_of_friends_in_one_call(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            load(one, [(f"p{number}", "", number % 9) for number in range(700)])
        asked = [f"p{number * 37 % 900}" for number in range(800)]
        assert_same(board.get_entries(asked), oracle.get_entries(asked))

    def test_the_best_player_has_percentile_100(self, board: LeaderboardBackend) -> None:
        board.update_score("ada", "", 1)
        assert_same(board.get_percentile("ada"), 100.0)
        board.update_score("bob", "", 1)
        assert_same([board.get_percentile("ada"), board.get_percentile("bob")], [100.0, 50.0])

    def test_percentiles_follow_the_rank(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        for one in (board, oracle):
            fill(one, [(f"p{number}", "", number % 3) for number in range(7)])
        for rank, player in enumerate(ids(oracle), 1):
            assert_same(board.get_percentile(player), 100 * (7 - rank + 1) / 7)

    def test_percentiles_follow_removals(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("a", "", 50), ("b", "", rules.worse(50)), ("c", "", rules.worse(50, 2))])
        board.remove_player("a")
        assert [board.get_percentile(player) for player in "abc"] == [None, 100.0, 50.0]
