"""Opening boards in an asyncio program, and what the faces of a board have in common."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard_backends import (
    AsyncLeaderboard,
    ConfigurationError,
    InvalidArgumentTypeError,
    LeaderboardBackend,
    LeaderboardClosedError,
    LeaderboardError,
    RateLimitExceededError,
    UnknownSchemeError,
    answers,
    changes,
    load_async_leaderboards,
    open_async_leaderboard,
)
from leaderboard_backends.aio import as_async, ask, at_version
from leaderboard_backends.aio.threads import ThreadedLeaderboard
from leaderboard_backends.answers import LIVE, last_answer
from leaderboard_backends.hardening import MonitoredLeaderboard, layer

ROOT = Path(__file__).parents[2]
SYNTAX = {"__len__", "__contains__", "__iter__", "__enter__", "__exit__", "open_trial", "passing_fence"}


def test_the_generated_modules_are_what_their_sources_make() -> None:
    command = [sys.executable, str(ROOT / "tools" / "async_faces.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_faces_have_the_same_operations_with_the_same_parameters() -> None:
    for name, method in vars(LeaderboardBackend).items():
        if name in SYNTAX or not inspect.isfunction(method):
            continue
        ours = getattr(AsyncLeaderboard, name)
        plain = inspect.signature(method).parameters
        assert [*inspect.signature(ours).parameters.values()] == [*plain.values()], name
        assert inspect.iscoroutinefunction(ours) or inspect.isasyncgenfunction(ours) or name in vars(object), name


def test_importing_the_package_does_not_import_asyncio() -> None:
    code = "import sys, leaderboard_backends; sys.exit('asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_a_board_is_awaited_or_entered_and_is_closed_once() -> None:
    async def program() -> None:
        board = await open_async_leaderboard("memory://weekly", order="ascending")
        assert await board.update_score("ada", "Ada", 61.8) == 1
        assert [entry.username async for entry in board] == ["Ada"]
        assert (board.name, board.order, await board.count(), await board.contains("bob")) == (
            "weekly",
            "ascending",
            1,
            False,
        )
        async with board:
            pass
        await board.close()
        with pytest.raises(LeaderboardClosedError):
            await board.get_top_n()
        async with open_async_leaderboard("memory://") as another:
            assert await another.count() == 0
        assert another.closed

    asyncio.run(program())


def test_what_opens_a_board_opens_one_after_the_other() -> None:
    """A second board at the same time would be closed in place of the first one."""
    opening = open_async_leaderboard("memory://")

    async def program() -> None:
        async with opening as first:
            with pytest.raises(ConfigurationError, match="another `async with`"):
                async with opening:
                    pass
            assert await first.update_score("ada", "Ada", 1) == 1
        assert first.closed
        async with opening as second:
            assert not second.closed
        assert second.closed

    asyncio.run(program())
    asyncio.run(program())


def test_a_wrong_url_is_refused_when_it_is_awaited() -> None:
    async def program() -> None:
        with pytest.raises(UnknownSchemeError):
            await open_async_leaderboard("nowhere://")

    asyncio.run(program())


def test_what_is_no_open_board_is_refused_where_its_methods_would_be_missed_later() -> None:
    with pytest.raises(InvalidArgumentTypeError, match=r"an open board .* not 'memory:.* \(str\): open one with"):
        as_async("memory://weekly")  # type: ignore[arg-type]  # what somebody may give in its place


def test_another_loop_than_that_of_asyncio_is_refused_in_words() -> None:
    with pytest.raises(ConfigurationError, match="under trio"):
        open_async_leaderboard("memory://").__await__().send(None)


def test_a_file_of_boards_is_opened_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text('[boards.a]\nurl = "memory://"\n[boards.b]\nurl = "naive://"\n')
    (tmp_path / "bad.toml").write_text(
        f'[boards.a]\nurl = "memory://"\n[boards.b]\nurl = "zodb://{tmp_path}/no/b.fs"\n'
    )
    (tmp_path / "odd.toml").write_text('[boards.b]\nurl = "memory://"\ndegradation = { live_top = 5, cache_top = 3 }\n')

    async def program() -> None:
        async with load_async_leaderboards(tmp_path / "good.toml") as boards:
            assert {name: board.name for name, board in boards.items()} == {"a": "a", "b": "b"}
        assert all(board.closed for board in boards.values())
        with pytest.raises(LeaderboardError, match=r"bad\.toml, boards\.b: "):
            await load_async_leaderboards(tmp_path / "bad.toml")
        with pytest.raises(ConfigurationError, match=r"odd\.toml, boards\.b: live_top \(5\) must be below"):
            await load_async_leaderboards(tmp_path / "odd.toml")

    asyncio.run(program())


def test_the_parts_around_a_board_work_and_tell_how_it_answered(tmp_path: Path) -> None:
    parts = {"monitoring": True, "rate_limit": {"updates_a_minute": 2}, "degradation": {"cache_top": 5}}

    async def program() -> None:
        async with open_async_leaderboard({"url": f"zodb://{tmp_path}/board.fs", **parts}) as board:
            for score in (1, 2):
                await board.update_score("ada", "Ada", score)
            with pytest.raises(RateLimitExceededError):
                await board.update_score("ada", "Ada", 3)
            await board.get_top_n(3)
            await board.get_top_n(3)
            assert last_answer().source == "cached"
            assert isinstance(board, ThreadedLeaderboard)
            monitored = layer(board.board, MonitoredLeaderboard)
            assert monitored is not None
            assert monitored.snapshot().errors

    asyncio.run(program())


def test_an_answer_tells_how_it_came_about_and_of_which_version_it_is(tmp_path: Path) -> None:
    async def program() -> None:
        for url in ("memory://", f"zodb://{tmp_path}/board.fs"):
            async with open_async_leaderboard(url, degradation={"cache_top": 5}) as board:
                before = await board.get_version()
                rank, version = await at_version(board.update_score, "ada", "Ada", 1)
                assert (rank, version.number) == (1, before.number + 1)
                top, answer = await ask(board.get_top_n, 3)
                assert [entry.player_id for entry in top] == ["ada"]
                assert (await ask(board.get_top_n, 3))[1].source == "cached"
                assert (await ask(board.get_rank, "ada")) == (1, LIVE)
                assert answer == LIVE
                with pytest.raises(InvalidArgumentTypeError, match=r"aio\.ask"):
                    answers.ask(board.get_rank, "ada")
                with pytest.raises(InvalidArgumentTypeError, match=r"aio\.at_version"):
                    changes.at_version(board.get_rank, "ada")

    asyncio.run(program())
