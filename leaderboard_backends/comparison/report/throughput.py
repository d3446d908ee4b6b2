"""Throughput: operations per second of several clients at once, with what held them back, and of batches of updates."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Final, Literal, TypeAlias

from ...numerals import percent, significant, times, whole
from ..document import Section, Table, Value, median_of, number
from ..measurements import Measured, Measurements, Place, Values
from .plots import AS_NUMBER, Plot, lines, rows_at, usual
from .tables import Row, by_place, cells_by_class, marked, partly_replayed, row_of

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
    clients = "backend|kind|#clients|#per second|#ratio|#client cores|#server cores|held back by|#runs|marks"
    batches = "backend|#updates per call|#updates per second|#ratio|#runs"

    def tables(place: Place) -> list[Table]:
        of_clients = cells_by_class(m, place, clients, partial(_clients, m), "Clients")
        return [*of_clients, *cells_by_class(m, place, batches, _batches, "Batches, one client")]

    found = by_place(m, "throughput", tables)
    said = [INTRODUCTION, LIMITS, *partly_replayed(m)]
    if not found:
        said = ["This comparison measured no throughput with figures."]
    return Section("throughput", "Throughput", said, sections=found)


def _clients(m: Measurements, one: Measured) -> Iterator[Row]:
    for kind in KINDS:
        rates = one.by_amount(kind, "per_second")
        for clients, rate in rates.items():
            mine, server = one.values(kind, "client_cores", clients), one.values(kind, "server_cores", clients)
            used, by_server = median(mine.values()), median(server.values()) if server else None
            held_back = limit(kind, clients, used, by_server, m.result.machine.cores)
            rated = median_of(rate), _by(rate, rates.get(1))
            cores = number(used, significant), number(by_server, significant)
            yield row_of(one.label, kind, clients, *rated, *cores, held_back, len(rate), marked(one))


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
        yield row_of(one.label, size, median_of(rate), _by(rate, smallest), len(rate))


def throughput_plots(m: Measurements) -> Iterator[Plot]:
    """Yield operations per second of several clients and of batches, at the usual workload and size."""
    found = usual(m, "throughput")
    clients = [row for kind in KINDS for row in rows_at(m, found, "per_second", kind, "clients", kind)]
    batches = [*rows_at(m, found, "per_second", "batch", "size")]
    together, one_client = "All clients together", "One client, so many updates per call of update_scores"
    for name, title, what, across, rows in (
        ("throughput", "Operations per second of several clients", together, ("clients", "clients"), clients),
        ("batches", "Updates per second in batches", one_client, ("size", "updates per call"), batches),
    ):
        if rows:
            said = (
                f"{what}, workload {found[0].cell.workload}, {whole(found[0].cell.players)} players, with 95 % "
                f"intervals over processes; both axes are logarithmic."
            )
            yield lines(m, name, title, said, rows, across=across, label=AS_NUMBER, write=whole, number="per second")
