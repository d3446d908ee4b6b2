"""Boards in an asyncio program: the same contract, with coroutines.

`open_async_leaderboard` opens what a URL or a mapping describes. A backend that is asynchronous itself is used as it
is (all `redis` schemes, Sentinels and clusters included); a board in this process's memory answers directly, long
calls excepted (`direct`); everything else runs on threads of its own (`threads`), never on the event loop's default
executor.
"""

from .answers import ask, at_version
from .opening import (
    AsyncLeaderboards,
    AsyncOpening,
    as_async,
    class_for,
    load_async_leaderboards,
    open_async_leaderboard,
    open_described,
)

__all__ = [
    "AsyncLeaderboards",
    "AsyncOpening",
    "as_async",
    "ask",
    "at_version",
    "class_for",
    "load_async_leaderboards",
    "open_async_leaderboard",
    "open_described",
]
