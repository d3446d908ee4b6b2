"""Figures are those of the nearest measured size at or above; beyond the largest they are extrapolated, and say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from leaderboard_backends.comparison.advice.candidates import Basis
from leaderboard_backends.comparison.advice.performance import (
    Concurrency,
    Response,
    Times,
    concurrency,
    problem,
    response,
    times,
)
from leaderboard_backends.comparison.figures import Distribution
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.schema import BackendFacts, Run, Verdict
from leaderboard_backends.errors import ConfigurationError

from . import results
from .results import distribution, ended, facts, result, run, service, throughput, without_p99


def sized(by_size: dict[int, float]) -> list[Run]:
    return [run for players, time in by_size.items() for run in service("mine", {"update": time}, players)]


def measurements(runs: list[Run], *backends: BackendFacts) -> Measurements:
    return Measurements(result(backends or [facts("mine")], runs))


def taken(runs: list[Run], players: int) -> Times:
    found = times(measurements(runs), "mine", players)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("players", "measured"), [(1, 1_000), (1_000, 1_000), (1_001, 10_000), (9_999, 10_000), (10_000, 10_000)]
)
def test_the_nearest_size_at_or_above_stands_for_a_size(players: int, measured: int) -> None:
    found = taken(sized({1_000: 10.0, 10_000: 20.0}), players)
    assert found.at.cell.players == measured
    assert found.update.mean_us == pytest.approx({1_000: 10.0, 10_000: 20.0}[measured])
    assert not found.beyond
    assert found.source == f"service times of realtime, {measured:,} players, 5 processes"


def test_beyond_the_largest_size_times_grow_as_they_did_before() -> None:
    """Ten times the players took twice as long: a hundred times take four times as long."""
    found = taken(sized({100: 1.0, 1_000: 10.0, 10_000: 20.0}), 1_000_000)
    assert found.beyond
    assert found.update.mean_us == pytest.approx(80)
    assert found.update.p99_us == pytest.approx(160)
    assert "the largest measured size, extrapolated by 4.00x" in found.source


@pytest.mark.parametrize("by_size", [{10_000: 20.0}, {1_000: 30.0, 10_000: 20.0}])
def test_times_never_fall_and_with_one_size_they_stay(by_size: dict[int, float]) -> None:
    found = taken(sized(by_size), 1_000_000)
    assert found.beyond
    assert found.update.mean_us == pytest.approx(20)


def test_reads_are_what_changes_nothing_and_the_slowest_by_p99_stands_out() -> None:
    times_us: dict[str, float | Distribution] = {"update": 9.0, "increment": 9.0, "rank": 2.0, "around": 6.0}
    times_us["top_100"] = distribution(4.0, 50.0)
    found = taken(service("mine", times_us), 1_000)
    assert [read.operation for read in found.reads] == ["rank", "around", "top_100"]
    assert found.read_us == pytest.approx(4)
    assert found.slowest_read is not None
    assert found.slowest_read.operation == "top_100"


def test_reads_weigh_as_much_as_the_workload_has_of_them() -> None:
    made = result([facts("mine")], service("mine", {"update": 9.0, "rank": 2.0, "top_100": 12.0}))
    traced = replace(made, traces=[replace(made.traces[0], steps={"update": 10, "rank": 3, "top_100": 1})])
    found = times(Measurements(traced), "mine", 1_000)
    assert found is not None
    assert found.read_us == pytest.approx(4.5)


def test_a_p99_that_is_not_known_is_the_slowest_there_can_be() -> None:
    found = taken(service("mine", {"update": 9.0, "rank": 99.0, "top_100": without_p99(1.0)}), 1_000)
    assert found.slowest_read is not None
    assert (found.slowest_read.operation, found.slowest_read.p99_us) == ("top_100", None)


def test_without_reads_there_is_no_slowest_one() -> None:
    found = taken(sized({1_000: 1.0}), 1_000)
    assert (found.slowest_read, found.read_us) == (None, 0.0)


def test_a_result_without_updates_gives_no_advice() -> None:
    with pytest.raises(ConfigurationError, match="--plan full"):
        Basis(measurements(results.response("mine", {500: 1.0})))
    with pytest.raises(ConfigurationError, match="no service times of updates"):
        Basis(measurements(service("mine", {"rank": 1.0})))


def test_the_workload_with_the_most_sizes_stands_for_all() -> None:
    runs = [*service("mine", {"update": 1.0}, workload="lobby"), *sized({1_000: 10.0, 10_000: 20.0})]
    assert measurements(runs).workload == "realtime"


# ---------------------------------------------------------------------- why there are no figures


def test_what_could_not_be_run_at_the_size_says_what_came_of_it() -> None:
    runs = [*sized({1_000: 1.0}), *ended("mine", "timed out", "longer than 60 s", 10_000)]
    found = measurements(runs)
    assert problem(found, "mine", 1_000) == ""
    assert problem(found, "mine", 1_001) == "timed out at 10,000 players: longer than 60 s"
    assert problem(found, "mine", 10**7) == "timed out at 10,000 players: longer than 60 s"
    assert problem(found, "other", 1_000) == "was not measured"


def test_a_wrong_answer_anywhere_rules_a_backend_out() -> None:
    (wrong, *_) = ended("mine", "wrong", "rank 3 for 2")
    elsewhere = replace(wrong, cell=replace(wrong.cell, workload="lobby"))
    assert problem(measurements([*sized({1_000: 1.0}), elsewhere]), "mine", 1_000) == "gave wrong answers: rank 3 for 2"


def test_a_backend_that_does_not_conform_has_no_figures() -> None:
    broken = replace(facts("mine"), verdict=Verdict("DOES NOT CONFORM", "all", 90, 3, "1", 1.0))
    assert "3 tests failed" in problem(measurements(sized({1_000: 1.0}), broken), "mine", 1_000)


def test_runs_that_failed_beside_others_leave_the_figures_of_those() -> None:
    (failed, *_) = ended("mine", "failed")
    good = [run(one.cell, one.round, one.figures) for one in sized({1_000: 1.0})[1:] if one.figures]
    assert problem(measurements([failed, *good]), "mine", 1_000) == ""


# ---------------------------------------------------------------------- under load


def measured(*runs: list[Run]) -> Measurements:
    every = [run for several in (service("mine", {"update": 1.0}), *runs) for run in several]
    return Measurements(result([facts("mine", "server", shared=True)], every))


def gain(found: Measurements, clients: int) -> Concurrency:
    return concurrency(found, "mine", clients, 1_000)


@pytest.mark.parametrize(("clients", "times"), [(1, 1.0), (2, 1.5), (4, 2.0), (8, 1.8)])
def test_so_many_do_what_was_measured_of_so_many(clients: int, times: float) -> None:
    """Eight processes did less than four: that four did more does not help eight."""
    found = gain(measured(throughput("mine", {1: 1_000, 2: 1_500, 4: 2_000, 8: 1_800})), clients)
    assert found.times == pytest.approx(times)
    assert found.caution == ""


def test_one_process_does_what_one_client_does() -> None:
    assert gain(measured(throughput("mine", {1: 1_000, 2: 1_500})), 1).source == (
        "one process, as one client was measured"
    )


@pytest.mark.parametrize(("clients", "times"), [(3, 1.75), (5, 1.8), (7, 1.8)])
def test_between_two_numbers_it_is_on_the_line_and_no_more_than_with_the_larger(clients: int, times: float) -> None:
    found = gain(measured(throughput("mine", {1: 1_000, 2: 1_500, 4: 2_000, 8: 1_800})), clients)
    assert found.times == pytest.approx(times)
    assert f"for {clients}, {times:.2f}x is extrapolated" in found.source


def test_beyond_the_most_it_falls_as_it_fell_and_never_rises() -> None:
    falling = gain(measured(throughput("mine", {1: 1_000, 4: 800, 8: 400})), 16)
    rising = gain(measured(throughput("mine", {1: 1_000, 4: 2_000, 8: 3_000})), 16)
    assert falling.times == pytest.approx(0.2)
    assert rising.times == pytest.approx(3)
    assert falling.caution == "measured with up to 8 processes at once; extrapolated to 16"
    assert "8 client processes reached 0.40x the rate of one; for 16, 0.20x is extrapolated" in falling.source


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=5), st.integers(2, 40))
def test_it_is_never_more_than_with_the_next_larger_measured_number(rates: list[int], clients: int) -> None:
    numbers = [1, 2, 4, 8, 16][: len(rates)]
    found = gain(measured(throughput("mine", dict(zip(numbers, rates, strict=True)))), clients).times
    larger = next((place for place, number in enumerate(numbers) if number >= clients), len(numbers) - 1)
    assert found <= min(numbers[larger], rates[larger] / rates[0]) * (1 + 1e-9)


def test_where_no_several_were_measured_they_are_taken_as_one() -> None:
    for found in (gain(measured(), 3), gain(measured(throughput("mine", {1: 1_000})), 3)):
        assert found.times == 1
        assert "not measured" in found.caution


def test_processes_that_hinder_each_other_carry_less_than_one() -> None:
    assert gain(measured(throughput("mine", {1: 1_000, 2: 800})), 2).times == pytest.approx(0.8)
    assert gain(measured(throughput("mine", {2: 800})), 2).times == 1


def late(found: Response | None, limit: float) -> str:
    assert found is not None
    return found.late(limit)


def test_the_rate_of_one_client_is_the_nearest_at_or_above() -> None:
    found = measured(results.response("mine", {500: 40.0, 2_000: 90.0, 5_000: None}))
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
    found = response(measured(results.response("mine", {500: 40.0, 2_000: 90.0})), "mine", 3_000, 1_000)
    assert late(found, 80.0) == "p99 under load is already 90.0 µs at 2,000/s of one client"
    assert late(found, 90.0) == ""


def test_one_client_stands_for_several_with_the_whole_rate() -> None:
    """A storage that is shared gets all of it, however many processes it comes from."""
    found = measured(results.response("mine", {500: 40.0, 2_000: 90.0}), throughput("mine", {1: 1_000, 8: 2_000}))
    several = response(found, "mine", 1_000, 1_000, gain(found, 8))
    assert several is not None
    assert (several.rate, several.p99_us) == (1_000, 90.0)
    assert "one client with the whole load has a p99 of 90.0 µs; several at once" in late(several, 80.0)


def test_where_several_do_less_than_one_the_rate_counts_for_more() -> None:
    """Half of what one does: 400 per second keep it as busy as 800 of one client."""
    found = measured(results.response("mine", {500: 40.0, 2_000: 90.0}), throughput("mine", {1: 1_000, 2: 500}))
    several = response(found, "mine", 400, 1_000, gain(found, 2))
    assert several is not None
    assert (several.rate, several.above) == (800, 2_000)
    assert several.source.endswith("; 400/s of several clients keep it as busy as 800/s of one")


def test_no_number_of_clients_does_more_than_so_many_times_one() -> None:
    """Whatever slowed the one down did not slow the others."""
    assert gain(measured(throughput("mine", {1: 10, 2: 5_000})), 2).times == pytest.approx(2)


def test_without_response_runs_nothing_is_known_of_it() -> None:
    assert response(measured(), "mine", 10, 1_000) is None


def test_the_response_of_as_many_processes_goes_before_that_of_one_client() -> None:
    """Beyond the rates that they climbed, one client at the whole rate stands for all, as where none were measured."""
    together: dict[float, float | None] = {1_000: 70.0, 2_000: 300.0, 4_000: None}
    found = measured(results.response("mine", {500: 40.0, 2_000: 90.0, 5_000: 100.0}, processes=together))
    four = [response(found, "mine", rate, 1_000, processes=4) for rate in (900, 2_000, 3_000, 5_000)]
    assert [one.p99_us for one in four if one] == [70.0, 300.0, None, 100.0]
    assert [one.clients for one in four if one] == ["4 processes", "4 processes", "4 processes", "one client"]
    assert "did not keep up with 4,000/s of 4 processes" in four[2].problem  # type: ignore[union-attr]  # fails if none
    alone = response(found, "mine", 900, 1_000)
    assert alone is not None
    assert (alone.p99_us, alone.clients) == (90.0, "one client")
