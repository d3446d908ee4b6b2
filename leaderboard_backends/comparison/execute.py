"""The comparison as a whole: prove each backend, run every cell in processes of their own, round by round, keep it all.

Ctrl-C, or any other end, stops the processes of the current run and keeps the finished runs; `resume` continues.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import Final, Protocol, TypeVar

import msgspec
from msgspec.structs import replace

from ..errors import LeaderboardError
from ..testing.servers import ServerNotFoundError, ServerStartError
from ..usage import usable_cores
from ..workload.spec import WorkloadFile
from . import identity
from .code_size import code_facts
from .figures import ServiceFigures
from .journal import Finished, Head, Journal, Known
from .measure import conformance_gate
from .measure.processes import TIMEOUT, Answer, Job, WorkerError, answer, end_all, redacted
from .measure.recovery import recover
from .opening import Where
from .plan import AT_ONCE, ChurnPart, Plan, ServicePart, Unit, in_order, units
from .result_files import scratch_folder
from .schema import ABSENT, SCHEMA_VERSION, BackendFacts, Cell, Gate, Result, Run, Settings, WorkloadFacts
from .targets import Target
from .traces import StoredTrace, WrongBoardError, stored_trace

Value = TypeVar("Value")

CLEAR_TIMEOUT: Final = 30.0

REPEATS: Final = 2
"""How often a run that other processes disturbed is done again; a quarter of all runs, at most, are repeats."""

FEWEST_REPEATS: Final = 3
"""Of disturbed runs that a comparison of few runs may have."""
_LOOK: Final = 1.0
"""Seconds until work is looked at again: a signal that comes just before a thread begins to wait does not wake it."""


class Watcher(Protocol):
    """Receives the progress of a comparison."""

    def planned(self, runs: Sequence[Unit]) -> None:
        """Take in what is left to run."""

    def proving(self, label: str) -> None:
        """Say that the kit judges a backend."""

    def begins(self, cell: Cell, round_: int) -> None:
        """Say that a run begins."""

    def ends(self, run: Run) -> None:
        """Say that a run has ended."""


@dataclass
class Order:
    """A request: a plan, the backends, and the workloads."""

    plan: Plan
    name: str
    command: str
    targets: Sequence[Target]
    workloads: Sequence[WorkloadFile]
    seed: int
    traces: Path
    """Folder in which traces are kept."""
    journal: Journal = field(default_factory=lambda: Journal(None))
    resume: bool = False
    proven: Path | None = None
    """Folder in which verdicts of the kit are kept for later comparisons."""
    timeout: float | None = None
    """Seconds after which a worker is ended; chosen by size and plan where `None`."""
    conformance_timeout: float = conformance_gate.TIMEOUT
    """Seconds after which the kit's run on a backend is ended."""


def compare(order: Order, watcher: Watcher) -> Result:
    """Run the comparison; after Ctrl-C, return what was completed, with `finished` false.

    Raises `ConfigurationError` where `resume` finds no journal, or the journal of another comparison.
    """
    return _Comparison(order, watcher).run()


