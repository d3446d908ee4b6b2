"""`Follower`: what `start` does. It makes the board that does not serve equal to the other one, and keeps it so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import Final

from ..errors import (
    BackendError,
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    WriteOutcomeUnknownError,
)
from .fences import State, expecting, other
from .mirroring import Mirror
from .pair import LIFE, Pair, Rest
from .planning import ended

PACE: Final = 0.002
"""Seconds between two rounds of following while the board changes."""
IDLE_PACE: Final = 0.01
"""Seconds between two rounds where nothing changed."""
IDLE_LOOK: Final = 0.5
"""Seconds between two looks at the fence where nothing changed."""
_GONE: Final = (
    "the target was deleted, or its fence was lifted, or lost: this start ends. Run it again to copy the board anew."
)


class Follower:
    """One call of `start`, until `stop` says so or, with `until_caught_up`, until the board is equal."""

    def __init__(self, pair: Pair, stop: Callable[[], bool], *, until_caught_up: bool) -> None:
        self._pair: Final = pair
        self._stop: Final = stop
        self._until_caught_up: Final = until_caught_up
        self._mine: Final[set[str]] = set()
        """The fences that this call has put up."""
        self._switch: Final = _Watch()

    def run(self) -> None:
        """Follow; a storage that fails is tried again. Raises as `Migration.start`."""
        rest = Rest(self._pair.pause)
        while not self._stop():
            try:
                if self._round():
                    return
            except BoardMovedError as error:
                self._pair.tell("another command has taken over")
                self._refuse_second_start(error)
            except BoardMismatchError:
                raise
            except BackendError as error:
                rest.take(self._pair.tell, error)

    def _round(self) -> bool:
        """Follow until something happens, or wait for a switch; returns whether that was all."""
        state = self._pair.state()
        if not self._must_wait(state):
            self._follow(self._take_over(state))
        elif not self._until_caught_up:
            self._pair.tell("waiting for a cut-over or a roll-back that is under way")
            self._pair.pause(IDLE_PACE)
        return self._until_caught_up

    def _must_wait(self, state: State) -> bool:
        """Whether a switch is under way, whose process lives. Raises where there is nothing to be done."""
        passive = other(state.truth)
        fence = state.fence_of(passive)
        if state.serves is None and not self._mine:
            raise BoardMismatchError(
                "the boards are in the pause of a cut-over or a roll-back, and both refuse writes: run that command "
                "again, or the other one to return."
            )
        is_switched = self._mine and fence and fence.owner == "switch" and self._switch.is_alive(fence.text)
        if state.serves is None or is_switched:
            return True
        if fence and fence.kind == "finished":
            raise BoardMismatchError(ended(state))
        if passive == "source" and not self._pair.reversible:
            raise BoardMismatchError("the target serves, and changes cannot flow back to the source: run finish.")
        return False

    def _refuse_second_start(self, error: BoardMovedError) -> None:
        """Raise where another start has fenced the board anew."""
        with suppress(BackendUnavailableError, BoardMismatchError):
            state = self._pair.state()
            fence = state.fence_of(other(state.truth))
            if fence and fence.owner == "start" and fence.text not in self._mine:
                raise BoardMovedError("another start has taken over; this one ends.", fence.text) from error

    def _take_over(self, state: State) -> Mirror:
        """Take over the board that does not serve."""
        passive, pair = other(state.truth), self._pair
        if not state.begun:
            if self._mine:
                raise BoardMismatchError(_GONE)
            fence = pair.take_over(passive, None, "begins", "start")
            if pair.source.fenced() is not None:  # others have come further than this call has seen
                with expecting(pair.target, fence):
                    pair.target.lift_fence()
                raise BackendUnavailableError("another process has moved the board meanwhile.")
            fence = pair.take_over(passive, fence, "follows", "start")
        else:
            fence = pair.take_over(passive, state.fence_of(passive), "follows", "start")
        self._mine.add(fence.text)
        return pair.mirror(passive, fence)

    def _follow(self, mirror: Mirror) -> None:
        """Bring the board up to date, and follow; after a failure with another fence, so that no late write counts."""
        rest = Rest(self._pair.pause)
        begun, due = False, 0.0
        while not self._stop():
            try:
                if not begun:
                    mirror.begin()
                    begun = True
                changed = mirror.step()
                if not changed and monotonic() >= due:  # without a change there is no write that could be refused
                    due = monotonic() + IDLE_LOOK
                    _require_fence(mirror)
                rest.over()
            except (BoardMovedError, BoardMismatchError):
                raise
            except BackendError as error:
                behind = mirror.behind() if begun else None
                rest.take(partial(self._pair.tell, behind=behind), error)
                with suppress(BackendUnavailableError, WriteOutcomeUnknownError):
                    self._pair.renew(mirror, "start", self._mine.add)
                continue
            self._pair.tell("following", behind=mirror.behind())
            if self._until_caught_up:
                return
            self._pair.pause(PACE if changed else IDLE_PACE)


class _Watch:
    """Sees whether a fence changes now and then."""

    def __init__(self) -> None:
        self._text = ""
        self._since = monotonic()

    def is_alive(self, text: str) -> bool:
        """Whether this fence is another one than the last time, or not much older."""
        if text != self._text:
            self._text, self._since = text, monotonic()
        return monotonic() - self._since < LIFE


def _require_fence(mirror: Mirror) -> None:
    """Raise `BoardMovedError` where another process has fenced the target of a mirror anew, or opened it."""
    fence = mirror.target.fenced()
    if fence != mirror.fence:
        raise BoardMovedError("another process has taken the board over.", fence or "")
