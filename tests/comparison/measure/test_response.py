"""Times at a rate count from the intended start, so that whoever waits for a stall has waited."""

from __future__ import annotations

from time import perf_counter_ns

import pytest

from leaderboard_backends.comparison.measure.response import Arrival, at_rate


def _busy(nanoseconds: int) -> None:
    end = perf_counter_ns() + nanoseconds
    while perf_counter_ns() < end:
        pass


def test_a_stall_is_seen_by_all_that_it_keeps_waiting() -> None:
    arrivals: list[Arrival] = [(_busy, (50_000_000 if number == 10 else 1_000,), 1.0) for number in range(200)]
    figures, done = at_rate(arrivals, 1000, give_up=1)
    assert done == 200
    assert figures.response is not None
    waited = sum(count for low, _, count in figures.response.histogram.buckets() if low > 10_000)
    assert waited >= 30  # the stall lasted for 50 arrivals, and was over 10 ms long still for 40 of them
    assert figures.response.maximum_us >= 50_000


def test_a_backend_that_cannot_keep_up_has_the_rate_that_it_reached_and_no_percentiles() -> None:
    arrivals: list[Arrival] = [(_busy, (2_000_000,), 1.0)] * 400
    figures, done = at_rate(arrivals, 1000, give_up=0.1)
    assert figures.response is None
    assert done < 400
    assert figures.achieved == pytest.approx(500, rel=0.25)


def test_the_rate_is_the_one_asked_for_whatever_the_gaps_come_to() -> None:
    arrivals: list[Arrival] = [(_busy, (1_000,), gap) for gap in (0.1, 3.0, 0.5, 0.2) * 50]
    started = perf_counter_ns()
    figures, _ = at_rate(arrivals, 2000, give_up=1)
    assert (perf_counter_ns() - started) / 1e9 >= 0.099
    assert figures.achieved == pytest.approx(2000, rel=0.1)


def test_what_a_call_raises_is_raised() -> None:
    def fails() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        at_rate([(fails, (), 1.0)], 1000, give_up=1)


def test_nothing_to_run_is_no_rate_kept_up_with() -> None:
    figures, done = at_rate([], 1000, give_up=1)
    assert (figures.response, done) == (None, 0)
