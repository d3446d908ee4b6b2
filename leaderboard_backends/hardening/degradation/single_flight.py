"""One thread works, and others that need the same wait for it: no stampede on a storage."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from threading import Lock, RLock, get_ident
from time import monotonic
from typing import Final, Generic, TypeVar

from ...errors import BackendUnavailableError
from ...forks import guard, survive_forks

Value = TypeVar("Value")


LOOK: Final = 0.05
"""Seconds after which who waits looks whether the work goes on: an interrupt can keep its end from being told."""


class _Flight(Generic[Value]):
    def __init__(self) -> None:
        self.began = monotonic()
        self.thread = get_ident()
        self.ended = Lock()  # held until then; an `Event` has a lock that an interrupt of who waits leaves held
        self.ended.acquire()
        self.joined = 0
        """How many calls have come to wait."""
        self.values: list[Value] = []
        self.error: BackendUnavailableError | None = None


class SingleFlight(Generic[Value]):
    """Runs one piece of work at a time; who comes meanwhile shares how it ends, also that the storage is down.

    A finalizer or a signal handler that comes in the middle of the work, in its thread, does the work for itself.
    """

    def __init__(self) -> None:
        self._lock = guard(RLock())
        self._flight: _Flight[Value] | None = None
        survive_forks(self.begin_anew)

    def begin_anew(self) -> None:
        """Forget the work that a thread of a forked parent was at."""
        self._flight = None

    @property
    def busy(self) -> bool:
        """Whether a thread is at work."""
        return self._flight is not None

    def run(self, work: Callable[[], Value], patience: float | None = None) -> tuple[Value, bool]:
        """Return what the work returns, and whether this call did it.

        A call that waited raises `BackendUnavailableError` where the work did, and where the work has gone on for
        `patience` seconds; after any other error, or an interrupt, of the thread at work, it does the work itself.
        """
        while True:
            flight, mine = self._run_or_join(work)
            if not mine and not self._wait(flight, patience):
                raise BackendUnavailableError(f"the storage has not answered another call for {patience:g} s.")
            if flight.error is not None:
                raise BackendUnavailableError(*flight.error.args) from flight.error
            if flight.values:
                return flight.values[0], mine

    def _wait(self, flight: _Flight[Value], patience: float | None) -> bool:
        """Wait for the end of the work of another thread; returns whether it came within the patience."""
        end = inf if patience is None else flight.began + patience
        flight.joined += 1
        while self._flight is flight:
            if (left := end - monotonic()) <= 0:
                return False
            if flight.ended.acquire(timeout=min(left, LOOK)):
                flight.ended.release()
        return True

    def _run_or_join(self, work: Callable[[], Value]) -> tuple[_Flight[Value], bool]:
        """Do the work, or return the flight of the thread that is at it. Whatever happens, no flight stays behind."""
        mine: _Flight[Value] = _Flight()
        try:
            with self._lock:
                others = self._flight  # once: it may end at any time
                if others is not None and others.thread != mine.thread:
                    return others, False
                self._flight = mine
            mine.values.append(work())
        except BackendUnavailableError as error:
            mine.error = error
            raise
        finally:
            if self._flight is mine:  # without a call: whoever waits looks at this
                self._flight = None
                mine.ended.release()
        return mine, True
