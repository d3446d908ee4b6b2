"""Each figure of a run is read under one name, and what was not measured is not there."""

from __future__ import annotations

from typing import get_args

import pytest

from leaderboard_backends.comparison.readings import UNITS, Figure, Statistic, is_cut, readings
from leaderboard_backends.comparison.schema import (
    BatchFigures,
    Cell,
    ClientsFigures,
    DiskFigures,
    DrillFigures,
    MemoryFigures,
    ProgramFigures,
    ThroughputFigures,
)
from leaderboard_backends.comparison.statistics import operations_of, runs_of, sizes_of, values

from .results import CHECKED, ended, rank_times, repeated, response, result, service, timed

HERE = Cell("service", "realtime", 1000, "memory")


def test_a_service_run_is_read_by_operation_load_and_bytes_a_player() -> None:
    grown = MemoryFigures(5000, 200_000, server_private_bytes=None, disk_bytes=50_000)
    figures = service({"rank": timed(4.0, 9.0), "top": timed(2.0, None)}, players=1000, load=0.5, memory=grown)
    assert readings(figures) == {
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
    assert readings(ThroughputFigures(clients, [BatchFigures(10, 100, 0.5)], CHECKED)) == {
        ("1 thread", "per_second"): 50,
        ("4 threads", "per_second"): 100,
        ("4 processes", "per_second"): 400,
        ("batches of 10", "per_second"): 200,
    }


def test_a_rate_that_was_not_kept_up_with_has_no_response_time() -> None:
    assert readings(response({500: 80.0, 2000: None})) == {("500 per second", "p50"): 80, ("500 per second", "p99"): 80}


def test_a_drill_is_read_in_seconds_and_in_bytes_an_update() -> None:
    disk = [DiskFigures(1, 100, 5000, 40_000), DiskFigures(10, 100, 2000, None), DiskFigures(100, 0, 0, 0)]
    assert readings(DrillFigures(1, 1, 0.1, 2.0, 0.5, "restart", 100, 0, disk)) == {
        ("start", "seconds"): 0.1,
        ("load", "seconds"): 2.0,
        ("restore", "seconds"): 0.5,
        ("1 per call", "disk_growth"): 50,
        ("1 per call", "disk_written"): 400,
        ("10 per call", "disk_growth"): 20,
    }


def test_a_program_has_no_readings() -> None:
    assert readings(ProgramFigures([], 100)) == {}


def test_every_statistic_has_a_unit() -> None:
    assert set(UNITS) == set(get_args(Statistic))


def test_an_operation_with_fewer_samples_than_planned_was_cut() -> None:
    figures = service({"rank": timed(4.0, samples=10, planned=100), "top": 2.0})
    assert [is_cut(figures, part) for part in ("rank", "top", "load", "unknown")] == [True, False, False, False]
    assert not is_cut(response({500: 80.0}), "500 per second")


# ---------------------------------------------------------------------- runs


def test_only_runs_of_the_cell_that_have_figures_count() -> None:
    given = result(
        [
            *rank_times("memory", {1000: 4.0, 2000: 5.0}, spread=(1.0, 2.0)),
            *rank_times("memory", {1000: 7.0}, spread=(1.0,), twin=True),
            *rank_times("naive", {1000: 8.0}, spread=(1.0,)),
            *ended(HERE, "wrong", "rank 2 is no 3", rounds=1),
        ]
    )
    rank = Figure("rank", "p50")
    runs = runs_of(given, "service", "realtime", 1000, "memory")
    assert values(runs, rank.read) == {0: 4.0, 1: 8.0}
    assert values(runs, Figure("rank", "p99").read) == {}
    assert values(runs_of(given, "service", "realtime", 1000, "memory", twin=True), rank.read) == {0: 7.0}
    assert sizes_of(given, "service", "realtime") == [1000, 2000]
    assert sizes_of(given, "response", "realtime") == []


def test_runs_of_several_cells_are_not_mixed() -> None:
    runs = rank_times("memory", {1000: 4.0, 2000: 5.0})
    with pytest.raises(ValueError, match="round 0 occurs twice"):
        values(runs, Figure("rank", "p50").read)


def test_operations_are_those_of_any_run() -> None:
    runs = repeated(HERE, [service({"rank": 1.0, "top": 1.0}), service({"update": 1.0}), response({500: 1.0})])
    assert operations_of(runs) == ["rank", "top", "update"]