class _Comparison:
    def __init__(self, order: Order, watcher: Watcher) -> None:
        self.order = order
        self.watcher = watcher
        self.journal = order.journal
        self.parent = identity.folder_on_disk()
        self.folder = self.parent
        """Where the files of the runs are: a folder in `parent`, for as long as they take."""
        self.head = self._head()
        self.targets = {target.label: target for target in order.targets}
        self.workloads = {file.spec.name: file for file in order.workloads}
        sizes = {name: file.events.players for name, file in self.workloads.items() if file.events is not None}
        self.units = [one for one in units(order.plan, list(self.targets), sizes) if self._applies(one)]
        self.gates = conformance_gate.gates_of(order.plan, sizes)
        self.backends: dict[str, BackendFacts] = {}
        self.refusals: dict[str, Answer] = {}
        """Why a backend is not measured."""
        self.traces: dict[tuple[str, int, int], StoredTrace] = {}
        self.runs: dict[tuple[Cell, int], Run] = {}
        self.repeats_left = 0
        self.started = perf_counter()
        self.earlier = 0.0
        """Seconds of the parts before this one, where it goes on."""

    def _applies(self, unit: Unit) -> bool:
        return unit.cell.mode != "recovery" or self.targets[unit.cell.backend].recovers

    def run(self) -> Result:
        before, finished = identity.load_average(), False
        self._take_up()
        try:
            with scratch_folder(self.parent) as self.folder:
                self._run_all()
            finished = True
        except KeyboardInterrupt:
            pass
        return self._result(before, finished=finished)

    def _spent(self) -> float:
        return round(self.earlier + perf_counter() - self.started, 2)

    def _head(self, salt: str | None = None) -> Head:
        return identity.head(self.order.plan, self.order.targets, self.order.workloads, self.order.seed, salt)

    def _take_up(self) -> None:
        """Begin a journal, or resume the existing one."""
        if not self.order.resume:
            self.journal.begin(self.head)
            return
        old, known, done, self.earlier = self.journal.go_on()
        identity.check_same(old, self._head(old.salt))
        self.head = old
        self.backends = {facts.label: facts for facts in known}
        self.runs = {(run.cell, run.round): run for run in done if run.status not in ABSENT}
        for run in self.runs.values():
            self._refuse_if_wrong(run)
        for unit in self.units:
            if unit.cell.mode != "program":
                self._trace(unit)  # of runs that were done before

    def _run_all(self) -> None:
        runs = in_order(self.units, self.order.seed)
        left = [(number, unit) for number, unit in runs if (unit.cell, number) not in self.runs]
        self.watcher.planned([unit for _, unit in left])
        self.repeats_left = max(FEWEST_REPEATS, len(left) // 4)
        self._get_to_know_all()
        at_once = [(number, unit) for number, unit in left if unit.cell.mode in AT_ONCE]
        for number, unit in at_once:
            self._trace(unit)
            self.watcher.begins(unit.cell, number)
        _at_once([partial(self._run, unit, number) for number, unit in at_once], self._keep, most=len(at_once))
        for number, unit in left:
            if unit.cell.mode not in AT_ONCE:
                self.watcher.begins(unit.cell, number)
                self._keep(self._undisturbed(unit, number))

    def _keep(self, run: Run) -> None:
        self.runs[run.cell, run.round] = run
        self.journal.add(Finished(run, self._spent()))
        self._refuse_if_wrong(run)
        self.watcher.ends(run)

    def _refuse_if_wrong(self, run: Run) -> None:
        """Have no more runs of a backend that was wrong once, and no figures of those that it had."""
        if run.status == "wrong":
            cell = run.cell
            where = f"{cell.mode}, {cell.workload}, {cell.players:,} players"
            reason = f"withheld, as another run was wrong ({where}): {run.reason}"
            self.refusals.setdefault(cell.backend, Answer("wrong", reason))

    # ------------------------------------------------------------------ before anything is measured

    def _get_to_know_all(self) -> None:
        """Open each backend to see what it is, and have the kit judge it, unless an earlier part of the run has.

        As many at once as there are cores, since nothing is timed yet.
        """
        unknown = [target for target in self.order.targets if target.label not in self.backends]
        for target in unknown:
            self.watcher.proving(target.label)
        _at_once([partial(self._introduce, target) for target in unknown], self._know, most=int(usable_cores()))
        for target in self.order.targets:
            if facts := self.backends.get(target.label):
                if facts.verdict is None or facts.verdict.allows_figures:
                    facts = self._pass_gates(target, facts)
                if refused := conformance_gate.refusal(facts):
                    self.refusals[target.label] = refused

    def _know(self, introduced: tuple[str, Answer]) -> None:
        label, found = introduced
        if found.facts is None:
            self.refusals[label] = found
        else:
            self.backends[label] = found.facts
            self.journal.add(Known(found.facts))

    def _pass_gates(self, target: Target, facts: BackendFacts) -> BackendFacts:
        """Compare the answers under each workload of which no run of the plan does; one gate shut refuses all runs."""
        known = {gate.workload: gate for gate in facts.gates if gate.status not in ABSENT}
        for workload, players in self.gates.items():
            if workload not in known:
                part = ServicePart([workload], [players], conformance_gate.STEPS)  # which has all answers compared
                unit = Unit(Cell("service", workload, players, target.label), 1, part.steps, part)
                found = self._measure(target, unit, self._stored(unit))
                checked = found.figures.checked if isinstance(found.figures, ServiceFigures) else None
                known[workload] = Gate(workload, players, found.status, found.reason, checked)
        gates = [known[workload] for workload in self.gates]
        if gates != facts.gates:
            facts = self.backends[target.label] = replace(facts, gates=gates)
            self.journal.add(Known(facts))
        return facts

    def _introduce(self, target: Target) -> tuple[str, Answer]:
        order = self.order

        def judged(where: Where) -> Answer:
            job = Job("facts", where, order.timeout or TIMEOUT, label=target.label)
            found = _answer_of(job, target)
            if found.facts is None:
                return found
            job = replace(job, timeout=order.conformance_timeout, parts=order.plan.parts, seed=order.seed)
            verdict = conformance_gate.verdict_on(target, found.facts, job, order.proven)
            return replace(found, facts=replace(found.facts, metadata=target.metadata, verdict=verdict))

        return target.label, self._on_target(target, judged)

    def _trace(self, unit: Unit) -> StoredTrace:
        """Return the trace of a run; the result has the facts of it."""
        key = (unit.cell.workload, unit.cell.players, unit.steps)
        if key not in self.traces:
            self.traces[key] = self._stored(unit)
        return self.traces[key]

    def _stored(self, unit: Unit) -> StoredTrace:
        workload = self.workloads[unit.cell.workload]
        return stored_trace(self.order.traces, workload, unit.cell.players, unit.steps, self.order.seed)

    # ------------------------------------------------------------------ one run

    def _undisturbed(self, unit: Unit, number: int) -> Run:
        """Return a run; a disturbed run is repeated. The least disturbed counts, or any without figures."""
        run = self._run(unit, number)
        runs = [run]
        while run.disturbed and len(runs) <= REPEATS and self.repeats_left:
            self.repeats_left -= 1
            runs.append(self._run(unit, number))
            run = min(runs, key=lambda one: (one.status == "ok", one.cores_elsewhere or 0.0))
        if len(runs) > 1:
            cores = ", ".join(f"{one.cores_elsewhere or 0.0:g}" for one in runs)
            run = replace(run, notes=[*run.notes, f"done again, as others disturbed it: {cores} cores busy elsewhere"])
        return run

    def _run(self, unit: Unit, number: int) -> Run:
        started = perf_counter()
        found = self._answer(unit)
        seconds = round(perf_counter() - started, 2)
        return Run(
            unit.cell, number, found.status, found.reason, seconds, found.cores_elsewhere, found.figures, found.notes
        )

    def _answer(self, unit: Unit) -> Answer:
        cell = unit.cell
        if cell.mode == "program":
            return answer(self._job(unit, Where("", "")))
        if cell.backend in self.refusals:
            return self.refusals[cell.backend]
        target = self.targets[cell.backend]
        trace = self._trace(unit)
        if cell.mode == "recovery":
            timeout = self._timeout(unit)
            return self._fresh(target, lambda files: Answer("ok", figures=recover(target, trace.trace, files, timeout)))
        return self._measure(target, unit, trace)

    def _job(self, unit: Unit, where: Where, trace: StoredTrace | None = None) -> Job:
        """Return the job of a run; a program of a plug-in has no trace."""
        workload = self.workloads.get(unit.cell.workload)
        return Job(
            task=unit.cell.mode,
            where=where,
            timeout=self._timeout(unit),
            label=unit.cell.backend,
            trace_path=str(trace.trace) if trace else "",
            answers_path=str(trace.answers) if trace else "",
            time_limit=self.order.plan.time_limit,
            rates=list(workload.spec.arrival.rates) if workload else [],
            players=unit.cell.players,
            seed=self.order.seed,
            asked=msgspec.to_builtins(unit.part),
        )

    def _timeout(self, unit: Unit) -> float:
        """Return the timeout of a worker in seconds: far above what one that works needs."""
        timeout = self.order.timeout or TIMEOUT + 10 * self.order.plan.time_limit + unit.cell.players / 2000
        return timeout + 2 * unit.part.seconds if isinstance(unit.part, ChurnPart) else timeout

    def _measure(self, target: Target, unit: Unit, trace: StoredTrace) -> Answer:
        return self._on_target(target, lambda where: _answer_of(self._job(unit, where, trace), target))

    def _on_target(self, target: Target, work: Callable[[Where], Answer]) -> Answer:
        """Return the answer of work at a target made for it."""

        def in_folder(files: Path) -> Answer:
            with target.open(files) as (where, _):
                return redacted(work(where), where.target)

        return self._fresh(target, in_folder)

    def _fresh(self, target: Target, work: Callable[[Path], Answer]) -> Answer:
        """Return the answer of work in a folder of its own; an error becomes the reason for having no figures."""
        with tempfile.TemporaryDirectory(dir=self.folder) as files:
            try:
                found = work(Path(files))
            except WrongBoardError as error:
                found = Answer("wrong", str(error))
            except WorkerError as error:
                found = error.answer
            except (LeaderboardError, ServerNotFoundError, ServerStartError, OSError) as error:  # of making the target
                found = Answer("unavailable", " ".join(str(error).split()))
        return redacted(found, target.url)

    # ------------------------------------------------------------------ the result

    def _result(self, before: list[float], *, finished: bool) -> Result:
        plan, labels = self.order.plan, list(self.targets)
        return Result(
            schema_version=SCHEMA_VERSION,
            started=self.head.started,
            seconds=round(self._spent(), 1),
            finished=finished,
            versions=dict(identity.versions()),
            machine=identity.machine(before, identity.load_average(), self.parent),
            settings=Settings(
                self.order.name,
                self.order.command,
                labels,
                self.order.seed,
                plan.rounds,
                plan.time_limit,
                self.head.digest,
                identity.source_digest(),
            ),
            methods=identity.methods(),
            workloads=[_workload_facts(file) for file in self.order.workloads],
            traces=[stored.facts for stored in self.traces.values()],
            backends=[self.backends[label] for label in labels if label in self.backends],
            code=code_facts(),
            runs=list(self._every_run()),
        )

    def _every_run(self) -> Iterator[Run]:
        """Yield a run for everything planned, by cell and round; one that was not reached, or is withheld, says so."""
        for unit in self.units:
            refused = self.refusals.get(unit.cell.backend)
            for number in range(1, unit.rounds + 1):
                run = self.runs.get((unit.cell, number)) or Run(
                    unit.cell, number, "not run", "interrupted before it was finished"
                )
                if refused is not None and (run.status, refused.status) == ("ok", "wrong"):
                    run = replace(run, status="wrong", reason=refused.reason, figures=None)
                yield run


def _at_once(work: Sequence[Callable[[], Value]], keep: Callable[[Value], None], *, most: int) -> None:
    """Do work in so many threads and keep what each part returns as it ends; however this ends, no worker runs on."""
    with ThreadPoolExecutor(max(1, most)) as pool:
        parts = [pool.submit(part) for part in work]
        try:
            left = set(parts)
            while left:
                done, left = wait(left, _LOOK, FIRST_COMPLETED)
                for part in done:
                    keep(part.result())
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            while not all(part.done() for part in parts):
                end_all()  # again, as a thread may have been about to start one
                sleep(0.1)


def _workload_facts(file: WorkloadFile) -> WorkloadFacts:
    events = len(file.events.rows) if file.events else 0
    return WorkloadFacts(file.spec.name, file.spec.title, file.sha256, file.text, events)


def _answer_of(job: Job, target: Target) -> Answer:
    """Have a worker do a job; a user's storage is cleared of a board that it left behind."""
    clean = False
    try:
        found = answer(job, target.path)
        clean = found.status not in ("failed", "timed out")
    finally:
        if job.where.shared and not clean:
            answer(replace(job, task="clear", timeout=CLEAR_TIMEOUT), target.path)
    return found
