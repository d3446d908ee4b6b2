"""`Wrapper`: what stands around a board and is one itself, described by settings in the same text as the board.

Each wrapper of `hardening` is one. They pass on what only some of them use: when a score was achieved, and how an
answer came about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from threading import Thread
from typing import Any, ClassVar, Final, ParamSpec, Protocol, Self, TypeVar, cast, overload

from .answers import LIVE, Answer, Source, answered, ask, last_answer
from .async_delegating import AsyncDelegatingLeaderboard
from .async_protocol import AsyncLeaderboard
from .delegating import DelegatingLeaderboard
from .errors import BackendUnavailableError, InvalidArgumentTypeError
from .location import Option
from .model import Entry, Score, Update, check_player_id, check_score, check_username, shorten
from .protocol import LeaderboardBackend

__all__ = [
    "LIVE",
    "Answer",
    "Moment",
    "Reopen",
    "Source",
    "Wrapper",
    "achieved",
    "achieved_at",
    "answered",
    "ask",
    "last_answer",
    "layer",
    "layers",
    "seconds_of",
]

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")

Moment = datetime | float
"""A time: aware of its time zone, or seconds since the epoch."""

_achieved: Final[ContextVar[float | None]] = ContextVar("achieved", default=None)

achieved_at: Final[Callable[[], float | None]] = _achieved.get
"""Return when the score of the update in work was achieved, in seconds since the epoch, if that was told."""


@contextmanager
def achieved(moment: Moment) -> Iterator[None]:
    """Tell when the scores of the updates within a `with` block were achieved; for this thread or task alone.

    Raises `InvalidArgumentTypeError` for what is no time, and for a time without a zone.
    """
    before, seconds = _achieved.get(), seconds_of(moment)
    try:
        _achieved.set(seconds)
        yield
    finally:
        _achieved.set(before)


def seconds_of(moment: object) -> float:
    """Return a time in seconds since the epoch. Raises `InvalidArgumentTypeError` for what is no time. O(1)."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise InvalidArgumentTypeError(
                f"the time {moment.isoformat()} has no time zone: give an aware datetime, or seconds since the epoch."
            )
        return moment.timestamp()
    if isinstance(moment, int | float) and not isinstance(moment, bool):
        try:
            return float(moment)
        except OverflowError:  # judged as an infinite one is
            return float("inf" if moment > 0 else "-inf")
    raise InvalidArgumentTypeError(
        f"a time must be an aware datetime or seconds since the epoch, not {shorten(moment)} ({type(moment).__name__})."
    )


def start_thread(thread: Thread) -> None:
    """Start a thread that a part cannot do without. Raises `BackendUnavailableError` where there can be no more."""
    try:
        thread.start()
    except RuntimeError as error:
        raise BackendUnavailableError(
            f"the thread {thread.name} could not be started ({error}); nothing was applied. Raise the limit of threads "
            "of this user or container, or use fewer."
        ) from error


class Reopen(Protocol):
    """Opens one more board object on the same place, with other options of the backend."""

    def __call__(self, **options: object) -> LeaderboardBackend:
        """Open it. Raises `UnknownOptionError` where the backend has no such option."""
        ...


class Wrapper(DelegatingLeaderboard):
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
    def wrap(cls, inner: LeaderboardBackend, reopen: Reopen, **settings: Any) -> Self:
        """Return the wrapper around a board, for checked settings. Raises `ConfigurationError` if they do not fit."""
        del reopen
        return cls(inner, **settings)

    # ------------------------------------------------------------------ when a score was achieved

    def update_score(self, player_id: str, username: str, score: Score, *, achieved_at: Moment | None = None) -> int:
        """Store a score as `LeaderboardBackend.update_score` does; `achieved_at` is when it was achieved."""
        if achieved_at is not None:
            with achieved(achieved_at):
                return super().update_score(player_id, username, score)
        if self._closed:  # from here on as the method above, without the time of one more call
            self._refuse_closed()
        return self._update_score(check_player_id(player_id), check_username(username), check_score(score))

    def increment_score(
        self, player_id: str, username: str, delta: Score, *, achieved_at: Moment | None = None
    ) -> Entry:
        """Add to a score as `LeaderboardBackend.increment_score` does; `achieved_at` as in `update_score`."""
        if achieved_at is not None:
            with achieved(achieved_at):
                return super().increment_score(player_id, username, delta)
        if self._closed:  # as in `update_score`
            self._refuse_closed()
        return self._increment_score(check_player_id(player_id), check_username(username), check_score(delta))

    def update_scores(self, updates: Iterable[Update], *, achieved_at: Moment | None = None) -> int:
        """Apply many updates as `LeaderboardBackend.update_scores` does; `achieved_at` holds for all of them."""
        if achieved_at is None:
            return super().update_scores(updates)
        with achieved(achieved_at):
            return super().update_scores(updates)

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
    if isinstance(board, Wrapper) and getattr(type(board), name) is getattr(Wrapper, name):
        return cast("Callable[Parameters, Value]", getattr(board, f"_{name}"))
    return method


@overload
def layers(board: LeaderboardBackend) -> Iterator[LeaderboardBackend]: ...
@overload
def layers(board: AsyncLeaderboard) -> Iterator[LeaderboardBackend | AsyncLeaderboard]: ...
def layers(board: LeaderboardBackend | AsyncLeaderboard) -> Iterator[LeaderboardBackend | AsyncLeaderboard]:
    """Yield a board and what is inside it, from the outermost to the storage's own.

    Of an asynchronous board that runs in threads, the synchronous one in them and its layers are inside.
    """
    yield board
    while isinstance(board, DelegatingLeaderboard | AsyncDelegatingLeaderboard):
        board = board.inner
        yield board


Layer = TypeVar("Layer", bound=LeaderboardBackend | AsyncLeaderboard)


def layer(board: LeaderboardBackend | AsyncLeaderboard, kind: type[Layer]) -> Layer | None:
    """Return the outermost layer of a board that is of a class, `None` where there is none. O(layers), no round trip.

    For example: `layer(board, MonitoredLeaderboard).snapshot()`.
    """
    return next((one for one in layers(board) if isinstance(one, kind)), None)
