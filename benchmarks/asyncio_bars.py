"""Boards in an asyncio program: against redis-py and synchronous boards, and how long the event loop stands still."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from statistics import median, quantiles
from time import perf_counter, thread_time
from typing import Any

import redis.asyncio
from paired import Bar, batches, ratio_bar
from players import load, trace

from leaderboard_backends import AsyncLeaderboard, LeaderboardBackend, open_async_leaderboard, open_leaderboard
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

Updates = list[tuple[str, str, int]]

TASKS_BAR = 1.6
ONE_TASK_BAR = 1.15
IN_PROCESS_BAR = 1.0
BLOCKED_BAR = 5.0
TASKS = 50
MANY_TASKS = 200
PLAYERS = 100_000
ROUNDS = 9
PING = b"*1\r\n$4\r\nPING\r\n"


def bars(operations: int) -> Iterator[Bar]:
    """Measure all of it, on a server of our own and in memory."""
    updates = trace(load(PLAYERS), operations)
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        found = asyncio.run(_on_a_server(server, updates))
    yield from found
    yield asyncio.run(_in_process(updates))
    with EmbeddedServer(NO_PASSWORD, tcp=True) as server:
        yield asyncio.run(_blocked(server, updates))
        yield asyncio.run(_blocked_by_a_frozen_server(server, updates))


# ---------------------------------------------------------------------- on a server


async def _on_a_server(server: EmbeddedServer, updates: Updates) -> list[Bar]:
    players = load(PLAYERS)
    where = f"{server.version}, unix socket, {PLAYERS:,} players"
    client = redis.asyncio.Redis(unix_socket_path=str(server.socket_path))
    plain = open_leaderboard(server.unix_url, board="bars")
    async with open_async_leaderboard(server.unix_url, board="bars") as board:
        await board.update_scores(players)
        for batch in batches(players, 1000):
            await client.zadd("plain", {player_id: score for player_id, _, score in batch})
        try:
            return [await _tasks_bar(board, client, updates, where), await _one_task_bar(board, plain, server, updates)]
        finally:
            plain.close()
            await client.aclose()


async def _tasks_bar(board: AsyncLeaderboard, client: Any, updates: Updates, where: str) -> Bar:
    async def update(player_id: str, username: str, score: int) -> None:
        await board.update_score(player_id, username, score)

    async def zadd(player_id: str, _: str, score: int) -> None:
        await client.zadd("plain", {player_id: score})

    share, ratios, rates, latencies = len(updates) // ROUNDS, [], [], []
    for number in range(ROUNDS):
        part = updates[number * share : (number + 1) * share]
        pair = {call: await _rate(call, part, TASKS) for call in ((update, zadd) if number % 2 else (zadd, update))}
        ratios.append(pair[update][0] / pair[zadd][0])
        rates.append((pair[update][0], pair[zadd][0]))
        latencies.append((pair[update][1], pair[zadd][1]))
    ours, theirs = (median(side) for side in zip(*rates, strict=True))
    p99, theirs99 = (median(side) * 1e3 for side in zip(*latencies, strict=True))
    note = f"{ours:,.0f} against {theirs:,.0f} per second; p99 {p99:.2f} against {theirs99:.2f} ms"
    subject = (
        f"redis updates per second (with rank) of {TASKS} tasks against redis-py's asyncio ZADD (without), {where}"
    )
    return ratio_bar(subject, ratios, TASKS_BAR, at_most=False, note=note)


async def _rate(call: Callable[[str, str, int], Awaitable[None]], updates: Updates, tasks: int) -> tuple[float, float]:
    """Return the calls per second of so many tasks, and the 99th percentile of the time of one."""
    times: list[float] = []

    async def work(part: Updates) -> None:
        for update in part:
            before = perf_counter()
            await call(*update)
            times.append(perf_counter() - before)

    began = perf_counter()
    await asyncio.gather(*(work(updates[number::tasks]) for number in range(tasks)))
    return len(updates) / (perf_counter() - began), quantiles(times, n=100)[98]


async def _one_task_bar(
    board: AsyncLeaderboard, plain: LeaderboardBackend, server: EmbeddedServer, updates: Updates
) -> Bar:
    """One task: what it takes beyond a bare round trip of asyncio, against the synchronous board and its own.

    Four times are in the figure, so that each is the lower quartile of many short rounds: what other programs disturb
    would otherwise decide.
    """
    share, rounds = 300, min(len(updates) // 300, 60)
    notes = []
    pings = await _Pings.connected(server)
    with socket.socket(socket.AF_UNIX) as blocking:
        blocking.connect(str(server.socket_path))
        for number in range(rounds):
            part = updates[number * share : (number + 1) * share]
            notes.append(await _times_of_one(board, plain, pings, blocking, part))
    pings.close()
    ours, theirs, bare, bare_blocking = (quantiles(side, n=4)[0] for side in zip(*notes, strict=True))
    figure = (ours - (bare - bare_blocking)) / theirs
    told = [f"{side * 1e6:.0f}" for side in (ours, theirs, bare, bare_blocking)]
    note = "{} against {} µs; bare round trips of asyncio {}, blocking {} µs".format(*told)
    subject = "redis update_score of one task, less what asyncio's round trip takes more, against the synchronous board"
    return Bar(subject, figure, ONE_TASK_BAR, "x", figure, figure, note=note)


async def _times_of_one(
    board: AsyncLeaderboard, plain: LeaderboardBackend, pings: _Pings, blocking: socket.socket, part: Updates
) -> tuple[float, float, float, float]:
    async def ours() -> None:
        for update in part:
            await board.update_score(*update)

    async def theirs() -> None:
        for player_id, username, score in part:
            plain.update_score(player_id, username, score + 1)

    async def bare() -> None:
        for _ in part:
            await pings.ping()

    async def bare_blocking() -> None:
        for _ in part:
            blocking.sendall(PING)
            blocking.recv(64)

    times = []
    for work in (ours, theirs, bare, bare_blocking):
        before = perf_counter()
        await work()
        times.append((perf_counter() - before) / len(part))
    return times[0], times[1], times[2], times[3]


class _Pings(asyncio.Protocol):
    """The least that a round trip in asyncio takes: bytes, and a future for their answer."""

    @classmethod
    async def connected(cls, server: EmbeddedServer) -> _Pings:
        transport, pings = await asyncio.get_running_loop().create_unix_connection(cls, str(server.socket_path))
        pings.transport = transport
        return pings

    transport: asyncio.Transport
    _answer: asyncio.Future[bytes]

    def data_received(self, data: bytes) -> None:
        self._answer.set_result(data)

    async def ping(self) -> bytes:
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(PING)
        return await self._answer

    def close(self) -> None:
        self.transport.close()


# ---------------------------------------------------------------------- in memory


async def _in_process(updates: Updates) -> Bar:
    """A rank, in many short rounds: what a coroutine adds is the same for each call, and least disturbed here."""
    share = 200
    ours: list[float] = []
    theirs: list[float] = []
    players = [player_id for player_id, _, _ in updates[:share]]
    plain = open_leaderboard("memory://")
    plain.update_scores(load(PLAYERS))
    async with open_async_leaderboard("memory://") as board:
        await board.update_scores(load(PLAYERS))
        for number in range(400):
            for side in (ours, theirs) if number % 2 else (theirs, ours):
                before = perf_counter()
                if side is ours:
                    for player_id in players:
                        await board.get_rank(player_id)
                else:
                    for player_id in players:
                        plain.get_rank(player_id)
                side.append((perf_counter() - before) / share * 1e6)
    plain.close()
    low, middle = ((quantiles(ours, n=4)[at] - quantiles(theirs, n=4)[at]) for at in (0, 1))
    return Bar(
        f"memory rank in asyncio beyond the synchronous call, {PLAYERS:,} players",
        low,
        IN_PROCESS_BAR,
        "µs",
        min(low, middle),
        max(low, middle),
        note=f"{quantiles(ours, n=4)[0]:.2f} against {quantiles(theirs, n=4)[0]:.2f} µs",
    )


# ---------------------------------------------------------------------- how long the loop stands still


async def _blocked(server: EmbeddedServer, updates: Updates) -> Bar:
    async with open_async_leaderboard(server.unix_url, board="blocked") as board:
        await board.update_scores(load(10_000))

        async def work(part: Updates) -> None:
            for player_id, username, score in part:
                await board.update_score(player_id, username, score)
                await board.get_top_n(10)

        async def all_work() -> None:
            await asyncio.gather(*(work(updates[number::MANY_TASKS][:40]) for number in range(MANY_TASKS)))

        return await _longest(all_work, f"{MANY_TASKS} tasks that update and read the top 10")


async def _blocked_by_a_frozen_server(server: EmbeddedServer, updates: Updates) -> Bar:
    async with open_async_leaderboard(server.unix_url, board="blocked", socket_timeout=1) as board:
        await board.ping()

        async def all_work() -> None:
            server.freeze()
            try:
                calls = [board.update_score(*updates[number]) for number in range(MANY_TASKS)]
                await asyncio.gather(*calls, return_exceptions=True)
            finally:
                server.thaw()

        return await _longest(all_work, f"{MANY_TASKS} tasks that update on a frozen server")


async def _longest(work: Callable[[], Coroutine[Any, Any, None]], subject: str) -> Bar:
    """Return the longest time between two turns of the event loop, in the processor's time of its thread."""
    gc.collect()
    gc.freeze()  # the players of this program are not what a board's call takes
    loop, longest, wall = asyncio.get_running_loop(), 0.0, 0.0
    before, before_wall = thread_time(), perf_counter()

    def beat() -> None:
        nonlocal before, before_wall, longest, wall
        now, now_wall = thread_time(), perf_counter()
        longest, wall = max(longest, now - before), max(wall, now_wall - before_wall)
        before, before_wall = now, now_wall
        beating[0] = loop.call_soon(beat)

    beating = [loop.call_soon(beat)]
    await work()
    beating[0].cancel()
    figure = longest * 1e3
    return Bar(
        f"longest turn of the event loop, {subject}",
        figure,
        BLOCKED_BAR,
        "ms",
        figure,
        figure,
        note=f"of the processor; {wall * 1e3:.2f} ms by the clock, other processes included",
    )
