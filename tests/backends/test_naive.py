"""The baseline: short enough to be believed, and right to the last place."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable

import pytest

from leaderboard_backends import Capabilities, ChangesLostError, InvalidScoreError
from leaderboard_backends.backends import naive
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.changes import ChangeLog


def test_it_promises_nothing_beyond_this_process() -> None:
    assert NaiveLeaderboard.capabilities == Capabilities(
        durable=False, shared=False, lives_in="process", feed=True, fence=True, fence_pass=True, limits=True
    )


def test_ties_stand_in_the_order_in_which_the_score_was_reached() -> None:
    with NaiveLeaderboard() as board:
        board.update_scores([("a", "", 5), ("b", "", 5), ("c", "", 5)])
        board.update_score("a", "", 6)
        assert board.update_score("a", "Ada", 5) == 3
        assert [entry.player_id for entry in board] == ["b", "c", "a"]


def test_the_best_score_stands_and_the_last_name_shows() -> None:
    with NaiveLeaderboard(order="ascending", keep="best") as board:
        board.update_score("a", "Ada", 60.5)
        board.update_score("a", "Countess", 61.5)
        assert board.get_entry("a") == (1, "a", "Countess", 60.5)


def test_a_refused_sum_changes_nothing() -> None:
    with NaiveLeaderboard() as board:
        board.update_score("a", "Ada", 2**53)
        with pytest.raises(InvalidScoreError):
            board.increment_score("a", "Changed", 1)
        assert list(board) == [(1, "a", "Ada", 2**53)]


def test_it_stays_a_baseline_that_sorts_a_dict_and_keeps_no_order_of_its_own() -> None:
    tree = ast.parse(inspect.getsource(naive))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level}
    assert imported == {"__future__", "collections.abc", "typing"}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]


@pytest.mark.parametrize(
    "write",
    [
        lambda board: board.update_score("ada", "Ada", 5),
        lambda board: board.remove_player("ada"),
        lambda board: board.clear(),
    ],
)
def test_an_interrupt_between_a_change_and_its_number_is_missed_by_no_follower_and_shifts_no_tie(
    write: Callable[[NaiveLeaderboard], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with NaiveLeaderboard(feed=10) as board:
        board.update_scores([("bob", "", 1), ("ada", "", 2)])
        before = board.get_version()
        with monkeypatch.context() as patch:
            patch.setattr(ChangeLog, "note", interrupted)
            with pytest.raises(KeyboardInterrupt):
                write(board)
        with pytest.raises(ChangesLostError):
            board.get_changes(before)
        board.update_score("bob", "", 5)
        assert [entry.player_id for entry in board][-1] == "bob"
