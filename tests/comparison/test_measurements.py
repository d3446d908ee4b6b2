"""Each figure of a run has one name and its values by round; what was not measured is not there."""

from __future__ import annotations

from math import inf
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.figures import (
    BatchFigures,
    ClientsFigures,
    DiskFigures,
    Figures,
    HardeningFigures,
    MemoryFigures,
    PartTime,
    ProgramFigures,
    RecoveryFigures,
    ThroughputFigures,
)
from leaderboard_backends.comparison.measurements import Measurements, NoiseClass, Place
from leaderboard_backends.comparison.named_figures import UNITS, Judged
from leaderboard_backends.comparison.schema import Cell, Run

from .timings import CHECKED, distribution, ended, facts, rank_times, repeated, response, result, service, timed

HERE = Cell("service", "realtime", 1000, "memory")


def judged(figures: Figures) -> dict[tuple[str, str], float]:
    """Return what can be compared, by the title of its part and by statistic."""
    return {(name.title, name.statistic): value for name, value in figures.named().items() if name.judged}


def test_a_service_run_is_read_by_operation_load_and_bytes_a_player() -> None:
    grown = MemoryFigures(5000, 200_000, server_private_bytes=None, disk_bytes=50_000)
    figures = service({"rank": timed(4.0, 9.0), "top": timed(2.0, None)}, players=1000, load=0.5, memory=grown)
    assert judged(figures) == {
        ("rank", "p50"): 4.0,
        ("rank", "p99"): 9.0,
        ("rank", "per_second"): 250_000,
        ("top", "p50"): 2.0,
        ("top", "per_second"): 500_000,
        ("load", "seconds"): 0.5,
        ("board", "process_memory"): 200,
        ("board", "disk"): 50,
    }


def test_throughput_is_read_by_clients_of_each_kind_and_by_batch() -> None:
    clients = [
        ClientsFigures("threads", 1, 100, 2.0, 1.0),
        ClientsFigures("threads", 4, 100, 1.0, 1.0),
        ClientsFigures("processes", 4, 400, 1.0, 1.0),
    ]
    assert judged(ThroughputFigures(clients, [BatchFigures(10, 100, 0.5)], CHECKED)) == {
        ("1 thread", "per_second"): 50,
        ("4 threads", "per_second"): 100,
        ("4 processes", "per_second"): 400,
        ("batches of 10", "per_second"): 200,
    }


def test_a_rate_that_was_not_kept_up_with_has_no_response_time() -> None:
    assert judged(response({500: 80.0, 2000: None})) == {("500 per second", "p50"): 80, ("500 per second", "p99"): 80}


def test_a_recovery_is_read_in_seconds_and_in_bytes_an_update() -> None:
    disk = [DiskFigures(1, 100, 5000, 40_000), DiskFigures(10, 100, 2000, None), DiskFigures(100, 0, 0, 0)]
    assert judged(RecoveryFigures(1, 1, 0.1, 2.0, 0.5, "restart", 100, 0, disk)) == {
        ("start", "seconds"): 0.1,
        ("load", "seconds"): 2.0,
        ("restore", "seconds"): 0.5,
        ("1 per call", "disk_growth"): 50,
        ("1 per call", "disk_written"): 400,
        ("10 per call", "disk_growth"): 20,
    }


def test_a_program_of_the_study_has_no_judged() -> None:
    assert ProgramFigures([], 100).named() == {}


def test_every_statistic_that_is_judged_has_a_unit() -> None:
    assert set(UNITS) == set(get_args(Judged))


def test_an_operation_with_fewer_samples_than_planned_was_cut() -> None:
    cut = service({"rank": timed(4.0, samples=10, planned=100), "top": 2.0})
    one = Measurements(result(repeated(HERE, [cut, service({"rank": timed(4.0, samples=7, planned=100)})]))).at(
        Place("service", "realtime", 1000), "memory"
    )
    assert [one.cut(operation) for operation in ("rank", "top", "load", "unknown")] == [(7, 100), None, None, None]


def test_samples_of_which_no_number_was_planned_were_not_cut() -> None:
    figures = HardeningFigures([PartTime("", "rank", distribution(4.0))], CHECKED)
    m = Measurements(result(repeated(Cell("hardening", "realtime", 1000, "memory"), [figures])))
    assert m.at(Place("hardening", "realtime", 1000), "memory").cut("rank") is None


# ---------------------------------------------------------------------- cells


def test_only_runs_of_the_cell_that_have_figures_count() -> None:
    m = Measurements(
        result(
            [
                *rank_times("memory", {1000: 4.0, 2000: 5.0}, spread=(1.0, 2.0)),
                *rank_times("memory", {1000: 7.0}, spread=(1.0,), a_a=True),
                *rank_times("naive", {1000: 8.0}, spread=(1.0,)),
                *ended(HERE, "wrong", "rank 2 is no 3", rounds=1),
            ]
        )
    )
    place = Place("service", "realtime", 1000)
    one = m.at(place, "memory")
    assert one.values("rank", "p50") == {0: 4.0, 1: 8.0}
    assert one.values("rank", "p99") == {}
    assert (len(one.runs), len(one.every)) == (2, 3)
    assert m.at(place, "memory", again=True).values("rank", "p50") == {0: 7.0}
    assert m.at(place, "nobody").figures == {}
    assert m.sizes("service", "realtime") == [1000, 2000]
    assert m.sizes("response", "realtime") == []


