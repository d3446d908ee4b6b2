"""Leaderboards over HTTP: a router for any FastAPI app, and a small server with a live page of each board.

::

    app = FastAPI()
    app.include_router(leaderboard_router(board, token=Tokens.from_env()), prefix="/weekly")

`leaderboard_router` and `leaderboards_router` are for an app of your own; `leaderboard_app` is the app of the server,
`leaderboard serve --config FILE`. Whatever backend and layers a board is made of, the routes are the same.
"""

from .app import leaderboard_app
from .live import Watching
from .problems import KINDS, Kind
from .route import Limits
from .router import leaderboard_router, leaderboards_router
from .tokens import Tokens

__all__ = [
    "KINDS",
    "Kind",
    "Limits",
    "Tokens",
    "Watching",
    "leaderboard_app",
    "leaderboard_router",
    "leaderboards_router",
]
