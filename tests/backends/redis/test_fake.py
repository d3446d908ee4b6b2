"""`fakeredis://`: the same backend, without a server, for unit tests of apps."""

from __future__ import annotations

from random import Random

import pytest

from leaderboard_backends import Entry, open_leaderboard
from leaderboard_backends.backends.redis import RedisLeaderboard
from leaderboard_backends.backends.redis.fake import FakeRedisLeaderboard
from leaderboard_backends.errors import (
    ConfigurationError,
    InvalidArgumentError,
    InvalidScoreError,
    UnknownOptionError,
)
from leaderboard_backends.testing.oracle import OracleBoard


def test_it_is_the_same_backend() -> None:
    with open_leaderboard("fakeredis://weekly") as board:
        assert isinstance(board, RedisLeaderboard)
        assert board.name == "weekly"
        assert board.update_score("ann", "Ann", 5) == 1
        assert board.increment_score("ann", "Ann", 0.5) == Entry(1, "ann", "Ann", 5.5)


def test_every_board_is_alone() -> None:
    with open_leaderboard("fakeredis://same") as one, open_leaderboard("fakeredis://same") as other:
        one.update_score("ann", "Ann", 5)
        assert len(other) == 0


def test_it_promises_nothing_that_a_fake_cannot_keep() -> None:
    assert not FakeRedisLeaderboard.capabilities.durable
    assert not FakeRedisLeaderboard.capabilities.shared


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_order_and_ties_are_exact(order: str) -> None:
    oracle, random = OracleBoard(order), Random(3)
    with open_leaderboard("fakeredis://ties", order=order) as board:
        updates = [(f"p{random.randrange(90)}", "many", random.randrange(4)) for _ in range(300)]
        assert board.update_scores(updates) == oracle.update_scores(updates)
        for step in range(60):
            player, score = f"p{random.randrange(90)}", random.choice([1, 2, 0.1, 5e-324, -(2**53)])
            assert board.update_score(player, str(step), score) == oracle.update_score(player, str(step), score)
            assert board.remove_player(f"p{step}") == oracle.remove_player(f"p{step}")
        assert list(board) == list(oracle)


def test_a_refused_sum_is_refused() -> None:
    with open_leaderboard("fakeredis://sums") as board:
        board.update_score("ann", "Ann", 2**53)
        with pytest.raises(InvalidScoreError):
            board.increment_score("ann", "Ann", 1)


def test_options_of_a_server_are_unknown_to_it() -> None:
    with pytest.raises(UnknownOptionError, match="batch_size"):
        open_leaderboard("fakeredis://weekly?password=x")
    with pytest.raises(ConfigurationError):
        open_leaderboard("fakeredis://weekly/0")


@pytest.mark.parametrize("batch_size", [0, -1])
def test_batches_without_updates_are_refused_rather_than_sent(batch_size: int) -> None:
    with pytest.raises(InvalidArgumentError, match=f"batch_size must be at least 1, not {batch_size}"):
        FakeRedisLeaderboard(batch_size=batch_size)


def test_it_keeps_a_feed_across_clear() -> None:
    with open_leaderboard("fakeredis://", feed=10) as board:
        start = board.get_version()
        board.update_score("ann", "", 1)
        board.clear()
        board.update_score("bob", "", 2)
        assert [change.player_id for change in board.get_changes(start).changes] == ["ann", None, "bob"]
