"""What one board did lately: exact times of its recent calls, and counts over a window of time.

The times are in rings, arrays of doubles that are made once; a call writes one double. The counts are running totals,
of which a mark is kept for each step of time in which there were calls, a 300th of the window. What happened in a
window is the difference of two totals, and exact, as a window begins with a step. A call costs O(1), memory is
O(samples).
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor
from threading import RLock
from time import perf_counter
from typing import Final, NamedTuple

from ...forks import guard

MARKS: Final = 300
"""Steps that a window is cut into."""

SAMPLES: Final = 4096
"""Times that are kept of updates, and as many of queries."""


class Totals(NamedTuple):
    """All that was counted up to the end of a step, that moment included; step 0 ends as the recorder is made."""

    step: int
    timed_updates: int
    timed_queries: int
    calls: int
    updates: int
    failures: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What happened in the last `span` seconds: the window and less than a step, or since the board was opened."""

    span: float
    calls: int
    updates: int
    """Scores that were updated."""
    failures: int
    timed_updates: int
    """Updates in the window of which a percentile may be, those of `names.BULK` not among them."""
    timed_queries: int
    update_times: array[float]
    """Their seconds, of the latest `samples` at most."""
    query_times: array[float]

    @property
    def error_rate(self) -> float:
        """Failures a call, 0 where there was no call."""
        return self.failures / self.calls if self.calls else 0.0

    @property
    def updates_per_second(self) -> float:
        """Scores that were updated, a second."""
        return self.updates / self.span if self.span > 0 else 0.0


class _Ring:
    """The latest of many numbers."""

    __slots__ = ("size", "values", "written")

    def __init__(self, size: int) -> None:
        self.size = size
        self.values = array("d", bytes(8 * size))
        self.written = 0

    def last(self, count: int) -> array[float]:
        """Return the last numbers that were written, at most `count`, in no order."""
        count = min(count, self.written, self.size)
        end = self.written % self.size
        if count <= end:
            return self.values[end - count : end]
        return self.values[:end] + self.values[self.size - (count - end) :]


def _nothing() -> None:
    """Do nothing at a mark."""


class Recorder:
    """Takes down the calls of one board; times are those of `clock`, in seconds.

    May be called from several threads: one lock is held for as long as it takes to write three numbers. `on_mark` is
    called about once a step while there are calls, in the thread of one of them, without the lock.
    """

    def __init__(
        self,
        samples: int = SAMPLES,
        window: float = 300.0,
        clock: Callable[[], float] = perf_counter,
        on_mark: Callable[[], None] = _nothing,
    ) -> None:
        self.clock: Final = clock
        self._window: Final = window
        self._step: Final = window / MARKS
        self._samples: Final = samples
        self._updates_ring: Final = _Ring(samples)
        self._queries_ring: Final = _Ring(samples)
        self._on_mark: Final = on_mark
        self._lock: Final = guard(RLock())
        self._errors: Final = Counter[str]()
        self._bulk = self._updates = self._failures = 0
        self._opened: Final = clock()
        self._marks: Final = deque([self._totals(0)], maxlen=MARKS + 2)
        self._due = self._opened + self._step

    # ------------------------------------------------------------------ what calls tell

    def update(self, ended: float, seconds: float, updates: int) -> None:
        """Take down an update that took so long and updated so many scores."""
        if ended > self._due:
            self._mark(ended)
        ring = self._updates_ring
        with self._lock:
            ring.values[ring.written % self._samples] = seconds
            ring.written += 1
            self._updates += updates

    def query(self, ended: float, seconds: float) -> None:
        """Take down a query that took so long."""
        if ended > self._due:
            self._mark(ended)
        ring = self._queries_ring
        with self._lock:
            ring.values[ring.written % self._samples] = seconds
            ring.written += 1

    def bulk(self, ended: float, updates: int) -> None:
        """Take down a call of `names.BULK`, whose time says nothing of other calls."""
        if ended > self._due:
            self._mark(ended)
        with self._lock:
            self._bulk += 1
            self._updates += updates

    def applied(self, ended: float, updates: int) -> None:
        """Take down how many scores a call updated that was refused then, and is none."""
        if ended > self._due:
            self._mark(ended)
        with self._lock:
            self._updates += updates

    def error(self, kind: str, *, failure: bool) -> None:
        """Count an error; a failure belongs to a call that is taken down too."""
        with self._lock:
            self._errors[kind] += 1
            self._failures += failure

    # ------------------------------------------------------------------ what is asked

    def errors(self) -> Mapping[str, int]:
        """Return the errors by kind since the board was opened."""
        with self._lock:
            return dict(self._errors)

    def reading(self, now: float | None = None, window: float | None = None) -> Reading:
        """Return what happened in the window that ends now; a longer one than the recorder's is cut to that."""
        at = (self.clock() if now is None else now) - self._opened
        start = max(0, floor((at - min(window or self._window, self._window)) / self._step))
        with self._lock:
            totals, before = self._totals(start), self._before(start)
            timed_updates = totals.timed_updates - before.timed_updates
            timed_queries = totals.timed_queries - before.timed_queries
            return Reading(
                at - start * self._step,
                calls=totals.calls - before.calls,
                updates=totals.updates - before.updates,
                failures=totals.failures - before.failures,
                timed_updates=timed_updates,
                timed_queries=timed_queries,
                update_times=self._updates_ring.last(timed_updates),
                query_times=self._queries_ring.last(timed_queries),
            )

    def _totals(self, step: int) -> Totals:
        updates, queries = self._updates_ring.written, self._queries_ring.written
        return Totals(step, updates, queries, updates + queries + self._bulk, self._updates, self._failures)

    def _before(self, step: int) -> Totals:
        """Return the totals at the end of a step: its mark, or those of the next one, as nothing came in between."""
        after = self._totals(step)
        for mark in reversed(self._marks):
            if mark.step < step:
                break
            after = mark
        return after

    def _mark(self, ended: float) -> None:
        """Keep the totals up to the step before that of a call, unless another thread just has."""
        with self._lock:
            if ended <= self._due:
                return
            step = ceil((ended - self._opened) / self._step) - 1
            self._marks.append(self._totals(step))
            self._due = self._opened + (step + 1) * self._step
        self._on_mark()
