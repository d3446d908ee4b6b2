"""What a worker is asked, how long it may take, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from ...workload.spec import WorkloadFile
from ..figures import Figures
from ..opening import Where
from ..plan import ChurnPart, HardeningPart, Plan, ProgramsPart, ResponsePart, ThroughputPart, Unit
from ..schema import BackendFacts, Mode, Status, Verdict
from ..traces import StoredTrace

TIMEOUT: Final = 90.0
"""Seconds that any run may take, in addition to those for its size and its plan."""

Task: TypeAlias = Literal[Mode, "return", "facts", "conformance", "clear"]
"""The modes, `recovery` being the worker that is killed, and `return` the one that checks what is left; `facts` opens a
board and reports what it is; `conformance` runs the kit; `clear` deletes what a terminated worker left behind.
"""


class Job(msgspec.Struct, frozen=True):
    """What one worker does."""

    task: Task
    where: Where
    timeout: float
    """Seconds after which the worker ends itself."""
    label: str = ""
    trace_path: str = ""
    answers_path: str = ""
    time_limit: float = 2.0
    """Seconds for the writes of a run, and for each kind of read."""
    clients: list[int] = []
    """Numbers of threads and processes; in a response run, of processes."""
    tasks: list[int] = []
    batches: list[int] = []
    rates: list[float] = []
    """Of one client."""
    every: float = 1.0
    """Seconds between two looks at the memory."""
    ladder: list[float] = []
    """Rates that several clients climb."""
    seconds: float = 1.0
    """Of each phase of a throughput or response run, of each operation of a program."""
    program: str = ""
    distribution: str = ""
    """That the program comes with."""
    players: int = 0
    seed: int = 1
    parts: list[str] = []
    """Of the conformance kit; none named: all."""
    hardening: dict[str, dict[str, Any]] = {}
    """The parts to put around the board, with their settings."""


class Answer(msgspec.Struct, frozen=True):
    """What a worker returns."""

    status: Status
    reason: str = ""
    figures: Figures | None = None
    facts: BackendFacts | None = None
    verdict: Verdict | None = None
    cores_elsewhere: float | None = None
    notes: list[str] = []


@dataclass(frozen=True, slots=True)
class Jobs:
    """What the jobs of a comparison have in common."""

    plan: Plan
    seed: int
    workloads: Mapping[str, WorkloadFile]
    timeout: float | None
    """Seconds after which a worker is ended; chosen by size and plan where `None`."""

    def of(self, unit: Unit, where: Where, trace: StoredTrace | None = None) -> Job:
        """Return the job of a run; a program of a plug-in has no trace."""
        part = unit.part
        job = Job(
            task=unit.cell.mode,
            where=where,
            timeout=self.timeout_of(unit),
            trace_path=str(trace.trace) if trace else "",
            answers_path=str(trace.answers) if trace else "",
            time_limit=self.plan.time_limit,
            program=unit.cell.backend,
            players=unit.cell.players,
            seed=self.seed,
        )
        if isinstance(part, ThroughputPart):
            job = replace(job, clients=part.clients, tasks=part.tasks, batches=part.batches, seconds=part.seconds)
        if isinstance(part, HardeningPart):
            job = replace(job, hardening=part.parts)
        if isinstance(part, ChurnPart):
            job = replace(job, seconds=part.seconds, every=part.every, timeout=job.timeout + 2 * part.seconds)
        if isinstance(part, ProgramsPart):
            job = replace(job, distribution=part.distribution, seconds=part.seconds)
        if isinstance(part, ResponsePart):
            rates = self.workloads[unit.cell.workload].spec.arrival.rates
            job = replace(job, rates=list(rates), seconds=part.seconds)
            job = replace(job, clients=part.processes, tasks=part.tasks, ladder=part.rates)
        return job

    def timeout_of(self, unit: Unit | None = None) -> float:
        """Return the timeout of a worker in seconds: far above what one that works needs."""
        if self.timeout is not None:
            return self.timeout
        return TIMEOUT if unit is None else TIMEOUT + 10 * self.plan.time_limit + unit.cell.players / 2000
