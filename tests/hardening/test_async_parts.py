"""What holds for the parts around a board holds for those of asyncio programs, and what tasks alone can do to them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from leaderboard_backends import (
    BackendUnavailableError,
    InvalidScoreError,
    RateLimitExceededError,
    ScoreLimitError,
    UpdateRefusedError,
    open_async_leaderboard,
)
from leaderboard_backends.backends.redis.async_board import AsyncRedisLeaderboard
from leaderboard_backends.hardening import Flag
from leaderboard_backends.hardening.async_monitoring import AsyncMonitoredLeaderboard
from leaderboard_backends.hardening.rate_limiting.async_board import AsyncRateLimitedLeaderboard
from leaderboard_backends.hardening.validation.async_board import AsyncValidatedLeaderboard
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer
from leaderboard_backends.wrapper import layer, layers

from .blocking_parts import adopted

globals().update(adopted("test_player_exists", "test_validation_reports"))


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD) as running:
        yield running


def test_parts_stand_around_a_board_on_a_server_without_a_thread(server: EmbeddedServer) -> None:
    async def program() -> None:
        parts = {"validation": {"score_max": 100}, "rate_limit": {"updates_a_minute": 3}}
        before = {thread.name for thread in threading.enumerate()}
        async with open_async_leaderboard({"url": server.unix_url, **parts}) as board:
            kinds = [AsyncRateLimitedLeaderboard, AsyncValidatedLeaderboard, AsyncRedisLeaderboard]
            assert [type(each) for each in layers(board)] == kinds
            assert await board.update_score("ada", "Ada", 90) == 1
            with pytest.raises(UpdateRefusedError, match="score_max"):
                await board.update_score("ada", "Ada", 101)
            with pytest.raises(UpdateRefusedError, match="score_max"):
                await board.increment_score("ada", "Ada", 20)
            with pytest.raises(RateLimitExceededError):
                await board.update_score("ada", "Ada", 1)
            limited, validated = layer(board, AsyncRateLimitedLeaderboard), layer(board, AsyncValidatedLeaderboard)
            assert limited is not None
            assert validated is not None
            assert (limited.counts["updates_a_minute"], validated.counts.refused["score_max"]) == (1, 2)
        threads = {thread.name for thread in threading.enumerate()} - before
        assert not any(name.startswith("leaderboard_") for name in threads)

    asyncio.run(program())


def test_a_board_on_a_server_is_measured_and_its_players_are_asked_on_its_loop(server: EmbeddedServer) -> None:
    """Metrics are collected in threads; whoever collects them on the loop gets what was last told, in time."""

    async def program() -> None:
        registry = CollectorRegistry()
        table = {"registry": registry, "samples": 100, "spans": True, "probe_timeout": 30}
        async with open_async_leaderboard(server.unix_url, board="measured", monitoring=table) as board:
            monitored = layer(board, AsyncMonitoredLeaderboard)
            assert monitored is not None
            await asyncio.gather(*(board.update_score(f"p{number}", "", number) for number in range(20)))
            assert [entry.score async for entry in board][:2] == [19, 18]
            with pytest.raises(InvalidScoreError):
                await board.update_score("p1", "", float("nan"))
            snapshot = await monitored.snapshot()
            found = (snapshot.players, snapshot.updates.samples, dict(snapshot.errors))
            assert found == (20, 20, {"InvalidScoreError": 1})
            text = (await asyncio.to_thread(generate_latest, registry)).decode()
            assert 'backend="RedisLeaderboard",board="measured"} 20.0' in text

    asyncio.run(program())


def test_the_loop_goes_on_while_a_closing_board_waits_for_a_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, goes_on = threading.Event(), threading.Event()

    def look() -> None:
        looks.set()
        goes_on.wait(30)

    async def program() -> None:
        table = {"registry": CollectorRegistry(), "alerts": True, "alert_interval": 0.001}
        board = await open_async_leaderboard("memory://", monitoring=table)
        monitored = layer(board, AsyncMonitoredLeaderboard)
        assert monitored is not None
        monkeypatch.setattr(monitored.alerts, "evaluate", look)
        await asyncio.to_thread(looks.wait, 30)
        closing = asyncio.create_task(board.close())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not closing.done()
        goes_on.set()
        await closing

    asyncio.run(program())


def test_limits_hold_for_tasks_that_write_at_the_same_time(server: EmbeddedServer) -> None:
    """On the server the storage checks them; in memory, updates of one player wait for each other."""

    async def program(url: str) -> None:
        async with open_async_leaderboard(url, board="limits", validation={"score_max": 50}) as board:
            calls = (board.increment_score("ada", "Ada", 1) for _ in range(80))
            found = await asyncio.gather(*calls, return_exceptions=True)
            refused = [each for each in found if isinstance(each, UpdateRefusedError | ScoreLimitError)]
            assert (len(refused), await board.get_score("ada")) == (30, 50)

    for url in (server.unix_url, "memory://"):
        asyncio.run(program(url))


@pytest.mark.parametrize("is_coroutine", [True, False], ids=["coroutine", "function"])
def test_the_app_is_asked_by_a_coroutine_or_in_a_thread(is_coroutine: bool) -> None:  # noqa: FBT001 - of a table
    flags: list[str] = []
    here = threading.get_ident()

    async def exists(player_id: str) -> bool:
        await asyncio.sleep(0)
        return player_id == "ada"

    def exists_in_thread(player_id: str) -> bool:
        assert threading.get_ident() != here
        return player_id == "ada"

    async def on_flag(flag: Flag) -> None:
        await asyncio.sleep(0)
        flags.append(flag.player_id)

    async def program() -> None:
        asked = exists if is_coroutine else exists_in_thread
        async with open_async_leaderboard(
            "memory://", validation={"player_exists": asked, "on_flag": on_flag}
        ) as board:
            assert await board.update_score("ada", "Ada", 1) == 1
            with pytest.raises(UpdateRefusedError, match="player 'eve' does not exist"):
                await board.update_score("eve", "Eve", 1)
            assert flags == ["eve"]

    asyncio.run(program())


def test_a_coroutine_that_fails_decides_nothing() -> None:
    async def exists(player_id: str) -> bool:
        raise OSError(f"no answer about {player_id}")

    async def program() -> None:
        async with open_async_leaderboard("memory://", validation={"player_exists": exists}) as board:
            with pytest.raises(BackendUnavailableError, match="no answer about ada"):
                await board.update_score("ada", "Ada", 1)
            assert await board.count() == 0

    asyncio.run(program())


def test_a_cancelled_update_frees_its_player() -> None:
    async def program() -> None:
        going, release = asyncio.Event(), asyncio.Event()

        async with open_async_leaderboard("memory://", validation={"max_change": 10, "change_action": "flag"}) as board:
            inner = board.inner  # type: ignore[attr-defined]  # of the part
            read = inner.get_score

            async def slow(player_id: str) -> object:
                going.set()
                await release.wait()
                return await read(player_id)

            inner.get_score = slow
            first = asyncio.create_task(board.update_score("ada", "", 5))
            await going.wait()
            second = asyncio.create_task(board.update_score("ada", "", 7))
            await asyncio.sleep(0)
            first.cancel()
            release.set()
            assert await second == 1
            assert (await asyncio.wait([first]))[0].pop().cancelled()
            assert await board.get_score("ada") == 7

    asyncio.run(program())
