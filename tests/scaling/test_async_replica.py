"""The copy in the app's memory in an asyncio program: read on the event loop, and written through native coroutines."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any

import pytest
import redis

from leaderboard_backends import (
    AsyncLeaderboard,
    BackendUnavailableError,
    ConfigurationError,
    Score,
    open_async_leaderboard,
)
from leaderboard_backends.aio import ask, at_version
from leaderboard_backends.aio.direct import DirectLeaderboard
from leaderboard_backends.aio.threads import Threads
from leaderboard_backends.answers import LIVE
from leaderboard_backends.backends.redis.async_board import AsyncRedisLeaderboard
from leaderboard_backends.changes import Change
from leaderboard_backends.errors import StaleReplicaError
from leaderboard_backends.hardening.validation.async_board import AsyncValidatedLeaderboard
from leaderboard_backends.in_turns import WORK_OF_A_TURN
from leaderboard_backends.scaling import async_replica
from leaderboard_backends.scaling.async_copied import WORK_OF_A_CALLER
from leaderboard_backends.scaling.async_replica import AsyncReplicatedLeaderboard
from leaderboard_backends.scaling.board_copy import BoardCopy
from leaderboard_backends.scaling.follower import Replica
from leaderboard_backends.testing.groups import EmbeddedCluster, EmbeddedSentinel
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer
from leaderboard_backends.testing.subject import unique_name
from leaderboard_backends.wrapper import layer, layers

PATIENCE = 30.0
FRESH = 5.0
"""A staleness that no busy machine reaches in health."""


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture(params=["redis", "redis+sentinel", "redis+cluster"])
def place(request: pytest.FixtureRequest, server: EmbeddedServer) -> Iterator[dict[str, Any]]:
    """Yield the URL and options of boards on a server, on the primary of a service, and on a cluster."""
    if request.param == "redis":
        yield {"url": server.unix_url}
    elif request.param == "redis+sentinel":
        with EmbeddedSentinel() as group:
            yield {"url": group.url, **group.options}
    else:
        with EmbeddedCluster(replicas=0) as cluster:
            yield {"url": cluster.url, "shards": 4}


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads wait for own writes as long as a busy machine takes to bring them."""
    monkeypatch.setattr(async_replica, "OWN_WRITE", PATIENCE)


def described(url: str, **options: Any) -> dict[str, Any]:
    return {"url": url, "board": unique_name(), "replica": {"max_staleness": FRESH}, **options}


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not is_so():  # noqa: ASYNC110 - what a thread of the library does sets no event
            await asyncio.sleep(0.005)


async def copied(board: AsyncLeaderboard) -> AsyncReplicatedLeaderboard:
    """Return the replica part of a board, once it has loaded its copy."""
    found = layer(board, AsyncReplicatedLeaderboard)
    assert found is not None
    await until(lambda: found.status.state == "following")
    return found


@pytest.mark.usefixtures("patient")
def test_many_tasks_see_their_own_writes_and_the_copy_has_the_boards_order(place: dict[str, Any]) -> None:
    async def program() -> None:
        async with open_async_leaderboard(described(**place)) as board:
            replica = await copied(board)

            async def work(player: str) -> None:
                for score in (3, 1, 2):
                    await board.update_score(player, player, score)
                    found, answer = await ask(board.get_score, player)
                    assert (found, answer.source) == (score, "replica")

            await asyncio.gather(*(work(f"p{number}") for number in range(50)))
            assert await board.remove_player("p7")
            copy, answer = await ask(board.get_top_n, 100)
            assert answer.source == "replica"
            assert copy == await replica.inner.get_top_n(100)
            assert [entry async for entry in board] == copy
            assert len(copy) == await board.count() == 49

    asyncio.run(program())


