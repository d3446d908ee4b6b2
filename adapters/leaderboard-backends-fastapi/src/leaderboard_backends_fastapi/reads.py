"""The routes that read a board. Each answer says in `Leaderboard-Answer` how it came about.

They are plain functions, each of which runs in a thread of its board (`route.in_thread`), so that a storage that is
slow holds up nobody else; how an answer came about is noted per thread, and so is asked for in the same one.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Any, Final

from fastapi import APIRouter
from starlette.responses import Response

from leaderboard_backends import Entry, LeaderboardBackend
from leaderboard_backends.wrapper import Answer, ask

from . import models, parameters
from .answers import DESCRIBED, reply
from .described import describe_problems
from .problems import INVALID_REQUEST, UNKNOWN_PLAYER, ProblemError
from .route import Board


def _entries(found: Iterable[Entry | None], answer: Answer) -> Response:
    return reply({"entries": [None if entry is None else entry._asdict() for entry in found]}, answer)


def _known(found: Any, player_id: str) -> Any:
    """Return what was found of a player; raises `ProblemError`, 404, where that is nothing."""
    if found is None:
        raise ProblemError(UNKNOWN_PLAYER, f"no player has the id {player_id!r}.")
    return found


def get_top(board: Board, n: parameters.N = models.DEFAULT_ENTRIES) -> Response:
    """Return the first n entries, fewer where the board is shorter."""
    return _entries(*ask(board.get_top_n, n))


def get_range(board: Board, first_rank: parameters.FirstRank, last_rank: parameters.LastRank) -> Response:
    """Return the entries of these ranks, both ends included, cut at the board's end; at most 1,000."""
    if last_rank - first_rank >= models.MOST_ENTRIES:
        raise ProblemError(INVALID_REQUEST, f"a range has at most {models.MOST_ENTRIES} ranks: read it in pages.")
    return _entries(*ask(board.get_range, first_rank, last_rank))


def get_entry(board: Board, player_id: parameters.Player) -> Response:
    """Return a player's rank, name and score, from one state."""
    entry, answer = ask(board.get_entry, player_id)
    return reply(_known(entry, player_id)._asdict(), answer)


def get_rank(board: Board, player_id: parameters.Player) -> Response:
    """Return a player's rank."""
    rank, answer = ask(board.get_rank, player_id)
    return reply({"rank": _known(rank, player_id)}, answer)


def get_percentile(board: Board, player_id: parameters.Player) -> Response:
    """Return how many percent of the players are no better than this one: 100 for the best."""
    percentile, answer = ask(board.get_percentile, player_id)
    return reply({"percentile": _known(percentile, player_id)}, answer)


def get_around(
    board: Board, player_id: parameters.Player, radius: parameters.Radius = models.DEFAULT_RADIUS
) -> Response:
    """Return a player and the neighbours on both sides, cut at the board's ends; nobody for an unknown player."""
    return _entries(*ask(board.get_around, player_id, radius))


def get_friends(board: Board, friends: models.Friends) -> Response:
    """Return the entries of several players in the order asked, null for unknown ones, all from one state."""
    return _entries(*ask(board.get_entries, friends.player_ids))


def get_by_score(
    board: Board,
    low: parameters.Low = None,
    high: parameters.High = None,
    limit: parameters.N = models.DEFAULT_ENTRIES,
) -> Response:
    """Return the entries of a range of scores, both ends included, best first, at most `limit` of them."""
    return _entries(*ask(board.get_by_score, *_bounds(low, high), limit))


def get_count(board: Board, low: parameters.Low = None, high: parameters.High = None) -> Response:
    """Return how many players there are, or how many in a range of scores, both ends included."""
    players, answer = ask(_count, board, low, high)
    return reply({"players": players}, answer)


def _count(board: LeaderboardBackend, low: float | None, high: float | None) -> int:
    return len(board) if low is None and high is None else board.count_by_score(*_bounds(low, high))


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
        router.add_api_route(
            path,
            endpoint,
            methods=[method],
            operation_id=endpoint.__name__,
            response_model=model,
            responses={200: {"headers": DESCRIBED}, **describe_problems(*sorted(statuses))},
        )
