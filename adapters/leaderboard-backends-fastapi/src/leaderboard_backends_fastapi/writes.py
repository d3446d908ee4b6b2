"""The routes that write to a board.

All are `POST` with the player's id in the body, but for the removal: what stands between a client and a server repeats
other methods of its own accord, and a write whose outcome is unknown must not be repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from leaderboard_backends import AsyncLeaderboard
from leaderboard_backends.wrapper import achieved

from . import models, parameters
from .answers import Reply, fields_of
from .described import describe_problems
from .route import add_body_route, served


def _board(request: Request) -> AsyncLeaderboard:
    return served(request).to("write")


def _told(moment: datetime | None) -> AbstractContextManager[None]:
    return nullcontext() if moment is None else achieved(moment)


async def update_score(request: Request, update: models.Update) -> Response:
    """Store a player's score and return the player's rank right after, from the same atomic step."""
    with _told(update.achieved_at):
        return Reply({"rank": await _board(request).update_score(update.player_id, update.username, update.score)})


async def increment_score(request: Request, increment: models.Increment) -> Response:
    """Add to a player's score and return the new entry; an unknown player starts at 0.

    Never repeat it blindly after a 504: it could count twice.
    """
    with _told(increment.achieved_at):
        entry = await _board(request).increment_score(increment.player_id, increment.username, increment.delta)
    return Reply(fields_of(entry))


async def update_scores(request: Request, updates: models.Updates) -> Response:
    """Apply many updates, with the same end state as one by one in order, and return how many they were.

    All are checked before the first is written. Where a long list fails half way, `applied` of the problem says how
    many updates stand.
    """
    listed = [(each.player_id, each.username, each.score) for each in updates.updates]
    with _told(updates.achieved_at):
        return Reply({"updates": await _board(request).update_scores(listed)})


async def remove_player(request: Request, player_id: parameters.Player) -> Response:
    """Remove a player and return whether there was one."""
    return Reply({"removed": await _board(request).remove_player(player_id)})


_ROUTES: Final = (
    ("POST", "/scores", update_score, models.Rank),
    ("POST", "/scores/increment", increment_score, models.Entry),
    ("POST", "/scores/bulk", update_scores, models.Applied),
    ("DELETE", "/players", remove_player, models.Removed),
)


def add_writes(router: APIRouter, scheme: Sequence[Any] = (), also: tuple[int, ...] = ()) -> None:
    """Add the routes that write; `also` are statuses that all of them may answer.

    The last one has the dependencies of `scheme`, by which FastAPI describes how a token is sent.
    """
    for method, path, endpoint, model in _ROUTES:
        statuses = {400, 422, 429, 500, 501, 503, 504, 507, *also}
        statuses |= {408, 413, 415} if method == "POST" else set()
        description: dict[str, Any] = {
            "operation_id": endpoint.__name__,
            "response_model": model,
            "responses": describe_problems(*sorted(statuses)),
        }
        if endpoint is remove_player:
            router.add_api_route(path, endpoint, methods=[method], dependencies=list(scheme), **description)
        else:
            add_body_route(router, path, endpoint, **description)
