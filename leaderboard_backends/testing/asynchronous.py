"""An asynchronous board as a synchronous one, so that the kit, and what else calls boards, runs on it unchanged.

Its coroutines run on one event loop for all such boards of a process, in a thread of its own. Every public call goes to
the coroutine of that name as it was made, so that it is the asynchronous board that checks and refuses.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from threading import RLock, Thread
from typing import Any, Final, TypeVar, cast

from ..aio import open_async_leaderboard
from ..answers import Answer, answered, last_answer
from ..async_protocol import AsyncLeaderboard
from ..delegating import DelegatingLeaderboard
from ..forks import guard, survive_forks
from ..model import Entry
from ..protocol import PAGE_SIZE, LeaderboardBackend

Value = TypeVar("Value")


class _LoopThread:
    """The event loop of this process's blocking boards: started with the first call, ended with the process."""

    def __init__(self) -> None:
        self._lock: Final = guard(RLock())
        self._loop: asyncio.AbstractEventLoop | None = None
        survive_forks(self._forget)

    def _forget(self) -> None:
        self._loop = None

    def run(self, awaitable: Awaitable[Value]) -> Value:
        """Await something on the loop, in the context of the calling thread, and return what comes of it."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                Thread(target=self._loop.run_forever, name="leaderboard-asyncio", daemon=True).start()
        future = asyncio.run_coroutine_threadsafe(_with_answer(awaitable), self._loop)
        try:
            value, answer = future.result()
        except BaseException:
            future.cancel()  # where it was the wait that ended, by an interrupt
            raise
        answered(answer)
        return value


async def _with_answer(awaitable: Awaitable[Value]) -> tuple[Value, Answer]:
    value = await awaitable
    return value, last_answer()


_loop: Final = _LoopThread()
run_on_loop: Final = _loop.run
"""Awaits something on the event loop of all blocking boards, and returns what comes of it."""


class _Blocking:
    """The public methods of an asynchronous board, as functions that return when the coroutine has."""

    def __init__(self, board: AsyncLeaderboard) -> None:
        self._board: Final = board

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._board, name)
        if not callable(found):
            return found

        @functools.wraps(found)
        def call(*arguments: Any, **options: Any) -> Any:
            return _loop.run(found(*arguments, **options))

        return call

    def __repr__(self) -> str:
        return repr(self._board)


class BlockingLeaderboard(DelegatingLeaderboard):
    """An asynchronous board for synchronous callers; `board` is the asynchronous one."""

    def __init__(self, board: AsyncLeaderboard) -> None:
        super().__init__(cast("LeaderboardBackend", _Blocking(board)))
        self.board: Final = board

    def __iter__(self) -> Iterator[Entry]:
        return self._pages(_loop.run(_begin(self.board)))

    def _pages(self, entries: AsyncIterator[Entry]) -> Iterator[Entry]:
        while page := _loop.run(_page(entries)):
            yield from page


async def _begin(board: AsyncLeaderboard) -> AsyncIterator[Entry]:
    return aiter(board)


async def _page(entries: AsyncIterator[Entry]) -> list[Entry]:
    page: list[Entry] = []
    while len(page) < PAGE_SIZE:
        try:
            page.append(await anext(entries))
        except StopAsyncIteration:
            break
    return page


def _taken(values: Iterator[object]) -> Iterable[object]:
    """Return what an iterator gives, the error that ends it included.

    It runs here, in the caller's thread: one that calls the board would stop the loop that it waits for.
    """
    taken: list[object] = []
    try:
        for value in values:
            taken.append(value)  # noqa: PERF402 - what came before an error is passed on as well
    except Exception as error:  # noqa: BLE001 - the board raises it, where it has read so far
        return _ending_with(error, taken)
    return taken


def _ending_with(error: Exception, values: list[object]) -> Iterator[object]:
    yield from values
    raise error


def _passed_on(name: str) -> Callable[..., Any]:
    @functools.wraps(getattr(LeaderboardBackend, name))
    def call(self: BlockingLeaderboard, *arguments: Any, **options: Any) -> Any:
        given = [_taken(each) if isinstance(each, Iterator) else each for each in arguments]
        return getattr(self.inner, name)(*given, **options)

    return call


_OWN: Final = {"close", "delete", "from_location"}
"""What has to do with the object that the caller has as well."""

for _name in set(vars(LeaderboardBackend)) & set(vars(AsyncLeaderboard)) - _OWN:
    if not _name.startswith("_") and asyncio.iscoroutinefunction(vars(AsyncLeaderboard)[_name]):
        setattr(BlockingLeaderboard, _name, _passed_on(_name))


def open_blocking(target: str | Mapping[str, Any], **options: Any) -> LeaderboardBackend:
    """Open a board by `open_async_leaderboard`, for synchronous callers; takes and raises the same."""
    return blocking(open_async_leaderboard(target, **options))


def blocking(board: Awaitable[AsyncLeaderboard] | AsyncLeaderboard) -> BlockingLeaderboard:
    """Return an asynchronous board, or one that has yet to be awaited, for synchronous callers such as the kit.

    For example, in a subclass of `BackendConformance`:
    `def make(self, **options): return blocking(AcmeLeaderboard.open(**options))`. Raises what awaiting it raises. Each
    call takes two changes of threads more.
    """
    return BlockingLeaderboard(board if isinstance(board, AsyncLeaderboard) else _loop.run(board))
