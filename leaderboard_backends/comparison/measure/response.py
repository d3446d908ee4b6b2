"""Response time: at a given rate, from the moment at which each operation was meant to start; see `timing`.

Where the backend cannot keep up, waiting times grow without end: then there are no percentiles, but the rate reached.
One client is measured at the rates of the workload; several clients, processes or tasks, climb a ladder of rates up to
the first that the backend does not keep up with: the knee is between the last two.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import chain
from typing import Final

from msgspec.structs import replace

from ...timing import Paced, at_rate
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..figures import RateFigures, ResponseFigures, distribution
from .checks import Phase, check_together
from .clients import PacedClients, Processes
from .job import Job
from .session import Session
from .steps import Supply
from .tasks import Tasks

IDLE_SHARE: Final = 0.25
"""Of the operations, as many are made by a board that does nothing, to know what the harness adds."""


def measure(job: Job, session: Session, trace: Trace) -> ResponseFigures:
    """Load, run each rate in turn, and compare the end state."""
    session.load(trace)
    calls = [getattr(session.board, OPERATIONS[name].method) for name in trace.operations]
    arrivals = [(calls[index], arguments, gap) for (index, arguments), gap in zip(trace.steps, trace.gaps, strict=True)]
    supply, phases = Supply(trace), list[Phase]()
    rates = []
    with session.counting_other_work():
        for rate in job.rates:
            (part,) = supply.take(1, round(rate * job.seconds))
            paced = at_rate([arrivals[position] for position in part], rate, give_up=job.seconds)
            phases.append(Phase([part], [len(paced.samples)]))
            rates.append(_figures(rate, paced))
    without_board = [(_nothing, arguments, gap) for _, arguments, gap in arrivals]
    idle = [
        _figures(rate, at_rate(without_board[: round(rate * job.seconds * IDLE_SHARE)], rate, job.seconds))
        for rate in job.rates
    ]
    several = list(_several(job, session, supply, phases))
    return ResponseFigures(rates, idle, check_together(session.board, trace, phases), several)


def _several(job: Job, session: Session, supply: Supply, phases: list[Phase]) -> Iterator[RateFigures]:
    """Yield the figures of several clients at rates that climb up to the first that is not kept up with."""
    if job.clients and session.board.capabilities.shared:
        with Processes(job.where, job.clients) as processes:
            for number in job.clients:
                yield from _ladder(job, processes, number, supply, phases)
    for number in job.tasks:
        yield from _ladder(job, Tasks(session.board, job.where), number, supply, phases)


def _ladder(job: Job, clients: PacedClients, number: int, supply: Supply, phases: list[Phase]) -> Iterator[RateFigures]:
    for rate in job.ladder:
        parts = [part for part in supply.take(number, round(rate * job.seconds)) if part]
        if len(parts) < number:
            return  # the trace is used up
        every = clients.pace([supply.paced(part) for part in parts], rate, give_up=job.seconds)
        phases.append(Phase(parts, [len(paced.samples) for paced in every]))
        samples = array("q", chain.from_iterable(paced.samples for paced in every))
        paced = Paced(samples, round(sum(paced.reached for paced in every), 1), all(paced.kept_up for paced in every))
        yield replace(_figures(rate, paced), kind=clients.kind, clients=number)
        if not paced.kept_up:
            return


def _figures(rate: float, paced: Paced) -> RateFigures:
    return RateFigures(rate, paced.reached, distribution(paced.samples) if paced.kept_up else None)


def _nothing(*_: object) -> None:
    """Stand in for a board."""
