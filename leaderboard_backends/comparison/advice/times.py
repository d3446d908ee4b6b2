"""How long a backend's updates and reads take at a size: measured there, or extrapolated beyond the largest size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import log
from statistics import median
from typing import NamedTuple

from ...workload.operations import OPERATIONS
from ..document import spread
from ..schema import Distribution, ServiceFigures
from ..statistics import interval
from .need import time_words
from .records import UPDATE, Near, Records


class Taken(NamedTuple):
    """What one operation takes, in microseconds: medians over processes."""

    operation: str
    mean_us: float
    p50_us: float | None
    p99_us: float | None
    p99_by_round: Mapping[int, float]
    samples: int
    """The fewest samples of a process."""

    @property
    def p99_words(self) -> str:
        """The p99 with its interval."""
        if self.p99_us is None:
            return "not known, too few samples"
        if not self.p99_by_round:
            return time_words(self.p99_us)
        return spread(interval([*self.p99_by_round.values()]), time_words)


class Times(NamedTuple):
    """The updates and reads of one backend at one size."""

    update: Taken
    reads: tuple[Taken, ...]
    read_us: float
    """The mean of a read, with the reads in the proportions of the workload."""
    where: Near
    growth: float
    """By what the figures of the largest measured size were multiplied; 1 where the size was measured."""
    beyond: bool
    """Whether the need has more players than were measured."""
    modelled: str = ""
    """What the figures are computed from, where they were not measured; empty where they were."""

    @property
    def slowest_read(self) -> Taken | None:
        """The read with the longest p99; reads without a p99 come first."""
        return max(self.reads, key=lambda taken: (taken.p99_us is None, taken.p99_us or 0.0), default=None)

    @property
    def source(self) -> str:
        """Where the figures are from, as text."""
        if self.modelled:
            return self.modelled
        if not self.beyond:
            return f"service times of {self.where.where}"
        return (
            f"service times of {self.where.where}, the largest measured size, extrapolated by {self.growth:.2f}x with "
            f"the growth of its p50 of updates"
        )


@lru_cache(maxsize=512)  # one matrix of advice asks for the same few sizes of each backend hundreds of times
def times(records: Records, backend: str, players: int) -> Times | None:
    """Return what a backend's operations take at a size; `None` where none was measured.

    At the nearest measured size at or above. Beyond the largest, times grow by the slope, on log-log axes, of the p50
    of updates between the two largest sizes, and never fall; with one size they stay.
    """
    near = records.near("service", backend, players)
    if near is None:
        return None
    growth = _growth(records, backend, players)
    found = {name: _taken(near, name, growth) for name in _operations(near)}
    if UPDATE not in found:
        return None
    reads = tuple(taken for name, taken in found.items() if name in OPERATIONS and not OPERATIONS[name].changes)
    mean = _weighted(records, near, reads)
    return Times(found[UPDATE], reads, mean, near, growth, beyond=players > near.players)


def _operations(near: Near) -> list[str]:
    return list(dict.fromkeys(name for figures in _service(near).values() for name in figures.operations))


def _service(near: Near) -> dict[int, ServiceFigures]:
    return {run.round: run.figures for run in near.runs if isinstance(run.figures, ServiceFigures)}


def _taken(near: Near, operation: str, growth: float) -> Taken:
    by_round = {
        number: figures.operations[operation].time
        for number, figures in _service(near).items()
        if operation in figures.operations
    }
    p99 = _values(by_round, lambda time: time.p99_us, growth)
    p50 = _values(by_round, lambda time: time.p50_us, growth)
    return Taken(
        operation=operation,
        mean_us=median(time.mean_us for time in by_round.values()) * growth,
        p50_us=median(p50.values()) if p50 else None,
        p99_us=median(p99.values()) if p99 else None,
        p99_by_round=p99,
        samples=min(time.samples for time in by_round.values()),
    )


def _values(
    by_round: Mapping[int, Distribution], read: Callable[[Distribution], float | None], growth: float
) -> dict[int, float]:
    known = {number: read(time) for number, time in by_round.items()}
    return {number: time * growth for number, time in known.items() if time is not None}


def _weighted(records: Records, near: Near, reads: tuple[Taken, ...]) -> float:
    traces = (trace for trace in records.result.traces if trace.workload == near.workload)
    steps: Mapping[str, int] = next((trace.steps for trace in traces if trace.players == near.players), {})
    weights = [steps.get(taken.operation, 0) for taken in reads]
    if not any(weights):
        weights = [1] * len(reads)
    every = zip(weights, reads, strict=True)
    return sum(weight * taken.mean_us for weight, taken in every) / sum(weights) if reads else 0.0


def _growth(records: Records, backend: str, players: int) -> float:
    sizes = records.sizes(backend)
    if players <= sizes[-1] or len(sizes) == 1:
        return 1.0
    smaller, larger = (_p50(records, backend, size) for size in sizes[-2:])
    slope = log(larger / smaller) / log(sizes[-1] / sizes[-2]) if smaller and larger else 0.0
    return float((players / sizes[-1]) ** max(0.0, slope))


def _p50(records: Records, backend: str, players: int) -> float:
    runs = records.service(backend, players)
    times = [
        run.figures.operations[UPDATE].time
        for run in runs
        if isinstance(run.figures, ServiceFigures) and UPDATE in run.figures.operations
    ]
    known = [time.p50_us for time in times if time.p50_us]
    return median(known) if known else 0.0