def test_runs_of_several_results_are_not_mixed() -> None:
    m = Measurements(result([*rank_times("memory", {1000: 4.0}), *rank_times("memory", {1000: 5.0})]))
    with pytest.raises(ValueError, match="round 0 occurs twice"):
        m.at(Place("service", "realtime", 1000), "memory").values("rank", "p50")


def test_operations_are_those_of_any_run() -> None:
    m = Measurements(result(repeated(HERE, [service({"rank": 1.0, "top": 1.0}), service({"update": 1.0})])))
    assert m.at(Place("service", "realtime", 1000), "memory").operations == ["rank", "top", "update"]


def test_the_workload_of_most_sizes_and_the_size_of_most_runs_represent_a_result() -> None:
    m = Measurements(
        result(
            [
                *rank_times("memory", {100: 1.0}, workload="lobby"),
                *rank_times("memory", {100: 1.0, 1000: 1.0, 9000: 1.0}),
                *rank_times("naive", {1000: 1.0}, workload="lobby"),
                *repeated(Cell("response", "lobby", 100, "memory"), [response({500: 80.0})]),
            ]
        )
    )
    assert m.workload == "realtime"
    assert m.usual("service") == Place("service", "realtime", 1000)
    assert m.usual("response") == Place("response", "lobby", 100), "no response of the workload that represents all"
    assert m.usual("recovery") is None
    assert list(m.by_size("service", "memory")) == [100, 1000, 9000]
    assert list(m.by_size("service", "naive")) == [1000]


# ---------------------------------------------------------------------- noise

PROCESS = facts("memory")
SERVER = facts("redis", "server", "everysec")
SYNCED = facts("zodb", "file", "every commit")
KNOWN = [PROCESS, facts("naive"), SERVER, SYNCED]


def a_a(backend: str, one: float, other: float) -> list[Run]:
    return [*rank_times(backend, {1000: one}), *rank_times(backend, {1000: other}, a_a=True)]


def test_a_class_is_where_a_board_lives_and_whether_each_update_waits_for_the_disk() -> None:
    assert [NoiseClass.of(each) for each in KNOWN] == [
        ("process", False),
        ("process", False),
        ("server", False),
        ("file", True),
    ]
    assert NoiseClass.of(None) is None


def test_a_class_takes_the_largest_folded_ratio_of_its_own_twins() -> None:
    runs = [*a_a("memory", 4.0, 4.2), *a_a("naive", 8.8, 8.0), *a_a("redis", 50.0, 65.0)]
    m = Measurements(result(runs, backends=KNOWN))
    assert m.floor(PROCESS, "service", "p50").ratio == pytest.approx(1.1)
    assert m.floor(SERVER, "service", "p50").ratio == pytest.approx(1.3)
    assert m.floor(PROCESS, "service", "p50").source == "naive against itself, rank, realtime, 1,000 players"
    assert m.floor(PROCESS, "service", "seconds").ratio == 1


def test_the_largest_of_all_operations_counts() -> None:
    one, other = (Cell("service", "realtime", 1000, "memory", a_a) for a_a in (False, True))
    runs = [
        *repeated(one, [service({"rank": 4.0, "top": 10.0})]),
        *repeated(other, [service({"rank": 4.0, "top": 8.0, "only here": 1.0})]),
    ]
    assert Measurements(result(runs)).floor(PROCESS, "service", "p50").ratio == pytest.approx(1.25)


def test_a_class_without_a_a_a_run_takes_the_largest_of_all_and_says_so() -> None:
    runs = [*a_a("memory", 4.0, 4.2), *a_a("redis", 50.0, 65.0)]
    m = Measurements(result(runs, backends=KNOWN))
    for unknown in (SYNCED, None):
        found = m.floor(unknown, "service", "p50")
        assert found.ratio == pytest.approx(1.3)
        assert found.source.startswith("redis against itself")
        assert found.source.endswith("the largest of all classes, because this one has no A/A run")


def test_without_any_a_a_run_in_a_mode_the_floor_is_not_known() -> None:
    place = ("realtime", 1000, "memory")
    runs = [*a_a("memory", 4.0, 4.2), *repeated(Cell("response", *place), [response({500: 80.0})] * 5)]
    m = Measurements(result(runs))
    assert m.floor(PROCESS, "response", "p99").ratio == inf
    assert "no response A/A run" in m.floor(PROCESS, "response", "p99").source
    assert m.floor(PROCESS, "service", "p99").ratio == inf, "no service run has samples enough for a p99"


def test_a_a_a_run_of_which_one_side_has_no_figures_or_none_above_0_tells_nothing() -> None:
    runs = [*rank_times("memory", {1000: 4.0}, a_a=True)]
    assert Measurements(result(runs)).floors == {}
    m = Measurements(result(a_a("memory", 4.0, 4.0)))
    assert m.floor(PROCESS, "service", "process_memory").ratio == inf, "the board's growth is 0"


@given(st.floats(0.1, 1e6), st.lists(st.floats(0.5, 2), min_size=1, max_size=7))
def test_equal_a_a_runs_give_a_floor_of_1(time: float, spread: list[float]) -> None:
    runs = [run for a_a in (False, True) for run in rank_times("memory", {1000: time}, spread=spread, a_a=a_a)]
    assert {floor.ratio for floor in Measurements(result(runs)).floors.values()} == {1}


@given(st.floats(0.1, 10), st.floats(0.1, 10))
def test_which_of_two_is_the_a_a_run_says_nothing(one: float, other: float) -> None:
    floor, turned = (
        Measurements(result(runs)).floor(PROCESS, "service", "p50").ratio
        for runs in (a_a("memory", one, other), a_a("memory", other, one))
    )
    assert floor == pytest.approx(turned)
    assert floor >= 1
