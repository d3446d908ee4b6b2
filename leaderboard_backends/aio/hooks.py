"""Where asynchronous boards meet what is not: functions of the app, which may take long, and threads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from inspect import isawaitable, iscoroutinefunction
from types import FunctionType
from typing import Any, Final, TypeVar

from .. import in_turns
from ..async_protocol import AsyncLeaderboard
from ..errors import BackendUnavailableError
from ..wrapper import layers
from .threads import SERVER_THREADS, Threads

Value = TypeVar("Value")

_threads: Final = Threads(SERVER_THREADS)
_LIBRARY: Final = __name__.partition(".")[0]


async def call_hook(function: Callable[..., object], *arguments: object) -> object:
    """Return what a function returns: a coroutine function's is awaited, any other is called in a thread.

    Functions of this library, which log, are called at once; not the methods of a board, which may wait for a server.
    """
    if iscoroutinefunction(function):
        return await function(*arguments)
    if isinstance(function, FunctionType) and str(function.__module__).partition(".")[0] == _LIBRARY:
        return function(*arguments)
    return await settled(await in_thread(_called, function, *arguments))


def _called(function: Callable[..., object], *arguments: object) -> object:
    """Return what a function returns. No future takes a `StopIteration`, and whoever awaits it would wait for ever."""
    try:
        return function(*arguments)
    except StopIteration as error:
        raise RuntimeError("StopIteration") from error


async def settled(found: Value | Awaitable[Value]) -> Value:
    """Return a value, or what comes of it where it is to be awaited."""
    return await found if isawaitable(found) else found


async def in_thread(call: Callable[..., Value], *arguments: Any) -> Value:
    """Return what a call returns that may wait for something, made in one of a few threads of all boards."""
    return await _threads.run(call, *arguments)


async def take_turn(work: int) -> None:
    """Wait for a turn of the event loop that has so much work left (`in_turns`), where many tasks go on at once."""
    await in_turns.take(work)


async def first_of(items: AsyncIterator[Value]) -> list[Value]:
    """Return the first item, if there is one."""
    async for item in items:
        return [item]
    return []


class FromThreads:
    """The number of players of an asynchronous board, and its ping, for threads: asked on the board's event loop."""

    def __init__(self, board: AsyncLeaderboard) -> None:
        self._board: Final = board
        self._loop: Final = asyncio.get_running_loop()

    def __len__(self) -> int:
        return self._ask(self._board.count)

    def ping(self) -> None:
        """Raise `BackendUnavailableError` where the storage does not answer, or the event loop is over."""
        self._ask(self._board.ping)

    def _ask(self, question: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        if self._loop.is_closed():
            raise BackendUnavailableError("the event loop of the board is closed.")
        return asyncio.run_coroutine_threadsafe(question(), self._loop).result()


def countable(board: Any) -> Any:
    """Return what threads can ask for the players of a board's storage: a board in threads itself."""
    *_, storage = layers(board)
    return FromThreads(storage) if isinstance(storage, AsyncLeaderboard) else board
