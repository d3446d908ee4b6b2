"""The recorder's figures are those of a plain list of all calls."""

from __future__ import annotations

from math import ceil
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.hardening.observability.recorder import MARKS, Recorder, Totals, _Ring
from leaderboard_backends.hardening.observability.snapshot import latency_of, percentile_of
from leaderboard_backends.testing.crew import Crew

from .monitored import Clock

WINDOW = float(MARKS)  # a step is one second, and all sums of the test are exact
STEPS = st.lists(st.tuples(st.integers(1, 600), st.integers(0, 3), st.booleans()), max_size=120)


@given(STEPS, st.integers(0, 700))
def test_a_reading_has_exactly_the_calls_of_its_span(steps: list[tuple[int, int, bool]], wait: int) -> None:
    clock = Clock(0.0)
    recorder = Recorder(50, WINDOW, clock)
    calls: list[tuple[float, int, bool]] = []
    for quarters, updates, failed in steps:
        clock.advance(quarters / 4)
        recorder.update(clock.now, 1.0, updates)
        if failed:
            recorder.error("BackendUnavailableError", failure=True)
        calls.append((clock.now, updates, failed))
    clock.advance(wait / 4)
    reading = recorder.reading()
    assert reading.span < WINDOW + 1
    within = [call for call in calls if call[0] > clock.now - reading.span]
    assert reading.calls == len(within)
    assert reading.updates == sum(updates for _, updates, _ in within)
    assert reading.failures == sum(failed for *_, failed in within)
    assert len(reading.update_times) == min(len(within), 50)
    if clock.now >= WINDOW:
        assert reading.span >= WINDOW


@given(st.lists(st.floats(0, 10), max_size=40), st.integers(0, 40))
def test_a_ring_returns_the_last_numbers(numbers: list[float], count: int) -> None:
    ring = _Ring(7)
    for number in numbers:
        ring.values[ring.written % 7] = number
        ring.written += 1
    kept = min(count, 7)
    assert sorted(ring.last(count)) == sorted(numbers[-kept:] if kept else [])


@given(st.lists(st.floats(0, 10), min_size=1), st.sampled_from([50, 95, 99]))
def test_a_percentile_is_the_least_time_that_so_many_do_not_exceed(times: list[float], percent: int) -> None:
    found = percentile_of(sorted(times), percent)
    assert sum(time <= found for time in times) * 100 >= percent * len(times)
    assert sum(time < found for time in times) * 100 < percent * len(times)


def test_the_percentiles_of_a_hundred_times_are_its_members() -> None:
    latency = latency_of([float(number) for number in range(100, 0, -1)])
    assert (latency.samples, latency.average) == (100, 50.5)
    assert (latency.p50, latency.p95, latency.p99) == (50.0, 95.0, 99.0)
    assert percentile_of([1.0, 2.0, 3.0], 99) == [1.0, 2.0, 3.0][ceil(0.99 * 3) - 1]


def test_without_calls_there_are_no_percentiles() -> None:
    assert latency_of([]).p99 is None
    reading = Recorder().reading()
    assert (reading.error_rate, reading.updates_per_second) == (0.0, 0.0)


def test_a_rate_is_over_the_window_or_since_the_board_was_opened() -> None:
    clock = Clock()
    recorder = Recorder(window=300.0, clock=clock)
    clock.advance(10.0)
    recorder.bulk(clock.now, 500)
    assert recorder.reading().updates_per_second == 50.0
    clock.advance(290.0)
    assert recorder.reading().updates_per_second == pytest.approx(500 / 300)
    clock.advance(300.0)
    assert recorder.reading().updates_per_second == 0.0


def test_a_shorter_window_can_be_asked_for_and_a_longer_one_is_cut() -> None:
    clock = Clock()
    recorder = Recorder(window=300.0, clock=clock)
    for _ in range(600):
        clock.advance(1.0)
        recorder.query(clock.now, 0.001)
    assert recorder.reading(window=10.0).calls in (10, 11)
    assert recorder.reading(window=9999.0).span <= 301.0


def test_old_times_leave_the_percentiles_with_the_window() -> None:
    clock = Clock()
    recorder = Recorder(window=300.0, clock=clock)
    recorder.query(clock.now, 9.0)
    clock.advance(400.0)
    recorder.query(clock.now, 1.0)
    assert list(recorder.reading().query_times) == [1.0]


def test_many_threads_lose_no_call() -> None:
    recorder = Recorder(samples=1000)

    def work() -> None:
        for _ in range(2000):
            recorder.update(recorder.clock(), 0.5, 1)
            recorder.query(recorder.clock(), 0.25)

    threads = [Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reading = recorder.reading()
    assert (reading.calls, reading.updates) == (24_000, 12_000)
    assert set(reading.update_times) == {0.5}
    assert set(reading.query_times) == {0.25}
    assert len(reading.query_times) == 1000


def test_marks_call_out_about_once_a_step() -> None:
    clock = Clock()
    marks: list[float] = []
    recorder = Recorder(window=300.0, clock=clock, on_mark=lambda: marks.append(clock.now))
    for _ in range(100):
        clock.advance(0.1)
        recorder.query(clock.now, 0.001)
    assert 9 <= len(marks) <= 10


def test_a_call_amid_the_note_of_another_does_not_wait_for_its_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As that of a finalizer or a signal handler."""
    recorder = Recorder(50, WINDOW, Clock(0.0))
    totals, handled = recorder._totals, list[str]()

    def interrupted(step: int) -> Totals:
        if not handled:
            handled.append("query")
            recorder.query(5.0, 1.0)
        return totals(step)

    monkeypatch.setattr(recorder, "_totals", interrupted)
    assert Crew([lambda: recorder.query(5.0, 1.0)]).join(20) == [None]
    assert handled
    assert recorder.reading(5.0).timed_queries == 2
