"""How fast a backend is at a size and load: as measured there, or extrapolated beyond the largest measured size."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import log
from statistics import fmean, median
from typing import Final, NamedTuple

from ...numerals import counted, whole
from ...workload.operations import OPERATIONS
from ..cost.cluster import ONE_SERVER_CLASS
from ..cost.source import MOST_PLAYERS
from ..document import spread
from ..measurements import Measured, Measurements, Values
from ..statistics import interval
from .need import time_words

UPDATE: Final = "update"

FURTHEST: Final = 10
"""Times the largest measured size: so far figures are extrapolated, and no further, except those of one server that a
cluster would replace: its time grows with the logarithm of the players, so it is extrapolated as far as memory goes."""

_SAME: Final = 1 + 1e-9


# ---------------------------------------------------------------------- what stands for a size


def _nearest(by_size: Mapping[int, Measured], players: int) -> Measured | None:
    """Return what was measured at the nearest size at or above, else at the largest one."""
    above = [size for size in by_size if size >= players]
    return by_size[min(above) if above else max(by_size)] if by_size else None


def where(one: Measured) -> str:
    """Return the size and workload of what was measured, as text."""
    said = f"{one.place.title}, {counted(len(one.runs), 'process', 'processes')}"
    return f"{said}, disturbed by other work" if one.disturbed else said


def sizes(m: Measurements, backend: str) -> list[int]:
    """Return the sizes at which a backend's updates have service times, in rising order."""
    found = m.by_size("service", backend)
    return [players for players, one in found.items() if one.cell.workload == m.workload and UPDATE in one.operations]


def extrapolated_up_to(m: Measurements, backend: str) -> int:
    """Return the most players for which figures of a backend are extrapolated from those that were measured."""
    facts, measured = m.result.facts(backend), max(sizes(m, backend), default=0)
    by_memory = facts is not None and facts.class_name == ONE_SERVER_CLASS
    return MOST_PLAYERS if by_memory and measured else FURTHEST * measured


@lru_cache(maxsize=512)  # as `times`
def problem(m: Measurements, backend: str, players: int) -> str:
    """Return why a backend has no figures that may be used at a size; empty where it has them.

    A wrong answer anywhere rules it out; else the outcome at the nearest size at or above at which it was run.
    """
    facts = m.result.facts(backend)
    if facts is not None and facts.verdict is not None and not facts.verdict.allows_figures:
        return f"the conformance kit says {facts.verdict.verdict}, {facts.verdict.failed} tests failed"
    mine = [one for cell, one in m.cells.items() if cell.backend == backend and not cell.a_a]
    wrong = next((run for one in mine for run in one.every if run.status == "wrong"), None)
    if wrong is not None:
        return f"gave wrong answers: {wrong.reason}"
    service = {one.cell.players: one for one in mine if one.place[:2] == ("service", m.workload)}
    chosen = _nearest(service, players)
    if chosen is None:
        return "was not measured"
    if UPDATE in chosen.operations:
        return beyond_words(chosen.cell.players) if players > extrapolated_up_to(m, backend) else ""
    first = chosen.every[0]
    return f"{first.status} at {chosen.cell.players:,} players{f': {first.reason}' if first.reason else ''}"


def beyond_words(measured: int) -> str:
    """Return why nothing is known of a board that is too large to extrapolate from the largest measured size."""
    return f"was measured up to {measured:,} players, and is not extrapolated beyond {FURTHEST} times as many"


# ---------------------------------------------------------------------- how long operations take


class Latency(NamedTuple):
    """What one operation takes, in microseconds: medians over processes."""

    operation: str
    mean_us: float
    p50_us: float | None
    p99_us: float | None
    p99_by_round: Values
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

    update: Latency
    reads: tuple[Latency, ...]
    read_us: float
    """The mean of a read, with the reads in the proportions of the workload."""
    at: Measured
    beyond: bool
    """Whether the need has more players than were measured."""
    source: str
    """Where the figures are from, as text."""
    modelled: bool = False
    """Whether they are of a model, as they were not measured."""

    @property
    def slowest_read(self) -> Latency | None:
        """The read with the longest p99; reads without a p99 come first."""
        return max(self.reads, key=lambda one: (one.p99_us is None, one.p99_us or 0.0), default=None)


