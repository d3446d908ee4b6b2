"""Figures are those of the nearest measured size at or above; beyond the largest they are extrapolated, and say so."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.advice.records import Records
from leaderboard_backends.comparison.advice.times import Times, times
from leaderboard_backends.comparison.schema import BackendFacts, Distribution, Run, Verdict
from leaderboard_backends.errors import ConfigurationError

from ..advice.results import distribution, ended, facts, response, result, run, service, without_p99


def sized(by_size: dict[int, float]) -> list[Run]:
    return [run for players, time in by_size.items() for run in service("mine", {"update": time}, players)]


def records(runs: list[Run], *backends: BackendFacts) -> Records:
    return Records(result(backends or [facts("mine")], runs))


def taken(runs: list[Run], players: int) -> Times:
    found = times(records(runs), "mine", players)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("players", "measured"), [(1, 1_000), (1_000, 1_000), (1_001, 10_000), (9_999, 10_000), (10_000, 10_000)]
)
def test_the_nearest_size_at_or_above_stands_for_a_size(players: int, measured: int) -> None:
    found = taken(sized({1_000: 10.0, 10_000: 20.0}), players)
    assert found.where.players == measured
    assert found.update.mean_us == pytest.approx({1_000: 10.0, 10_000: 20.0}[measured])
    assert (found.growth, found.beyond) == (1.0, False)
    assert found.source == f"service times of realtime, {measured:,} players, 5 processes"


def test_beyond_the_largest_size_times_grow_as_they_did_before() -> None:
    """Ten times the players took twice as long: a hundred times take four times as long."""
    found = taken(sized({100: 1.0, 1_000: 10.0, 10_000: 20.0}), 1_000_000)
    assert found.beyond
    assert found.growth == pytest.approx(4)
    assert found.update.mean_us == pytest.approx(80)
    assert found.update.p99_us == pytest.approx(160)
    assert "the largest measured size, extrapolated by 4.00x" in found.source


@pytest.mark.parametrize("by_size", [{10_000: 20.0}, {1_000: 30.0, 10_000: 20.0}])
def test_times_never_fall_and_with_one_size_they_stay(by_size: dict[int, float]) -> None:
    found = taken(sized(by_size), 1_000_000)
    assert (found.growth, found.beyond) == (1.0, True)
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
    found = times(Records(traced), "mine", 1_000)
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
        records(response("mine", {500: 1.0}))
    with pytest.raises(ConfigurationError, match="no service times of updates"):
        records(service("mine", {"rank": 1.0}))


def test_the_workload_with_the_most_sizes_stands_for_all() -> None:
    runs = [*service("mine", {"update": 1.0}, workload="lobby"), *sized({1_000: 10.0, 10_000: 20.0})]
    assert records(runs).workload == "realtime"


# ---------------------------------------------------------------------- why there are no figures


def test_what_could_not_be_run_at_the_size_says_what_came_of_it() -> None:
    runs = [*sized({1_000: 1.0}), *ended("mine", "timed out", "longer than 60 s", 10_000)]
    found = records(runs)
    assert found.problem("mine", 1_000) == ""
    assert found.problem("mine", 1_001) == "timed out at 10,000 players: longer than 60 s"
    assert found.problem("mine", 10**7) == "timed out at 10,000 players: longer than 60 s"
    assert found.problem("other", 1_000) == "was not measured"


def test_a_wrong_answer_anywhere_rules_a_backend_out() -> None:
    (wrong, *_) = ended("mine", "wrong", "rank 3 for 2")
    elsewhere = replace(wrong, cell=replace(wrong.cell, workload="lobby"))
    assert records([*sized({1_000: 1.0}), elsewhere]).problem("mine", 1_000) == "gave wrong answers: rank 3 for 2"


def test_a_backend_that_does_not_conform_has_no_figures() -> None:
    broken = replace(facts("mine"), verdict=Verdict("DOES NOT CONFORM", "all", 90, 3, "1", 1.0))
    assert "3 tests failed" in records(sized({1_000: 1.0}), broken).problem("mine", 1_000)


def test_runs_that_failed_beside_others_leave_the_figures_of_those() -> None:
    (failed, *_) = ended("mine", "failed")
    good = [run(one.cell, one.round, one.figures) for one in sized({1_000: 1.0})[1:] if one.figures]
    assert records([failed, *good]).problem("mine", 1_000) == ""
