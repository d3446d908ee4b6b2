# generated from leaderboard_backends/hardening/observability/timing.py
# by tools/async_faces.py: change that file, then run `make faces`
"""Takes down each call of a board: how long it took, whether it failed, how it was answered.

A call costs two looks at a clock, one observation of a histogram and one entry in the recorder, O(1). What goes wrong
in that is logged, and never reaches the caller: a write that was applied is acknowledged.
"""

from __future__ import annotations

from collections.abc import Coroutine
from functools import wraps
from typing import Any

from ...wrapper import LIVE, answered
from .names import CALL_OF
from .timing import Method, Parameters, Timed, Value


def query(
    operation: str, method: Method[Parameters, Coroutine[Any, Any, Value]]
) -> Method[Parameters, Coroutine[Any, Any, Value]]:
    """Return a method that reads, taken down.

    The board inside is asked right away: it checks what is given, and is closed where the one around it is.
    """
    name = method.__name__

    @wraps(method)
    async def timed(self: Timed, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
        calls = self._calls
        if calls.layered:
            answered(LIVE)  # what an earlier read of this thread left there is none of this one
        read = getattr(self._inner, name)
        began = calls.clock()
        try:
            answer: Value = await read(*arguments, **options) if options else await read(*arguments)
        except Exception as error:
            calls.failed(operation, began, error)
            raise
        calls.queried(operation, began)
        if calls.layered:
            calls.count_source()
        return answer

    return timed


def update(
    operation: str, method: Method[Parameters, Coroutine[Any, Any, Value]], *, scores: int
) -> Method[Parameters, Coroutine[Any, Any, Value]]:
    """Return a method that writes one player, and so updates one score or none, taken down.

    The board inside is asked right away, as in `query`, unless there is a keyword such as `achieved_at`.
    """
    name = method.__name__

    @wraps(method)
    async def timed(self: Timed, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
        calls = self._calls
        write = getattr(self._inner, name)
        began = calls.clock()
        try:
            answer: Value = await method(self, *arguments, **options) if options else await write(*arguments)
        except Exception as error:
            calls.failed(operation, began, error)
            raise
        calls.updated(operation, began, scores)
        return answer

    return timed


def bulk(
    operation: str, method: Method[Parameters, Coroutine[Any, Any, Value]]
) -> Method[Parameters, Coroutine[Any, Any, Value]]:
    """Return a method of `names.BULK`, taken down; one that returns a number has updated so many scores."""
    reads = CALL_OF[operation] == "query"

    @wraps(method)
    async def timed(self: Timed, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
        calls = self._calls
        if reads and calls.layered:
            answered(LIVE)
        began = calls.clock()
        try:
            answer = await method(self, *arguments, **options)
        except Exception as error:
            calls.failed(operation, began, error)
            raise
        calls.did(operation, began, answer if isinstance(answer, int) else 0)
        if reads and calls.layered:
            calls.count_source()
        return answer

    return timed
