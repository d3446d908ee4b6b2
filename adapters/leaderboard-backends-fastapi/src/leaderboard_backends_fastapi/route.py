"""What every route does around its own work: lets in who may, reads the body within limits, turns errors into answers.

The order matters. A token is looked at before anything else of the request, and a body is read before it is parsed, so
that nobody makes the server work who may not, or more than the limits allow. A body has as many bytes as its route
needs, and all that are on their way together hold a bounded number.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, fields
from functools import partial
from json import loads
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar, get_type_hints

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from leaderboard_backends import ConfigurationError, LeaderboardError

from .boards import ServedBoard
from .guard import check_number
from .models import MOST_UPDATES, Body
from .parameters import check_length, check_query
from .problems import INVALID_REQUEST, NOT_JSON, TOO_LARGE, TOO_SLOW, UNREADABLE, ProblemError, answer_error
from .tokens import Access, Gate

Find: TypeAlias = Callable[[Request], ServedBoard]
"""Returns the board that a request is about; raises `ProblemError` where there is none."""

Content = TypeVar("Content", bound=Body)

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]

_MOST_CONTAINERS: Final = 2 * MOST_UPDATES
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""A string of JSON, or the rest of a text where it does not end: found in one pass, without going back."""

_BOARD: Final = "leaderboard_backends_fastapi.board"
_CONTENT: Final = "leaderboard_backends_fastapi.content"
_HANG_UP: Final = {"Connection": "close"}
"""Without it, a server goes on reading, and dropping, the rest of a body."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may ask of the server, in bytes and seconds. Raises `ConfigurationError` for what is no limit."""

    body_bytes: int = 2**19
    """The longest body; but for many updates at once, routes take less."""
    body_seconds: float = 30.0
    """Seconds that a body may take to arrive."""
    bodies_bytes: int = 2**24
    """The most bytes of all unfinished bodies together, of reads and of writes each; at least `body_bytes`."""

    def __post_init__(self) -> None:
        for field in fields(self):
            check_number(f"the limit {field.name}", getattr(self, field.name), field.default, "a number above 0")
        if self.bodies_bytes < self.body_bytes:
            raise ConfigurationError(
                f"the limit bodies_bytes is {self.bodies_bytes!r}: it must be at least body_bytes, {self.body_bytes!r}."
            )


DEFAULT_LIMITS: Final = Limits()


class _Guards(NamedTuple):
    """What is around the work of routes that need one access."""

    gate: Gate
    access: Access | None
    bodies: Bodies
    find: Find | None

    async def respond(self, request: Request, handle: Handler, most: int) -> Response:
        """Return what a route answers; `most` is the longest body, 0 where there is none."""
        try:
            await self.gate.admit(request, self.access)
            check_length(request.scope["query_string"])
            if self.find is not None:
                check_query(request.scope["query_string"])
                request.scope[_BOARD] = self.find(request)
            if most:
                request.scope[_CONTENT] = await self.bodies.read(request, most)
            response = await handle(request)
        except (ProblemError, LeaderboardError, RequestValidationError) as error:
            response = answer_error(error)
        return _head_of(response) if request.method == "HEAD" else response


def guarded_route(
    gate: Gate, access: Access | None, limits: Limits = DEFAULT_LIMITS, find: Find | None = None
) -> type[APIRoute]:
    """Return the class of the routes that need this access, to the boards that `find` returns where it is given."""
    guards = _Guards(gate, access, Bodies(limits), find)

    class GuardedRoute(APIRoute):
        def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
            self.most_bytes = getattr(endpoint, "most_bytes", 0)
            super().__init__(path, endpoint, **options)
            if self.most_bytes and not self.dependencies:
                self.app = self._answer_alone

        async def _answer_alone(self, scope: Scope, receive: Receive, send: Send) -> None:
            """Answer without FastAPI, for an endpoint that takes no more than the request, and its body from there.

            FastAPI takes its own way where a router that includes the route has dependencies.
            """
            response = await guards.respond(Request(scope, receive), self.endpoint, self.most_bytes)
            await response(scope, receive, send)

        async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
            methods = self.methods or ()
            if scope["method"] not in methods and "GET" in methods:  # HEAD has a route of its own
                raise HTTPException(405, headers={"Allow": "GET, HEAD"})
            await super().handle(scope, receive, send)

        def get_route_handler(self) -> Handler:
            return partial(guards.respond, handle=super().get_route_handler(), most=self.most_bytes)

    return GuardedRoute


