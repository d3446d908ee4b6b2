"""`leaderboard_router`: the routes of one board, or of several, to be included in any FastAPI app."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request

from leaderboard_backends import ConfigurationError

from .boards import Given, ServedBoard, lifespan
from .probes import PATIENCE, add_health, add_metrics
from .problems import UNKNOWN_BOARD, ProblemError
from .reads import add_reads
from .route import DEFAULT_LIMITS, Find, Limits, add_heads, guarded_route
from .tokens import Access, Check, Gate
from .tokens import Given as GivenTokens
from .writes import add_writes


def leaderboard_router(
    board: Given,
    *,
    token: GivenTokens | Check | None = None,
    protect_reads: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    patience: float = PATIENCE,
) -> APIRouter:
    """Return a router with all routes of a board: `app.include_router(leaderboard_router(board), prefix="/weekly")`.

    Writes need a bearer token: `token` is one, several, a `Tokens`, or a function that returns what a token grants
    (`{"read", "write"}`, `{"read"}`, or nothing). With `None` the router asks for none, and the app has to. With
    `protect_reads`, reads and metrics need one too; the health routes never do. `patience` is the seconds that the
    storage has to answer a readiness probe.

    The board may be synchronous (`open_leaderboard`), asynchronous, or what opens one: `open_async_leaderboard(…)`,
    not awaited, is opened when the app starts and closed when it stops. An open board is not closed; that is the app's
    business.

    Raises `ConfigurationError` for a token that no header can carry or that is shorter than 16 characters, for a
    coroutine function as `token`, and for `protect_reads` without a token. Errors of the board are answered as `KINDS`
    has them.
    """
    gate, served = Gate(token, protect_reads=protect_reads), ServedBoard(board)
    return assemble(lambda _: served, gate, limits=limits, patience=patience, lifespan=lifespan([served]))


def leaderboards_router(
    boards: Mapping[str, Given],
    *,
    token: GivenTokens | Check | None = None,
    protect_reads: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    patience: float = PATIENCE,
) -> APIRouter:
    """Return a router with the routes of several boards under `/{board}/…`; else as `leaderboard_router`.

    With `protect_reads` the health routes need a token too, as they would tell which names there are. Raises the same,
    and `ConfigurationError` where there are no boards.
    """
    served = {name: ServedBoard(board) for name, board in boards.items()}
    gate = Gate(token, protect_reads=protect_reads)
    return assemble_named(served, gate, limits=limits, patience=patience, lifespan=lifespan(served.values()))


def assemble_named(boards: Mapping[str, ServedBoard], gate: Gate, prefix: str = "", **options: Any) -> APIRouter:
    """Return the routes of several boards under their names, after a prefix."""
    return assemble(
        named(boards),
        gate,
        **options,
        prefix=f"{prefix}/{{board}}",
        described=path(boards, gate),
        health="read",  # or their answers would tell which names there are
        also=(404,),
    )


def assemble(
    find: Find,
    gate: Gate,
    *,
    limits: Limits = DEFAULT_LIMITS,
    patience: float = PATIENCE,
    lifespan: Any = None,
    prefix: str = "",
    described: dict[str, Any] | None = None,
    health: Access | None = None,
    also: tuple[int, ...] = (),
) -> APIRouter:
    """Return the routes of the boards that `find` returns.

    `health` is the access that probes need; `described` is what the description of each route has beside its own, and
    `also` are statuses that any route may answer.
    """
    whole = APIRouter(prefix=prefix, tags=["leaderboard"], lifespan=lifespan)

    def part(access: Access | None, add: Callable[..., None], *arguments: Any) -> None:
        """Add routes that need one access; as a router within, each request would look for its route twice."""
        before = len(whole.routes)
        whole.route_class = guarded_route(gate, access, limits, find)
        add(whole, *arguments, also=(*also, 401, 403) if gate.guards(access) else also)
        for route in whole.routes[before:]:
            if isinstance(route, APIRoute):
                route.openapi_extra = {**(described or {}), **({} if route.dependencies else gate.security(access))}
        add_heads(whole, before)

    part("write", add_writes, gate.described("write"))
    part("read", add_reads)
    part("read", add_metrics)
    part(health, add_health, patience)
    whole.route_class = APIRoute
    return whole


def named(boards: Mapping[str, ServedBoard]) -> Find:
    """Return what finds a request's board by the name in its path."""

    def find(request: Request) -> ServedBoard:
        name = request.path_params["board"]
        board = boards.get(name)
        if board is None:
            raise ProblemError(UNKNOWN_BOARD, f"there is no board {ascii(name)[:80]}.")
        return board

    return find


def path(boards: Mapping[str, ServedBoard], gate: Gate) -> dict[str, Any]:
    """Return what describes the name in the path; it has the names where reads are open.

    It is no parameter of FastAPI's, which each request would have checked once more: `named` finds the board.
    """
    if not boards:
        raise ConfigurationError("no boards were given: give at least one.")
    names: dict[str, Any] = {} if gate.guards("read") else {"enum": sorted(boards)}
    schema = {"type": "string", "title": "Board", "description": "The board's name.", **names}
    described = {"name": "board", "in": "path", "required": True, "description": "The board's name.", "schema": schema}
    return {"parameters": [described]}
