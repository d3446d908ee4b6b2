"""Functions of the app that boards call in an asyncio program: coroutine functions, and others, which may take long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final, TypeVar

from .threads import SERVER_THREADS, Threads

Value = TypeVar("Value")

_threads: Final = Threads(SERVER_THREADS)


async def call_hook(function: Callable[..., object], *arguments: object) -> object:
    """Return what a function returns: a coroutine function's is awaited, any other is called in a thread.

    Those of this library, which log, are called at once.
    """
    if iscoroutinefunction(function):
        return await function(*arguments)
    if str(getattr(function, "__module__", "")).partition(".")[0] == __name__.partition(".")[0]:
        return function(*arguments)
    return await settled(await in_thread(function, *arguments))


async def settled(found: Value | Awaitable[Value]) -> Value:
    """Return a value, or what comes of it where it is to be awaited."""
    return await found if isawaitable(found) else found


async def in_thread(call: Callable[..., Value], *arguments: Any) -> Value:
    """Return what a call returns that may wait for something, made in one of a few threads of all boards."""
    return await _threads.run(call, *arguments)
