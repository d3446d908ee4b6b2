"""What holds for boards found through Sentinels holds for those of asyncio programs: the same tests, on coroutines."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from itertools import count
from math import inf
from typing import Any

import pytest

from leaderboard_backends import BackendUnavailableError, LeaderboardBackend, open_async_leaderboard
from leaderboard_backends.backends.redis.address import Address, Node
from leaderboard_backends.backends.redis.async_replicas import AsyncReplicaReads
from leaderboard_backends.backends.redis.async_sentinel import AsyncSentinelLeaderboard
from leaderboard_backends.backends.redis.async_sentinels import AsyncSentinels
from leaderboard_backends.freshness import BoardFreshness
from leaderboard_backends.testing.asynchronous import BlockingLeaderboard, open_blocking
from leaderboard_backends.testing.groups import EmbeddedSentinel

from . import test_sentinel as of_threads
from .test_async_server import run
from .test_sentinel import Opener


@pytest.fixture
def group() -> Iterator[EmbeddedSentinel]:
    """A group of the test's own, whose servers fail."""
    with EmbeddedSentinel() as group:
        yield group


@pytest.fixture
def open_board() -> Iterator[Opener]:
    """Opens boards whose calls are awaited on the event loop of a thread."""
    boards: list[LeaderboardBackend] = []
    numbers = count()

    def open_one(url: str, **options: Any) -> LeaderboardBackend:
        board = open_blocking(url, **{"board": f"board-{next(numbers)}", **options})
        boards.append(board)
        assert isinstance(board, BlockingLeaderboard)
        assert "sentinel" not in url or isinstance(board.board, AsyncSentinelLeaderboard)
        return board

    yield open_one
    for board in boards:
        board.close()


def test_after_a_failover_a_board_writes_again_without_being_opened_again(
    group: EmbeddedSentinel, open_board: Opener
) -> None:
    of_threads.test_a_board_is_on_the_primary_that_the_sentinels_name(group, open_board)
    of_threads.test_one_sentinel_of_several_is_enough(group, open_board)
    of_threads.test_after_a_failover_a_board_writes_again_without_being_opened_again(group, open_board)


def test_sentinels_of_a_board_that_is_dropped_without_closing_it_keep_no_connection(group: EmbeddedSentinel) -> None:
    async def program() -> None:
        sentinels = AsyncSentinels(group.address())
        lost: list[asyncio.Future[None]] = []
        while len(lost) < len(group.sentinels):  # one that was slow is left alone for a while
            await sentinels.primary(all_of_them=True)
            lost = [wire.lost for server in sentinels._servers for wire in server._wires()]
        assert not any(each.done() for each in lost)
        del sentinels
        gc.collect()
        async with asyncio.timeout(10):
            await asyncio.gather(*lost)

    run(program)


def test_the_call_of_a_lone_task_waits_until_the_sentinels_were_asked(group: EmbeddedSentinel) -> None:
    async def program() -> None:
        async with open_async_leaderboard(group.url, **group.options) as board:
            assert isinstance(board, AsyncSentinelLeaderboard)
            await board.update_score("ada", "Ada", 1)
            for sentinel in group.sentinels:
                sentinel.freeze()
            board._primary.sentinels._checked = -inf  # so that the next call asks them
            call = asyncio.create_task(board.get_score("ada"))
            while (checking := board._primary._checking) is None:  # noqa: ASYNC110 - a check tells nobody of its begin
                await asyncio.sleep(0)
            assert await call == 1
            assert checking.done()

    run(program)


def test_a_call_that_stood_behind_a_check_of_the_sentinels_is_told_so(group: EmbeddedSentinel) -> None:
    async def program() -> None:
        async with open_async_leaderboard(group.url, **group.options, pool_timeout=0.8) as board:
            assert isinstance(board, AsyncSentinelLeaderboard)
            await board.update_score("ada", "Ada", 1)
            for sentinel in group.sentinels:
                sentinel.freeze()
            board._primary.sentinels._checked = -inf  # so that the next call asks them
            with pytest.raises(BackendUnavailableError, match=r"no Sentinel has said within 0\.8 s \(pool_timeout\)"):
                await board.get_score("ada")
            while board._primary._checking is not None:  # noqa: ASYNC110 - a check tells nobody of its end
                await asyncio.sleep(0.01)
            board._primary.sentinels._checked = inf
            assert await board.get_score("ada") == 1

    run(program)


def test_a_reply_of_a_primary_that_was_replaced_meanwhile_is_not_believed(
    group: EmbeddedSentinel, open_board: Opener
) -> None:
    of_threads.test_a_reply_of_a_primary_that_was_replaced_meanwhile_is_not_believed(group, open_board)


def test_a_board_goes_on_while_a_check_takes_longer_than_the_time_to_the_next(
    group: EmbeddedSentinel, open_board: Opener
) -> None:
    of_threads.test_a_board_goes_on_while_a_check_takes_longer_than_the_time_to_the_next(group, open_board)


@pytest.mark.proof
def test_a_primary_that_was_frozen_and_replaced_is_not_used(group: EmbeddedSentinel, open_board: Opener) -> None:
    of_threads.test_a_primary_that_was_frozen_and_replaced_is_not_used(group, open_board)


@pytest.mark.proof
def test_a_board_goes_on_while_no_sentinel_answers(group: EmbeddedSentinel, open_board: Opener) -> None:
    of_threads.test_a_board_goes_on_while_no_sentinel_answers(group, open_board)


@pytest.mark.proof
def test_failovers_beside_writers_double_nothing(
    group: EmbeddedSentinel, open_board: Opener, capsys: pytest.CaptureFixture[str]
) -> None:
    of_threads.test_failovers_beside_writers_double_nothing(group, open_board, capsys)


def test_replicas_answer_with_the_proof_of_how_old_that_is(group: EmbeddedSentinel, open_board: Opener) -> None:
    of_threads.test_a_live_answer_is_asked_of_the_primary(group, open_board)
    of_threads.test_a_board_object_sees_its_own_writes_on_replicas(group, open_board)
    of_threads.test_what_two_boards_write_is_not_mixed_up(group, open_board)
    of_threads.test_a_frozen_replica_costs_no_more_than_the_staleness_allowed(group, open_board)


@pytest.mark.proof
def test_what_replicas_show_never_goes_backwards_and_ends_where_it_is_too_old(
    group: EmbeddedSentinel, open_board: Opener
) -> None:
    of_threads.test_replicas_answer_nearly_all_reads_and_say_how_old_they_are(group, open_board)
    of_threads.test_what_a_board_object_shows_never_goes_backwards(group, open_board)
    of_threads.test_without_its_primary_a_replica_answers_until_it_may_be_too_old(group, open_board)


def test_a_board_is_closed_while_a_call_under_way_asks_another_replica() -> None:
    class Replica:
        """One whose connection takes a moment to be closed."""

        def __init__(self, address: Address) -> None:
            self.address = address

        def hold(self, owner: object) -> None:
            pass

        async def leave(self, owner: object) -> None:
            del owner
            await asyncio.sleep(0)

    async def program() -> None:
        make: Any = Replica
        reads = AsyncReplicaReads(Address(), BoardFreshness(1, 1.0), make)
        reads._server(Node("one", 1))
        closing = asyncio.create_task(reads.leave())
        await asyncio.sleep(0)
        reads._server(Node("two", 2))
        await closing

    run(program)
