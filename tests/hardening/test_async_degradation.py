"""Degradation in an asyncio program: tasks that read at the same time, and a storage that does not answer them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from threading import Event

import pytest

from leaderboard_backends import AsyncLeaderboard, BackendError, BackendUnavailableError, open_async_leaderboard
from leaderboard_backends.aio import as_async, ask
from leaderboard_backends.aio.direct import MOST_ROWS
from leaderboard_backends.answers import live_answers
from leaderboard_backends.async_delegating import AsyncDelegatingLeaderboard
from leaderboard_backends.backends.redis.async_board import AsyncRedisLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.hardening.degradation.async_board import AsyncDegradableLeaderboard
from leaderboard_backends.model import Entry, Score
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer
from leaderboard_backends.wrapper import LIVE, layers

LIMIT = 30


class Gated(AsyncDelegatingLeaderboard):
    """A board whose readings of the top begin, and wait until they may end."""

    def __init__(self, inner: AsyncLeaderboard) -> None:
        super().__init__(inner)
        self.begun: asyncio.Queue[None] = asyncio.Queue()
        self.gate = asyncio.Event()
        self.error: BackendUnavailableError | None = None
        self.readings = 0

    async def _get_top_n(self, n: int) -> list[Entry]:
        self.readings += 1
        found = await super()._get_top_n(n)
        self.begun.put_nowait(None)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        return found


class LongBatches(SortedContainersLeaderboard):
    """A board whose batches begin, and wait in their threads until they may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.go = Event(), Event()

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self.begun.set()
        assert self.go.wait(LIMIT)
        super()._update_scores(updates)


def names(entries: Sequence[Entry]) -> list[str]:
    return [entry.player_id for entry in entries]


async def gated() -> tuple[Gated, AsyncDegradableLeaderboard]:
    inner = Gated(await open_async_leaderboard("memory://"))
    await inner.update_scores([("ada", "", 3), ("bob", "", 2), ("cid", "", 1)])
    return inner, AsyncDegradableLeaderboard(inner, cache_top=3, failures=0)


def test_tasks_share_one_reading_of_the_top_also_where_it_fails() -> None:
    async def program() -> None:
        inner, board = await gated()
        inner.error = BackendUnavailableError("no answer")
        for expected in (BackendUnavailableError, list):
            tasks = [asyncio.create_task(board.get_top_n(2)) for _ in range(50)]
            await inner.begun.get()
            inner.gate.set()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(each) for each in found} == {expected}
            inner.gate.clear()
            inner.error = None
        assert inner.readings == 2

    asyncio.run(asyncio.wait_for(program(), LIMIT))


def test_where_the_reading_task_is_cancelled_another_one_reads() -> None:
    async def program() -> None:
        inner, board = await gated()
        tasks = [asyncio.create_task(board.get_top_n(2)) for _ in range(3)]
        await inner.begun.get()
        tasks[0].cancel()
        await inner.begun.get()
        inner.gate.set()
        assert await asyncio.gather(*tasks[1:]) == [await board.get_top_n(2)] * 2
        assert inner.readings == 2

    asyncio.run(asyncio.wait_for(program(), LIMIT))


def test_a_write_that_is_answered_while_the_top_is_read_is_not_missed() -> None:
    async def program() -> None:
        inner, board = await gated()
        reading = asyncio.create_task(board.get_top_n(3))
        await inner.begun.get()
        assert await board.update_score("dan", "", 9) == 1
        inner.gate.set()
        assert names(await reading) == ["ada", "bob", "cid"]
        assert names(await board.get_top_n(3)) == ["dan", "ada", "bob"]
        assert (await ask(board.get_top_n, 3))[1].source == "cached"

    asyncio.run(asyncio.wait_for(program(), LIMIT))


def test_who_wants_a_live_answer_gets_none_from_memory() -> None:
    async def program() -> None:
        inner, board = await gated()
        inner.gate.set()
        expected = await board.get_top_n(3)
        with live_answers():
            assert await ask(board.get_top_n, 3) == (expected, LIVE)
        assert (await ask(board.get_top_n, 3))[1].source == "cached"
        assert inner.readings == 2

    asyncio.run(asyncio.wait_for(program(), LIMIT))


def test_a_batch_that_outlives_its_cancelled_caller_is_in_work_until_it_is_applied() -> None:
    """It goes on in its thread; what is read meanwhile is not served once it is there."""

    async def program() -> None:
        inner = LongBatches()
        board = AsyncDegradableLeaderboard(as_async(inner), cache_top=3, cache_seconds=LIMIT, failures=0)
        await board.update_score("ada", "", 3)
        batch = asyncio.create_task(board.update_scores([(f"p{i}", "", i) for i in range(MOST_ROWS + 1)]))
        while not inner.begun.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.001)
        batch.cancel()
        await asyncio.wait([batch])
        assert names(await board.get_top_n(3)) == ["ada"]
        inner.go.set()
        while await board.count() == 1:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
        assert names(await board.get_top_n(3)) == [f"p{MOST_ROWS - place}" for place in range(3)]
        await board.close()

    asyncio.run(asyncio.wait_for(program(), LIMIT))


async def written(board: AsyncLeaderboard) -> bool:
    """Update the best player, and return whether that was acknowledged."""
    with suppress(BackendError):
        return await board.update_score("ada", "Ada", 3) == 1
    return False


def test_beside_a_frozen_server_reads_are_stale_and_writes_refused_at_once() -> None:
    """Reads have a second, impatient board on the server; nothing here is a thread."""

    async def program(server: EmbeddedServer) -> None:
        settings = {"failures": 2, "retry_after": LIMIT, "read_timeout": 1}
        async with open_async_leaderboard(server.unix_url, socket_timeout=1, degradation=settings) as board:
            degradable, server_board = layers(board)
            assert isinstance(degradable, AsyncDegradableLeaderboard)
            assert isinstance(server_board, AsyncRedisLeaderboard)
            assert degradable._breaker
            await board.update_score("ada", "Ada", 1)
            assert await board.get_rank("ada") == 1
            server.freeze()
            try:
                assert (await ask(board.get_rank, "ada"))[1].source == "stale"
                for _ in range(3):
                    with pytest.raises(BackendUnavailableError):
                        await board.get_score("ada")
                    await asyncio.sleep(0.03)  # failures of one moment are one
                with pytest.raises(BackendUnavailableError, match="not sent and nothing was applied"):
                    await board.update_score("ada", "Ada", 2)
            finally:
                server.thaw()
            degradable._breaker._retry_at = 0  # as after `retry_after`
            while not await written(board):
                degradable._breaker._retry_at = 0
            assert (await board.get_score("ada")) == 3

    with EmbeddedServer(NO_PASSWORD) as server:
        asyncio.run(asyncio.wait_for(program(server), LIMIT))
