"""Clients that work on one board at the same time: threads of this process, processes with a board object each, tasks.

Started together, they work as fast as they can until one has made all its calls or the time is up, or at a rate,
whether or not the board is ready (`timing`). Tasks are of one event loop, and work on the asynchronous face of a board,
as an asyncio program does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from array import array
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from threading import Barrier
from time import perf_counter, perf_counter_ns, thread_time
from typing import Any, Final, Literal, TypeAlias

from ...aio import as_async, open_async_leaderboard
from ...async_protocol import AsyncLeaderboard
from ...errors import LeaderboardError
from ...protocol import LeaderboardBackend
from ...testing.opening import is_url
from ...timing import Paced, at_rate, moments, summary
from ..opening import Where, open_target
from .session import follow

TIMEOUT: Final = 120.0
"""Seconds after which a client process that does not answer fails the run."""

SPIN_SECONDS: Final = 0.002
"""Before a call is due, so long the loop looks at the clock, as its timers may be a millisecond late."""

Call: TypeAlias = tuple[str, tuple[Any, ...], float]
"""A method's name, its arguments, and the gap before it in seconds at one call per second, which is for rates alone."""

_Planned: TypeAlias = tuple[int, Call]
"""When a call is due, in nanoseconds of the clock, and the call."""

Kind: TypeAlias = Literal["threads", "processes", "tasks"]


class ClientError(Exception):
    """A client process raised or did not answer."""


@dataclass(frozen=True, slots=True)
class Done:
    """What one client did: number of calls, start and end, processor time in seconds."""

    operations: int
    started: float
    ended: float
    processor: float


@dataclass
class Flag:
    """Stops all clients once one of them has stopped; processes share a `Value` of `multiprocessing` in its place."""

    value: bool = False


def work(board: LeaderboardBackend, calls: Sequence[Call], seconds: float, line: Barrier, stop: Flag) -> Done:
    """Make calls until they or the seconds are used up, or another client stops; raises what the board raises."""
    bound = [(getattr(board, method), arguments) for method, arguments, _ in calls]
    count = 0
    line.wait()
    used, started = thread_time(), perf_counter()
    deadline = started + seconds
    try:
        for call, arguments in bound:
            if stop.value or perf_counter() >= deadline:
                break
            call(*arguments)
            count += 1
    finally:
        stop.value = True
    return Done(count, started, perf_counter(), thread_time() - used)


def pace(board: LeaderboardBackend, calls: Sequence[Call], rate: float, give_up: float, spin_ns: int = 0) -> Paced:
    """Make calls at a rate, asleep until each is due: clients that look at the clock would take each other's time.

    One client alone may, for the last `spin_ns` nanoseconds before each call.
    """
    bound = {method: getattr(board, method) for method, _, _ in calls}
    return at_rate([(bound[method], arguments, gap) for method, arguments, gap in calls], rate, give_up, spin_ns)


class Threads:
    """Threads that share one board object."""

    kind: Kind = "threads"

    def __init__(self, board: LeaderboardBackend) -> None:
        self._board = board

    def run(self, calls: Sequence[Sequence[Call]], seconds: float) -> list[Done]:
        """Run one thread for each list of calls; the first error of any is raised."""
        line, stop = Barrier(len(calls)), Flag()
        with ThreadPoolExecutor(len(calls)) as pool:
            running = [pool.submit(work, self._board, mine, seconds, line, stop) for mine in calls]
        return [future.result() for future in running]


