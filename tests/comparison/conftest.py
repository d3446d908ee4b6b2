from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.execute import Order, compare
from leaderboard_backends.comparison.journal import Journal
from leaderboard_backends.comparison.plan import (
    ChurnPart,
    HardeningPart,
    Plan,
    ProgramsPart,
    RecoveryPart,
    ResponsePart,
    ServicePart,
    ThroughputPart,
    Unit,
)
from leaderboard_backends.comparison.schema import Cell, Result, Run
from leaderboard_backends.comparison.targets import find_targets
from leaderboard_backends.workload.spec import find_workloads

from ..workload.conftest import written

__all__ = ["written"]

BOARDS = Path(__file__).parent / "boards"
WORKLOAD = "realtime"

Comparing: TypeAlias = Callable[..., Result]


class Watching:
    """Keeps what a watcher is told."""

    def __init__(self) -> None:
        self.runs: list[Unit] = []
        self.begun: list[tuple[Cell, int]] = []
        self.ended: list[Run] = []
        self.proven: list[str] = []

    def planned(self, runs: Sequence[Unit]) -> None:
        self.runs = list(runs)

    def proving(self, label: str) -> None:
        self.proven.append(label)

    def begins(self, cell: Cell, round_: int) -> None:
        self.begun.append((cell, round_))

    def ends(self, run: Run) -> None:
        self.ended.append(run)


def service_plan(players: Sequence[int] = (200,), steps: int = 200, **values: Any) -> Plan:
    """Return a plan of service times alone, with the quickest proof that there is."""
    service = ServicePart([WORKLOAD], list(players), steps)
    return Plan(1, "a test", values.pop("rounds", 1), values.pop("time_limit", 5.0), "isolation", service=[service])


def every_mode(players: int = 200) -> Plan:
    """Return a plan that has each mode once; of programs, those beside the test boards, where they are installed."""
    plan = service_plan([players], 200)
    return replace(
        plan,
        throughput=[ThroughputPart(WORKLOAD, [players], 1000, [1, 2], [10], 0.2, tasks=[10])],
        response=[ResponsePart(WORKLOAD, [players], 1200, 0.1, processes=[2], tasks=[5], rates=[300, 600])],
        hardening=[HardeningPart(WORKLOAD, [players], 400, ["memory"], {"validation": {}, "monitoring": {}})],
        churn=[ChurnPart(WORKLOAD, [players], ["memory", "zodb"], 1, 0.2, 0.1)],
        recovery=[RecoveryPart(WORKLOAD, [players], 1)],
        programs=[ProgramsPart("counting-programs", 1, 0.02)],
    )


def run_small(
    watcher: Watching,
    traces: Path,
    *named: str,
    plan: Plan | None = None,
    seed: int = 1,
    journal: Path | None = None,
    resume: bool = False,
    timeout: float | None = None,
    conformance_timeout: float = 600,
    **values: Any,
) -> Result:
    chosen = plan or service_plan(**values)
    with Journal(journal) as kept:
        order = Order(
            plan=chosen,
            name="a test",
            command="leaderboard compare",
            targets=find_targets(named),
            workloads=find_workloads(chosen.workloads()),
            seed=seed,
            traces=traces,
            journal=kept,
            resume=resume,
            proven=traces / "verdicts",
            timeout=timeout,
            conformance_timeout=conformance_timeout,
        )
        return compare(order, watcher)


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that keeps the traces of all tests."""
    return tmp_path_factory.mktemp("traces")


@pytest.fixture
def watcher() -> Watching:
    return Watching()


@pytest.fixture
def comparing(watcher: Watching, boards: Path, traces: Path) -> Comparing:
    """Run a small comparison of the backends named, in real processes."""
    del boards
    return partial(run_small, watcher, traces)


@pytest.fixture(scope="session")
def half_failed(traces: Path) -> Result:
    """Return a result with figures of one board, and reasons of another, at two sizes."""
    with pytest.MonkeyPatch.context() as patch:
        _let_workers_import_boards(patch)
        return run_small(Watching(), traces, "naive", "boards:Raises", players=(20, 200))


@pytest.fixture(scope="session")
def whole(traces: Path) -> Result:
    """Return a result with every mode, of a board in memory, on a server and in a file, and of a program of a plug-in.

    Of 1,000 players: far above the 40 KB of idle buffers that a server may free during the load.
    """
    with pytest.MonkeyPatch.context() as patch:
        _let_workers_import_boards(patch)
        patch.syspath_prepend(BOARDS)
        return run_small(Watching(), traces, "memory", "redis (appendfsync always)", "zodb", plan=every_mode(1000))


@pytest.fixture
def boards(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let workers import the module `boards`; returns the folder that it is in."""
    _let_workers_import_boards(monkeypatch)
    return BOARDS


def _let_workers_import_boards(patch: pytest.MonkeyPatch) -> None:
    paths = [str(BOARDS), *filter(None, [os.environ.get("PYTHONPATH")])]
    patch.setenv("PYTHONPATH", os.pathsep.join(paths))
