from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard_backends.toml_files import shipped
from leaderboard_backends.workload.operations import OPERATIONS
from leaderboard_backends.workload.spec import WorkloadFile, find_workloads, workload_names
from leaderboard_backends.workload.trace import draw_trace

SHIPPED = {workload.spec.name: workload for workload in find_workloads(workload_names())}


def test_data_files_come_with_the_library() -> None:
    assert shipped("prices/model.toml").is_file()
    assert shipped("workloads").is_dir()


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_shipped_workload_is_found_by_the_name_that_it_gives_itself(name: str) -> None:
    assert SHIPPED[name].path.stem == name
    assert SHIPPED[name].spec.sizes == (100, 1_000, 10_000, 100_000, 1_000_000)


def test_the_shipped_ones_are_those_that_are_compared() -> None:
    assert {"realtime", "lobby", "season-start", "churn"} <= set(SHIPPED)
    assert _share("realtime", "update", "increment") > 0.5
    assert _share("lobby", "top_100", "around") > 0.5
    assert _share("churn", "join", "leave") >= 0.5


def test_each_operation_is_in_a_shipped_workload() -> None:
    assert {name for workload in SHIPPED.values() for name in workload.spec.mix} == set(OPERATIONS)


def test_a_season_starts_with_everybody_tied() -> None:
    trace = draw_trace(SHIPPED["season-start"], 500, 20, 1)
    assert trace.scores == [0] * 500


def test_a_workload_keeps_its_text_and_its_hash() -> None:
    workload = SHIPPED["lobby"]
    assert workload.text == Path(shipped("workloads/lobby.toml")).read_text(encoding="utf-8")
    assert (workload.spec.name, len(workload.sha256)) == ("lobby", 64)


def _share(name: str, *operations: str) -> float:
    workload: WorkloadFile = SHIPPED[name]
    return float(sum(workload.spec.shares()[operation] for operation in operations))
