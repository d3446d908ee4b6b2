"""Times at a rate count from the intended start, so that whoever waits for a stall has waited.

The clock is made up: what is asked here is arithmetic, which a busy machine must not answer.
"""

from __future__ import annotations

import pytest

from leaderboard_backends.comparison.measure import response
from leaderboard_backends.comparison.measure.response import Arrival, at_rate

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
    monkeypatch.setattr(response, "perf_counter_ns", clock.look)
    monkeypatch.setattr(response, "sleep", clock.sleep)
    return clock


def test_a_stall_is_seen_by_all_that_it_keeps_waiting(clock: Clock) -> None:
    arrivals: list[Arrival] = [(clock.work, (50 * MS if number == 10 else 1_000,), 1.0) for number in range(200)]
    figures, done = at_rate(arrivals, 1000, give_up=1)
    assert done == 200
    assert figures.response is not None
    waited = sum(count for low, _, count in figures.response.histogram.buckets() if low > 10_000)
    assert 39 <= waited <= 41  # the stall lasted for 50 arrivals, and was over 10 ms long still for 40 of them
    assert 50_000 <= figures.response.maximum_us < 50_100


def test_a_backend_that_cannot_keep_up_has_the_rate_that_it_reached_and_no_percentiles(clock: Clock) -> None:
    arrivals: list[Arrival] = [(clock.work, (2 * MS,), 1.0)] * 400
    figures, done = at_rate(arrivals, 1000, give_up=0.1)
    assert figures.response is None
    assert 95 < done < 105  # each puts it one more millisecond behind
    assert figures.achieved == pytest.approx(500, rel=0.02)


def test_the_rate_is_the_one_asked_for_whatever_the_gaps_come_to(clock: Clock) -> None:
    arrivals: list[Arrival] = [(clock.work, (1_000,), gap) for gap in (0.1, 3.0, 0.5, 0.2) * 50]
    figures, _ = at_rate(arrivals, 2000, give_up=1)
    assert clock.now == pytest.approx(100 * MS, rel=0.001)
    assert figures.achieved == pytest.approx(2000, rel=0.001)


def test_what_a_call_raises_is_raised() -> None:
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        at_rate([(fails, (), 1.0)], 1000, give_up=1)


def test_nothing_to_run_is_no_rate_kept_up_with() -> None:
    figures, done = at_rate([], 1000, give_up=1)
    assert (figures.response, done) == (None, 0)
