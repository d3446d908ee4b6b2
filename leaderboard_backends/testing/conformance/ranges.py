"""Reads by rank: the top, a range of ranks, a player's neighbours; both ends included, cut at the board's ends."""

from __future__ import annotations

from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import ConformancePart, assert_same, each, fill, ids, load

FAR_BEYOND = [2**31, 2**53 + 1, 2**63 - 1, 2**63, 10**30]
"""Counts and ranks beyond every board; an int has no largest value."""


def _load_both(board: LeaderboardBackend, oracle: OracleBoard, players: int) -> None:
    for one in (board, oracle):
        load(one, [(f"p{number}", f"n{number}", number * 7 % 5) for number in range(players)])


class RangesPart(ConformancePart):
    """What is read by rank."""

    def test_an_empty_board_has_no_entries(self, board: LeaderboardBackend) -> None:
        for read in (board.get_top_n(), board.get_top_n(0), board.get_range(1, 10), board.get_around("ada")):
            assert_same(read, [])

    def test_the_top_is_a_hundred_by_default(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, 130)
        assert_same(board.get_top_n(), oracle.get_top_n(100))
        assert len(board.get_top_n()) == 100

    def test_the_top_has_as_many_as_asked_for(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, 12)
        for n in (0, 1, 2, 11, 12, 13, 1000):
            assert_same(board.get_top_n(n), oracle.get_top_n(n))

    def test_every_range_of_a_small_board(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, 6)
        for first in range(1, 9):
            for last in range(first, 9):
                assert_same(board.get_range(first, last), oracle.get_range(first, last))

    def test_a_range_includes_both_ends(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, 250)
        for first, last in [(1, 1), (250, 250), (2, 3), (100, 199), (1, 250), (120, 121)]:
            found = board.get_range(first, last)
            assert_same(found, oracle.get_range(first, last))
            assert [entry.rank for entry in found] == list(range(first, last + 1))

    def test_a_range_is_cut_at_the_boards_end(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, 10)
        assert_same(board.get_range(8, 50), oracle.get_range(8, 10))
        assert_same(board.get_range(11, 50), [])
        assert_same(board.get_range(10, 10**6), oracle.get_range(10, 10))

    @each(FAR_BEYOND)
    def test_counts_and_ranks_far_beyond_the_board(
        self, board: LeaderboardBackend, oracle: OracleBoard, far: int
    ) -> None:
        _load_both(board, oracle, 5)
        everyone = list(oracle)
        assert_same(board.get_top_n(far), everyone)
        assert_same(board.get_range(1, far), everyone)
        assert_same(board.get_range(far, far), [])
        assert_same(board.get_range(far, far + 3), [])
        assert_same(board.get_around("p0", far), everyone)
        assert_same(board.get_by_score(0, 9, far), everyone)

    def test_around_every_player_of_a_small_board(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, 6)
        for player in ids(oracle):
            for radius in range(8):
                assert_same(board.get_around(player, radius), oracle.get_around(player, radius))

    def test_around_has_five_on_each_side_by_default(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, 40)
        middle = ids(oracle)[19]
        found = board.get_around(middle)
        assert_same(found, oracle.get_around(middle, 5))
        assert [entry.rank for entry in found] == list(range(15, 26))

    def test_around_is_cut_at_both_ends(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, 40)
        best, worst = ids(oracle)[0], ids(oracle)[-1]
        assert [entry.rank for entry in board.get_around(best, 3)] == [1, 2, 3, 4]
        assert [entry.rank for entry in board.get_around(worst, 3)] == [37, 38, 39, 40]

    def test_around_with_radius_zero_is_the_player_alone(self, board: LeaderboardBackend) -> None:
        fill(board, [("a", "", 1), ("b", "", 2), ("c", "", 3)])
        assert_same(board.get_around("b", 0), [board.get_entry("b")])

    def test_around_an_unknown_player_is_empty(self, board: LeaderboardBackend) -> None:
        fill(board, [("a", "", 1), ("b", "", 2)])
        assert_same(board.get_around("nobody"), [])
        assert_same(board.get_around("nobody", 0), [])

    def test_around_in_the_middle_of_a_tie(self, board: LeaderboardBackend) -> None:
        players = [f"p{number * 37 % 101}" for number in range(101)]
        load(board, [(player, "", 5) for player in players])
        assert ids(board.get_around(players[50], 2)) == players[48:53]

    def test_thousands_in_one_page(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, self.bulk)
        everyone = list(oracle)
        assert_same(board.get_top_n(self.bulk), everyone)
        assert_same(board.get_range(2, self.bulk), everyone[1:])
        assert_same(board.get_around(everyone[self.bulk // 2].player_id, self.bulk), everyone)
        assert_same(board.get_entries(ids(everyone)), everyone)

    def test_entries_from_all_reads_agree(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        _load_both(board, oracle, 90)
        expected = list(oracle)
        assert_same(board.get_range(1, 90), expected)
        assert_same(board.get_entries(ids(expected)), expected)
        assert_same([board.get_entry(player) for player in ids(expected)], expected)
