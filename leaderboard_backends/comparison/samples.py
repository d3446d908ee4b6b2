"""The summary of samples in nanoseconds: exact percentiles, and a histogram of all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import log
from typing import Final

from ..timing import P50, P95, P99, P999, percentile
from .schema import BUCKET, Distribution, Histogram

_STEP: Final = log(BUCKET)


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


def microseconds(nanoseconds: float) -> float:
    """Return nanoseconds as microseconds, to the nanosecond."""
    return round(nanoseconds / 1000, 3)
