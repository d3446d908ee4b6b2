"""The asyncio carrier: what tasks share, and what becomes of each where one is cancelled or a reply does not come."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from threading import Thread
from time import monotonic, perf_counter
from typing import Any

import pytest
import redis
import trustme

from leaderboard_backends import (
    AsyncLeaderboard,
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    Entry,
    InvalidScoreError,
    ScoreLimitError,
    WriteOutcomeUnknownError,
    open_async_leaderboard,
)
from leaderboard_backends.aio import at_version
from leaderboard_backends.backends.redis import async_server
from leaderboard_backends.backends.redis.address import Address
from leaderboard_backends.backends.redis.async_server import AsyncServer
from leaderboard_backends.backends.redis.async_waiting import MOST_TOGETHER
from leaderboard_backends.backends.redis.async_wire import _greeting
from leaderboard_backends.backends.redis.requests import Request, pack
from leaderboard_backends.changes import noting_version
from leaderboard_backends.score_limits import ScoreLimits, _limits
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.oracle import OracleBoard
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

LIMIT = 60


def run(program: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a program that must end, and in which nothing may go wrong unseen."""
    wrong: list[dict[str, Any]] = []

    async def limited() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context))
        async with asyncio.timeout(LIMIT):
            await program()

    asyncio.run(limited())
    assert not wrong


def server_of(board: AsyncLeaderboard) -> AsyncServer:
    server: AsyncServer = board._server  # type: ignore[attr-defined]
    return server


def calls_of(client: redis.Redis) -> dict[str, int]:
    """Return how often each command was called."""
    return {name: stats["calls"] for name, stats in client.info("commandstats").items()}


async def sent(board: AsyncLeaderboard) -> None:
    """Wait until all that was asked for is on its way, and not answered."""
    server = server_of(board)
    while server._line or server._connecting or not any(wire.sent for wire in server._wires()):  # noqa: ASYNC110
        await asyncio.sleep(0)  # the carrier has no event for it, and needs none


@asynccontextmanager
async def frozen(server: EmbeddedServer) -> AsyncIterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


# ---------------------------------------------------------------------- together


def test_updates_that_wait_together_share_script_calls_and_one_write(
    shared_server: EmbeddedServer, client: redis.Redis
) -> None:
    async def program() -> None:
        async with open_async_leaderboard(shared_server.unix_url) as board:
            await asyncio.gather(*(board.update_score("ada", "", 0) for _ in range(3)))  # loads the script
            before = calls_of(client)["cmdstat_evalsha"]
            ranks = await asyncio.gather(*(board.update_score(f"p{i}", "", i + 1) for i in range(3 * MOST_TOGETHER)))
            assert ranks == [1] * 3 * MOST_TOGETHER
            assert calls_of(client)["cmdstat_evalsha"] - before == 3
            assert len(client.client_list()) == 2

    run(program)


@pytest.mark.parametrize("order", ["descending", "ascending"])
@pytest.mark.parametrize("keep", ["last", "best"])
def test_calls_made_together_are_answered_as_those_made_one_by_one(
    shared_server: EmbeddedServer, order: Any, keep: Any
) -> None:
    """Ties, renamings, players who come twice, sums that are refused, and hashes that split: as the oracle says."""
    random = Random(7)

    async def program() -> None:
        async with open_async_leaderboard(shared_server.unix_url, order=order, keep=keep, feed=10_000) as board:
            oracle, before = OracleBoard(order, keep), await board.get_version()
            for _ in range(25):
                calls, expected = [], []
                for _ in range(random.randrange(2, 100)):
                    name, value = random.choice(["update_score", "increment_score"]), random.choice([1, 2, 0.1, 2**53])
                    arguments = (f"p{random.randrange(60)}", random.choice(["", "Zoë"]), value)
                    calls.append(getattr(board, name)(*arguments))
                    try:
                        expected.append(getattr(oracle, name)(*arguments))
                    except InvalidScoreError:
                        expected.append(InvalidScoreError)
                found = await asyncio.gather(*calls, return_exceptions=True)
                assert [type(one) if isinstance(one, InvalidScoreError) else one for one in found] == expected
            entries = [entry async for entry in board]
            assert entries == list(oracle)
            changes = await board.get_changes(before, 10_000)
            followed = {change.player_id: (change.username, change.score) for change in changes.changes}
            assert followed == {entry.player_id: (entry.username, entry.score) for entry in entries}

    run(program)


