"""Comparisons as a whole: order, modes, places of the user's own, and what is left when they are interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any

import psutil
import pytest
from msgspec.structs import replace

from leaderboard_backends import open_leaderboard
from leaderboard_backends.comparison import execute
from leaderboard_backends.comparison.figures import (
    ChurnFigures,
    HardeningFigures,
    ProgramFigures,
    RecoveryFigures,
    ResponseFigures,
    ServiceFigures,
    ThroughputFigures,
)
from leaderboard_backends.comparison.measure import conformance_gate, processes
from leaderboard_backends.comparison.measure.processes import Answer, Job, answer
from leaderboard_backends.comparison.plan import ChurnPart
from leaderboard_backends.comparison.result_files import read_result
from leaderboard_backends.comparison.schema import Cell, Result, Run
from leaderboard_backends.errors import ConfigurationError
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .conftest import service_plan

MINE = [("ann", "Ann", 3), ("bob", "Bob", 5)]
WAIT = 60


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture
def fifo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    monkeypatch.setenv("HANGS_FIFO", str(path))
    return path


def only(result: Result) -> Run:
    (run,) = result.runs
    return run


def of(result: Result, mode: str, backend: str) -> Run:
    (run,) = (run for run in result.runs if (run.cell.mode, run.cell.backend) == (mode, backend))
    return run


# ---------------------------------------------------------------------- every mode


def test_every_run_of_every_mode_has_figures_of_that_mode(whole: Result) -> None:
    assert whole.finished
    kinds = {
        "service": ServiceFigures,
        "throughput": ThroughputFigures,
        "response": ResponseFigures,
        "hardening": HardeningFigures,
        "churn": ChurnFigures,
        "recovery": RecoveryFigures,
        "program": ProgramFigures,
    }
    assert {run.cell.mode for run in whole.runs} == set(kinds)
    for run in whole.runs:
        assert (run.status, run.reason) == ("ok", ""), run
        assert type(run.figures) is kinds[run.cell.mode]


def test_facts_tell_home_durability_and_sharing(whole: Result) -> None:
    told = {facts.label: (facts.home, facts.durability, facts.shared) for facts in whole.backends}
    assert told == {
        "memory": ("process", "memory only", False),
        "redis (appendfsync always)": ("server", "every commit", True),
        "zodb": ("file", "every commit", False),
    }
    assert whole.facts("redis (appendfsync always)").server.startswith(("Valkey ", "Redis "))  # type: ignore[union-attr]  # fails


def test_memory_is_counted_where_it_grows(whole: Result) -> None:
    def grown(label: str) -> tuple[int | None, int | None]:
        figures = of(whole, "service", label).figures
        assert isinstance(figures, ServiceFigures)
        return figures.memory.server_used_bytes, figures.memory.disk_bytes

    assert grown("memory") == (None, None)
    assert min(each or 0 for each in grown("redis (appendfsync always)")) > 25 * 1000
    server, disk = grown("zodb")
    assert server is None
    assert (disk or 0) > 25 * 1000


def test_threads_run_on_every_backend_and_processes_where_it_is_shared(whole: Result) -> None:
    def kinds(label: str) -> list[tuple[str, int]]:
        figures = of(whole, "throughput", label).figures
        assert isinstance(figures, ThroughputFigures)
        assert all(clients.operations and clients.seconds > 0 for clients in figures.clients)
        assert [batch.size for batch in figures.batches] == [10]
        assert all(batch.updates for batch in figures.batches)
        return [(clients.kind, clients.clients) for clients in figures.clients]

    threads = [("threads", 1), ("threads", 2)]
    tasks = [("tasks", 10)]
    assert kinds("memory") == kinds("zodb") == [*threads, *tasks]
    assert kinds("redis (appendfsync always)") == [*threads, ("processes", 1), ("processes", 2), *tasks]


def test_a_rate_is_kept_up_with_or_has_no_percentiles(whole: Result) -> None:
    figures = of(whole, "response", "memory").figures
    assert isinstance(figures, ResponseFigures)
    assert [rate.rate for rate in figures.rates] == [rate.rate for rate in figures.idle] == [500, 2000, 5000]
    for rate in (*figures.rates, *figures.idle):
        assert (rate.response is None) == (rate.achieved < 0.95 * rate.rate)


def test_each_part_around_a_board_has_times_beside_those_of_the_board_alone(whole: Result) -> None:
    figures = of(whole, "hardening", "memory").figures
    assert isinstance(figures, HardeningFigures)
    assert {timed.part for timed in figures.times} == {"", "validation", "monitoring", "all parts"}
    updates = [timed.time.samples for timed in figures.times if timed.operation == "update"]
    assert len(updates) == 4
    assert figures.checked.answers == 420
    assert len(figures.checked.state_sha256) == 64


def test_several_clients_climb_the_rates_until_one_is_not_kept_up_with(whole: Result) -> None:
    for label, kinds in (("memory", {("tasks", 5)}), ("redis (appendfsync always)", {("processes", 2), ("tasks", 5)})):
        figures = of(whole, "response", label).figures
        assert isinstance(figures, ResponseFigures)
        assert {(rate.kind, rate.clients) for rate in figures.several} == kinds
        for kind, clients in kinds:
            climbed = [rate for rate in figures.several if (rate.kind, rate.clients) == (kind, clients)]
            assert [rate.rate for rate in climbed] == [300, 600][: len(climbed)]
            assert all(rate.response is not None for rate in climbed[:-1])


def test_a_crash_loses_what_lives_in_the_process_and_nothing_of_what_is_durable(whole: Result) -> None:
    recoveries = {
        label: of(whole, "recovery", label).figures for label in ("memory", "redis (appendfsync always)", "zodb")
    }
    for label, figures in recoveries.items():
        assert isinstance(figures, RecoveryFigures)
        assert figures.acknowledged >= 400
        assert figures.start_seconds > 0
        assert figures.restore_seconds > 0
        expected = ("load", figures.acknowledged) if label == "memory" else ("restart", 0)
        assert (figures.restored_by, figures.lost) == expected
        assert (figures.processes, figures.ports) == (*[int(label == "redis (appendfsync always)")] * 2,)
        assert [(disk.size, disk.updates) for disk in figures.disk] == (
            [] if label == "memory" else [(1, 300), (100, 2000)]
        )
        assert all(disk.grown_bytes > 0 for disk in figures.disk)


def test_the_result_says_what_was_run_and_of_what(whole: Result) -> None:
    assert whole.settings.backends == ["memory", "redis (appendfsync always)", "zodb"]
    (workload,) = whole.workloads
    assert workload.name == "realtime"
    assert {trace.workload for trace in whole.traces} == {"realtime"}
    assert all(len(trace.sha256) == 64 for trace in whole.traces)
    assert whole.versions["sortedcontainers"]
    assert whole.code


def test_the_same_seed_replays_the_same_trace(comparing: Callable[..., Result], tmp_path: Path) -> None:
    del tmp_path
    first, again, other = (comparing("memory", steps=20, seed=seed) for seed in (1, 1, 2))
    hashes = [[trace.sha256 for trace in result.traces] for result in (first, again, other)]
    assert hashes[0] == hashes[1] != hashes[2]


# ---------------------------------------------------------------------- order and rounds


def test_rounds_come_one_after_the_other_each_in_an_order_of_its_own(
    comparing: Callable[..., Result], watcher: Any
) -> None:
    result = comparing("memory", "naive", players=(10, 20), steps=5, rounds=3)
    assert [number for _, number in watcher.begun] == [1] * 4 + [2] * 4 + [3] * 4
    orders = [tuple(cell for cell, number in watcher.begun if number == round_) for round_ in (1, 2, 3)]
    assert len(set(orders)) > 1
    assert len({frozenset(order) for order in orders}) == 1
    assert watcher.proven == ["memory", "naive"]
    assert len(watcher.runs) == len(watcher.ended) == len(result.runs) == 12


def test_an_installed_plug_in_is_compared_by_its_url(
    comparing: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "acme_boards-1.2.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-boards\nVersion: 1.2\n")
    (installed / "top_level.txt").write_text("boards\n")
    (installed / "entry_points.txt").write_text("[leaderboard_backends.backends]\nacme = boards:Plugged\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ['PYTHONPATH']}")
    result = comparing("acme://")
    assert (only(result).cell.backend, only(result).status, only(result).reason) == ("acme://", "ok", "")
    (facts,) = result.backends
    assert facts.distribution == "acme-boards 1.2"
    assert facts.code is not None


def test_without_a_server_its_row_says_so_and_the_others_go_on(
    comparing: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADERBOARD_SERVER", "/no/such/valkey-server")
    without, memory = comparing("redis", "memory").runs
    assert (without.status, memory.status) == ("unavailable", "ok")
    assert "LEADERBOARD_SERVER names '…/valkey-server'" in without.reason


# ---------------------------------------------------------------------- places of the user's own


@pytest.mark.parametrize("target", ["{url}", pytest.param("{unix_url}", marks=pytest.mark.proof), "{unix_url}?db=3"])
def test_a_users_server_keeps_its_boards_and_nothing_of_ours(
    comparing: Callable[..., Result], server: EmbeddedServer, target: str
) -> None:
    with open_leaderboard(server.url, board="mine") as mine:
        mine.update_scores(MINE)
        keys = _keys(server)
        run = only(comparing(target.format(url=server.url, unix_url=server.unix_url)))
        assert (run.status, run.reason) == ("ok", "")
        assert _keys(server) == keys
        assert [entry.player_id for entry in mine] == ["bob", "ann"]


@pytest.mark.parametrize("query", [pytest.param("", marks=pytest.mark.proof), "?db=3"])
def test_a_users_server_is_cleared_of_the_board_of_a_worker_that_was_ended(
    comparing: Callable[..., Result], server: EmbeddedServer, query: str
) -> None:
    plan = service_plan(players=[200_000], steps=20_000, time_limit=60.0)
    run = only(comparing(f"{server.unix_url}{query}", plan=plan, timeout=1.0))
    assert run.status == "timed out"
    assert _keys(server) == []


def test_a_users_file_keeps_its_boards_and_nothing_of_ours(comparing: Callable[..., Result], tmp_path: Path) -> None:
    url = f"zodb://{tmp_path}/board.fs"
    with open_leaderboard(url, board="mine") as mine:
        mine.update_scores(MINE)
    run = only(comparing(url))
    assert (run.status, run.reason) == ("ok", "")
    with open_leaderboard(url, board="mine") as mine:
        assert [entry.player_id for entry in mine] == ["bob", "ann"]


# ---------------------------------------------------------------------- interrupts, and going on


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.proof)]
)
def test_an_interrupt_stops_the_worker_keeps_the_result_and_says_so(
    boards: Path, fifo: Path, tmp_path: Path, number: signal.Signals
) -> None:
    del boards
    out = tmp_path / "out" / "result.json"
    command = ["-m", "leaderboard_backends", "compare", "boards:Hangs", "--players", "50", "--steps", "10"]
    with _started(*command, "--proof", "isolation", "--out", str(out)) as process:
        worker = int(fifo.read_text())
        process.send_signal(number)
        output, errors = process.communicate(timeout=WAIT)
    assert process.returncode == 130
    assert not psutil.pid_exists(worker)
    assert "Interrupted" in errors
    assert "not run" in output
    result = read_result(out)
    assert not result.finished
    assert [run.status for run in result.runs] == ["not run"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_ends_the_server_and_the_worker_too(boards: Path, fifo: Path, number: signal.Signals) -> None:
    with _started(str(boards / "beside_server.py")) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        worker = int(fifo.read_text())
        assert psutil.pid_exists(server)
        process.send_signal(number)
        output, _ = process.communicate(timeout=WAIT)
    assert output == ("False not run\n" if number == signal.SIGINT else "")
    end = monotonic() + (WAIT if number == signal.SIGKILL else 0)
    while (alive := [pid for pid in (worker, server) if _runs(pid)]) and monotonic() < end:
        sleep(0.01)
    assert alive == []


def _runs(pid: int) -> bool:
    """Whether a process runs; one that nobody has asked for its exit code does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_an_interrupt_ends_all_runs_that_go_at_once(comparing: Callable[..., Result]) -> None:
    churn = ChurnPart("realtime", [20], ["memory", "naive"], 1, seconds=600, every=1)

    def interrupt() -> None:
        while len(processes.RUNNING) < len(churn.backends):
            sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=interrupt, daemon=True).start()
    result = comparing("memory", "naive", plan=replace(service_plan(), service=[], churn=[churn]))
    assert not result.finished
    assert [run.status for run in result.runs] == ["not run", "not run"]
    assert not processes.RUNNING


