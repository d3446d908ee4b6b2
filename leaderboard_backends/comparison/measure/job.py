"""What a worker is asked, how long it may take, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from ...workload.spec import WorkloadFile
from ..figures import Figures
from ..opening import Where
from ..plan import ChurnPart, Plan, Unit
from ..schema import BackendFacts, Mode, Status, Verdict
from ..traces import StoredTrace

TIMEOUT: Final = 90.0
"""Seconds that any run may take, in addition to those for its size and its plan."""

Task: TypeAlias = Literal[Mode, "return", "facts", "conformance", "clear"]
"""The modes, `recovery` being the worker that is killed, and `return` the one that checks what is left; `facts` opens a
board and reports what it is; `conformance` runs the kit; `clear` deletes what a terminated worker left behind.
"""

AnyPart = TypeVar("AnyPart", bound=msgspec.Struct)


class Job(msgspec.Struct, frozen=True):
    """What one worker does."""

    task: Task
    where: Where
    timeout: float
    """Seconds after which the worker ends itself."""
    label: str = ""
    """Of the backend, or the name of the program."""
    trace_path: str = ""
    answers_path: str = ""
    time_limit: float = 2.0
    """Seconds for the writes of a run, and for each kind of read."""
    rates: list[float] = []
    """Of the workload."""
    players: int = 0
    seed: int = 1
    parts: list[str] = []
    """Of the conformance kit; none named: all."""
    asked: dict[str, Any] = {}
    """The part of the plan that asks for the run, as plain data."""

    def settings(self, kind: type[AnyPart]) -> AnyPart:
        """Return the part of the plan that asks for the run, whose kind the mode decides."""
        return msgspec.convert(self.asked, kind)


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
        workload = self.workloads.get(unit.cell.workload)
        return Job(
            task=unit.cell.mode,
            where=where,
            timeout=self.timeout_of(unit),
            label=unit.cell.backend,
            trace_path=str(trace.trace) if trace else "",
            answers_path=str(trace.answers) if trace else "",
            time_limit=self.plan.time_limit,
            rates=list(workload.spec.arrival.rates) if workload else [],
            players=unit.cell.players,
            seed=self.seed,
            asked=msgspec.to_builtins(unit.part),
        )

    def timeout_of(self, unit: Unit | None = None) -> float:
        """Return the timeout of a worker in seconds: far above what one that works needs."""
        if unit is None:
            return self.timeout or TIMEOUT
        timeout = self.timeout or TIMEOUT + 10 * self.plan.time_limit + unit.cell.players / 2000
        return timeout + 2 * unit.part.seconds if isinstance(unit.part, ChurnPart) else timeout