def test_calls_that_are_refused_together_make_no_deleted_board_anew(
    shared_server: EmbeddedServer, client: redis.Redis
) -> None:
    async def program() -> None:
        async with open_async_leaderboard(shared_server.unix_url, board="gone") as board:
            await (await open_async_leaderboard(shared_server.unix_url, board="gone")).delete()
            token = _limits.set(ScoreLimits(highest=1))
            calls = asyncio.gather(
                board.update_score("ann", "", 5), board.increment_score("bob", "", 5), return_exceptions=True
            )
            _limits.reset(token)
            assert [type(each) for each in await calls] == [ScoreLimitError] * 2
            assert client.keys("*") == []

    run(program)


def test_each_call_of_a_batch_has_its_own_answer_or_error(shared_server: EmbeddedServer, client: redis.Redis) -> None:
    """A limit, a sum and a damaged player concern those who made these calls alone."""

    async def program() -> None:
        async with open_async_leaderboard(shared_server.unix_url, board="own") as board:
            await board.update_scores([(f"p{i}", "", i) for i in range(100)])
            await board.update_score("full", "", 2**53)
            keys = [key for key in sorted(client.keys("*}:p:*")) if not client.hexists(key, "full")]
            players = {key: [f"p{i}" for i in range(100) if client.hexists(key, f"p{i}")] for key in keys}
            (gone, (lost, *_)), (_, (kept, limited, *_)) = [each for each in players.items() if len(each[1]) > 1][:2]
            client.delete(gone)
            token = _limits.set(ScoreLimits(highest=100))
            bounded = asyncio.gather(board.update_score(limited, "", 101), board.update_score(limited, "", 99))
            bounded_calls = asyncio.ensure_future(_outcomes(bounded))
            _limits.reset(token)
            found = await asyncio.gather(
                board.update_score(lost, "", 7),
                board.increment_score("full", "", 1),
                board.increment_score(kept, "", 0.5),
                return_exceptions=True,
            )
            assert isinstance(found[0], BoardMismatchError)
            assert isinstance(found[1], InvalidScoreError)
            assert isinstance(found[2], Entry)
            assert await bounded_calls

    async def _outcomes(both: Awaitable[Any]) -> bool:
        with pytest.raises(ScoreLimitError):
            await both
        return True

    run(program)


def test_a_write_of_another_kind_between_updates_keeps_its_place(shared_server: EmbeddedServer) -> None:
    async def program() -> None:
        async with open_async_leaderboard(shared_server.unix_url, board="order") as board:
            found = await asyncio.gather(
                board.update_score("ada", "", 1),
                board.remove_player("ada"),
                board.update_score("bob", "", 1),
                board.update_score("ada", "", 1),
            )
            assert [*found] == [1, True, 1, 2]

    run(program)


def test_the_keep_rule_of_a_board_object_holds_for_its_own_calls_alone(shared_server: EmbeddedServer) -> None:
    async def program() -> None:
        url = shared_server.unix_url
        async with open_async_leaderboard(url) as last, open_async_leaderboard(url, keep="best") as best:
            await last.update_scores([("ada", "", 5), ("bob", "", 4), ("eve", "", 9)])
            calls = [board.update_score(name, "", 1) for name in ("ada", "bob", "ada", "eve") for board in (best, last)]
            await asyncio.gather(best.ping(), *calls)
            assert [await last.get_score(name) for name in ("ada", "bob", "eve")] == [1, 1, 1]
            await last.update_scores([("ada", "", 5), ("bob", "", 4)])
            await asyncio.gather(last.ping(), last.update_score("eve", "", 2), best.update_score("ada", "", 1))
            assert await best.get_score("ada") == 5
            await asyncio.gather(last.ping(), best.update_score("bob", "", 1), last.update_score("ada", "", 1))
            assert [await best.get_score(name) for name in ("ada", "bob")] == [1, 4]

    run(program)


