"""From a cell of a plan to what its worker is asked, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from ..workload.spec import WorkloadFile
from .measure.job import Job, Where
from .plan import Plan, ProgramsPart, ResponsePart, ThroughputPart, Unit
from .traces import StoredTrace

PATIENCE: Final = 90.0
"""Seconds that any run may take, in addition to those for its size and its plan."""


@dataclass(frozen=True, slots=True)
class Jobs:
    """What the jobs of a comparison have in common."""

    plan: Plan
    seed: int
    workloads: Mapping[str, WorkloadFile]
    give_up_after: float | None
    """Seconds after which a worker is ended; chosen by size and plan where `None`."""

    def of(self, unit: Unit, where: Where, trace: StoredTrace | None = None) -> Job:
        """Return the job of a run; a program of a plug-in has no trace."""
        part = unit.part
        job = Job(
            task=unit.cell.mode if unit.cell.mode != "drill" else "crash",
            where=where,
            give_up_after=self.patience(unit),
            trace_path=str(trace.trace) if trace else "",
            answers_path=str(trace.answers) if trace else "",
            time_limit=self.plan.time_limit,
            program=unit.cell.backend,
            players=unit.cell.players,
            seed=self.seed,
        )
        if isinstance(part, ThroughputPart):
            job = replace(job, clients=part.clients, batches=part.batches, seconds=part.seconds)
        if isinstance(part, ProgramsPart):
            job = replace(job, distribution=part.distribution, seconds=part.seconds)
        if isinstance(part, ResponsePart):
            rates = self.workloads[unit.cell.workload].spec.arrival.rates
            job = replace(job, rates=list(rates), seconds=part.seconds)
        return job

    def patience(self, unit: Unit | None = None) -> float:
        """Return the timeout of a worker in seconds: far above what one that works needs."""
        if self.give_up_after is not None:
            return self.give_up_after
        return PATIENCE if unit is None else PATIENCE + 10 * self.plan.time_limit + unit.cell.players / 2000
