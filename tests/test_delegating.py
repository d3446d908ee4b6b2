from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from leaderboard_backends import BackendUnavailableError, LeaderboardBackend, LeaderboardClosedError
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.hardening import (
    DegradableLeaderboard,
    MonitoredLeaderboard,
    RateLimitedLeaderboard,
    ValidatedLeaderboard,
)
from leaderboard_backends.migration.moving_board import MovingLeaderboard
from leaderboard_backends.model import Score
from leaderboard_backends.wrapper import Moment, Wrapper


class Busy(NaiveLeaderboard):
    """Refuses to be closed the first time, as a board does in the middle of another call of the thread."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    def _close(self) -> None:
        self.asked += 1
        if self.asked == 1:
            self._closed = False
            raise BackendUnavailableError("in the middle of another call")


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


@pytest.mark.parametrize(
    "wrap",
    [
        pytest.param(DelegatingLeaderboard, id="delegating"),
        pytest.param(lambda inner: DelegatingLeaderboard(DelegatingLeaderboard(inner)), id="twice"),
        pytest.param(
            lambda inner: MonitoredLeaderboard(inner, alerts=True, registry=CollectorRegistry()), id="monitoring"
        ),
        pytest.param(DegradableLeaderboard, id="degradation"),
        pytest.param(lambda inner: RateLimitedLeaderboard(inner, updates_a_minute=100), id="rate limit"),
        pytest.param(lambda inner: ValidatedLeaderboard(inner, score_max=100), id="validation"),
    ],
)
def test_a_wrapper_of_a_board_that_refuses_to_be_closed_stays_open_and_closes_it_later(
    wrap: Callable[[LeaderboardBackend], LeaderboardBackend],
) -> None:
    inner = Busy()
    board = wrap(inner)
    with pytest.raises(BackendUnavailableError, match="middle of another call"):
        board.close()
    found = (board.closed, inner.closed, board.update_score("ada", "Ada", 5))
    assert found == (False, False, 1)
    board.close()
    board.close()
    assert inner.asked == 2
    assert board.closed


def test_a_board_that_moves_stays_open_as_long_as_one_of_its_two_refuses_to_be_closed() -> None:
    source, target = Busy(), Busy()
    board = MovingLeaderboard(source, lambda: target)
    assert board.target is target
    with pytest.raises(BackendUnavailableError, match="middle of another call"):
        board.close()
    was_closed = board.closed
    board.close()
    assert (was_closed, board.closed) == (False, True)
    assert (source.asked, target.asked) == (2, 2)


def test_a_board_that_moves_and_was_closed_stays_so_in_a_forked_child() -> None:
    board = MovingLeaderboard(NaiveLeaderboard(), NaiveLeaderboard)
    board.close()
    board._inherit()  # as a fork does, in the child
    assert board.closed
    with pytest.raises(LeaderboardClosedError):
        board.get_rank("ada")


class Audit(Wrapper):
    """Overrides a method of the contract, which a part around it must call."""

    def update_score(self, player_id: str, username: str, score: Score, *, achieved_at: Moment | None = None) -> int:
        return -super().update_score(player_id, username, score, achieved_at=achieved_at)


AROUND = [
    pytest.param(lambda inner: RateLimitedLeaderboard(inner, updates_a_minute=100), id="rate limit"),
    pytest.param(lambda inner: ValidatedLeaderboard(inner, score_max=100), id="validation"),
]


@pytest.mark.parametrize("wrap", AROUND)
def test_a_part_calls_what_a_wrapper_inside_makes_of_a_method(
    wrap: Callable[[LeaderboardBackend], LeaderboardBackend],
) -> None:
    with wrap(Audit(NaiveLeaderboard())) as board:
        assert board.update_score("ada", "Ada", 5) == -1
        assert board.increment_score("ada", "Ada", 5).score == 10


@pytest.mark.parametrize("wrap", AROUND)
def test_a_part_around_a_wrapper_that_was_closed_by_itself_says_that_it_is_closed(
    wrap: Callable[[LeaderboardBackend], LeaderboardBackend],
) -> None:
    inner = DegradableLeaderboard(NaiveLeaderboard())
    board = wrap(inner)
    assert board.update_score("ada", "Ada", 5) == 1
    inner.close()
    for write in (board.update_score, board.increment_score):
        with pytest.raises(LeaderboardClosedError):
            write("ada", "Ada", 6)