def test_a_fence_and_a_version_hold_for_the_calls_of_their_task_alone(shared_server: EmbeddedServer) -> None:
    async def program() -> None:
        async with open_async_leaderboard(shared_server.unix_url, board="task") as board:
            with noting_version() as noted:
                asked = asyncio.ensure_future(board.update_score("ada", "", 1))
            assert [*await asyncio.gather(asked, board.update_score("bob", "", 2))] == [1, 1]
            assert noted
            await board.fence("memory://there")
            with board.passing_fence("memory://there"):
                passing = asyncio.ensure_future(board.update_score("ada", "", 3))
            refused = asyncio.gather(*(board.update_score("bob", "", 4) for _ in range(3)), return_exceptions=True)
            assert await passing == 1
            assert [type(error) for error in await refused] == [BoardMovedError] * 3

    run(program)


def test_a_script_that_the_server_forgot_is_sent_again_once_for_all(
    shared_server: EmbeddedServer, client: redis.Redis
) -> None:
    async def program() -> None:
        async with open_async_leaderboard(shared_server.unix_url) as board:
            await board.update_score("ada", "", 1)
            client.script_flush()
            calls = [board.increment_score("ada", "", 1) for _ in range(2 * MOST_TOGETHER)]
            entries = await asyncio.gather(*calls)
            assert [entry.score for entry in entries] == [*range(2, 2 * MOST_TOGETHER + 2)]

    run(program)


# ---------------------------------------------------------------------- cancelled, late and lost


def test_the_reply_to_a_cancelled_call_is_given_to_nobody_else(server: EmbeddedServer) -> None:
    """Reads and writes, cancelled at any moment: whoever goes on gets the answer to what it asked."""
    random = Random(3)

    async def program() -> None:
        async with open_async_leaderboard(server.unix_url) as board:
            await board.update_scores([(f"p{i}", "", i) for i in range(50)])

            async def ask() -> None:
                for _ in range(60):
                    number = random.randrange(50)
                    assert await board.get_score(f"p{number}") == number
                    assert (await board.increment_score(f"p{number}", "", 0)).player_id == f"p{number}"

            tasks = [asyncio.create_task(ask()) for _ in range(30)]
            for victim in tasks[::2]:
                for _ in range(random.randrange(20)):
                    await asyncio.sleep(0)
                victim.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert {type(one) for one in done[1::2]} == {type(None)}
            assert await board.get_score("p7") == 7

    run(program)


def test_a_call_cancelled_before_it_is_sent_is_not_made(server: EmbeddedServer) -> None:
    async def program() -> None:
        async with open_async_leaderboard(server.unix_url) as board:
            before = asyncio.create_task(board.ping())
            early = asyncio.create_task(board.update_score("ada", "", 1))
            late = asyncio.create_task(board.update_score("bob", "", 1))
            await asyncio.sleep(0)
            early.cancel()
            await before
            assert await late == 1
            assert [entry.player_id async for entry in board] == ["bob"]

    run(program)


def test_a_frozen_server_times_out_each_call_and_never_holds_up_the_loop(server: EmbeddedServer) -> None:
    async def program() -> None:
        async with open_async_leaderboard(server.unix_url, socket_timeout=1) as board:
            await board.update_score("ada", "", 1)
            beats = 0

            async def beat() -> None:
                nonlocal beats
                while True:
                    await asyncio.sleep(0.001)
                    beats += 1

            heart = asyncio.create_task(beat())
            async with frozen(server):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await board.get_rank("ada")
                calls = [asyncio.create_task(board.update_score("ada", "", 2)) for _ in range(200)]
                calls += [asyncio.create_task(board.get_rank("ada")) for _ in range(200)]  # type: ignore[arg-type]
                before = beats
                found = await asyncio.gather(*calls, return_exceptions=True)
            heart.cancel()
            assert [type(one) for one in found] == [WriteOutcomeUnknownError] * 200 + [BackendUnavailableError] * 200
            assert len({id(one) for one in found}) == 400, "tasks share an exception"
            assert beats > before + 20, "the loop stood still while the server did"
            assert await board.update_score("ada", "", 3) == 1

    run(program)


