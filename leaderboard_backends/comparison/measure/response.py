"""Response time: at a given rate, from the moment at which each operation was meant to start.

One client works through arrivals that come whether or not it is ready, so that a stall is seen by every operation that
it keeps waiting (G. Tene calls the mistake of not doing so "coordinated omission"). Where the backend cannot keep up,
waiting times grow without end: then there are no percentiles, but the rate that it reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter_ns, sleep
from typing import Any, Final, TypeAlias

from ..samples import distribution, preallocated
from ..schema import Checked, RateFigures, ResponseFigures
from ..workload.operations import OPERATIONS
from ..workload.trace import Trace
from .gate import check_state
from .job import Job
from .session import Session

KEPT_UP: Final = 0.95
"""The part of the asked rate from which on a backend is said to keep up."""

SPIN_NS: Final = 200_000
"""Before an intended start, so long is waited by looking at the clock, as a sleep may end that much late."""

IDLE_SHARE: Final = 0.25
"""Of the operations, as many are made by a board that does nothing, to know what the harness adds."""

CHECKED: Final = "the whole final state; answers are checked in other runs"

Arrival: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...], float]
"""A call, its arguments, and the gap before it in seconds at one operation per second."""


def measure(job: Job, session: Session, trace: Trace) -> tuple[ResponseFigures, float | None]:
    """Load, run each rate in turn, and compare the end state; returns the figures, and the cores used elsewhere."""
    session.load(trace)
    arrivals = _arrivals(session, trace)
    others = session.other_work()
    rates, position = [], 0
    for rate in job.rates:
        part = arrivals[position : position + round(rate * job.seconds)]
        figures, done = at_rate(part, rate, give_up=job.seconds)
        rates.append(figures)
        position += done
    cores = others.cores() if others else None
    idle = [
        at_rate(_idle(arrivals[: round(rate * job.seconds * IDLE_SHARE)]), rate, job.seconds)[0] for rate in job.rates
    ]
    changes = sum(OPERATIONS[trace.operations[index]].changes for index, _ in trace.steps[:position])
    checked = Checked(0, changes, check_state(session.board, trace, changes), CHECKED)
    return ResponseFigures(rates, idle, checked), cores


def at_rate(arrivals: Sequence[Arrival], rate: float, give_up: float) -> tuple[RateFigures, int]:
    """Run arrivals at a rate; returns the figures, and how many were run.

    The run ends early where it is `give_up` seconds behind. Raises what the calls raise.
    """
    samples = preallocated(len(arrivals))
    nanoseconds, behind, done = 1e9 / rate * _stretch(arrivals), int(give_up * 1e9), 0
    started = perf_counter_ns()
    intended = float(started)
    ended = started
    for call, arguments, gap in arrivals:
        intended += gap * nanoseconds
        _wait(int(intended))
        call(*arguments)
        ended = perf_counter_ns()
        samples[done] = ended - int(intended)
        done += 1
        if ended - intended > behind:
            break
    asked, took = (intended - started) / 1e9, (ended - started) / 1e9
    kept_up = 0 < done == len(arrivals) and asked >= KEPT_UP * took
    reached = round(done / took, 1) if took else 0.0
    return RateFigures(rate, reached, distribution(samples[:done]) if kept_up else None), done


def _stretch(arrivals: Sequence[Arrival]) -> float:
    """Return the factor that makes the gaps 1 on average, so that the requested rate is met."""
    total = sum(gap for _, _, gap in arrivals)
    return len(arrivals) / total if total else 1.0


def _wait(moment: int) -> None:
    """Return at a moment of the clock, or at once where it is over."""
    left = moment - perf_counter_ns()
    if left > 2 * SPIN_NS:
        sleep((left - SPIN_NS) / 1e9)
    while perf_counter_ns() < moment:
        pass


def _arrivals(session: Session, trace: Trace) -> list[Arrival]:
    calls = [getattr(session.board, OPERATIONS[name].method) for name in trace.operations]
    return [(calls[index], arguments, gap) for (index, arguments), gap in zip(trace.steps, trace.gaps, strict=True)]


def _idle(arrivals: Sequence[Arrival]) -> list[Arrival]:
    return [(_nothing, arguments, gap) for _, arguments, gap in arrivals]


def _nothing(*_: object) -> None:
    """Stand in for a board."""
