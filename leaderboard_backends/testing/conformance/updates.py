"""`update_score`: the rank it returns, what `keep` stores, usernames, and how a score reads back."""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import IntEnum
from math import inf

from ...model import Entry, Score
from ...protocol import LeaderboardBackend
from ..oracle import OracleBoard
from .foundation import AnyBoard, ConformancePart, Rules, assert_follows, assert_same, each, fill, ids

READS_BACK: list[tuple[Score, Score]] = [
    (0, 0),
    (7, 7),
    (-7, -7),
    (7.0, 7),
    (0.0, 0),
    (-0.0, 0),
    (0.1, 0.1),
    (-0.1, -0.1),
    (0.1 + 0.2, 0.30000000000000004),
    (1 / 3, 1 / 3),
    (123456789.987654321, 123456789.987654321),
    (2**24 + 1, 2**24 + 1),
    (2**31, 2**31),
    (2**53 - 1, 2**53 - 1),
    (2**53, 2**53),
    (-(2**53), -(2**53)),
    (2.0**53, 2**53),
    (2.0**53 + 2, 9007199254740994.0),
    (-(2.0**53) - 2, -9007199254740994.0),
    (1e16, 1e16),
    (1e22, 1e22),
    (1e23, 1e23),
    (1e300, 1e300),
    (5e-324, 5e-324),
    (-5e-324, -5e-324),
    (2.2250738585072014e-308, 2.2250738585072014e-308),
    (1.7976931348623157e308, 1.7976931348623157e308),
    (-1.7976931348623157e308, -1.7976931348623157e308),
]
"""Scores given, and what must be read back: the same number, an `int` where it is whole and within ±2^53."""


class _Level(IntEnum):
    HIGH = 9


class _Seconds(float):
    pass


class _Id(str):
    __slots__ = ()


def _all_reads(board: AnyBoard) -> dict[str, object]:
    """Return what every read says of a board with a few players."""
    players = ["a", "b", "c", "d", "new"]
    return {
        "top": board.get_top_n(),
        "best": board.get_top_n(1),
        "range": board.get_range(2, 4),
        "around": [board.get_around(player, 1) for player in players],
        "by score": board.get_by_score(40, 60),
        "limited": board.get_by_score(-inf, inf, 2),
        "counts": [board.count_by_score(50, 50), board.count_by_score(-inf, inf), len(board)],
        "friends": board.get_entries(players),
        "entries": [board.get_entry(player) for player in players],
        "ranks": [board.get_rank(player) for player in players],
        "scores": [board.get_score(player) for player in players],
        "percentiles": [board.get_percentile(player) for player in players],
        "membership": [player in board for player in players],
        "iteration": list(board),
    }


