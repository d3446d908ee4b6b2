"""Times of calls: samples in nanoseconds, their percentiles, and calls that come at a rate whether or not one is ready.

A response time counts from the moment at which a call was meant to start, so that a stall is seen by every call that it
keeps waiting (G. Tene calls the mistake of not doing so "coordinated omission").
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from math import ceil
from time import perf_counter_ns, sleep
from typing import Any, Final, NamedTuple, TypeAlias

P50: Final = Fraction(50, 100)
P95: Final = Fraction(95, 100)
P99: Final = Fraction(99, 100)
P999: Final = Fraction(999, 1000)

LEAST_BEYOND: Final = {P50: 1, P95: 1, P99: 1, P999: 10}
"""How many samples must lie beyond a percentile for it to be reported: a p99.9 of ten samples is no p99.9."""

KEPT_UP: Final = 0.95
"""The part of the requested rate from which on the calls are said to keep up with it."""

SPIN_NS: Final = 200_000
"""Before an intended start, so long is waited by looking at the clock, as a sleep may end that much late."""

_CLOCK_SAMPLES: Final = 2001

Arrival: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...], float]
"""A call, its arguments, and the gap before it in seconds at one call per second."""


class Paced(NamedTuple):
    """What calls at a rate took."""

    samples: array[int]
    """From the intended start of each call to its end, in nanoseconds, in the order of the calls."""
    reached: float
    """Calls per second that were completed."""
    kept_up: bool
    """Whether all calls were made, and nearly at the rate; else the times only show how long the run was."""


def at_rate(arrivals: Sequence[Arrival], rate: float, give_up: float, spin_ns: int = SPIN_NS) -> Paced:
    """Make calls at a rate, or until they are `give_up` seconds behind it. Raises what the calls raise."""
    samples, due = preallocated(len(arrivals)), moments([gap for _, _, gap in arrivals], rate)
    behind, done = int(give_up * 1e9), 0
    started = ended = intended = perf_counter_ns()
    for (call, arguments, _), moment in zip(arrivals, due, strict=True):
        intended = started + moment
        _wait(intended, spin_ns)
        call(*arguments)
        ended = perf_counter_ns()
        samples[done] = ended - intended
        done += 1
        if ended - intended > behind:
            break
    return summary(samples[:done], len(arrivals), intended - started, ended - started)


def summary(samples: array[int], planned: int, asked: int, took: int) -> Paced:
    """Return what `planned` calls took, of which the last was due after `asked` nanoseconds, and ended after `took`."""
    kept_up = 0 < len(samples) == planned and asked >= KEPT_UP * took
    return Paced(samples, round(len(samples) * 1e9 / took, 1) if took else 0.0, kept_up)


def moments(gaps: Sequence[float], rate: float) -> list[int]:
    """Return when calls are due at a rate, in nanoseconds from the start; the gaps are stretched to 1 on average."""
    total = sum(gaps)
    each = 1e9 / rate * (len(gaps) / total if total else 1.0)
    return [int(moment * each) for moment in accumulate(gaps)]


def _wait(moment: int, spin_ns: int) -> None:
    """Return at a moment of the clock, or at once where it is over; the last nanoseconds by looking at the clock."""
    left = moment - perf_counter_ns()
    if left > 2 * spin_ns:
        sleep((left - spin_ns) / 1e9)
    while perf_counter_ns() < moment:
        pass


def preallocated(count: int) -> array[int]:
    """Return an array for that many samples, so that taking one allocates nothing."""
    return array("q", bytes(8 * count))


def percentile(ordered: Sequence[int], part: Fraction) -> int | None:
    """Return the nearest-rank percentile of sorted samples, `None` where too few lie beyond it.

    It is the smallest sample that at least this part of all samples do not exceed. O(1).
    """
    count = len(ordered)
    if count * (1 - part) < LEAST_BEYOND.get(part, 1):
        return None
    return ordered[ceil(part * count) - 1]


def clock_cost_us() -> float:
    """Return the median time between two readings of the clock, in microseconds."""
    gaps = preallocated(_CLOCK_SAMPLES)
    for index in range(_CLOCK_SAMPLES):
        started = perf_counter_ns()
        gaps[index] = perf_counter_ns() - started
    return round(sorted(gaps)[_CLOCK_SAMPLES // 2] / 1000, 3)
