"""Throughput: operations per second of several clients at once, with what held them back, and of batches of updates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from statistics import median
from typing import Final, Literal, TypeAlias

from ...numerals import percent, significant, times, whole
from ..document import Section, Value, anchor, columns, median_of, number, word
from ..measurements import Measured, Measurements, Place, Values
from .by_class import Row, cells_by_class, marked, partly_replayed
from .plots import AS_NUMBER, Axis, Plot, PlotRow, at_end, ends, panels_of, plot, rows_at, spans

BUSY_FROM: Final = 0.7
"""Share of a core at which a single-threaded server counts as the limit."""

ALL_FROM: Final = 0.8
"""Share of the cores available to clients from which on they count as using all."""

KINDS: Final = ("threads", "processes", "tasks")

Limit: TypeAlias = Literal["server", "client-bound", "processor", "waiting"]
"""What kept clients from more operations per second."""

INTRODUCTION: Final = (
    "Operations per second of several clients on one board, all started at the same moment: **threads** of one process "
    "share a board object, **processes** have one each, where the backend can be shared, **tasks** of one event loop "
    "share an asynchronous board. Ratio: relative to one client of the kind, or to the smallest batch."
)

LIMITS: Final = (
    f"Held back by **server**: its process used {percent(BUSY_FROM)} of a core or more, and it runs commands in one "
    "thread. **client-bound**: the Python clients used all the processor time that they could get (threads and tasks "
    "share one core, because of Python's global lock; processes share the cores that the server leaves), so that the "
    "row shows how fast Python clients are on this machine, and the server could do more for clients elsewhere. "
    "**processor**: there is no server, and the board's own work used all processor time. **waiting**: neither; calls "
    "waited for round trips, for the disk, or for each other."
)


def throughput_section(m: Measurements) -> Section:
    """Return operations per second by clients and kind, and of batches."""
    clients = columns(
        *("backend", "kind", "#clients", "#per second", "#ratio", "#client cores", "#server cores", "held back by"),
        *("#runs", "marks"),
    )
    batches = columns("backend", "#updates per call", "#updates per second", "#ratio", "#runs")
    found = []
    for place in m.places("throughput"):
        tables = cells_by_class(m, "throughput", clients, partial(_clients, m), "Clients", place=place)
        tables += cells_by_class(m, "throughput", batches, _batches, "Batches, one client", place=place)
        if tables:
            name = anchor("throughput", place.workload, place.players)
            found.append(Section(name, place.title, tables=tables))
    said = [INTRODUCTION, LIMITS, *partly_replayed(m)]
    if not found:
        said = ["This comparison measured no throughput with figures."]
    return Section("throughput", "Throughput", said, sections=found)


def _clients(m: Measurements, one: Measured) -> Iterator[Row]:
    for kind in KINDS:
        rates = one.by_amount(kind, "per_second")
        for clients, rate in rates.items():
            used = one.values(kind, "client_cores", clients)
            server = one.values(kind, "server_cores", clients)
            client_cores, server_cores = median(used.values()), median(server.values()) if server else None
            yield [
                word(one.label),
                word(kind),
                number(clients),
                median_of(rate),
                _by(rate, rates.get(1)),
                number(client_cores, significant),
                number(server_cores, significant),
                word(limit(kind, clients, client_cores, server_cores, m.result.machine.cores)),
                number(len(rate)),
                marked(one),
            ]


def limit(kind: str, clients: float, client_cores: float, server_cores: float | None, cores: float) -> Limit:
    """Return what limited clients, by the cores that they and the server used of those that there are."""
    if server_cores is not None and server_cores >= BUSY_FROM:
        return "server"
    available = min(float(clients), cores - (server_cores or 0.0)) if kind == "processes" else 1.0
    if client_cores < ALL_FROM * available:
        return "waiting"
    return "processor" if server_cores is None else "client-bound"


def _by(rate: Values, other: Values | None) -> Value:
    least = median(other.values()) if other else 0.0
    return number(median(rate.values()) / least if least else None, times)


def _batches(one: Measured) -> Iterator[Row]:
    by_size = one.by_amount("batch", "per_second")
    smallest = next(iter(by_size.values()), None)
    for size, rate in by_size.items():
        yield [word(one.label), number(size), median_of(rate), _by(rate, smallest), number(len(rate))]


def throughput_plots(m: Measurements) -> Iterator[Plot]:
    """Yield operations per second of several clients and of batches, at the usual workload and size."""
    place = m.usual("throughput")
    if place is None:
        return
    clients = [row for kind in KINDS for row in rows_at(m, place, "per_second", kind, "clients", kind)]
    if clients:
        title, said = "Operations per second of several clients", "All clients together"
        yield _plot(m, place, clients, ("throughput", title, said), ("clients", "clients"))
    batches = [*rows_at(m, place, "per_second", "batch", "size")]
    if batches:
        title, said = "Updates per second in batches", "One client, so many updates per call of update_scores"
        yield _plot(m, place, batches, ("batches", title, said), ("size", "updates per call"))


def _plot(
    m: Measurements, place: Place, rows: Sequence[PlotRow], said: tuple[str, str, str], across: tuple[str, str]
) -> Plot:
    (name, title, what), (field, heading) = said, across
    most, last = at_end(rows, field, max)
    return plot(
        m,
        "lines",
        name,
        title,
        f"{what}, workload {place.workload}, {whole(place.players)} players, with 95 % intervals over processes; both "
        f"axes are logarithmic. At {whole(most)} {heading}: {spans(last, whole, panels_of(rows))}.",
        rows,
        x=Axis(heading, AS_NUMBER, [row[field] for row in rows], field),
        y=Axis("", AS_NUMBER, ends(rows)),
        number="per second",
        before={field: heading},
    )