class Processes(AbstractContextManager["Processes"]):
    """Processes that are started once, each with a board object of its own, and work in any number up to that.

    They are spawned, not forked, as an app's workers that a server starts anew.
    """

    kind: Kind = "processes"

    def __init__(self, where: Where, clients: Sequence[int]) -> None:
        context = multiprocessing.get_context("spawn")
        self._lines = {number: context.Barrier(number) for number in clients}
        self._stop = context.Value("b", 0, lock=False)
        self._crew: list[tuple[Connection, SpawnProcess]] = []
        for _ in range(max(clients)):
            mine, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(where.target, where.board, theirs, self._lines, self._stop), daemon=True
            )
            process.start()
            theirs.close()
            self._crew.append((mine, process))
        for pipe, process in self._crew:
            _receive(pipe, process)

    def run(self, calls: Sequence[Sequence[Call]], seconds: float) -> list[Done]:
        """Run one process for each list of calls; raises `ClientError` for the first that failed."""
        self._stop.value = 0
        return self._ask([("work", mine, seconds, len(calls)) for mine in calls])

    def pace(self, calls: Sequence[Sequence[Call]], rate: float, give_up: float) -> list[Paced]:
        """Run one process for each list of calls, at its share of the rate; raises `ClientError`."""
        whole = sum(map(len, calls))
        return self._ask([("pace", mine, (rate * len(mine) / whole, give_up), len(calls)) for mine in calls])

    def _ask(self, questions: Sequence[tuple[Any, ...]]) -> list[Any]:
        asked = self._crew[: len(questions)]
        for (pipe, _), question in zip(asked, questions, strict=True):
            pipe.send(question)
        return [_receive(pipe, process) for pipe, process in asked]

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for pipe, _process in self._crew:
            pipe.close()
        for _pipe, process in self._crew:
            process.join(TIMEOUT if kind is None else 0)
            process.kill()
            process.join()


def _receive(pipe: Connection, process: SpawnProcess) -> Any:
    """Return what a client sends; raises `ClientError` where that is an error, or nothing arrives."""
    try:
        reply = pipe.recv() if pipe.poll(TIMEOUT) else f"a client process did not answer for {TIMEOUT:g} s"
    except EOFError:
        process.join(TIMEOUT)
        code = process.exitcode or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        reply = f"a client process {how} before it answered"
    if isinstance(reply, str):
        raise ClientError(reply)
    return reply


def _serve(target: str, name: str, pipe: Connection, lines: dict[int, Any], stop: Any) -> None:
    """Open the board, and work as often as asked, until the other side closes the pipe."""
    try:
        with open_target(target, name) as board:
            board.ping()
            follow(board, TIMEOUT / 2)
            pipe.send(None)
            while True:
                how, calls, asked, clients = pipe.recv()
                if how == "work":
                    pipe.send(work(board, calls, asked, lines[clients], stop))
                else:
                    lines[clients].wait()
                    pipe.send(pace(board, calls, *asked))
    except EOFError:
        return
    except Exception as error:  # noqa: BLE001 - a foreign backend may raise anything, and the run says what
        text = " ".join(str(error).split())
        pipe.send(text if isinstance(error, LeaderboardError) else f"{type(error).__name__}: {text}")


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
        return [replace(one, processor=used / len(calls)) for one in done]

    async def _pace(self, calls: Sequence[Sequence[Call]], rate: float, give_up: float) -> list[Paced]:
        whole, stop = sum(map(len, calls)), asyncio.Event()
        due = [moments([gap for _, _, gap in mine], rate * len(mine) / whole) for mine in calls]
        queues = [asyncio.Queue[_Planned | None]() for _ in calls]
        async with self._open() as board:
            started = perf_counter_ns()
            dispatching = asyncio.create_task(_dispatch(calls, due, queues, started, stop))
            lanes = [_lane(board, queue, started, int(give_up * 1e9), stop) for queue in queues]
            done = await asyncio.gather(*lanes)
            await dispatching
        return [summary(samples, len(mine), *last) for mine, (samples, *last) in zip(calls, done, strict=True)]


async def _work(board: AsyncLeaderboard, calls: Sequence[Call], deadline: float, stop: asyncio.Event) -> Done:
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
    return Done(count, started, perf_counter(), 0.0)


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

    Returns the samples, and of the last call when it was due and ended, from the start on.
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
    return samples, intended - started, ended - started
