"""Synchronous boards in an asyncio program: their calls run on a few threads of the board's own.

So a slow disk or a server that does not answer holds up the callers of this board alone, and neither the event loop
nor what else runs in its default executor. A call that is cancelled while it waits for a thread is not made; one that
has begun goes on to its end, whatever its caller hears.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import islice
from typing import Any, Final, ParamSpec, TypeVar, cast

from ..answers import answered, last_answer
from ..async_delegating import AsyncDelegatingLeaderboard
from ..async_protocol import AsyncLeaderboard
from ..errors import BackendUnavailableError
from ..forks import survive_forks
from ..in_turns import take
from ..model import Entry
from ..protocol import PAGE_SIZE, LeaderboardBackend

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")

THREADS: Final = 4
"""Threads of a board on files: more of them wait for the same disk."""
SERVER_THREADS: Final = 16
"""Threads of a board on servers, whose calls wait for the network."""
ENTRIES_OF_A_UNIT: Final = 20
"""Entries that an iteration takes one unit of a turn's work for (`in_turns`)."""
MOST_WAITING: Final = 20_000
"""Calls of one board that may wait for a thread."""


class _Executor(ThreadPoolExecutor):
    """Has the threads that there are make all calls, where the process may start no more."""

    def _adjust_thread_count(self) -> None:
        try:
            super()._adjust_thread_count()
        except RuntimeError:
            if not self._threads:
                raise


class Threads:
    """At most `most` threads, started when they are needed; calls that find none free wait in line."""

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._reset()
        survive_forks(self._reset)

    def _reset(self) -> None:
        """Begin without a thread: those of a parent process are not in a forked child."""
        self._executor: ThreadPoolExecutor | None = None
        self._waiting = 0

    def start(self, call: Callable[..., Value], *arguments: Any) -> Future[Value]:
        """Have a thread make a call, and return what will have its outcome.

        Raises `BackendUnavailableError` where the process may start no thread.
        """
        if self._executor is None:
            self._executor = _Executor(self._most, thread_name_prefix="leaderboard")
        try:
            return self._executor.submit(call, *arguments)
        except RuntimeError as error:
            self._executor = None  # and with it the call, which stands in its line all the same
            raise BackendUnavailableError(
                f"no thread could be started for this call ({error}); nothing was sent. Raise the limit of threads of "
                "this user or container, or use fewer."
            ) from error

    async def run(self, call: Callable[..., Value], *arguments: Any, at_work: set[Future[Any]] | None = None) -> Value:
        """Make a call in a thread, in the context of this task, and return its answer, or raise what it raises.

        How it was answered (`last_answer`) is noted in this task. Raises `BackendUnavailableError` where too many
        calls wait already. `at_work` has the call until it ends, even where its caller was cancelled; so does the error
        that the caller hears then (`left_running`).
        """
        if self._waiting >= MOST_WAITING:
            raise BackendUnavailableError(
                f"{MOST_WAITING:,} calls wait for this board already; nothing was sent. Make fewer calls at once, for "
                "example with asyncio.Semaphore, or repeat this one later."
            )
        context = copy_context()
        self._waiting += 1
        try:
            started: Future[Value] = self.start(context.run, call, *arguments)
            if at_work is not None:
                at_work.add(started)
                started.add_done_callback(at_work.discard)
            try:
                answer = await asyncio.wrap_future(started)
            except BaseException as error:
                if not started.done():
                    cast("Any", error).left_running = started
                raise
        finally:
            self._waiting -= 1
        answered(context.run(last_answer))
        return answer

    def end(self) -> None:
        """Let the threads end with their calls; a later call, which `close` overtook, starts another one."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False)


def left_running(error: BaseException) -> Future[Any] | None:
    """Return the call in a thread that goes on, although an error, such as a cancellation, ended the wait for it."""
    found: Future[Any] | None = getattr(error, "left_running", None)
    return found


def when_over(running: Future[Any], *steps: Callable[[], object]) -> None:
    """Take steps once a call in a thread has ended, in that thread; at once where it has."""
    running.add_done_callback(lambda _: [step() for step in steps])


class _Calls:
    """A board's public methods as coroutines that run in threads."""

    def __init__(self, board: LeaderboardBackend, threads: Threads) -> None:
        self._board: Final = board
        self._threads: Final = threads

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._board, name)
        if not callable(found):
            return found

        async def call(*arguments: Any) -> Any:
            return await self._threads.run(found, *arguments)

        vars(self)[name] = call  # which is found before this method the next time
        return call


class ThreadedLeaderboard(AsyncDelegatingLeaderboard):
    """A synchronous board, the parts around it included, whose calls run in threads; closing it closes the board."""

    def __init__(self, board: LeaderboardBackend) -> None:
        on_servers = board.capabilities.lives_in == "server"
        self._threads: Final = Threads(SERVER_THREADS if on_servers else THREADS)
        self._board: Final = board
        super().__init__(cast("AsyncLeaderboard", _Calls(board, self._threads)))

    @property
    def board(self) -> LeaderboardBackend:
        """The synchronous board: for `layer(board, MonitoredLeaderboard)`, and for code in threads."""
        return self._board

    @property
    def inner(self) -> Any:
        """The same, as `wrapper.layers` looks into it."""
        return self._board

    async def _iterate(self) -> AsyncIterator[Entry]:
        entries = await self._threads.run(iter, self._board)
        while page := await self._threads.run(_page, entries):
            await take(len(page) // ENTRIES_OF_A_UNIT)  # pages of many tasks come at the same time
            for entry in page:
                yield entry

    async def _close(self) -> None:
        closing = Threads(1)  # a thread that is free, whatever the others wait for
        try:
            await closing.run(self._board.close)
        except BaseException:
            self._closed = self._board.closed  # without a thread, it stays open
            raise
        finally:
            closing.end()
            self._threads.end()

    def _place(self) -> str:
        return repr(self._board)


def _page(entries: Any) -> list[Entry]:
    return list(islice(entries, PAGE_SIZE))


async def open_in_thread(open_board: Callable[[], LeaderboardBackend]) -> LeaderboardBackend:
    """Open a synchronous board in a thread; where the caller is cancelled meanwhile, the board is closed there."""
    threads = Threads(1)
    opening = threads.start(open_board)
    try:
        return await asyncio.wrap_future(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_opened)
        raise
    finally:
        threads.end()


def _close_opened(opening: Future[LeaderboardBackend]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()
