"""`leaderboard_app`: boards over HTTP as an app of its own, with a live page each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from leaderboard_backends import ConfigurationError

from .boards import Given, ServedBoard, opened
from .described import share_problems
from .guard import Guard, check_hosts, check_prefix
from .live import Live, Watching
from .page import board_page, files, list_page, missing_page, pages_router
from .probes import PATIENCE, Pings, exposition, health_live
from .problems import BUG, Kind, problem
from .route import DEFAULT_LIMITS, Limits, add_heads, guarded_route
from .router import assemble_named
from .tokens import Check, Gate
from .tokens import Given as GivenTokens

DISTRIBUTION: Final = "leaderboard-backends-fastapi"

_UNREACHABLE: Final = {".", ".."}
"""Names that a board may have, but that every client takes out of a path."""


class Lives(dict[str, Live]):
    """The watched boards, by name."""

    async def close(self) -> None:
        """End all streams, so that a server that stops need not wait for them."""
        for live in self.values():
            await live.close()


class _App(FastAPI):
    """An app whose description has each problem once."""

    def openapi(self) -> dict[str, Any]:
        """Return the description, made once."""
        if self.openapi_schema is None:
            share_problems(super().openapi())
        return super().openapi()


def leaderboard_app(
    boards: Mapping[str, Given],
    *,
    token: GivenTokens | Check | None,
    protect_reads: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    watching: Watching | None = None,
    patience: float = PATIENCE,
    hosts: Iterable[str] = (),
    root_path: str = "",
) -> FastAPI:
    """Return an app that serves each board under `/boards/NAME` and closes the boards when it stops.

    The boards are those of `leaderboard_router`: synchronous, asynchronous, or to be opened when the app starts.
    `token` and `protect_reads` are those of `leaderboard_router`; a `Tokens` without any refuses all writes, `None`
    lets anybody write. `hosts` are the names that it is asked by, beside the address that it listens on and those of
    the loopback; `root_path` is the prefix that a proxy takes off each path (see `Guard`). `app.state.lives` are the
    watched boards: end their streams (`await app.state.lives.close()`) before a server waits for its connections.
    Raises what `leaderboards_router` raises, and `ConfigurationError` for a name that no path can hold, a host that no
    client can ask for, and a `root_path` that is none.
    """
    check_names(boards)
    names, prefix = check_hosts(hosts), check_prefix(root_path)
    gate = Gate(token, protect_reads=protect_reads)
    served = {name: ServedBoard(board) for name, board in boards.items()}
    lives = Lives({name: Live(board, watching or Watching()) for name, board in served.items()})
    app = _App(
        title="Leaderboards",
        version=_version(),
        description="Scores, ranks and neighbours. Errors are RFC 9457 problem details.",
        lifespan=_life(served, lives),
        openapi_url=None,  # it names the boards, so that it has a guarded route of its own
        docs_url=None,  # its scripts would come from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.lives = lives
    app.add_middleware(Guard, hosts=names, root_path=prefix)
    for router in (
        assemble_named(served, gate, "/boards", limits=limits, patience=patience),
        pages_router(lives, gate, limits, "/boards"),
        _probes(served, gate, Pings(patience)),
        _guarded(app, served, lives, gate),
    ):  # not included: FastAPI would look for each request's route twice, and in all of the router's
        app.router.routes.extend(router.routes)
    app.mount("/static", files(), "static")
    app.exception_handler(HTTPException)(_answer_http_error)
    app.exception_handler(Exception)(_answer_bug)
    return app


def check_names(names: Mapping[str, Any]) -> None:
    """Refuse a name that cannot be a segment of a path; raises `ConfigurationError`."""
    for name in names:
        if name in _UNREACHABLE or not name or not name.isascii() or not all(_plain(letter) for letter in name):
            raise ConfigurationError(
                f"the board {ascii(name)[:80]} cannot be served under its name: a name in a URL path may have only "
                "A-Z, a-z, 0-9, '_', '.' and '-', and is not '.' or '..'. Rename its table."
            )


def _plain(letter: str) -> bool:
    return letter.isalnum() or letter in "_.-"


def _life(boards: Mapping[str, ServedBoard], lives: Lives) -> Any:
    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        del app
        async with opened(boards.values()), AsyncExitStack() as ending:
            for board in boards.values():
                ending.push_async_callback(board.close)
            ending.push_async_callback(lives.close)  # the last one comes first
            yield

    return life


def _probes(boards: Mapping[str, ServedBoard], gate: Gate, pings: Pings) -> APIRouter:
    """Return the routes that ask after the server, and after all boards, which name none and need no token."""

    async def ready() -> Response:
        for board in boards.values():
            await pings.ping(board)
        return await health_live()

    router = APIRouter(route_class=guarded_route(gate, None), include_in_schema=False)
    router.add_api_route("/health/live", health_live)
    router.add_api_route("/health/ready", ready)
    add_heads(router)
    return router


def _guarded(app: FastAPI, boards: Mapping[str, ServedBoard], lives: Lives, gate: Gate) -> APIRouter:
    """Return the routes that name boards, and so are as protected as their reads."""

    async def index(request: Request) -> Response:
        return list_page(request, boards)

    async def page(request: Request, board: str) -> Response:
        return await board_page(request, board, lives)

    async def metrics() -> Response:
        return await exposition(boards.values())

    one = CapacityLimiter(1)

    async def description(request: Request) -> Response:
        document = await to_thread.run_sync(app.openapi, limiter=one)  # the first time takes too long for the loop
        root = request.scope.get("root_path")
        return JSONResponse({**document, "servers": [{"url": root}]} if root else document)

    router = APIRouter(route_class=guarded_route(gate, "read"), include_in_schema=False)
    router.add_api_route("/", index)
    router.add_api_route("/boards/{board}", page)
    router.add_api_route("/metrics", metrics)
    router.add_api_route("/openapi.json", description)
    add_heads(router)
    return router


async def _answer_http_error(request: Request, error: HTTPException) -> Response:
    if error.status_code == HTTPStatus.NOT_FOUND and "text/html" in request.headers.get("Accept", ""):
        return missing_page(request)
    title = HTTPStatus(error.status_code).phrase
    kind = Kind(error.status_code, title.lower().replace(" ", "-"), title, str(error.detail))
    return problem(kind, headers=error.headers)


async def _answer_bug(request: Request, error: Exception) -> Response:
    del request, error
    return problem(BUG)


def _version() -> str:
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0"
