# generated from leaderboard_backends/wrapper.py
# by tools/async_faces.py: change that file, then run `make faces`
"""`AsyncWrapper`: what stands around a board and is one itself, described by settings in the same text as the board.

Each wrapper of `hardening` is one. They pass on what only some of them use: when a score was achieved, and how an
answer came about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Self, cast

from .async_delegating import AsyncDelegatingLeaderboard
from .async_protocol import AsyncLeaderboard
from .location import Option
from .model import Entry, Score, Update, check_player_id, check_score, check_username
from .wrapper import (
    Moment,
    Parameters,
    Reopen,
    Value,
    achieved,
)


class AsyncWrapper(AsyncDelegatingLeaderboard):
    """A board around another one. A subclass has settings, and is made of them by `wrap`.

    Its writes also take `achieved_at`, a datetime with a time zone or seconds since the epoch, for the parts inside
    that use it; they raise `InvalidArgumentTypeError` for what is no such time. O(1), no round trip.
    """

    options: ClassVar[Mapping[str, Option]] = {}
    """The wrapper's own settings, by name."""
    may_wait: ClassVar[bool] = False
    """Whether making one may wait for a server, so that an asyncio program makes it in a thread."""
    position: ClassVar[int] = 350
    """The place around a board: a higher one is further out. `migration` has 10, `replica` 50, `degradation` 100,
    `validation` 200, `rate_limit` 300 and `monitoring` 400."""

    @classmethod
    def wrap(cls, inner: AsyncLeaderboard, reopen: Reopen, **settings: Any) -> Self:
        """Return the wrapper around a board, for checked settings. Raises `ConfigurationError` if they do not fit."""
        del reopen
        return cls(inner, **settings)

    # ------------------------------------------------------------------ when a score was achieved

    async def update_score(
        self, player_id: str, username: str, score: Score, *, achieved_at: Moment | None = None
    ) -> int:
        """Store a score as `AsyncLeaderboard.update_score` does; `achieved_at` is when it was achieved."""
        if achieved_at is not None:
            with achieved(achieved_at):
                return await super().update_score(player_id, username, score)
        if self._closed:  # from here on as the method above, without the time of one more call
            self._refuse_closed()
        return await self._update_score(check_player_id(player_id), check_username(username), check_score(score))

    async def increment_score(
        self, player_id: str, username: str, delta: Score, *, achieved_at: Moment | None = None
    ) -> Entry:
        """Add to a score as `AsyncLeaderboard.increment_score` does; `achieved_at` as in `update_score`."""
        if achieved_at is not None:
            with achieved(achieved_at):
                return await super().increment_score(player_id, username, delta)
        if self._closed:  # as in `update_score`
            self._refuse_closed()
        return await self._increment_score(check_player_id(player_id), check_username(username), check_score(delta))

    async def update_scores(self, updates: Iterable[Update], *, achieved_at: Moment | None = None) -> int:
        """Apply many updates as `AsyncLeaderboard.update_scores` does; `achieved_at` holds for all of them."""
        if achieved_at is None:
            return await super().update_scores(updates)
        with achieved(achieved_at):
            return await super().update_scores(updates)

    # ------------------------------------------------------------------ what is on

    def _settings(self) -> str:
        """Return the settings in a few words, for `repr`."""
        return ""

    def _place(self) -> str:
        settings = self._settings()
        return f"{self._inner!r}, {settings}" if settings else repr(self._inner)


def hook_of(method: Callable[Parameters, Value]) -> Callable[Parameters, Value]:
    """Return what takes the place of a board's method for values that are checked: `hook_of(inner.update_score)`.

    Of a wrapper, that is its hook, which spares the checks of the method; whether it is closed, the board further in
    sees. Of any other board, or where a class overrides the method, it is the method itself.
    """
    board, name = getattr(method, "__self__", None), method.__name__
    if isinstance(board, AsyncWrapper) and getattr(type(board), name) is getattr(AsyncWrapper, name):
        return cast("Callable[Parameters, Value]", getattr(board, f"_{name}"))
    return method
