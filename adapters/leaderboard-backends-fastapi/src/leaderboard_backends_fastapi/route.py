"""What every route does around its own work: lets in who may, reads the body within limits, turns errors into answers.

The order matters. A token is looked at before anything else of the request, and a body is read before it is parsed, so
that nobody makes the server work who may not, or more than the limits allow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Annotated, Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from anyio import CapacityLimiter, to_thread
from fastapi import Depends
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message

from leaderboard_backends import ConfigurationError, LeaderboardBackend, LeaderboardError

from .parameters import check_query
from .problems import NOT_JSON, TOO_LARGE, TOO_SLOW, UNREADABLE, ProblemError, answer_error
from .tokens import Access, Gate

Find: TypeAlias = Callable[[Request], LeaderboardBackend]
"""Returns the board that a request is about; raises `ProblemError` where there is none."""

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]

Threads: TypeAlias = WeakKeyDictionary[LeaderboardBackend, CapacityLimiter]
"""How many more threads may wait for each board."""

THREADS: Final = 40
"""The most threads that wait for one board in reads, and in writes."""

_BOARD: Final = "leaderboard_backends_fastapi.board"
_HANG_UP: Final = {"Connection": "close"}
"""Without it, a server goes on reading, and dropping, the rest of a body."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may ask of the server. Raises `ConfigurationError` for what is no limit."""

    body_bytes: int = 2**20
    """The longest body."""
    body_seconds: float = 30.0
    """How long a body may take to arrive."""

    def __post_init__(self) -> None:
        for name, value in (("body_bytes", self.body_bytes), ("body_seconds", self.body_seconds)):
            if isinstance(value, bool) or not 0 < value < float("inf"):
                raise ConfigurationError(f"the limit {name} is {value!r}: it must be a number above 0.")


def board_route(find: Find, gate: Gate, access: Access | None, limits: Limits) -> type[APIRoute]:
    """Return the class of the routes that need this access to the boards that `find` returns."""
    threads: Threads = WeakKeyDictionary()

    class BoardRoute(APIRoute):
        def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
            waits = not iscoroutinefunction(endpoint)
            super().__init__(path, in_thread(endpoint, threads) if waits else endpoint, **options)

        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()
            has_body = self.body_field is not None

            async def respond(request: Request) -> Response:
                try:
                    await gate.admit(request, access)
                    check_query(request.scope["query_string"])
                    request.scope[_BOARD] = find(request)
                    return await handle(await read_body(request, limits) if has_body else request)
                except (ProblemError, LeaderboardError, RequestValidationError) as error:
                    return answer_error(error)

            return respond

    return BoardRoute


def in_thread(endpoint: Callable[..., Response], threads: Threads) -> Callable[..., Coroutine[Any, Any, Response]]:
    """Return an endpoint that waits for its board in one of the threads of that board.

    Those that wait for a storage that hangs leave the threads of other boards, and the event loop, to others.
    """

    @wraps(endpoint)
    async def run(*, board: LeaderboardBackend, **given: Any) -> Response:
        limiter = threads.setdefault(board, CapacityLimiter(THREADS))
        return await to_thread.run_sync(partial(endpoint, board=board, **given), limiter=limiter)

    return run


async def board_of(request: Request) -> LeaderboardBackend:
    """Return the board that a request is about."""
    board: LeaderboardBackend = request.scope[_BOARD]
    return board


Board = Annotated[LeaderboardBackend, Depends(board_of)]
"""The board that a request is about, as a parameter of an endpoint."""


async def read_body(request: Request, limits: Limits) -> Request:
    """Return the request with its whole body read, and parsed as JSON.

    Raises `ProblemError`: 400 for what is no JSON, 408 where it does not arrive in time, 413 where it is too long
    (chunks are counted as they arrive, whatever `Content-Length` says), 415 where it does not say that it is JSON.
    """
    _check_content_type(request)
    try:
        async with asyncio.timeout(limits.body_seconds):
            body = await _read_bytes(request, limits.body_bytes)
    except TimeoutError as error:
        raise ProblemError(TOO_SLOW, f"a body has {limits.body_seconds:g} seconds to arrive.", _HANG_UP) from error
    except ClientDisconnect as error:
        raise ProblemError(UNREADABLE, "the client went away.") from error
    whole = Request(request.scope, _once(body))
    try:
        await whole.json()  # the request keeps what it parsed
    except (ValueError, RecursionError) as error:
        raise ProblemError(UNREADABLE, f"the body is no JSON that can be read: {_reason(error)}.") from error
    return whole


def _check_content_type(request: Request) -> None:
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    kind, _, subtype = given.partition("/")
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise ProblemError(NOT_JSON, "send the header 'Content-Type: application/json'.")


async def _read_bytes(request: Request, most: int) -> bytes:
    announced = request.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced[:20]) > most:
        raise _too_large(most)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise _too_large(most)
    return bytes(body)


def _too_large(most: int) -> ProblemError:
    return ProblemError(TOO_LARGE, f"a body has at most {most} bytes: send fewer updates at once.", _HANG_UP)


def _once(body: bytes) -> Callable[[], Coroutine[Any, Any, Message]]:
    """Return a `receive` that tells a body that has been read already."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _reason(error: Exception) -> str:
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)[:200]
