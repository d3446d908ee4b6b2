"""Samples in nanoseconds, and their summary: exact percentiles, and a histogram of all of them."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import ceil, log
from time import perf_counter_ns
from typing import Final

from .schema import BUCKET, Distribution, Histogram

P50: Final = Fraction(50, 100)
P95: Final = Fraction(95, 100)
P99: Final = Fraction(99, 100)
P999: Final = Fraction(999, 1000)

LEAST_BEYOND: Final = {P50: 1, P95: 1, P99: 1, P999: 10}
"""How many samples must lie beyond a percentile for it to be reported: a p99.9 of ten samples is no p99.9."""

_CLOCK_SAMPLES: Final = 2001
_STEP: Final = log(BUCKET)


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


def distribution(samples: Sequence[int]) -> Distribution:
    """Return the summary of samples in nanoseconds; there must be at least one. O(n log n)."""
    ordered = sorted(samples)

    def told(part: Fraction) -> float | None:
        found = percentile(ordered, part)
        return None if found is None else microseconds(found)

    return Distribution(
        samples=len(ordered),
        mean_us=microseconds(sum(ordered) / len(ordered)),
        p50_us=told(P50),
        p95_us=told(P95),
        p99_us=told(P99),
        p999_us=told(P999),
        maximum_us=microseconds(ordered[-1]),
        histogram=histogram(ordered),
    )


def histogram(samples: Sequence[int]) -> Histogram:
    """Return how many samples lie in each logarithmic bucket; a sample of 0 ns counts as 1 ns."""
    counted = Counter(int(log(max(1, sample)) / _STEP) for sample in samples)
    first, last = min(counted), max(counted)
    return Histogram(first, [counted[place] for place in range(first, last + 1)])


def clock_cost_us() -> float:
    """Return the median time between two readings of the clock, in microseconds."""
    gaps = preallocated(_CLOCK_SAMPLES)
    for index in range(_CLOCK_SAMPLES):
        started = perf_counter_ns()
        gaps[index] = perf_counter_ns() - started
    return microseconds(sorted(gaps)[_CLOCK_SAMPLES // 2])


def microseconds(nanoseconds: float) -> float:
    """Return nanoseconds as microseconds, to the nanosecond."""
    return round(nanoseconds / 1000, 3)
