"""Rows of several servers: all their memory counts, none is killed, and none outlives a comparison that is ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.figures import ServiceFigures, ThroughputFigures
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.plan import read_plan
from leaderboard_backends.comparison.report.circumstances import backends_section
from leaderboard_backends.comparison.schema import Result
from leaderboard_backends.comparison.targets import find_targets, known_targets

from .conftest import every_mode

CLUSTER, SENTINEL, REPLICA = "redis+cluster (one machine)", "redis+sentinel (one machine)", "redis (replica)"
WAIT = 60
PLAYERS = 3_000


def test_only_the_full_plan_has_them_and_their_labels_say_that_they_share_a_machine() -> None:
    full, quick = (
        [one.label for one in find_targets(plan.backends, plan.besides)]
        for plan in (read_plan("full"), read_plan("quick"))
    )
    assert [label for label in full if label not in quick] == read_plan("full").besides
    assert {CLUSTER, SENTINEL, REPLICA} <= {*full}
    assert [one.label for one in find_targets(["redis+cluster", "memory"])] == [CLUSTER, "memory"]
    for label in (CLUSTER, SENTINEL):
        assert "all on the client's machine" in known_targets()[label].metadata.title


def test_a_board_and_its_replicas_are_on_all_servers_that_were_started(tmp_path: Path) -> None:
    target = known_targets()[SENTINEL]
    assert not target.recovers
    with target.open(tmp_path) as (where, server):
        assert len({*where.server_pids}) == 6
        assert (where.copies, server) == (3, None)
        assert all(map(psutil.pid_exists, where.server_pids))
    assert not any(map(psutil.pid_exists, where.server_pids))


@pytest.mark.parametrize("mode", ["service", pytest.param("throughput", marks=pytest.mark.proof)])
def test_a_cluster_is_measured_in_every_mode_but_crash_recovery(comparing: Callable[..., Result], mode: str) -> None:
    plan = replace(every_mode(PLAYERS), programs=[], response=[])
    plan = replace(plan, throughput=[]) if mode == "service" else replace(plan, service=[])
    found = comparing(CLUSTER, plan=plan)
    (run,) = found.runs
    assert (run.cell.mode, run.status) == (mode, "ok")
    if isinstance(run.figures, ServiceFigures):
        assert (run.figures.memory.server_private_bytes or 0) / PLAYERS > 100
    if isinstance(run.figures, ThroughputFigures):
        assert all(clients.server_cores for clients in run.figures.clients)
    (facts,) = found.backends
    assert (facts.servers, facts.copies, facts.consistency) == (3, 1, "per player")
    assert f"(3 of `{CLUSTER}`) shared the" in " ".join(backends_section(Measurements(found)).paragraphs)


@pytest.mark.parametrize("mode", ["service", pytest.param("throughput", marks=pytest.mark.proof)])
def test_a_copy_in_memory_gives_the_models_answers_and_counts_as_the_apps_memory(
    comparing: Callable[..., Result], mode: str
) -> None:
    plan = replace(every_mode(PLAYERS), programs=[], response=[], recovery=[])
    plan = replace(plan, throughput=[]) if mode == "service" else replace(plan, service=[])
    (run,) = comparing(REPLICA, plan=plan).runs
    assert (run.status, run.reason) == ("ok", "")
    if isinstance(run.figures, ServiceFigures):
        assert run.figures.memory.board_bytes / PLAYERS > 200


@pytest.mark.proof  # what ends a single server and its worker is tested without it
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_a_run_ends_all_servers_and_the_worker(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "leaderboard_backends", "compare", CLUSTER, "--proof", "isolation"]
    command += ["--players", "50000", "--steps", "100000", "--time-limit", "60", "--traces", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert any(line.startswith("round 1:") for line in process.stderr)
        started = _until_measured(psutil.Process(process.pid))
        process.send_signal(number)
        process.communicate(timeout=WAIT)
    end = monotonic() + WAIT
    while (alive := [one for one in started if _runs(one)]) and monotonic() < end:
        sleep(0.01)
    assert alive == []


def _until_measured(process: psutil.Process) -> list[psutil.Process]:
    """Return all processes that a comparison has started, once three servers and a worker are among them."""
    end = monotonic() + WAIT
    while monotonic() < end:
        children = process.children(recursive=True)
        names = [" ".join(one.cmdline()) for one in children if _runs(one)]
        if sum("valkey-server" in name or "redis-server" in name for name in names) == 3 and any(
            "measure.worker" in name for name in names
        ):
            return children
        sleep(0.01)
    raise AssertionError("no run began")


def _runs(process: psutil.Process) -> bool:
    """Whether a process runs; one that nobody has asked for its exit code does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
