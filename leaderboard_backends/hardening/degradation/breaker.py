"""A circuit breaker: a storage that fails again and again is left alone for a while, then tried by one call.

The states, and the count of failures in a row, are pybreaker's. Its own `call` holds a lock for as long as the call
takes, so that one frozen call would hold up all others. Here every call runs without a lock, and the state machine is
told in a moment how it ended. When the next try is due is told by a clock that nobody sets, not by the wall's.

What counts as a failure is that the storage gave no answer: `BackendUnavailableError` and `WriteOutcomeUnknownError`.
A storage that refuses (read-only, full, another board in its place, a lost conflict) does answer; opening the circuit
would take its reads away for nothing.

Source: M. Nygard, "Release It!", 2007, "Circuit Breaker".
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from math import inf
from threading import RLock
from time import monotonic
from typing import Final, Literal, TypeAlias, TypeVar, TypeVarTuple, cast

from pybreaker import CircuitBreaker

from ...errors import BackendError, BackendUnavailableError, WriteOutcomeUnknownError
from ...forks import guard, survive_forks
from ..reentrance import is_inside

Circuit: TypeAlias = Literal["closed", "open", "half-open"]
"""`closed`: calls are made. `open`: they are refused. `half-open`: one call tries, all others are refused."""

Given = TypeVarTuple("Given")
Value = TypeVar("Value")

FAILURES: Final = (BackendUnavailableError, WriteOutcomeUnknownError)
"""The errors by which a storage gives no answer."""

TOGETHER: Final = 0.02
"""Seconds within which failures are one. A moment in which the storage stalls, and into which many threads run at once,
is no outage: it must fail for some such moments."""

_log = logging.getLogger(__name__)


class Breaker:
    """Makes calls until `failures` of them in a row have failed; then one each `retry_after` seconds, until it answers.

    Cost: one attribute is looked at while nothing fails.
    """

    def __init__(self, name: str, failures: int, retry_after: float, clock: Callable[[], float] = monotonic) -> None:
        self._name = name
        self._retry_after = retry_after
        self._clock = clock
        self._failures = failures
        self._lock = guard(RLock())
        self.openings = 0
        """How often the circuit has opened."""
        self.begin_anew()
        survive_forks(self.begin_anew)

    def begin_anew(self) -> None:
        """Close the circuit, and forget the call by which a thread of a forked parent tries."""
        self._machine = CircuitBreaker(fail_max=self._failures, throw_new_error_on_trip=False)
        self.calm = True
        """Whether the circuit is closed and nothing failed lately, so that each call and write is admitted."""
        self._trial: object | None = None
        self._opened_at = self._retry_at = 0.0
        self._failed_at = -inf
        self._failure = ""

    @property
    def state(self) -> Circuit:
        """The state of the circuit now."""
        return cast("Circuit", self._machine.current_state)

    def call(self, call: Callable[[*Given], Value], *arguments: *Given) -> Value:
        """Make a call, unless the circuit is open and no try is due: then raise `BackendUnavailableError` at once."""
        if not self.calm:
            return self._call_with_care(call, *arguments)
        try:
            return call(*arguments)
        except FAILURES as error:
            self.failed(error)
            raise

    def admit_write(self, ping: Callable[[], object]) -> None:
        """Return if a write may be sent now, else raise `BackendUnavailableError`; nothing was applied.

        Where a try is due, `ping` is what tries: a write is never risked to find out.
        """
        if not self.calm and self.state != "closed":
            self._try_by(ping)

    def failed(self, error: Exception) -> None:
        """Note that a call got no answer; while the circuit is open, or `TOGETHER` with another, nothing changes."""
        if is_inside(self._lock):  # of a signal handler amid the note of another call: both are of one moment
            return
        with self._lock:
            before, now = self.state, self._clock()
            if before == "open" or (before == "closed" and now - self._failed_at < TOGETHER):
                return
            self.calm, self._failed_at, self._failure = False, now, str(error)
            self._retry_at = now + self._retry_after
            with suppress(_FailedError):
                self._machine.call(_fail)
            opened = (before, self.state) == ("closed", "open")
            self._opened_at = now if opened else self._opened_at
            self.openings += opened
        if opened:
            _log.warning(
                "the storage of the board %r does not answer, so no calls are sent to it for now: %s", self._name, error
            )

    def answered(self, asked: int) -> None:
        """Note that the storage answered: the circuit is closed.

        `asked` is what `openings` was when it was asked. An answer on its way while the circuit opened, which may come
        from a moment before the storage failed, changes nothing.
        """
        if is_inside(self._lock):  # as above
            return
        with self._lock:
            if asked != self.openings:
                return
            before = self.state
            if before == "open":
                self._machine.half_open()
            self._machine.call(_succeed)
            self.calm = True
            seconds = self._clock() - self._opened_at
        if before != "closed":
            _log.info("the storage of the board %r answers again, after %.1f s", self._name, seconds)

    def _call_with_care(self, call: Callable[[*Given], Value], *arguments: *Given) -> Value:
        trial = object()
        try:
            self._admit(trial)
            return self._tell(call, *arguments)
        finally:
            if self._trial is trial:  # what came to nothing, by an interrupt for example, leaves the next try to others
                self._trial = None

    def _try_by(self, ping: Callable[[], object]) -> None:
        trial = object()
        try:
            if not self._admit(trial):
                return
            try:
                self._tell(ping)
            except FAILURES as error:
                raise self._refusal() from error
        finally:
            if self._trial is trial:  # as above, and without a call, in which another interrupt could come
                self._trial = None

    def _admit(self, trial: object) -> bool:
        """Return whether the caller is the one that tries; raises the refusal where it is not and must not call."""
        with self._lock:
            if self.state == "closed":
                return False
            if self._trial is None and self._clock() >= self._retry_at:
                self._trial = trial
                self._machine.half_open()
                return True
        raise self._refusal()

    def _tell(self, call: Callable[[*Given], Value], *arguments: *Given) -> Value:
        """Make a call and note how it ended."""
        asked = self.openings
        try:
            result = call(*arguments)
        except FAILURES as error:
            self.failed(error)
            raise
        except BackendError:
            self.answered(asked)
            raise
        self.answered(asked)
        return result

    def _refusal(self) -> BackendUnavailableError:
        left = self._retry_at - self._clock()
        when = f"in {left:.1f} s" if left > 0 else "by another call now"
        return BackendUnavailableError(
            f"the board {self._name!r} is not available: its storage does not answer ({self._failure}). This call was "
            f"not sent and nothing was applied; the storage is tried again {when}."
        )


class _FailedError(Exception):
    """What the state machine is told a failure by."""


def _fail() -> None:
    raise _FailedError


def _succeed() -> None:
    pass