@pytest.mark.usefixtures("patient")
def test_the_age_of_an_answer_has_the_wait_for_its_turn_in_it(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_score = DirectLeaderboard.get_score

    async def get_late(board: DirectLeaderboard, player_id: str) -> Score | None:
        await asyncio.sleep(0.3)
        return await get_score(board, player_id)

    async def program() -> None:
        async with open_async_leaderboard(described(server.unix_url)) as board:
            await copied(board)
            await board.update_score("ada", "Ada", 1)
            assert await board.get_rank("ada") == 1
            monkeypatch.setattr(DirectLeaderboard, "get_score", get_late)
            score, answer = await ask(board.get_score, "ada")
            assert (score, answer.source) == (1, "replica")
            assert answer.age >= 0.3

    asyncio.run(program())


@pytest.mark.usefixtures("patient")
def test_a_read_takes_no_thread_and_one_of_many_rows_takes_one(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []
    start = Threads.start

    def count(threads: Threads, call: Callable[..., Any], *arguments: Any) -> Any:
        calls.append(call)
        return start(threads, call, *arguments)

    async def program() -> None:
        async with open_async_leaderboard(described(server.unix_url)) as board:
            await copied(board)
            await board.update_scores([(f"p{number}", "", number) for number in range(1500)])
            monkeypatch.setattr(Threads, "start", count)
            reads = [
                await ask(board.get_rank, "p7"),
                await ask(board.get_score, "p7"),
                await ask(board.get_entry, "p7"),
                await ask(board.get_percentile, "p7"),
                await ask(board.get_entries, ["p7", "nobody"]),
                await ask(board.get_around, "p7", 5),
                await ask(board.get_range, 1, 1000),
                await ask(board.get_by_score, 7, 9),
                await ask(board.count_by_score, 7, 9),
                await ask(board.count),
                await ask(board.contains, "p7"),
            ]
            assert {answer.source for _, answer in reads} == {"replica"}
            assert len([entry async for entry in board]) == 1500
            assert calls == []
            rows, answer = await ask(board.get_top_n, 1001)
            assert (len(rows), answer.source, len(calls)) == (1001, "replica", 1)

    asyncio.run(program())


@pytest.mark.usefixtures("patient")
def test_writes_of_tasks_share_calls_and_one_whose_version_is_wanted_has_it(server: EmbeddedServer) -> None:
    async def program() -> None:
        async with open_async_leaderboard(described(server.unix_url)) as board:
            await copied(board)
            with redis.Redis(port=server.port, decode_responses=True) as plain:
                before: Any = plain.info("commandstats")
                await asyncio.gather(*(board.update_score(f"p{number}", "", number) for number in range(60)))
                after: Any = plain.info("commandstats")
            assert after["cmdstat_evalsha"]["calls"] - before["cmdstat_evalsha"]["calls"] < 10
            rank, version = await at_version(board.update_score, "p59", "", 100)
            assert (rank, version) == (1, await board.get_version())
            score, answer = await ask(board.get_score, "p59")
            assert (score, answer.source) == (100, "replica")

    asyncio.run(program())


def test_tasks_that_wait_for_the_same_news_of_the_copy_go_on_in_turns(server: EmbeddedServer) -> None:
    async def program() -> None:
        async with open_async_leaderboard(described(server.unix_url)) as board:
            replica = await copied(board)
            tasks = [asyncio.create_task(replica._hear(PATIENCE)) for _ in range(200)]
            await asyncio.sleep(0)
            for tell in list(replica._replica.listeners):
                tell()
            counts = [0]
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0)
                counts.append(sum(task.done() for task in tasks))
            assert max(after - before for before, after in pairwise(counts)) <= 2 * WORK_OF_A_TURN // WORK_OF_A_CALLER

    asyncio.run(program())


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("when_stale", ["ask", "raise"])
def test_while_the_copy_is_loaded_the_storage_answers_or_the_read_is_refused(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, when_stale: str
) -> None:
    goes_on, load = Event(), BoardCopy.load

    def load_late(copy: BoardCopy) -> None:
        goes_on.wait(PATIENCE)
        load(copy)

    monkeypatch.setattr(BoardCopy, "load", load_late)

    async def program() -> None:
        settings = {"max_staleness": FRESH, "when_stale": when_stale}
        async with open_async_leaderboard(described(server.unix_url, replica=settings)) as board:
            await board.update_score("ada", "Ada", 1)
            if when_stale == "ask":
                assert await ask(board.get_rank, "ada") == (1, LIVE)
            else:
                with pytest.raises(StaleReplicaError, match="is being loaded"):
                    await board.get_rank("ada")
            goes_on.set()
            await copied(board)
            assert (await ask(board.get_rank, "ada"))[1].source == "replica"

    asyncio.run(program())


@pytest.mark.usefixtures("patient")
def test_the_loop_goes_on_while_a_large_batch_is_applied_and_nobody_sees_a_part_of_it(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    applies, goes_on, apply = Event(), Event(), BoardCopy._apply

    def apply_slowly(copy: BoardCopy, change: Change) -> None:
        apply(copy, change)
        if change.player_id == "p150":
            applies.set()
            goes_on.wait(PATIENCE)

    async def program() -> None:
        async with open_async_leaderboard(described(server.unix_url)) as board:
            replica = await copied(board)
            await board.update_score("p0", "", 1)
            assert await board.count() == 1
            monkeypatch.setattr(BoardCopy, "_apply", apply_slowly)
            await replica.inner.update_scores([(f"p{number}", "", number) for number in range(200)])
            await asyncio.to_thread(applies.wait, PATIENCE)
            reading = asyncio.create_task(board.count())
            for _ in range(5):
                await asyncio.sleep(0)
            assert not reading.done()
            goes_on.set()
            assert await reading == 200

    asyncio.run(program())


@pytest.mark.usefixtures("patient")
def test_a_write_that_was_cancelled_may_be_applied_and_no_read_shows_less(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def program() -> None:
        async with open_async_leaderboard(described(server.unix_url)) as board:
            replica = await copied(board)
            update = replica.inner.update_score

            async def apply_and_hang(player_id: str, username: str, score: int) -> int:
                await update(player_id, username, score)
                applied.set()
                never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
                return await never

            monkeypatch.setattr(replica.inner, "update_score", apply_and_hang)
            for score in range(20):
                applied = asyncio.Event()
                writing = asyncio.create_task(board.update_score("ada", "Ada", score))
                await applied.wait()
                writing.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await writing
                assert await board.get_score("ada") == score

    asyncio.run(program())


def test_where_the_copy_does_not_come_in_time_the_storage_answers(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def program() -> None:
        async with open_async_leaderboard(described(server.unix_url)) as board:
            replica = await copied(board)
            monkeypatch.setattr(Replica, "follow", lambda *_: None)
            await board.update_score("ada", "Ada", 1)
            assert await ask(board.get_score, "ada") == (1, LIVE)
            assert replica._replica.listeners == set()
            monkeypatch.undo()

    asyncio.run(program())


def test_a_board_that_was_closed_or_deleted_is_followed_no_more(server: EmbeddedServer) -> None:
    async def program() -> None:
        described_as = described(server.unix_url)
        for end in ("close", "delete"):
            board = await open_async_leaderboard(described_as)
            replica = await copied(board)
            followed = replica._replica.board
            await board.update_score("ada", "Ada", 1)
            await getattr(board, end)()
            assert (followed.closed, replica.inner.closed, replica.status.version) == (True, True, None)
        async with open_async_leaderboard({**described_as, "replica": False}) as board:
            assert await board.count() == 0

    asyncio.run(program())
    for _ in range(1000):
        if not [thread for thread in threading.enumerate() if thread.name == "leaderboard-replica"]:
            break
        sleep(0.01)
    else:
        pytest.fail("the reader goes on")


def test_other_parts_stand_around_it_without_a_thread(server: EmbeddedServer) -> None:
    async def program() -> None:
        async with open_async_leaderboard(described(server.unix_url, validation={"score_max": 100})) as board:
            kinds = [AsyncValidatedLeaderboard, AsyncReplicatedLeaderboard, AsyncRedisLeaderboard]
            assert [type(each) for each in layers(board)] == kinds
            assert await board.update_score("ada", "Ada", 90) == 1
            assert "replica at most 5 s old" in repr(board)

    asyncio.run(program())


def test_a_board_that_nobody_shares_has_no_replica(tmp_path: Path) -> None:
    async def program() -> None:
        for url, name in (("memory://weekly", "Memory"), (f"journal://{tmp_path}/boards", "Journal")):
            with pytest.raises(ConfigurationError, match=f"several processes share, .* {name}Leaderboard is in"):
                await open_async_leaderboard(url, replica=True)

    asyncio.run(program())


def test_where_the_copys_own_board_cannot_be_opened_none_stays_open(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[AsyncLeaderboard] = []
    close = AsyncRedisLeaderboard._close

    async def note(board: AsyncRedisLeaderboard) -> None:
        closed.append(board)
        await close(board)

    def refuse(*_: object) -> None:
        raise BackendUnavailableError("no thread could be started")

    monkeypatch.setattr(AsyncRedisLeaderboard, "_close", note)

    async def program() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(Threads, "start", refuse)
            with pytest.raises(BackendUnavailableError, match="no thread"):
                await open_async_leaderboard(described(server.unix_url))
        assert len(closed) == 1

    asyncio.run(program())
