"""Response time: at a given rate, from the moment at which each operation was meant to start; see `timing`.

Where the backend cannot keep up, waiting times grow without end: then there are no percentiles, but the rate reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...timing import Arrival, Paced, at_rate
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..samples import distribution
from ..schema import Checked, RateFigures, ResponseFigures
from .checks import check_state
from .job import Job
from .session import Session

IDLE_SHARE: Final = 0.25
"""Of the operations, as many are made by a board that does nothing, to know what the harness adds."""

CHECKED: Final = "the whole final state; answers are checked in other runs"


def measure(job: Job, session: Session, trace: Trace) -> tuple[ResponseFigures, float | None]:
    """Load, run each rate in turn, and compare the end state; returns the figures, and the cores used elsewhere."""
    session.load(trace)
    arrivals = _arrivals(session, trace)
    others = session.other_work()
    rates, position = [], 0
    for rate in job.rates:
        paced = at_rate(arrivals[position : position + round(rate * job.seconds)], rate, give_up=job.seconds)
        rates.append(_figures(rate, paced))
        position += len(paced.samples)
    cores = others.cores() if others else None
    idle = [
        _figures(rate, at_rate(_idle(arrivals[: round(rate * job.seconds * IDLE_SHARE)]), rate, job.seconds))
        for rate in job.rates
    ]
    changes = sum(OPERATIONS[trace.operations[index]].changes for index, _ in trace.steps[:position])
    checked = Checked(0, changes, check_state(session.board, trace, changes), CHECKED)
    return ResponseFigures(rates, idle, checked), cores


def _figures(rate: float, paced: Paced) -> RateFigures:
    return RateFigures(rate, paced.reached, distribution(paced.samples) if paced.kept_up else None)


def _arrivals(session: Session, trace: Trace) -> list[Arrival]:
    calls = [getattr(session.board, OPERATIONS[name].method) for name in trace.operations]
    return [(calls[index], arguments, gap) for (index, arguments), gap in zip(trace.steps, trace.gaps, strict=True)]


def _idle(arrivals: Sequence[Arrival]) -> list[Arrival]:
    return [(_nothing, arguments, gap) for _, arguments, gap in arrivals]


def _nothing(*_: object) -> None:
    """Stand in for a board."""
