"""What a worker is asked, and what it answers."""

from __future__ import annotations

from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec

from ..figures import Figures
from ..opening import Where
from ..schema import BackendFacts, Mode, Status, Verdict

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