class UpdatesPart(ConformancePart):
    """What one update does."""

    def test_the_first_player_ranks_first(self, board: LeaderboardBackend) -> None:
        assert_same(board.update_score("ada", "Ada", 5), 1)
        assert_same(board.get_entry("ada"), Entry(1, "ada", "Ada", 5))

    def test_an_update_returns_the_rank_right_after_it(self, board: LeaderboardBackend, rules: Rules) -> None:
        assert board.update_score("a", "", 50) == 1
        assert board.update_score("b", "", rules.worse(50)) == 2
        assert board.update_score("c", "", rules.better(50)) == 1
        assert board.update_score("d", "", 50) == 3
        assert board.update_score("b", "", rules.better(50, 2)) == 1

    def test_each_rank_returned_is_the_rank_that_is_read(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        chance = random.Random(3)
        for _ in range(60):
            player, score = f"p{chance.randrange(12)}", chance.randrange(6)
            rank = board.update_score(player, "", score)
            assert rank == oracle.update_score(player, "", score)
            assert rank == board.get_rank(player)

    def test_a_worse_score_is_stored_or_ignored_as_keep_says(self, board: LeaderboardBackend, rules: Rules) -> None:
        worse = rules.worse(50, 20)
        fill(board, [("ada", "Ada", 50), ("bob", "Bob", rules.worse(50, 10))])
        rank = board.update_score("ada", "Countess", worse)
        assert (rank, board.get_score("ada")) == ((2, worse) if rules.keep == "last" else (1, 50))

    def test_a_better_score_is_stored_always(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("ada", "Ada", 50), ("bob", "Bob", rules.worse(50, 10))])
        better = rules.better(50, 5)
        assert board.update_score("bob", "Bob", better) == 1
        assert board.get_score("bob") == better

    def test_an_ignored_score_still_stores_the_username(self, board: LeaderboardBackend, rules: Rules) -> None:
        board.update_score("ada", "Ada", 50)
        board.update_score("ada", "Countess", rules.worse(50))
        entry = board.get_entry("ada")
        assert entry is not None
        assert entry.username == "Countess"
        assert [found.username for found in board.get_top_n()] == ["Countess"]

    def test_an_ignored_score_keeps_the_place_in_the_tie(self, board: LeaderboardBackend, rules: Rules) -> None:
        fill(board, [("a", "", 50), ("b", "", 50), ("c", "", 50)])
        rank = board.update_score("a", "", rules.worse(50))
        assert (rank, ids(board.get_top_n())) == (
            (3, ["b", "c", "a"]) if rules.keep == "last" else (1, ["a", "b", "c"])
        )

    def test_the_username_given_last_is_the_one_shown(self, board: LeaderboardBackend, rules: Rules) -> None:
        for username, score in [("first", 50), ("", rules.better(50)), ("last", rules.better(50))]:
            board.update_score("ada", username, score)
            assert [entry.username for entry in board.get_top_n()] == [username]
            assert [entry.username for entry in board.get_around("ada")] == [username]
        assert len(board) == 1

    def test_two_players_may_have_one_username(self, board: LeaderboardBackend) -> None:
        fill(board, [("a", "Same", 1), ("b", "Same", 2)])
        assert len(board) == 2
        assert sorted(ids(board.get_top_n())) == ["a", "b"]

    @each(READS_BACK)
    def test_a_score_reads_back_as_given(self, board: LeaderboardBackend, score: tuple[Score, Score]) -> None:
        given, stored = score
        board.update_score("ada", "Ada", given)
        expected = Entry(1, "ada", "Ada", stored)
        assert_same(board.get_score("ada"), stored)
        assert_same(board.get_entry("ada"), expected)
        assert_same(board.get_entries(["ada"]), [expected])
        for read in (board.get_top_n(), board.get_range(1, 1), board.get_around("ada"), list(board)):
            assert_same(read, [expected])
        assert_same(board.get_by_score(given, given), [expected])

    def test_a_score_given_in_bulk_reads_back_the_same(self, board: LeaderboardBackend, oracle: OracleBoard) -> None:
        updates = [(f"p{number}", "", given) for number, (given, _) in enumerate(READS_BACK)]
        board.update_scores(updates)
        oracle.update_scores(updates)
        assert_follows(board, oracle)
        for number, (_, stored) in enumerate(READS_BACK):
            assert_same(board.get_score(f"p{number}"), stored)

    def test_every_read_follows_every_kind_of_write(
        self, board: LeaderboardBackend, oracle: OracleBoard, rules: Rules
    ) -> None:
        """Each read comes before and after each write, so that nothing read earlier may be told again."""
        writes: list[Callable[[AnyBoard], object]] = [
            lambda one: one.update_scores([("a", "A", 50), ("b", "B", rules.worse(50, 2)), ("c", "C", 50)]),
            lambda one: one.update_score("b", "B", rules.better(50)),
            lambda one: one.update_score("c", "renamed", 50),
            lambda one: one.update_score("new", "", rules.better(50, 2)),
            lambda one: one.increment_score("c", "C", rules.better(0, 3)),
            lambda one: one.increment_score("a", "renamed", 0),
            lambda one: one.update_scores([("new", "New", rules.better(50, 4)), ("d", "D", 50)]),
            lambda one: one.update_scores([("d", "renamed", 50)]),
            lambda one: one.remove_player("c"),
            lambda one: one.remove_player("nobody"),
            lambda one: one.clear(),
            lambda one: one.update_score("a", "again", 1),
        ]
        assert_same(_all_reads(board), _all_reads(oracle))
        for write in writes:
            write(board)
            write(oracle)
            assert_same(_all_reads(board), _all_reads(oracle))

    def test_a_page_follows_who_comes_onto_it_and_who_leaves_it(
        self, board: LeaderboardBackend, oracle: OracleBoard, rules: Rules
    ) -> None:
        """Nothing else is read meanwhile, so that a page that is told again shows."""
        writes: list[Callable[[AnyBoard], object]] = [
            lambda one: one.update_scores([(name, name, rules.worse(50, at)) for at, name in enumerate("abcdef")]),
            lambda one: one.update_score("a", "a", rules.worse(50, 9)),
            lambda one: one.update_score("f", "f", rules.better(50)),
            lambda one: one.update_score("b", "renamed", rules.worse(50, 1)),
            lambda one: one.increment_score("e", "e", rules.better(0, 20)),
            lambda one: one.remove_player("f"),
            lambda one: one.update_score("d", "d", rules.worse(50, 20)),
            lambda one: one.update_scores([("e", "e", rules.worse(50, 30))]),
        ]
        for write in writes:
            write(board)
            write(oracle)
            assert_same(board.get_top_n(2), oracle.get_top_n(2))

    def test_subclasses_of_numbers_and_texts_are_stored_as_plain_values(self, board: LeaderboardBackend) -> None:
        board.update_score(_Id("ada"), _Id("Ada"), _Level.HIGH)
        board.update_score("bob", "Bob", _Seconds(1.5))
        entries = {entry.player_id: entry for entry in board.get_top_n()}
        assert [type(value) for value in entries["ada"]] == [int, str, str, int]
        assert [type(value) for value in entries["bob"]] == [int, str, str, float]
        assert (board.get_score("ada"), board.get_score(_Id("bob"))) == (9, 1.5)
