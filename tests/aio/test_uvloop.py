"""The same boards on the event loop of uvloop."""

from __future__ import annotations

import asyncio

import pytest
import uvloop

from leaderboard_backends import LeaderboardClosedError, open_async_leaderboard
from leaderboard_backends.testing.servers import EmbeddedServer


def test_boards_on_a_server_in_memory_and_in_threads_work_on_uvloop() -> None:
    async def program(*urls: str) -> None:
        for url in urls:
            async with open_async_leaderboard(url, board="loop") as board:
                calls = [board.update_score(f"p{i}", "", i + 1) for i in range(100)]
                assert await asyncio.gather(*calls) == [1] * 100
                await asyncio.sleep(0.05)  # an idle connection is looked at before it is used
                assert [entry.rank async for entry in board] == [*range(1, 101)]
            with pytest.raises(LeaderboardClosedError):
                await board.count()

    with EmbeddedServer(tcp=True) as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(program(server.url, "memory://", "naive://"))