def add_body_route(
    router: APIRouter, path: str, endpoint: Callable[..., Awaitable[Response]], **description: Any
) -> None:
    """Add a `POST` route whose endpoint takes a request and its body, as `Body` of a kind.

    The body is checked here: FastAPI's way through dependencies takes as long as all else that a write does. It
    describes a route of its own, which no request comes to.
    """
    (kind,) = (hint for hint in get_type_hints(endpoint).values() if isinstance(hint, type) and issubclass(hint, Body))

    async def take(request: Request) -> Response:
        return await endpoint(request, _checked(kind, request.scope[_CONTENT]))

    take.most_bytes = kind.most_bytes  # type: ignore[attr-defined]  # for its route
    router.add_api_route(path, take, methods=["POST"], include_in_schema=False, response_model=None)
    router.add_api_route(path, endpoint, methods=["POST"], **description)


def _checked(kind: type[Content], given: object) -> Content:
    """Return a body; raises FastAPI's error for a wrong one."""
    if given is None:
        raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}])
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(found) from error


def add_heads(router: APIRouter, since: int = 0) -> None:
    """Let `HEAD` be asked wherever `GET` can, without a second description; `since` leaves out the first routes."""
    for route in router.routes[since:]:
        if isinstance(route, APIRoute) and "GET" in (route.methods or ()):
            router.add_api_route(
                route.path.removeprefix(router.prefix),
                route.endpoint,
                methods=["HEAD"],
                include_in_schema=False,
                response_model=None,
            )


def _head_of(response: Response) -> Response:
    """Return a response without its body, which a stream would send for ever."""
    head = Response(None, response.status_code)
    head.raw_headers = response.raw_headers
    return head


def served(request: Request) -> ServedBoard:
    """Return the board that a request is about."""
    board: ServedBoard = request.scope[_BOARD]
    return board


class Bodies:
    """Reads bodies, within the limits of each and of all together."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._held: dict[asyncio.Timeout, int] = {}
        """The bytes of each unfinished body, the oldest first, by the deadline that ends it."""

    async def read(self, request: Request, most: int) -> object:
        """Return what the whole body of a request says in JSON.

        Raises `ProblemError`: 400 for what is no JSON, 408 where it does not arrive in time, 413 where it is longer
        than `most` (chunks are counted as they arrive, whatever `Content-Length` says), 415 where it does not say that
        it is JSON.
        """
        _check_content_type(request)
        seconds = self._limits.body_seconds
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                body = await self._collect(request, min(most, self._limits.body_bytes), deadline)
        except TimeoutError as error:
            detail = f"a body has {seconds:g} seconds to arrive, and less while many others arrive: try again."
            raise ProblemError(TOO_SLOW, detail, _HANG_UP) from error
        except ClientDisconnect as error:
            raise ProblemError(UNREADABLE, "the client went away.") from error
        finally:
            self._held.pop(deadline, None)
        return _parsed(body)

    async def _collect(self, request: Request, most: int, deadline: asyncio.Timeout) -> bytes:
        announced = request.headers.get("Content-Length", "")
        if announced.isdecimal() and int(announced[:20]) > most:
            raise _too_large(most)
        body = bytearray()
        more = True
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > most:
                raise _too_large(most)
            if more := message.get("more_body", False):
                self._held[deadline] = len(body)
                self._give_up_the_oldest()
        return bytes(body)

    def _give_up_the_oldest(self) -> None:
        """Keep to the limit of all bodies. An honest one is whole in a moment, so that the oldest is a slow one."""
        while sum(self._held.values()) > self._limits.bodies_bytes:
            oldest = next(iter(self._held))
            del self._held[oldest]
            if not oldest.expired():
                oldest.reschedule(0)


def _parsed(body: bytes) -> object:
    try:
        _check_shape(body)
        return loads(body)
    except (ValueError, RecursionError) as error:
        raise ProblemError(UNREADABLE, f"the body is not valid JSON: {_reason(error)}.") from error


def _check_shape(body: bytes) -> None:
    """Refuse a body of many lists and objects before it is parsed: the garbage collector would look through them.

    Raises `ProblemError`; and `ValueError` for a byte 0, which JSON never has, and other encodings than UTF-8 do.
    """
    if b"\0" in body:
        raise ValueError("JSON must be UTF-8 without a zero byte")
    if _containers(body) > _MOST_CONTAINERS and _containers(_STRING.sub(b"", body)) > _MOST_CONTAINERS:
        raise ProblemError(INVALID_REQUEST, f"a body has at most {_MOST_CONTAINERS} lists and objects.")


def _containers(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


def _check_content_type(request: Request) -> None:
    given = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    kind, _, subtype = given.partition("/")
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise ProblemError(NOT_JSON, "send the header 'Content-Type: application/json'.")


def _too_large(most: int) -> ProblemError:
    return ProblemError(TOO_LARGE, f"a body has at most {most} bytes here: send fewer at once.", _HANG_UP)


def _reason(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
