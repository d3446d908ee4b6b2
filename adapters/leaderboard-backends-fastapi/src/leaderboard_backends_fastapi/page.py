"""The pages for people: a list of the boards, and a page of each that updates itself.

A page is whole without JavaScript: a table, as it is when it is asked for. Nothing of it comes from elsewhere, and its
policy allows no script and no style but its own files.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from .boards import ServedBoard
from .described import describe_problems
from .guard import client_of, root_of
from .live import Live
from .route import Limits, add_heads, guarded_route
from .router import named, path
from .snapshots import MANY_DIGITS, Snapshot
from .stream import EventStream
from .tokens import Gate

STATIC: Final = Path(__file__).with_name("static")

HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

_log = logging.getLogger("leaderboard_backends_fastapi")

_ENVIRONMENT: Final = Environment(
    loader=PackageLoader("leaderboard_backends_fastapi"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page, with the headers that keep it to itself."""
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(**values), status, HEADERS)


class Files(StaticFiles):
    """The script, the style and the icon; a browser asks each time whether they changed."""

    def file_response(self, *arguments: Any, **options: Any) -> Response:
        """Return a file, or that it has not changed."""
        response = super().file_response(*arguments, **options)
        response.headers["Cache-Control"] = "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def files() -> Files:
    """Return the app that serves the files of the pages."""
    return Files(directory=STATIC)


def pages_router(lives: Mapping[str, Live], gate: Gate, limits: Limits, prefix: str) -> APIRouter:
    """Return the router of the events of each board, `/{board}/events` after a prefix."""
    boards = {name: live.board for name, live in lives.items()}
    route_class = guarded_route(gate, "read", limits, named(boards))
    router = APIRouter(prefix=prefix, route_class=route_class, tags=["live page"])

    async def board_events(request: Request) -> Response:
        """Return a stream of server-sent events, one for each change of the board, until the client goes away."""
        client = client_of(request.client.host) if request.client else ""
        return EventStream(lives[request.path_params["board"]], client)

    router.add_api_route(
        "/{board}/events",
        board_events,
        status_code=200,
        operation_id="get_events",
        openapi_extra=path(boards, gate),
        dependencies=gate.described("read"),
        response_class=EventStream,
        responses=describe_problems(400, *((401, 403) if gate.guards("read") else ()), 404, 422, 503),
    )
    add_heads(router)
    return router


async def board_page(request: Request, name: str, lives: Mapping[str, Live]) -> Response:
    """Return the page of a board; it says so, with the status 503, where the board cannot be read."""
    live = lives.get(name)
    if live is None:
        return missing_page(request)
    snapshot = await live.look()
    if snapshot.problem:
        _log.warning("the board %r cannot be shown: %s", name, snapshot.problem)
    return render(
        "board.html",
        503 if snapshot.rows is None else 200,
        root=root_of(request),
        name=name,
        order=live.board.order,
        snapshot=snapshot,
        rows=snapshot.rows or (),
        many=MANY_DIGITS,
        **_told(snapshot),
    )


def _told(snapshot: Snapshot) -> dict[str, str]:
    """Return how fresh a page is, in words that stay true when it is not updated: only its script can say live."""
    if snapshot.condition == "live":
        return {"condition": "read", "words": f"Read at {datetime.now(UTC):%H:%M:%S} UTC"}
    return {"condition": snapshot.condition, "words": snapshot.words}


def list_page(request: Request, boards: Mapping[str, ServedBoard]) -> Response:
    """Return the page that lists the boards."""
    return render("boards.html", root=root_of(request), boards=[(name, board.order) for name, board in boards.items()])


def missing_page(request: Request) -> Response:
    """Return the page for an address that leads nowhere."""
    return render("missing.html", 404, root=root_of(request))