def test_a_late_reply_fails_nobody_who_asked_later(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that waited too long is told; those after it have their own time, and their own replies."""

    async def program() -> None:
        ahead, loop = 0.0, asyncio.get_running_loop()
        monkeypatch.setattr(loop, "time", lambda: monotonic() + ahead)
        async with open_async_leaderboard(server.unix_url, socket_timeout=LIMIT / 3) as board:
            await board.update_score("ada", "", 5)
            server.freeze()
            first = asyncio.create_task(board.get_score("ada"))
            await sent(board)
            ahead = LIMIT / 6
            second = asyncio.create_task(board.get_rank("ada"))
            await asyncio.sleep(0)
            await sent(board)
            ahead = LIMIT / 3
            with pytest.raises(BackendUnavailableError, match="no reply within"):
                await first
            server.thaw()
            assert await second == 1
            assert await board.get_score("ada") == 5
            assert not server_of(board)._retired

    run(program)


def test_what_waited_to_be_sent_is_told_in_time_that_no_reply_comes(server: EmbeddedServer) -> None:
    """Also where it may wait to be sent for longer than for a reply."""

    def is_timed(carrier: AsyncServer) -> bool:
        return carrier._clock is not None

    async def program() -> None:
        async with open_async_leaderboard(server.unix_url, socket_timeout=1, pool_timeout=2 * LIMIT) as board:
            carrier = server_of(board)
            while is_timed(carrier):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            wire = carrier._wire
            assert wire is not None
            wire.pause_writing()  # as the event loop does where the socket takes no more
            read = asyncio.create_task(board.get_rank("ada"))
            while not is_timed(carrier):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0)
            async with frozen(server):
                wire.resume_writing()
                with pytest.raises(BackendUnavailableError, match="no reply within"):
                    async with asyncio.timeout(LIMIT / 2):
                        await read

    run(program)


def test_after_a_reply_that_may_take_longer_others_are_missed_in_time(server: EmbeddedServer) -> None:
    """As one of WAIT, whose replicas have a time of their own."""

    async def program() -> None:
        async with open_async_leaderboard(server.unix_url, socket_timeout=0.5) as board:
            carrier = server_of(board)
            while carrier._clock is not None:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            slow = Request(pack((b"WAIT", b"1", b"1")), int, "", writes=True, waits=2 * LIMIT)
            (place,) = carrier.join([slow])
            assert await place.future == 0
            async with frozen(server):
                with pytest.raises(BackendUnavailableError, match="no reply within"):
                    async with asyncio.timeout(LIMIT / 2):
                        await board.get_rank("ada")

    run(program)


def test_a_long_reply_may_take_its_time_while_parts_of_it_come(server: EmbeddedServer) -> None:
    """Over a slow network; whoever asks behind it waits no shorter for that."""

    async def program() -> None:
        slow = asyncio.Event()

        async def relay(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
            replies, requests = await asyncio.open_connection("127.0.0.1", server.port)

            async def back() -> None:
                while part := await replies.read(1000):
                    answer.write(part)
                    await asyncio.sleep(0.1 if slow.is_set() else 0)

            passing = asyncio.create_task(back())
            while part := await client.read(2**16):
                requests.write(part)
            passing.cancel()
            for end in (answer, requests):
                end.close()

        async with await asyncio.start_server(relay, "127.0.0.1", 0) as network:
            url = f"redis://127.0.0.1:{network.sockets[0].getsockname()[1]}/0"
            async with open_async_leaderboard(url, socket_timeout=0.8) as board:
                await board.update_scores([(f"p{number}", "", number) for number in range(500)])
                slow.set()
                began = perf_counter()
                top, rank = await asyncio.gather(board.get_top_n(500), board.get_rank("p1"))
                assert (len(top), rank) == (500, 499)
                assert perf_counter() - began > 0.8

    run(program)


def test_a_lost_connection_leaves_each_write_of_a_batch_unknown_and_reads_to_be_repeated(
    server: EmbeddedServer,
) -> None:
    async def program() -> None:
        async with open_async_leaderboard(server.unix_url) as board:
            await board.update_score("ada", "", 1)
            server.freeze()
            writes = [asyncio.create_task(board.increment_score("ada", "", 1)) for _ in range(5)]
            read = asyncio.create_task(board.get_rank("ada"))
            await sent(board)
            server.kill()
            found = await asyncio.gather(*writes, read, return_exceptions=True)
            assert [type(one) for one in found] == [WriteOutcomeUnknownError] * 5 + [BackendUnavailableError]
            with pytest.raises(BackendUnavailableError, match="cannot be reached"):
                await board.update_score("ada", "", 1)
            server.start()
            assert await board.update_score("ada", "", 1) == 1

    run(program)


def test_a_server_that_closed_an_idle_connection_is_connected_to_again(
    server: EmbeddedServer, client: redis.Redis
) -> None:
    del client

    async def program() -> None:
        async with open_async_leaderboard(server.url) as board:
            with redis.Redis(port=server.port) as plain:
                for number in range(20):
                    await asyncio.sleep(0.03)
                    plain.client_kill_filter(_type="normal", skipme=True)
                    assert await board.update_score("ada", "", number) == 1

    run(program)


def test_a_primary_that_became_a_replica_fails_one_call_and_is_left(server: EmbeddedServer) -> None:
    async def program() -> None:
        async with open_async_leaderboard(server.url) as board:
            await board.update_score("ada", "", 1)
            before = server_of(board)._wire
            with redis.Redis(port=server.port) as plain:
                plain.replicaof("127.0.0.1", 1)
                with pytest.raises(BackendReadOnlyError):
                    await board.update_score("ada", "", 2)
                assert server_of(board)._wire is not before
                plain.replicaof("NO", "ONE")
            assert await board.update_score("ada", "", 2) == 1

    run(program)


def test_a_server_that_cannot_save_takes_no_writes_and_answers_reads(tmp_path: Path) -> None:
    """Also over a new connection: it refuses PING as well, with which asynchronous boards greet it."""
    settings = {**NO_PASSWORD, "save": "3600 1"}
    with EmbeddedServer(settings, tcp=True, directory=tmp_path) as server, redis.Redis(port=server.port) as plain:
        (tmp_path / "dump.rdb").mkdir()  # which no snapshot can replace

        async def program() -> None:
            async with open_async_leaderboard(server.unix_url) as board:
                await board.update_score("ada", "", 1)
                plain.bgsave()
                while plain.info("persistence")["rdb_last_bgsave_status"] != "err":  # noqa: ASYNC110 - a server tells nobody
                    await asyncio.sleep(0.01)
                with pytest.raises(BackendReadOnlyError, match="cannot save"):
                    await board.update_score("ada", "", 2)
                assert await board.get_score("ada") == 1
                await board.ping()
                plain.config_set("save", "")  # or it could not be stopped either

        run(program)


# ---------------------------------------------------------------------- many, and fairness


def test_ten_thousand_waiting_tasks_are_served_in_turn_or_refused(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(async_server, "MOST_WAITING", 8000)

    async def program() -> None:
        patience = {"socket_timeout": LIMIT, "pool_timeout": LIMIT}
        async with open_async_leaderboard(server.unix_url, **patience) as board:
            await board.update_score("ada", "", 0)
            finished: list[int] = []

            async def ask(number: int) -> None:
                await board.get_rank("ada")
                finished.append(number)

            tasks = [asyncio.create_task(ask(number)) for number in range(10_000)]
            done = await asyncio.gather(*tasks, return_exceptions=True)
            refused = [one for one in done if one is not None]
            assert len(refused) == 1999  # the first one went at once
            assert all(isinstance(one, BackendUnavailableError) and "8,000 requests" in str(one) for one in refused)
            assert finished == sorted(finished), "somebody was overtaken"
            assert not server_of(board)._line
            assert len(server_of(board)._wires()) == 1

    run(program)


def test_what_cannot_be_sent_in_time_was_not_sent(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_server, "MOST_SENT", 10)

    async def program() -> None:
        async with open_async_leaderboard(server.unix_url, socket_timeout=30, pool_timeout=0.3) as board:
            await board.update_score("ada", "", 0)
            async with frozen(server):
                reads = [asyncio.create_task(board.get_rank("ada")) for _ in range(10)]
                await sent(board)
                with pytest.raises(BackendUnavailableError, match=r"0\.3 s \(pool_timeout\); nothing was sent"):
                    await board.update_score("ada", "", 1)
            assert await asyncio.gather(*reads) == [1] * 10
            assert await board.get_score("ada") == 0

    run(program)


def parsed_in_threads(monkeypatch: pytest.MonkeyPatch, long: int) -> list[object]:
    """Have replies of more elements parsed in threads, and return a list that grows by each."""
    in_thread, parsed = async_server.in_parsing_thread, list[object]()

    async def noted(call: Callable[..., Any], *arguments: Any) -> Any:
        parsed.append(call)
        return await in_thread(call, *arguments)

    monkeypatch.setattr(async_server, "LONG_REPLY", long)
    monkeypatch.setattr(async_server, "in_parsing_thread", noted)
    return parsed


def test_long_replies_are_parsed_beside_the_loop(
    shared_server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the rows stand in a list of their own, beside the rank of the first one or the version."""
    parsed = parsed_in_threads(monkeypatch, 50)

    async def program() -> None:
        async with open_async_leaderboard(shared_server.unix_url, feed=100) as board:
            before = await board.get_version()
            await board.update_scores([(f"p{number}", "", number) for number in range(60)])
            reads: list[Callable[[], Awaitable[object]]] = [
                lambda: board.get_top_n(60),
                lambda: board.get_by_score(0, 60),
                lambda: board.get_around("p30", 60),
                lambda: board.get_changes(before),
                lambda: at_version(board.get_top_n, 60),
            ]
            for number, read in enumerate(reads, 1):
                await read()
                assert len(parsed) == number
            assert await board.get_rank("p0") == 60
            assert len(parsed) == len(reads)

    run(program)


# ---------------------------------------------------------------------- life


def test_boards_of_one_address_share_a_connection_which_the_last_one_closes(
    shared_server: EmbeddedServer, client: redis.Redis
) -> None:
    async def program() -> None:
        boards = [await open_async_leaderboard(shared_server.url, board=f"b{number}") for number in range(5)]
        assert len(client.client_list()) == 2
        for board in boards[1:]:
            await board.close()
        assert await boards[0].update_score("ada", "", 1) == 1
        boards.clear()  # the first one is dropped without closing it
        for _ in range(2000):
            await asyncio.sleep(0)
            if len(client.client_list()) == 1:
                break
        assert len(client.client_list()) == 1

    run(program)


def test_a_board_that_closes_while_another_one_opens_does_not_wait_for_its_end(shared_server: EmbeddedServer) -> None:
    """A last call stands in the line: the connection has nothing under way, and stays open for the other board."""

    async def open_other() -> AsyncLeaderboard:
        return await open_async_leaderboard(shared_server.unix_url, board="other")

    async def program() -> None:
        board = await open_async_leaderboard(shared_server.unix_url)
        await asyncio.gather(*(board.get_rank("ada") for _ in range(3)))  # so that no call goes at once
        call = asyncio.create_task(board.get_rank("ada"))
        closing = asyncio.create_task(board.close())
        opening = asyncio.create_task(open_other())
        async with asyncio.timeout(10):
            await closing
        assert await call is None
        async with await opening as other:
            assert await other.count() == 0

    run(program)


def test_a_board_of_another_loop_is_refused_and_can_be_closed(shared_server: EmbeddedServer) -> None:
    kept: list[AsyncLeaderboard] = []

    async def first() -> None:
        kept.append(await open_async_leaderboard(shared_server.unix_url))
        async with open_async_leaderboard(shared_server.unix_url) as board:
            await asyncio.to_thread(asyncio.run, second(board))
            assert await board.count() == 0
        await kept[0].close()

    async def second(board: AsyncLeaderboard) -> None:
        with pytest.raises(BackendUnavailableError, match="another event loop"):
            await board.update_score("ada", "", 1)
        async with open_async_leaderboard(shared_server.unix_url) as own:
            assert await own.count() == 0

    run(first)

    async def third() -> None:
        await kept[0].close()

    run(third)


def test_a_forked_child_does_not_use_the_connection(shared_server: EmbeddedServer) -> None:
    async def program() -> None:
        async with open_async_leaderboard(shared_server.unix_url) as board:
            await board.update_score("ada", "", 1)

            def child(tell: Callable[[str], None]) -> None:
                async def ask() -> None:
                    with pytest.raises(BackendUnavailableError) as refusal:
                        await board.get_rank("ada")
                    tell(str(refusal.value))
                    async with open_async_leaderboard(shared_server.unix_url) as own:
                        tell(str(await own.get_rank("ada")))

                asyncio._set_running_loop(None)
                asyncio.run(ask())

            with Child[str](child, LIMIT) as forked:
                told = list(forked)
            assert "was opened before this process was forked" in told[0]
            assert told[1:] == ["1"]
            assert await board.get_rank("ada") == 1

    run(program)


def test_passwords_names_and_databases_are_greeted_with() -> None:
    with EmbeddedServer(tcp=True) as server:

        async def program() -> None:
            async with open_async_leaderboard(server.unix_url, client_name="games", db=3) as board:
                assert await board.update_score("ada", "", 1) == 1
                with redis.Redis(port=server.port, password=server.password) as plain:
                    (found,) = [one for one in plain.client_list() if one["name"] == "games"]
                    assert found["db"] == "3"
            for url, text in (
                (f"redis://127.0.0.1:{server.port}/0", "requires a password"),
                (f"redis://:wrong@127.0.0.1:{server.port}/0", "refused the user name or the password"),
                ("redis://127.0.0.1:1/0", "cannot be reached"),
            ):
                with pytest.raises(BackendUnavailableError, match=text):
                    await open_async_leaderboard(url)

        run(program)


def test_a_user_who_may_not_do_what_scripts_do_is_told_what_to_allow(
    shared_server: EmbeddedServer, client: redis.Redis
) -> None:
    client.acl_setuser("reader", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all"], commands=["-zadd"])

    async def program() -> None:
        with pytest.raises(BackendUnavailableError, match="allow this user ~leaderboard"):
            await open_async_leaderboard(f"redis://reader:pw@127.0.0.1:{shared_server.port}/0")

    run(program)
    client.acl_deluser("reader")


@pytest.mark.parametrize(
    ("username", "password", "sent"),
    [
        (None, None, []),
        (None, "", []),
        (None, "pw", [("AUTH", "pw")]),
        ("app", None, [("AUTH", "app", "")]),
        ("app", "pw", [("AUTH", "app", "pw")]),
    ],
)
def test_a_user_and_a_password_are_sent_as_by_the_synchronous_carrier(
    username: str | None, password: str | None, sent: list[tuple[str, ...]]
) -> None:
    greeting = _greeting(Address(username=username, password=password))
    assert greeting.packed == b"".join(map(pack, [*sent, ("PING",)]))


def test_a_server_without_places_says_so_whatever_it_is_greeted_with() -> None:
    """It refuses the first command of a greeting, and closes the connection without a word to the others."""
    settings = {**NO_PASSWORD, "maxclients": "1"}
    with EmbeddedServer(settings, tcp=True) as server, redis.Redis(port=server.port) as one:
        one.ping()

        async def program() -> None:
            greetings: list[tuple[str, dict[str, Any]]] = [
                (server.url, {}),
                (f"redis://127.0.0.1:{server.port}/1", {}),
                (server.url, {"client_name": "games", "password": "any"}),
            ]
            for url, options in greetings:
                with pytest.raises(BackendUnavailableError, match="maxclients"):
                    await open_async_leaderboard(url, **options)

        run(program)


def test_what_is_to_be_parsed_in_a_thread_is_parsed_once_where_none_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_thread(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    parsed: list[int] = []

    async def program() -> None:
        async_server._parsing.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(Thread, "start", no_thread)
            await async_server.in_parsing_thread(parsed.append, 1)
        await async_server.in_parsing_thread(parsed.append, 2)

    run(program)
    assert parsed == [1, 2]


def test_tls_is_spoken_and_a_strange_certificate_is_refused(
    server: EmbeddedServer, start_proxy: Any, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    certificates = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(certificates))
    proxy = start_proxy(server.port, context)

    async def program() -> None:
        url = f"rediss://localhost:{proxy.port}/0"
        async with open_async_leaderboard(url, ssl_ca_certs=str(certificates)) as board:
            assert await asyncio.gather(*(board.update_score(f"p{i}", "", i) for i in range(100))) == [1] * 100
        with pytest.raises(BackendUnavailableError, match="certificate that is not accepted"):
            await open_async_leaderboard(url)
        with pytest.raises(BackendUnavailableError, match="with TLS"):
            await open_async_leaderboard(f"rediss://localhost:{server.port}/0", connect_timeout=0.3)

    try:
        run(program)
    finally:
        proxy.close()