def test_an_interrupt_ends_the_kit_on_all_backends_and_judges_no_more(
    comparing: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "usable_cores", lambda: 2.0)
    begun = list[Job]()

    def noted(job: Job, path: str = "") -> Answer:
        begun.append(job)
        return answer(job, path)

    def interrupt() -> None:
        while len([job for job in begun if job.task == "conformance"]) < 2 or len(processes.RUNNING) < 2:
            sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(conformance_gate, "answer", noted)
    Thread(target=interrupt, daemon=True).start()
    result = comparing("boards:HangsLate", "boards:HangsAsLate", "memory", plan=service_plan().changed(proof="updates"))
    assert not result.finished
    assert [run.status for run in result.runs] == ["not run"] * 3
    assert len(begun) == 2
    assert not processes.RUNNING


def test_an_interrupt_that_does_not_wake_the_main_thread_ends_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one does that comes just before it begins to wait: here, another thread gets the signal."""
    ended, parts = Event(), list[bool]()
    monkeypatch.setattr(execute, "end_all", ended.set)

    def part() -> None:
        parts.append(ended.wait(WAIT))

    def interrupt() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        Thread(target=interrupt, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            execute._at_once([part, part], lambda _: None, most=2)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert parts == [True, True]


class _Interrupting:
    """Watches, and is Ctrl-C after so many runs."""

    def __init__(self, watcher: Any, after: int) -> None:
        self._watcher = watcher
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._watcher, name)

    def begins(self, cell: Cell, round_: int) -> None:
        if len(self._watcher.ended) == self._after:
            raise KeyboardInterrupt
        self._watcher.begins(cell, round_)


def test_a_comparison_goes_on_where_it_was_interrupted(traces: Path, watcher: Any, tmp_path: Path) -> None:
    from .conftest import Watching, run_small  # noqa: PLC0415 - not a fixture, as the watcher is another one

    journal = tmp_path / "journal"
    plan = service_plan(players=(10, 20), steps=5, rounds=2)
    first = run_small(_Interrupting(watcher, 3), traces, "memory", "naive", plan=plan, journal=journal)  # type: ignore[arg-type]  # it watches
    assert not first.finished
    assert sorted(run.status for run in first.runs) == ["not run"] * 5 + ["ok"] * 3

    rest = Watching()
    whole = run_small(rest, traces, "memory", "naive", plan=plan, journal=journal, resume=True)
    assert whole.finished
    assert len(rest.ended) == 5
    assert rest.proven == []
    assert whole.started == first.started
    assert whole.seconds >= first.seconds - 1
    assert whole.seconds >= sum(run.seconds for run in whole.runs) - 0.1
    done = {(run.cell, run.round): run for run in first.runs if run.status == "ok"}
    assert all({(run.cell, run.round): run for run in whole.runs}[key] == run for key, run in done.items())
    assert {run.status for run in whole.runs} == {"ok"}
    assert {(trace.workload, trace.players) for trace in whole.traces} == {("realtime", 10), ("realtime", 20)}


def test_a_disturbed_run_is_done_again_and_the_least_disturbed_counts(
    comparing: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = iter([0.9, 0.5, 0.7])

    def disturbed(job: Job, path: str = "") -> Answer:
        found = answer(job, path)
        return replace(found, cores_elsewhere=next(told)) if job.task == "service" else found

    monkeypatch.setattr(execute, "answer", disturbed)
    run = only(comparing("memory", steps=5))
    assert (run.status, run.cores_elsewhere, list(told)) == ("ok", 0.5, [])
    assert run.notes == ["done again, as others disturbed it: 0.9, 0.5, 0.7 cores busy elsewhere"]


def test_a_comparison_of_other_things_does_not_go_on(comparing: Callable[..., Result], tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    comparing("memory", steps=5, journal=journal)
    with pytest.raises(ConfigurationError, match="because these differ: plan, backends, seed"):
        comparing("naive", steps=6, seed=2, journal=journal, resume=True)


def _started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _keys(server: EmbeddedServer) -> list[str]:
    import redis  # noqa: PLC0415 - where a server is looked into

    found: list[str] = []
    for db in (0, 3):
        with redis.Redis(port=server.port, db=db, password=server.password, decode_responses=True) as client:
            found += sorted(map(str, client.scan_iter()))
    return found
