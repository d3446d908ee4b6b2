"""What boards in this process's memory share: one call at a time, a log of changes, a fence; nothing survives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import RLock
from typing import ClassVar, NoReturn, TypeVar, TypeVarTuple

from .capabilities import IN_PROCESS, Capabilities, StorageInfo
from .changes import FEED_OPTION, ChangeLog, Changes, Version, fence_passed
from .errors import BackendUnavailableError
from .forks import guard
from .location import Option
from .model import Keep, Order, Score
from .protocol import LeaderboardBackend
from .score_limits import limits_wanted

Given = TypeVarTuple("Given")
Value = TypeVar("Value")


class InProcessLeaderboard(LeaderboardBackend):
    """A board that lives and dies with its process. Hooks work by `_alone`; a write asks `_changes` and the limits."""

    capabilities = Capabilities(
        durable=False, shared=False, lives_in="process", feed=True, fence=True, fence_pass=True, limits=True
    )
    options: ClassVar[Mapping[str, Option]] = {"feed": FEED_OPTION}
    scans: ClassVar[bool] = False
    """Whether a call on one player may look at all of them."""

    def __init__(
        self, name: str = "default", *, order: Order = "descending", keep: Keep = "last", feed: int = 0
    ) -> None:
        super().__init__(name, order=order, keep=keep)
        self._changes = ChangeLog(feed)
        self._lock = guard(RLock())
        self._inside = False
        """Whether a call is in work. The lock lets its owner in again, so this is seen by the same thread alone."""

    @classmethod
    def open_trial(cls, scheme: str, directory: Path) -> AbstractContextManager[str]:
        """Yield the URL of a board in memory, which is new each time."""
        del directory
        return nullcontext(f"{scheme}://")

    # ------------------------------------------------------------------ one call at a time

    def _alone(self, work: Callable[[*Given], Value], *given: *Given) -> Value:
        """Return what a method returns while no other call is in work.

        A finalizer or a signal handler can come in the middle of a call, and call the board in the same thread: it is
        refused, as it cannot wait for what it interrupts. Raises `BackendUnavailableError`.
        """
        with self._lock:
            if self._inside:
                self._refuse_inside()
            self._inside = True
            try:
                return work(*given)
            finally:
                self._inside = False

    def _refuse_inside(self) -> NoReturn:
        raise BackendUnavailableError(
            f"the board {self.name!r} is in the middle of another call of this thread, which a finalizer or a signal "
            "handler interrupted to call it: nothing was done. Only note there what to do, and call the board later."
        )

    # ------------------------------------------------------------------ score limits

    @abstractmethod
    def _standing(self, player_id: str) -> Score | None:
        """Return a player's score; called with the lock held."""

    def _check_limits(self, player_id: str, score: Score, delta: Score | None = None) -> None:
        """Raise `ScoreLimitError` where the write in work breaks a limit; called with the lock held."""
        if limits := limits_wanted():
            limits.check(self._standing(player_id), score, delta, self._order, self._keep)

    def _check_all_limits(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        """Raise `ScoreLimitError` where an update of a batch breaks a limit; called with the lock held."""
        if limits := limits_wanted():
            limits.check_all(updates, self._standing, self._order, self._keep)

    # ------------------------------------------------------------------ hooks that are the same on all of them

    def _get_score(self, player_id: str) -> Score | None:
        return self._alone(self._standing, player_id)

    def _delete(self) -> None:
        with fence_passed(self._changes.moved_to):  # whichever the caller passes: a fence holds off no deletion
            self._fence(None)
        with fence_passed(None):
            self._clear()

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        return self._alone(self._changes.since, after, limit)

    def _fence(self, moved_to: str | None) -> None:
        self._alone(self._changes.fence, moved_to)

    def _fenced(self) -> str | None:
        return self._changes.moved_to

    def _storage_info(self) -> StorageInfo:
        return IN_PROCESS
