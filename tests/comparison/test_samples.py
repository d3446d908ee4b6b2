from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest

from leaderboard_backends.comparison import samples
from leaderboard_backends.comparison.samples import P50, P95, P99, P999
from leaderboard_backends.comparison.schema import BUCKET


@pytest.mark.parametrize(
    ("count", "part", "expected"),
    [
        (100, P50, 50),
        (100, P95, 95),
        (100, P99, 99),
        (1000, P99, 990),
        (2, P50, 1),
        (3, P50, 2),
        (20, P95, 19),
        (101, P99, 100),
        (10_000, P999, 9990),
    ],
)
def test_a_percentile_is_the_sample_of_its_nearest_rank(count: int, part: Fraction, expected: int) -> None:
    assert samples.percentile(range(1, count + 1), part) == expected


@pytest.mark.parametrize(("count", "part"), [(0, P50), (1, P50), (19, P95), (99, P99), (9_999, P999)])
def test_too_few_samples_hold_no_percentile(count: int, part: Fraction) -> None:
    assert samples.percentile(range(count), part) is None


def test_a_percentile_is_the_smallest_sample_that_enough_do_not_exceed() -> None:
    rng = random.Random(1)
    for count in range(100, 400, 7):
        ordered = sorted(rng.randrange(50) for _ in range(count))
        for part in (P50, P95, P99):
            needed = math.ceil(part * count)
            expected = min(value for value in ordered if sum(other <= value for other in ordered) >= needed)
            assert samples.percentile(ordered, part) == expected


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
    buckets = list(found.buckets())
    for low, high, count in buckets:
        slack = 1 + 1e-9
        inside = [one for one in taken if low / slack <= max(1, one) / 1000 < high * slack]
        assert len(inside) >= count
    assert buckets[0][1] == pytest.approx(buckets[0][0] * BUCKET)
    assert found.middle_us(0) == pytest.approx(math.sqrt(buckets[0][0] * buckets[0][1]))


def test_the_clock_costs_less_than_what_it_times() -> None:
    assert 0 < samples.clock_cost_us() < 5
