"""How much load a backend carries, by one client or by several, and how long its answers take under load."""

from __future__ import annotations

from statistics import median
from typing import NamedTuple

from ..schema import ClientsFigures, RateFigures, ResponseFigures, ThroughputFigures
from .records import Near, Records


class Together(NamedTuple):
    """How many times as much several clients do as one."""

    times: float
    source: str


class Response(NamedTuple):
    """Response time at a rate of one client, from the intended start."""

    rate: float
    p99_us: float | None
    """`None` where most processes did not keep up."""
    source: str


ALONE = Together(1.0, "one process: no more than one client does")


def together(records: Records, backend: str, clients: int, players: int) -> Together:
    """Return what so many app processes do together, by what one of them does alone.

    Of the client processes that were measured, the number that did the most among those that are not more than asked
    for; where none were measured, no more than one alone. So many clients count for no more than so many times one,
    whatever disturbed the one.
    """
    if clients == 1:
        return ALONE
    near = records.near("throughput", backend, players)
    by_clients = {} if near is None else _gains(near)
    known = {number: gain for number, gain in by_clients.items() if number <= clients}
    if near is None or not known:
        return Together(1.0, "several processes at once were not measured: reckoned as one client")
    best = max(known, key=lambda number: known[number])
    return Together(
        known[best], f"throughput of {near.where}: {best} client processes did {known[best]:.2f}x of what one did"
    )


def _gains(near: Near) -> dict[int, float]:
    """Return, by number of client processes, the median of what they did by what one did in the same run."""
    gains: dict[int, list[float]] = {}
    for run in near.runs:
        clients = run.figures.clients if isinstance(run.figures, ThroughputFigures) else []
        alone = _alone(clients)
        for several in clients:
            if several.kind == "processes" and alone:
                gains.setdefault(several.clients, []).append(min(several.clients, several.per_second / alone))
    return {number: median(found) for number, found in gains.items()}


def _alone(clients: list[ClientsFigures]) -> float:
    return next((one.per_second for one in clients if (one.kind, one.clients) == ("processes", 1)), 0.0)


def response(records: Records, backend: str, rate: float, players: int) -> Response | None:
    """Return the p99 at the lowest measured rate that is not below a rate of one client; `None` without one."""
    near = records.near("response", backend, players)
    if near is None:
        return None
    measured = [run.figures for run in near.runs if isinstance(run.figures, ResponseFigures)]
    rates = sorted({one.rate for figures in measured for one in figures.rates if one.rate >= rate})
    if not rates:
        return None
    chosen = [one for figures in measured for one in figures.rates if one.rate == rates[0]]
    return Response(rates[0], _p99(chosen), f"response at {rates[0]:g}/s a client, {near.where}")


def _p99(rates: list[RateFigures]) -> float | None:
    times = [one.response.p99_us for one in rates if one.response and one.response.p99_us is not None]
    return median(times) if 2 * len(times) > len(rates) else None
