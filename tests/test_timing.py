"""Times at a rate count from the intended start, so that whoever waits for a stall has waited.

The clock is made up: what is asked here is arithmetic, which a busy machine must not answer.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest

from leaderboard_backends import timing
from leaderboard_backends.timing import P50, P95, P99, P999, Arrival, at_rate

MS = 1_000_000
LOOK = 100
"""Nanoseconds that a look at the clock takes."""


class Clock:
    """Time that passes by being looked at, by sleeping, and by work."""

    def __init__(self) -> None:
        self.now = 0

    def look(self) -> int:
        self.now += LOOK
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)

    def work(self, nanoseconds: int) -> None:
        self.now += nanoseconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(timing, "perf_counter_ns", clock.look)
    monkeypatch.setattr(timing, "sleep", clock.sleep)
    return clock


def test_a_stall_is_seen_by_all_that_it_keeps_waiting(clock: Clock) -> None:
    arrivals: list[Arrival] = [(clock.work, (50 * MS if number == 10 else 1_000,), 1.0) for number in range(200)]
    paced = at_rate(arrivals, 1000, give_up=1)
    assert len(paced.samples) == 200
    assert paced.kept_up
    waited = sum(time > 10 * MS for time in paced.samples)
    assert 39 <= waited <= 41  # the stall lasted for 50 arrivals, and was over 10 ms long still for 40 of them
    assert 50 * MS <= max(paced.samples) < 50.1 * MS


def test_who_cannot_keep_up_has_the_rate_that_was_reached(clock: Clock) -> None:
    arrivals: list[Arrival] = [(clock.work, (2 * MS,), 1.0)] * 400
    paced = at_rate(arrivals, 1000, give_up=0.1)
    assert not paced.kept_up
    assert 95 < len(paced.samples) < 105  # each puts it one more millisecond behind
    assert paced.reached == pytest.approx(500, rel=0.02)


def test_the_rate_is_the_one_asked_for_whatever_the_gaps_come_to(clock: Clock) -> None:
    arrivals: list[Arrival] = [(clock.work, (1_000,), gap) for gap in (0.1, 3.0, 0.5, 0.2) * 50]
    paced = at_rate(arrivals, 2000, give_up=1)
    assert clock.now == pytest.approx(100 * MS, rel=0.001)
    assert paced.reached == pytest.approx(2000, rel=0.001)


def test_what_a_call_raises_is_raised() -> None:
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        at_rate([(fails, (), 1.0)], 1000, give_up=1)


def test_nothing_to_run_is_no_rate_kept_up_with() -> None:
    paced = at_rate([], 1000, give_up=1)
    assert (paced.kept_up, len(paced.samples)) == (False, 0)


# ---------------------------------------------------------------------- samples


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
    assert timing.percentile(range(1, count + 1), part) == expected


@pytest.mark.parametrize(("count", "part"), [(0, P50), (1, P50), (19, P95), (99, P99), (9_999, P999)])
def test_too_few_samples_hold_no_percentile(count: int, part: Fraction) -> None:
    assert timing.percentile(range(count), part) is None


def test_a_percentile_is_the_smallest_sample_that_enough_do_not_exceed() -> None:
    rng = random.Random(1)
    for count in range(100, 400, 7):
        ordered = sorted(rng.randrange(50) for _ in range(count))
        for part in (P50, P95, P99):
            needed = math.ceil(part * count)
            expected = min(value for value in ordered if sum(other <= value for other in ordered) >= needed)
            assert timing.percentile(ordered, part) == expected


def test_the_clock_costs_less_than_what_it_times() -> None:
    assert 0 < timing.clock_cost_us() < 5
