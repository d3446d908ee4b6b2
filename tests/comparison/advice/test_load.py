"""What several app processes carry together, and how late answers come under load, is what was measured of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.advice.load import Response, Together, response, together
from leaderboard_backends.comparison.advice.records import Records
from leaderboard_backends.comparison.schema import Run

from . import results
from .results import facts, result, service, throughput


def records(*runs: list[Run]) -> Records:
    every = [run for several in (service("mine", {"update": 1.0}), *runs) for run in several]
    return Records(result([facts("mine", "server", shared=True)], every))


def gain(found: Records, clients: int) -> Together:
    return together(found, "mine", clients, 1_000)


@pytest.mark.parametrize(("clients", "times"), [(1, 1.0), (2, 1.5), (4, 2.0), (8, 1.8)])
def test_so_many_do_what_was_measured_of_so_many(clients: int, times: float) -> None:
    """Eight processes did less than four: that four did more does not help eight."""
    found = gain(records(throughput("mine", {1: 1_000, 2: 1_500, 4: 2_000, 8: 1_800})), clients)
    assert found.times == pytest.approx(times)
    assert found.caution == ""


def test_one_process_does_what_one_client_does() -> None:
    assert gain(records(throughput("mine", {1: 1_000, 2: 1_500})), 1).source == (
        "one process, as one client was measured"
    )


@pytest.mark.parametrize(("clients", "times"), [(3, 1.75), (5, 1.8), (7, 1.8)])
def test_between_two_numbers_it_is_on_the_line_and_no_more_than_with_the_larger(clients: int, times: float) -> None:
    found = gain(records(throughput("mine", {1: 1_000, 2: 1_500, 4: 2_000, 8: 1_800})), clients)
    assert found.times == pytest.approx(times)
    assert f"for {clients}, {times:.2f}x is extrapolated" in found.source


def test_beyond_the_most_it_falls_as_it_fell_and_never_rises() -> None:
    falling = gain(records(throughput("mine", {1: 1_000, 4: 800, 8: 400})), 16)
    rising = gain(records(throughput("mine", {1: 1_000, 4: 2_000, 8: 3_000})), 16)
    assert falling.times == pytest.approx(0.2)
    assert rising.times == pytest.approx(3)
    assert falling.caution == "measured with up to 8 processes at once; extrapolated to 16"
    assert "8 client processes reached 0.40x the rate of one; for 16, 0.20x is extrapolated" in falling.source


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=5), st.integers(2, 40))
def test_it_is_never_more_than_with_the_next_larger_measured_number(rates: list[int], clients: int) -> None:
    numbers = [1, 2, 4, 8, 16][: len(rates)]
    found = gain(records(throughput("mine", dict(zip(numbers, rates, strict=True)))), clients).times
    larger = next((place for place, number in enumerate(numbers) if number >= clients), len(numbers) - 1)
    assert found <= min(numbers[larger], rates[larger] / rates[0]) * (1 + 1e-9)


def test_where_no_several_were_measured_they_are_taken_as_one() -> None:
    for found in (gain(records(), 3), gain(records(throughput("mine", {1: 1_000})), 3)):
        assert found.times == 1
        assert "not measured" in found.caution


def test_processes_that_hinder_each_other_carry_less_than_one() -> None:
    assert gain(records(throughput("mine", {1: 1_000, 2: 800})), 2).times == pytest.approx(0.8)
    assert gain(records(throughput("mine", {2: 800})), 2).times == 1


def late(found: Response | None, limit: float) -> str:
    assert found is not None
    return found.late(limit)


def test_the_rate_of_one_client_is_the_nearest_at_or_above() -> None:
    found = records(results.response("mine", {500: 40.0, 2_000: 90.0, 5_000: None}))
    exact, above, lost, beyond = (response(found, "mine", rate, 1_000) for rate in (500, 501, 2_001, 5_001))
    assert exact is not None
    assert exact.p99_us == 40.0
    assert above is not None
    assert above.p99_us == 90.0
    assert exact.source == "response at 500/s of one client, realtime, 1,000 players, 5 processes"
    assert late(above, 89.0) == f"p99 under load is 90.0 µs ({above.source})"
    assert late(above, 90.0) == ""
    assert lost is not None
    assert "did not keep up with 5,000/s" in lost.problem
    assert beyond is not None
    assert beyond.problem == "p99 under load is not known at 5,001/s; measured up to 5,000/s"


def test_where_nothing_is_known_at_a_rate_a_lower_one_that_is_late_is_enough() -> None:
    found = response(records(results.response("mine", {500: 40.0, 2_000: 90.0})), "mine", 3_000, 1_000)
    assert late(found, 80.0) == "p99 under load is already 90.0 µs at 2,000/s of one client"
    assert late(found, 90.0) == ""


def test_one_client_stands_for_several_with_the_whole_rate() -> None:
    """A storage that is shared gets all of it, however many processes it comes from."""
    found = records(results.response("mine", {500: 40.0, 2_000: 90.0}), throughput("mine", {1: 1_000, 8: 2_000}))
    several = response(found, "mine", 1_000, 1_000, gain(found, 8))
    assert several is not None
    assert (several.rate, several.p99_us) == (1_000, 90.0)
    assert "one client with the whole load has a p99 of 90.0 µs; several at once" in late(several, 80.0)


def test_where_several_do_less_than_one_the_rate_counts_for_more() -> None:
    """Half of what one does: 400 per second keep it as busy as 800 of one client."""
    found = records(results.response("mine", {500: 40.0, 2_000: 90.0}), throughput("mine", {1: 1_000, 2: 500}))
    several = response(found, "mine", 400, 1_000, gain(found, 2))
    assert several is not None
    assert (several.asked, several.rate, several.above) == (400, 800, 2_000)
    assert several.source.endswith("; 400/s of several clients keep it as busy as 800/s of one")


def test_no_number_of_clients_does_more_than_so_many_times_one() -> None:
    """Whatever slowed the one down did not slow the others."""
    assert gain(records(throughput("mine", {1: 10, 2: 5_000})), 2).times == pytest.approx(2)


def test_without_response_runs_nothing_is_known_of_it() -> None:
    assert response(records(), "mine", 10, 1_000) is None
