from __future__ import annotations

from leaderboard_backends import LeaderboardBackend
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard


def test_a_wrapper_says_what_its_inner_board_says() -> None:
    inner = NaiveLeaderboard("laps", order="ascending", keep="best")
    board = DelegatingLeaderboard(inner)
    assert board.inner is inner
    assert (board.name, board.order, board.keep) == ("laps", "ascending", "best")
    assert board.capabilities is inner.capabilities
    assert repr(inner) in repr(board)


def test_closing_the_wrapper_closes_the_inner_board() -> None:
    inner = NaiveLeaderboard()
    with DelegatingLeaderboard(inner):
        assert not inner.closed
    assert inner.closed


def test_a_wrapper_of_a_wrapper_is_a_board_too() -> None:
    board: LeaderboardBackend = DelegatingLeaderboard(DelegatingLeaderboard(NaiveLeaderboard()))
    assert board.update_score("ada", "Ada", 5) == 1
    assert board.get_percentile("ada") == 100.0


def test_every_hook_is_delegated() -> None:
    hooks = {name for name in vars(NaiveLeaderboard) | vars(LeaderboardBackend) if hasattr(LeaderboardBackend, name)}
    own = {"_refuse_closed", "_unsupported", "_abc_impl"}
    missing = {name for name in hooks if name.startswith("_") and not name.startswith("__")} - own
    assert missing <= set(vars(DelegatingLeaderboard)), missing - set(vars(DelegatingLeaderboard))
