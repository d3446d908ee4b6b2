"""The routes that read a board. Each answer says in `Leaderboard-Answer` how it came about.

They await the board: where that means a thread, it is one of the board's own (`ServedBoard`), so that a storage that is
slow holds up nobody else.
"""

from __future__ import annotations

from math import inf
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from leaderboard_backends import AsyncLeaderboard

from . import models, parameters
from .answers import DESCRIBED, Reply, ask, fields_of, reply_entries
from .described import describe_problems
from .problems import INVALID_REQUEST, UNKNOWN_PLAYER, ProblemError
from .route import add_body_route, served


def _board(request: Request) -> AsyncLeaderboard:
    return served(request).to("read")


def _known(found: Any, player_id: str) -> Any:
    """Return what was found of a player; raises `ProblemError`, 404, where that is nothing."""
    if found is None:
        raise ProblemError(UNKNOWN_PLAYER, f"no player has the id {player_id!r}.")
    return found


async def get_top(request: Request, n: parameters.N = models.DEFAULT_ENTRIES) -> Response:
    """Return the first n entries, fewer where the board is shorter."""
    return reply_entries(*await ask(_board(request).get_top_n(n)))


async def get_range(request: Request, first_rank: parameters.FirstRank, last_rank: parameters.LastRank) -> Response:
    """Return the entries of these ranks, both ends included, cut at the board's end; at most 1,000."""
    if last_rank - first_rank >= models.MOST_ENTRIES:
        raise ProblemError(INVALID_REQUEST, f"a range has at most {models.MOST_ENTRIES} ranks: read it in pages.")
    return reply_entries(*await ask(_board(request).get_range(first_rank, last_rank)))


async def get_entry(request: Request, player_id: parameters.Player) -> Response:
    """Return a player's rank, name and score, from one state."""
    entry, answer = await ask(_board(request).get_entry(player_id))
    return Reply(fields_of(_known(entry, player_id)), answer)


async def get_rank(request: Request, player_id: parameters.Player) -> Response:
    """Return a player's rank."""
    rank, answer = await ask(_board(request).get_rank(player_id))
    return Reply({"rank": _known(rank, player_id)}, answer)


async def get_percentile(request: Request, player_id: parameters.Player) -> Response:
    """Return how many percent of the players are no better than this one: 100 for the best."""
    percentile, answer = await ask(_board(request).get_percentile(player_id))
    return Reply({"percentile": _known(percentile, player_id)}, answer)


async def get_around(
    request: Request, player_id: parameters.Player, radius: parameters.Radius = models.DEFAULT_RADIUS
) -> Response:
    """Return a player and the neighbours on both sides, cut at the board's ends; nobody for an unknown player."""
    return reply_entries(*await ask(_board(request).get_around(player_id, radius)))


async def get_friends(request: Request, friends: models.Friends) -> Response:
    """Return the entries of several players in the order asked, null for unknown ones, all from one state."""
    return reply_entries(*await ask(_board(request).get_entries(friends.player_ids)))


async def get_by_score(
    request: Request,
    low: parameters.Low = None,
    high: parameters.High = None,
    limit: parameters.N = models.DEFAULT_ENTRIES,
) -> Response:
    """Return the entries of a range of scores, both ends included, best first, at most `limit` of them."""
    return reply_entries(*await ask(_board(request).get_by_score(*_bounds(low, high), limit)))


async def get_count(request: Request, low: parameters.Low = None, high: parameters.High = None) -> Response:
    """Return how many players there are, or how many in a range of scores, both ends included."""
    board = _board(request)
    is_whole = low is None and high is None
    players, answer = await ask(board.count() if is_whole else board.count_by_score(*_bounds(low, high)))
    return Reply({"players": players}, answer)


def _bounds(low: float | None, high: float | None) -> tuple[float, float]:
    return -inf if low is None else low, inf if high is None else high


_ROUTES: Final = (
    ("GET", "/top", get_top, models.Entries),
    ("GET", "/range", get_range, models.Entries),
    ("GET", "/entry", get_entry, models.Entry),
    ("GET", "/rank", get_rank, models.Rank),
    ("GET", "/percentile", get_percentile, models.Percentile),
    ("GET", "/around", get_around, models.Entries),
    ("POST", "/friends", get_friends, models.FriendEntries),
    ("GET", "/by-score", get_by_score, models.Entries),
    ("GET", "/count", get_count, models.Count),
)
_OF_ONE_PLAYER: Final = (get_entry, get_rank, get_percentile)


def add_reads(router: APIRouter, also: tuple[int, ...] = ()) -> None:
    """Add the routes that read; `also` are statuses that all of them may answer."""
    for method, path, endpoint, model in _ROUTES:
        statuses = {400, 422, 500, 501, 503, *also}
        statuses |= {408, 413, 415} if method == "POST" else set()
        statuses |= {404} if endpoint in _OF_ONE_PLAYER else set()
        description: dict[str, Any] = {
            "operation_id": endpoint.__name__,
            "response_model": model,
            "responses": {200: {"headers": DESCRIBED}, **describe_problems(*sorted(statuses))},
        }
        if method == "POST":
            add_body_route(router, path, endpoint, **description)
        else:
            router.add_api_route(path, endpoint, methods=[method], **description)