@lru_cache(maxsize=512)  # one matrix of advice asks for the same few sizes of each backend hundreds of times
def times(m: Measurements, backend: str, players: int) -> Times | None:
    """Return what a backend's operations take at a size; `None` where none was measured.

    At the nearest measured size at or above. Beyond the largest, times grow by the slope, on log-log axes, of the p50
    of updates between the two largest sizes, and never fall; with one size they stay.
    """
    at = _nearest(m.by_size("service", backend), players)
    if at is None or UPDATE not in at.operations:
        return None
    growth, beyond, source = _growth(m, backend, players), players > at.cell.players, f"service times of {where(at)}"
    if beyond:
        source += f", the largest measured size, extrapolated by {growth:.2f}x, from how the p50 of its updates grew"
    found = {name: _latency(at, name, growth) for name in at.operations}
    reads = tuple(one for name, one in found.items() if name in OPERATIONS and not OPERATIONS[name].changes)
    traces = (trace for trace in m.result.traces if (trace.workload, trace.players) == at.place[1:])
    steps: Mapping[str, int] = next((trace.steps for trace in traces), {})
    weights = [steps.get(one.operation, 0) for one in reads]  # each read weighs as much as the trace has of it
    mean = fmean([one.mean_us for one in reads], weights if any(weights) else None) if reads else 0.0
    return Times(found[UPDATE], reads, mean, at, beyond, source)


def _latency(at: Measured, operation: str, growth: float) -> Latency:
    p50, p99 = at.values(operation, "p50"), at.values(operation, "p99")
    return Latency(
        operation=operation,
        mean_us=median(at.values(operation, "mean").values()) * growth,
        p50_us=median(p50.values()) * growth if p50 else None,
        p99_us=median(p99.values()) * growth if p99 else None,
        p99_by_round={round_: value * growth for round_, value in p99.items()},
        samples=int(min(at.values(operation, "samples").values())),
    )


def _growth(m: Measurements, backend: str, players: int) -> float:
    measured = sizes(m, backend)
    if players <= measured[-1] or len(measured) == 1:
        return 1.0
    by_size = m.by_size("service", backend)
    p50s = {size: by_size[size].values(UPDATE, "p50").values() for size in measured[-2:]}
    slope = _slope({size: median(values) if values else 0.0 for size, values in p50s.items()})
    return float((players / measured[-1]) ** max(0.0, slope))


def _slope(points: Mapping[int, float]) -> float:
    """Return the slope between the last two points, on log-log axes; 0 where one of them is 0."""
    (less, before), (more, last) = [*points.items()][-2:]
    return log(last / before) / log(more / less) if last and before else 0.0


# ---------------------------------------------------------------------- how much several clients do


class Concurrency(NamedTuple):
    """Throughput of several clients relative to one; that of one is the default."""

    times: float = 1.0
    source: str = "one process, as one client was measured"
    caution: str = ""
    """What of it was not measured."""
    disturbed: bool = False
    """Whether other work on the machine disturbed the runs."""
    measured: bool = False
    """Whether several were measured at once."""


ALONE = Concurrency()
NOT_MEASURED = "several processes at once were not measured: assumed to do no more than one client"


@lru_cache(maxsize=512)  # as `times`
def concurrency(m: Measurements, backend: str, clients: int, players: int) -> Concurrency:
    """Return the throughput of several app processes relative to one.

    As measured with as many client processes. Between two measured numbers it is on the straight line, and no more than
    with the larger one; beyond the largest it falls as it fell before, and never rises. N clients count for at most N
    times one client, even if a disturbance slowed down the one. Where none were measured, it is that of one client.
    """
    if clients == 1:
        return ALONE
    at = _nearest(m.by_size("throughput", backend), players)
    gains = {} if at is None else _gains(at)
    if at is None or max(gains, default=1) == 1:
        return Concurrency(1.0, NOT_MEASURED, NOT_MEASURED)
    gain, source = _gain(gains, clients)
    beyond = f"measured with up to {max(gains)} processes at once; extrapolated to {clients}"
    caution = beyond if clients > max(gains) else ""
    return Concurrency(gain, f"throughput of {where(at)}: {source}", caution, at.disturbed, measured=True)


def _gains(at: Measured) -> dict[int, float]:
    """Return, by rising number of client processes, their median throughput relative to one process of the same run."""
    rates = at.by_amount("processes", "per_second")
    alone = rates.get(1, {})
    gains = {
        int(clients): [min(clients, rate / alone[round_]) for round_, rate in by_round.items() if alone.get(round_)]
        for clients, by_round in rates.items()
    }
    return {clients: median(values) for clients, values in gains.items() if values}


