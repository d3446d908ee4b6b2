from __future__ import annotations

import random

import pytest

from leaderboard_backends.comparison import figures as samples
from leaderboard_backends.comparison.figures import BUCKET

from .timings import buckets


def test_a_slow_path_of_two_percent_shows_in_p99_and_in_the_average() -> None:
    found = samples.distribution([1_000] * 980 + [50_000] * 20)
    assert (found.p50_us, found.p95_us, found.p99_us, found.p999_us, found.maximum_us) == (1.0, 1.0, 50.0, None, 50.0)
    assert found.mean_us == pytest.approx(1.98)


def test_few_samples_have_an_average_but_no_p99() -> None:
    found = samples.distribution([2_000, 1_000, 3_000])
    assert (found.samples, found.mean_us, found.p50_us, found.p95_us, found.p99_us) == (3, 2.0, 2.0, None, None)


def test_a_histogram_keeps_every_sample_in_a_bucket_that_holds_it() -> None:
    rng = random.Random(2)
    taken = [0, 1, 999, 1000, 10**9, *(round(rng.lognormvariate(9, 2)) for _ in range(500))]
    found = samples.histogram(taken)
    assert sum(found.counts) == len(taken)
    assert found.counts[0]
    assert found.counts[-1]
    known = list(buckets(found))
    for low, high, count in known:
        slack = 1 + 1e-9
        inside = [one for one in taken if low / slack <= max(1, one) / 1000 < high * slack]
        assert len(inside) >= count
    assert known[0][1] == pytest.approx(known[0][0] * BUCKET)
