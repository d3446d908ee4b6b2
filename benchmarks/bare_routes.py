"""What the routes of a board are measured beside: FastAPI routes of the same shape, as a tutorial has them.

They check a body and a query by pydantic and describe their answers, and store nothing, or await one command of
redis-py: no ranks, no ties, no token, no limits. `uvicorn bare_routes:app` serves them; `LEADERBOARD_URL` is the
server.
"""

from __future__ import annotations

import os
from typing import Annotated, Any

from fastapi import FastAPI, Query
from pydantic import BaseModel
from redis.asyncio import Redis


class Update(BaseModel):
    """A player's score."""

    player_id: str
    username: str
    score: int | float


class Rank(BaseModel):
    """A player's rank."""

    rank: int


class Entry(BaseModel):
    """One line of a board."""

    rank: int
    player_id: str
    username: str
    score: int | float


class Entries(BaseModel):
    """Lines of a board."""

    entries: list[Entry]


N = Annotated[int, Query(ge=0, le=1000)]
TOP = [(rank, f"player-{rank:07d}", f"user{rank:08d}", 1_000_000 - rank) for rank in range(1, 1001)]
KEY = "bare"

app = FastAPI()
client = Redis.from_url(os.environ.get("LEADERBOARD_URL", "redis://127.0.0.1:6379/0"))


@app.post("/memory/scores")
async def answer_rank(update: Update) -> Rank:
    """Answer a rank."""
    return Rank(rank=1 + len(update.player_id))


@app.get("/memory/top")
async def answer_top(n: N = 100) -> Entries:
    """Answer the first n entries."""
    found = TOP[:n]
    return Entries(
        entries=[Entry(rank=rank, player_id=player, username=name, score=score) for rank, player, name, score in found]
    )


@app.post("/redis/scores")
async def store(update: Update) -> Rank:
    """Await one ZADD, and answer what it says."""
    added = await client.zadd(KEY, {update.player_id: update.score})
    return Rank(rank=int(added or 0))


@app.get("/redis/top")
async def read_top(n: N = 100) -> Entries:
    """Await one ZRANGE, and answer what it finds."""
    found: Any = await client.zrange(KEY, 0, n - 1, desc=True, withscores=True)
    return Entries(
        entries=[
            Entry(rank=rank, player_id=player.decode(), username="", score=score)
            for rank, (player, score) in enumerate(found, 1)
        ]
    )