def _gain(gains: dict[int, float], clients: int) -> tuple[float, str]:
    """Return the throughput of a number of client processes relative to one, and what it is from, as text."""
    less, more = [n for n in gains if n < clients][-1], next((n for n in gains if n >= clients), None)
    if more is None:
        gain = float(gains[less] * (clients / less) ** min(0.0, _slope(gains)))
    else:
        gain = min(gains[more], gains[less] + (gains[more] - gains[less]) * (clients - less) / (more - less))
    known = [clients] if more == clients else [less, more] if more else [less]
    words = " and ".join(f"{counted(n, 'client process', 'client processes')} reached {gains[n]:.2f}x" for n in known)
    extrapolated = "" if more == clients else f"; for {clients}, {gain:.2f}x is extrapolated"
    return gain, f"{words} the rate of one{extrapolated}"


# ---------------------------------------------------------------------- how late answers come under load


class Response(NamedTuple):
    """Response time from the intended start, of so many client processes or of one, near the requested rate."""

    rate: float
    """The rate at which it is looked up: at least the requested rate of all processes together."""
    by_rate: Mapping[float, float | None]
    """The p99 at each measured rate; `None` where most processes did not keep up with it."""
    where: str
    clients: str = "one client"
    """Who was measured."""
    several: bool = False
    """Whether the figure of one client is used for several clients, which were not measured."""
    as_busy: str = ""
    """Why one client is looked up at a higher rate than requested, as text."""

    @property
    def above(self) -> float | None:
        """The lowest measured rate that is not below the rate; `None` where no such rate was measured."""
        return min((one for one in self.by_rate if one >= self.rate), default=None)

    @property
    def p99_us(self) -> float | None:
        """The p99 at that rate."""
        return None if self.above is None else self.by_rate[self.above]

    @property
    def source(self) -> str:
        """Where the p99 is from, as text."""
        return f"response at {whole(self.above or 0.0)}/s of {self.clients}, {self.where}{self.as_busy}"

    @property
    def problem(self) -> str:
        """Why no p99 is known at the rate; empty where it is."""
        if self.p99_us is not None:
            return ""
        if self.above is None:
            most = f"; measured up to {whole(max(self.by_rate))}/s" if self.by_rate else ""
            return f"p99 under load is not known at {whole(self.rate)}/s{most}{self.as_busy}"
        return (
            f"p99 under load is not known: it did not keep up with {whole(self.above)}/s of {self.clients} "
            f"({self.where})"
        )

    def late(self, limit: float) -> str:
        """Return why answers under load take longer than a limit; empty where they do not, or where it is not known.

        More load never makes answers faster: where nothing is known at the rate, it is enough that a lower rate is too
        slow.
        """
        below = max((one for one in self.by_rate if one <= self.rate), default=0.0)
        found = self.by_rate.get(below) if self.p99_us is None else self.p99_us
        if found is None or found <= limit:
            return ""
        time = time_words(found)
        if self.p99_us is None:
            return f"p99 under load is already {time} at {whole(below)}/s of {self.clients}{self.as_busy}"
        if self.several:
            said = f"one client with the whole load has a p99 of {time}; several at once were not measured"
        else:
            said = f"p99 under load is {time}"
        return f"{said} ({self.source})"


def response(
    m: Measurements, backend: str, rate: float, players: int, several: Concurrency = ALONE, processes: int = 1
) -> Response | None:
    """Return the p99 near the rate of all processes together; `None` where no response was measured.

    It is that of as many client processes where they were measured up to that rate, and else that of one client.
    Processes that share a storage wait for one another in it, so that one client at the whole rate represents all;
    where several do less than one, its rate is raised until it is as busy.
    """
    at = _nearest(m.by_size("response", backend), players)
    if at is None:
        return None
    together = f"{processes} processes"
    p99 = _p99_by_rate(at, together)
    if processes > 1 and max(p99, default=0.0) >= rate:
        return Response(rate, p99, where(at), together)
    alike, busy = rate / min(1.0, several.times) if several.times else rate, ""
    if alike > rate * _SAME:
        busy = f"; {whole(rate)}/s of several clients keep it as busy as {whole(alike)}/s of one"
    return Response(alike, _p99_by_rate(at), where(at), several=several is not ALONE, as_busy=busy)


@lru_cache(maxsize=512)  # as `times`
def _p99_by_rate(at: Measured, clients: str = "") -> dict[float, float | None]:
    """Return the p99 of one client, or of several, by rate; `None` where half of the processes have none."""
    asked = at.by_amount("rate", "kept_up", variant=clients)
    known = {rate: at.values("rate", "p99", rate, variant=clients) for rate in asked}
    return {rate: median(p99.values()) if 2 * len(p99) > len(asked[rate]) else None for rate, p99 in known.items()}
