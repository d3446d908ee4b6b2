"""Clients that are tasks of one event loop: the asynchronous face of a board, as an asyncio program uses it."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter, perf_counter_ns, thread_time
from typing import Final, TypeAlias

from ...aio import as_async, open_async_leaderboard
from ...async_protocol import AsyncLeaderboard
from ...protocol import LeaderboardBackend
from ...testing.opening import is_url
from ...timing import Paced, moments, summary
from ..opening import Where
from .clients import Call, Done, Kind

SPIN_SECONDS: Final = 0.002
"""Before a call is due, so long the loop looks at the clock, as its timers may be a millisecond late."""

_Planned: TypeAlias = tuple[int, Call]
"""When a call is due, in nanoseconds of the clock, and the call."""


class Tasks:
    """Tasks that share one board object: the session's own through its asynchronous face, or one on the same storage.

    A board that others share is opened anew, as an asyncio program opens it, so that a backend with a face of its own
    is measured with that.
    """

    kind: Kind = "tasks"

    def __init__(self, board: LeaderboardBackend, where: Where) -> None:
        self._board = board
        self._where = where
        self._anew = board.capabilities.shared and is_url(where.target)

    def run(self, calls: Sequence[Sequence[Call]], seconds: float) -> list[Done]:
        """Run one task for each list of calls; the first error of any is raised."""
        return asyncio.run(self._run(calls, seconds))

    def pace(self, calls: Sequence[Sequence[Call]], rate: float, give_up: float) -> list[Paced]:
        """Run one task for each list of calls, at its share of the rate; the first error of any is raised."""
        return asyncio.run(self._pace(calls, rate, give_up))

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[AsyncLeaderboard]:
        if not self._anew:
            yield as_async(self._board)  # not closed: it is the session's
            return
        async with open_async_leaderboard(self._where.target, board=self._where.board) as board:
            await board.ping()
            yield board

    async def _run(self, calls: Sequence[Sequence[Call]], seconds: float) -> list[Done]:
        async with self._open() as board:
            used, stop = thread_time(), asyncio.Event()
            deadline = perf_counter() + seconds
            done = await asyncio.gather(*(_work(board, mine, deadline, stop) for mine in calls))
            used = thread_time() - used  # of the loop, which all tasks share
        return [Done(count, started, ended, used / len(calls)) for count, started, ended in done]

    async def _pace(self, calls: Sequence[Sequence[Call]], rate: float, give_up: float) -> list[Paced]:
        whole, stop = sum(map(len, calls)), asyncio.Event()
        due = [moments([gap for _, _, gap in mine], rate * len(mine) / whole) for mine in calls]
        queues = [asyncio.Queue[_Planned | None]() for _ in calls]
        async with self._open() as board:
            started = perf_counter_ns()
            dispatching = asyncio.create_task(_dispatch(calls, due, queues, started, stop))
            lanes = await asyncio.gather(*(_lane(board, queue, started, int(give_up * 1e9), stop) for queue in queues))
            await dispatching
        return [
            summary(samples, len(mine), intended - started, ended - started)
            for mine, (samples, intended, ended) in zip(calls, lanes, strict=True)
        ]


async def _work(
    board: AsyncLeaderboard, calls: Sequence[Call], deadline: float, stop: asyncio.Event
) -> tuple[int, float, float]:
    """Make calls until they or the time are used up, or another task stops."""
    bound = [(getattr(board, method), arguments) for method, arguments, _ in calls]
    count, started = 0, perf_counter()
    try:
        for call, arguments in bound:
            if stop.is_set() or perf_counter() >= deadline:
                break
            await call(*arguments)
            count += 1
    finally:
        stop.set()
    return count, started, perf_counter()


async def _dispatch(
    calls: Sequence[Sequence[Call]],
    due: Sequence[Sequence[int]],
    queues: Sequence[asyncio.Queue[_Planned | None]],
    started: int,
    stop: asyncio.Event,
) -> None:
    """Hand each call to its task when it is due, whether or not that has ended the one before."""
    schedule = sorted((moment, lane, number) for lane, mine in enumerate(due) for number, moment in enumerate(mine))
    for moment, lane, number in schedule:
        while (left := (started + moment - perf_counter_ns()) / 1e9) > 0:  # noqa: ASYNC110 - no event, but the clock
            await asyncio.sleep(max(0.0, left - SPIN_SECONDS))
        if stop.is_set():
            break
        queues[lane].put_nowait((started + moment, calls[lane][number]))
    for queue in queues:
        queue.put_nowait(None)


async def _lane(
    board: AsyncLeaderboard, queue: asyncio.Queue[_Planned | None], started: int, behind: int, stop: asyncio.Event
) -> tuple[array[int], int, int]:
    """Make the calls of one task one after the other; a task that is too far behind stops all.

    Returns the samples, and of the last call the moments at which it was due and ended.
    """
    samples, intended, ended = array("q"), started, started
    try:
        while (planned := await queue.get()) is not None and not stop.is_set():
            intended, (method, arguments, _) = planned
            await getattr(board, method)(*arguments)
            ended = perf_counter_ns()
            samples.append(ended - intended)
            if samples[-1] > behind:
                stop.set()
    except BaseException:
        stop.set()
        raise
    return samples, intended, ended
