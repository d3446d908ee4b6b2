"""How an answer of an asynchronous board came about, and of which version it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ParamSpec, TypeVar

from ..answers import LIVE, Answer, answered, last_answer
from ..changes import Version, steps_to_version

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")


async def ask(
    read: Callable[Parameters, Awaitable[Value]], *arguments: Parameters.args, **options: Parameters.kwargs
) -> tuple[Value, Answer]:
    """Return what a read returns, and how that answer came about.

    For example: `top, answer = await ask(board.get_top_n, 10)`. Raises what the read raises; no round trip of its own.
    """
    answered(LIVE)
    return await read(*arguments, **options), last_answer()


async def at_version(
    operation: Callable[Parameters, Awaitable[Value]], *arguments: Parameters.args, **options: Parameters.kwargs
) -> tuple[Value, Version]:
    """Return what an operation returns, and a version of the board.

    For example: `top, version = await at_version(board.get_top_n, 10)`. Which version it is, and what is raised, is as
    in `leaderboard_backends.at_version`; so is the cost.
    """
    steps = steps_to_version(operation, partial(operation, *arguments, **options))
    try:
        step = next(steps)
        while True:
            answer = await step()
            try:
                step = steps.send(answer)
            except StopIteration as end:
                found: tuple[Value, Version] = end.value
                return found
    finally:
        steps.close()
