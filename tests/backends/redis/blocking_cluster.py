"""An asynchronous board over a cluster for the tests of the synchronous one, what they look at inside included."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from itertools import count
from types import ModuleType
from typing import Any, Final

import pytest
from _pytest.fixtures import FixtureFunctionDefinition

from leaderboard_backends import LeaderboardBackend, open_async_leaderboard
from leaderboard_backends.backends.redis.async_cluster import AsyncClusterLeaderboard
from leaderboard_backends.backends.redis.async_topology import AsyncCluster
from leaderboard_backends.backends.redis.cluster import ClusterLeaderboard
from leaderboard_backends.testing.asynchronous import BlockingLeaderboard, blocking, run_on_loop


class _Inside:
    """An object of the event loop, whose coroutines return when they are done."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return _outside(getattr(self._inner, name))


class BlockingCluster(BlockingLeaderboard):
    """What `board._requests`, `board._take_ticket(…)` and the like mean is what they mean on the synchronous board."""

    def __getattr__(self, name: str) -> Any:
        return _outside(getattr(self.board, name))


ClusterLeaderboard.register(BlockingCluster)  # the tests ask whether they have one


def _outside(found: Any) -> Any:
    if isinstance(found, AsyncCluster):
        return _Inside(found)
    if not asyncio.iscoroutinefunction(found):
        return found

    @functools.wraps(found)
    def call(*arguments: Any, **options: Any) -> Any:
        return run_on_loop(found(*arguments, **options))

    return call


@pytest.fixture
def open_board() -> Iterator[Callable[..., LeaderboardBackend]]:
    """Opens boards as the synchronous fixture does, whose calls are awaited on the event loop of a thread."""
    boards: list[LeaderboardBackend] = []
    numbers = count()

    def open_one(url: str, **options: Any) -> LeaderboardBackend:
        board = blocking(open_async_leaderboard(url, **{"board": f"board-{next(numbers)}", **options}))
        if isinstance(board.board, AsyncClusterLeaderboard):
            board = BlockingCluster(board.board)
        boards.append(board)
        return board

    yield open_one
    for board in boards:
        board.close()


REPLACES_METHODS: Final = {
    "test_an_operation_asks_all_nodes_at_once",
    "test_nodes_are_asked_one_by_one_where_the_first_took_the_time_of_all",
    "test_an_update_that_a_batch_has_overtaken_takes_a_new_ticket",
    "test_where_all_tickets_take_long_an_update_uses_the_second",
    "test_an_error_between_two_batches_says_that_the_first_was_applied",
    "test_the_error_of_a_batch_that_gets_no_second_ticket_says_what_was_applied_by_the_first",
    "test_a_partial_read_waits_once_for_shards_that_do_not_answer",
    "test_a_partial_read_counts_in_a_shard_again_that_has_answered_since",
    "test_a_board_that_is_deleted_while_another_object_opens_it_is_made_anew",
}
"""Tests that put their own in the place of the synchronous board's methods."""

QUICK: Final = {
    "test_operations_and_ties_are_those_of_one_sorted_list",
    "test_nodes_that_have_forgotten_all_scripts_are_given_them_again",
    "test_a_clear_that_was_cut_is_finished_by_whoever_comes_next",
    "test_a_write_that_no_replica_confirms_is_applied_and_says_so",
    "test_on_replicas_a_board_is_whole_and_sees_its_own_writes",
}
"""Those that run each time, as all logic is that of the synchronous board; the others are left to `make proof`."""


def adopted(*modules: ModuleType, quick: bool) -> dict[str, Any]:
    """Return the tests of modules, and the fixtures that they have for them."""
    return {
        name: each
        for module in modules
        for name, each in vars(module).items()
        if isinstance(each, FixtureFunctionDefinition)
        or (name.startswith("test_") and name not in REPLACES_METHODS and (name in QUICK) is quick)
    }
