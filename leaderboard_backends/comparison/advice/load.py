"""How much load a backend carries, by one client or by several, and how long its answers take under load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from math import log
from statistics import median
from typing import Final, NamedTuple

from ...numerals import counted, whole
from ..schema import ClientsFigures, RateFigures, ResponseFigures, ThroughputFigures
from .need import time_words
from .records import Near, Records

_SAME: Final = 1 + 1e-9


class Together(NamedTuple):
    """Throughput of several clients relative to one."""

    times: float
    source: str
    caution: str = ""
    """What of it was not measured."""
    disturbed: bool = False
    """Whether other work on the machine disturbed the runs."""
    measured: bool = False
    """Whether several were measured at once."""


class Response(NamedTuple):
    """Response time of one client from the intended start, at the measured rates around the requested one.

    A p99 is `None` where no such rate was measured, or where most processes did not keep up with it.
    """

    asked: float
    """Of all processes together."""
    rate: float
    """The rate at which one client is looked up: at least the requested rate."""
    above: float | None
    """The lowest measured rate that is not below it."""
    p99_us: float | None
    """The p99 at that rate."""
    below: float | None
    """The highest measured rate that is not above it."""
    below_p99_us: float | None
    several: bool
    """Whether the figure of one client is used for several clients, which were not measured."""
    where: str

    @property
    def source(self) -> str:
        """Where the p99 is from, as text."""
        return f"response at {whole(self.above or 0.0)}/s of one client, {self.where}{self._as_busy}"

    @property
    def _as_busy(self) -> str:
        """Why one client is looked up at a higher rate than requested, as text."""
        if self.rate <= self.asked * _SAME:
            return ""
        return f"; {whole(self.asked)}/s of several clients keep it as busy as {whole(self.rate)}/s of one"

    @property
    def problem(self) -> str:
        """Why no p99 is known at the rate; empty where it is."""
        if self.p99_us is not None:
            return ""
        if self.above is None:
            most = f"; measured up to {whole(self.below)}/s" if self.below else ""
            return f"p99 under load is not known at {whole(self.rate)}/s{most}{self._as_busy}"
        return (
            f"p99 under load is not known: it did not keep up with {whole(self.above)}/s of one client ({self.where})"
        )

    def late(self, limit: float) -> str:
        """Return why answers under load take longer than a limit; empty where they do not, or where it is not known.

        More load never makes answers faster: where nothing is known at the rate, it is enough that a lower rate is too
        slow.
        """
        if self.p99_us is None:
            known, rate = self.below_p99_us or 0.0, whole(self.below or 0.0)
            late = f"p99 under load is already {time_words(known)} at {rate}/s of one client{self._as_busy}"
            return late if known > limit else ""
        if self.p99_us <= limit:
            return ""
        if self.several:
            said = f"one client with the whole load has a p99 of {time_words(self.p99_us)}; several at once"
            return f"{said} were not measured ({self.source})"
        return f"p99 under load is {time_words(self.p99_us)} ({self.source})"


ALONE = Together(1.0, "one process, as one client was measured")
NOT_MEASURED = "several processes at once were not measured: assumed to do no more than one client"


# ---------------------------------------------------------------------- how much


@lru_cache(maxsize=512)  # as `times`
def together(records: Records, backend: str, clients: int, players: int) -> Together:
    """Return the throughput of several app processes relative to one.

    As measured with as many client processes. Between two measured numbers it is on the straight line, and no more than
    with the larger one; beyond the largest it falls as it fell before, and never rises. N clients count for at most N
    times one client, even if a disturbance slowed down the one. Where none were measured, it is that of one client.
    """
    if clients == 1:
        return ALONE
    near = records.near("throughput", backend, players)
    gains = {} if near is None else _gains(near)
    if near is None or max(gains, default=1) == 1:
        return Together(1.0, NOT_MEASURED, NOT_MEASURED)
    times = _interpolated(gains, clients)
    said = f"throughput of {near.where}: {_told(gains, clients, times)}"
    return Together(times, said, _beyond(gains, clients), near.disturbed, measured=True)


def _gains(near: Near) -> dict[int, float]:
    """Return, by rising number of client processes, their median throughput relative to one process of the same run."""
    gains: dict[int, list[float]] = {}
    for run in near.runs:
        clients = run.figures.clients if isinstance(run.figures, ThroughputFigures) else []
        alone = _alone(clients)
        for several in clients:
            if several.kind == "processes" and alone:
                gains.setdefault(several.clients, []).append(min(several.clients, several.per_second / alone))
    return {number: median(gains[number]) for number in sorted(gains)}


def _alone(clients: list[ClientsFigures]) -> float:
    return next((one.per_second for one in clients if (one.kind, one.clients) == ("processes", 1)), 0.0)


def _interpolated(gains: dict[int, float], clients: int) -> float:
    for (fewer, less), (more, gain) in pairwise(gains.items()):
        if clients <= more:
            return min(gain, less + (gain - less) * (clients - fewer) / (more - fewer))
    (fewer, before), (most, last) = [*gains.items()][-2:]
    slope = log(last / before) / log(most / fewer) if last and before else 0.0
    return float(last * (clients / most) ** min(0.0, slope))


def _told(gains: dict[int, float], clients: int, times: float) -> str:
    if clients in gains:
        return f"{_did(clients, times)} the rate of one"
    fewer = max(number for number in gains if number < clients)
    more = next((number for number in gains if number > clients), None)
    measured = [number for number in (fewer, more) if number is not None]
    words = " and ".join(_did(number, gains[number]) for number in measured)
    return f"{words} the rate of one; for {clients}, {times:.2f}x is extrapolated"


def _did(clients: int, times: float) -> str:
    return f"{counted(clients, 'client process', 'client processes')} reached {times:.2f}x"


def _beyond(gains: dict[int, float], clients: int) -> str:
    most = max(gains)
    return f"measured with up to {most} processes at once; extrapolated to {clients}" if clients > most else ""


# ---------------------------------------------------------------------- how late


def response(records: Records, backend: str, rate: float, players: int, several: Together = ALONE) -> Response | None:
    """Return the p99 of one client near the rate of all processes together; `None` where no response was measured.

    It was measured with one client. Processes that share a storage wait for one another in it, so that one client at
    the whole rate represents all; where several do less than one, its rate is raised until it is as busy.
    """
    found = _measured(records, backend, players)
    if found is None:
        return None
    p99, where = found
    alike = rate / min(1.0, several.times) if several.times else rate
    above = min((one for one in p99 if one >= alike), default=None)
    below = max((one for one in p99 if one <= alike), default=None)
    known = (above, None if above is None else p99[above], below, None if below is None else p99[below])
    return Response(rate, alike, *known, several is not ALONE, where)


@lru_cache(maxsize=512)  # as `times`
def _measured(records: Records, backend: str, players: int) -> tuple[Mapping[float, float | None], str] | None:
    """Return the p99 by rate near a size, and where it was measured."""
    near = records.near("response", backend, players)
    return None if near is None else (dict(_p99_by_rate(near)), near.where)


def _p99_by_rate(near: Near) -> Iterator[tuple[float, float | None]]:
    measured = [run.figures for run in near.runs if isinstance(run.figures, ResponseFigures)]
    for rate in sorted({one.rate for figures in measured for one in figures.rates}):
        yield rate, _p99([one for figures in measured for one in figures.rates if one.rate == rate])


def _p99(rates: list[RateFigures]) -> float | None:
    times = [one.response.p99_us for one in rates if one.response and one.response.p99_us is not None]
    return median(times) if 2 * len(times) > len(rates) else None
