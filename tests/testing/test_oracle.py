"""The judge itself: examples by hand, and a comparison with the definition of the order written out."""

from __future__ import annotations

import random
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends import Entry, InvalidScoreError
from leaderboard_backends.testing.oracle import OracleBoard


def test_ties_rank_by_who_reached_the_score_first() -> None:
    board = OracleBoard()
    assert [board.update_score(player, "", 5) for player in ("mia", "abe", "zoe")] == [1, 2, 3]
    assert board.update_score("mia", "", 6) == 1
    assert board.update_score("mia", "Mia", 5) == 3
    assert list(board) == [Entry(1, "abe", "", 5), Entry(2, "zoe", "", 5), Entry(3, "mia", "Mia", 5)]


def test_ascending_boards_show_the_lowest_first() -> None:
    board = OracleBoard("ascending")
    board.update_scores([("a", "", 2), ("b", "", 1), ("c", "", 3)])
    assert [entry.player_id for entry in board.get_top_n(2)] == ["b", "a"]
    assert [entry.player_id for entry in board.get_by_score(2, inf)] == ["a", "c"]


def test_keep_best_ignores_a_worse_score_and_stores_the_name() -> None:
    board = OracleBoard("descending", "best")
    board.update_score("a", "A", 5)
    assert board.update_score("a", "renamed", 4) == 1
    assert board.get_entry("a") == Entry(1, "a", "renamed", 5)
    assert board.increment_score("b", "B", -3).score == -3


def test_a_sum_out_of_the_rule_changes_nothing() -> None:
    board = OracleBoard()
    board.update_score("a", "A", 2**53)
    for delta in (1, 2**53):
        with pytest.raises(InvalidScoreError):
            board.increment_score("a", "renamed", delta)
    board.update_score("b", "B", 1e308)
    with pytest.raises(InvalidScoreError):
        board.increment_score("b", "renamed", 1e308)
    assert [entry.username for entry in board] == ["B", "A"]


@pytest.mark.parametrize(("given", "stored"), [(-0.0, "0"), (5.0, "5"), (2.0**53, str(2**53)), (1e16, "1e+16")])
def test_scores_read_back_in_their_stored_form(given: float, stored: str) -> None:
    board = OracleBoard()
    board.update_score("a", "", given)
    assert repr(board.get_score("a")) == stored


def test_neighbours_and_ranges_are_cut_at_the_ends() -> None:
    board = OracleBoard()
    board.update_scores((f"p{number}", "", number) for number in range(5))
    assert [entry.rank for entry in board.get_around("p4", 1)] == [1, 2]
    assert [entry.rank for entry in board.get_around("p0", 1)] == [4, 5]
    assert [entry.rank for entry in board.get_range(4, 99)] == [4, 5]
    assert board.get_around("nobody") == []
    assert [board.get_percentile(player) for player in ("p4", "p0", "nobody")] == [100.0, 20.0, None]


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_the_whole_order_is_the_definition(order: str) -> None:
    """The definition: sort all by score, and players of one score by the number of the update that reached it."""
    chance = random.Random(4)
    board = OracleBoard(order)
    standing: dict[str, tuple[int, int]] = {}
    for number in range(500):
        player, score = f"p{chance.randrange(25)}", chance.randrange(4)
        board.update_score(player, "", score)
        if player not in standing or standing[player][0] != score:
            standing[player] = (score, number)
        sign = -1 if order == "descending" else 1
        expected = sorted(standing, key=lambda player: (sign * standing[player][0], standing[player][1]))
        assert [entry.player_id for entry in board] == expected


UPDATES = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(["", "Ann", "Bea"]),
        st.sampled_from([-1, 0, -0.0, 1, 1.0, 1.5, 2, 1e300]),
    )
)


@given(UPDATES, UPDATES, st.sampled_from(["descending", "ascending"]), st.sampled_from(["last", "best"]))
def test_a_load_of_an_empty_board_is_what_its_updates_one_by_one_are(
    load: list[tuple[str, str, float]], later: list[tuple[str, str, float]], order: str, keep: str
) -> None:
    loaded, one_by_one = OracleBoard(order, keep), OracleBoard(order, keep)
    assert loaded.update_scores(iter(load)) == len(load)
    for update in load:
        one_by_one.update_score(*update)
    assert repr(list(loaded)) == repr(list(one_by_one))
    for update in later:
        assert loaded.update_score(*update) == one_by_one.update_score(*update)
        assert loaded.get_by_score(0, 1) == one_by_one.get_by_score(0, 1)
    loaded.clear()
    assert loaded.update_scores(load) == len(load)
    one_by_one.clear()
    for update in load:
        one_by_one.update_score(*update)
    assert list(loaded) == list(one_by_one)


def test_a_load_that_fails_keeps_the_updates_before_it() -> None:
    board = OracleBoard()
    with pytest.raises(ValueError, match="too many values"):
        board.update_scores([("a", "", 1), ("b", "", 2), ("c", "", 3, 4)])  # type: ignore[list-item]
    assert [entry.player_id for entry in board] == ["b", "a"]
    assert board.get_rank("a") == 2
