"""Throughput: operations per second of several clients at once, with what held them back, and of batches of updates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final, Literal, NamedTuple, TypeAlias

from ....numerals import percent, significant, times
from ...document import Section, Value, anchor, median_of, number, numbers, word, words
from ...schema import ClientsFigures, Result, Run, ThroughputFigures
from ..classes import DurabilityClass, tables_by_class
from ..marks import Taken, marked, partly_replayed, places, taken

BUSY_FROM: Final = 0.7
"""Share of a core at which a single-threaded server counts as the limit."""

ALL_FROM: Final = 0.8
"""Share of the cores available to clients from which on they count as using all."""

Limit: TypeAlias = Literal["server", "client-bound", "processor", "waiting"]
"""What kept clients from more operations per second."""

INTRODUCTION: Final = (
    "Operations per second of several clients on one board, all started at the same moment: **threads** of one process "
    "share a board object, **processes** have one each, where the backend can be shared. Ratio: relative to one "
    "client, or to the smallest batch."
)

LIMITS: Final = (
    f"Held back by **server**: its process used {percent(BUSY_FROM)} of a core or more, and it runs commands in one "
    "thread. **client-bound**: the Python clients used all the processor time that they could get (threads share one "
    "core, because of Python's global lock; processes share the cores that the server leaves), so that the row shows "
    "how fast Python clients are on this machine, and the server could do more for clients elsewhere. **processor**: "
    "there is no server, and the board's own work used all processor time. **waiting**: neither; calls waited for "
    "round trips, for the disk, or for each other."
)

Place: TypeAlias = tuple[Literal["threads", "processes"], int]


class Crowd(NamedTuple):
    """A number of clients of one kind on one backend, in every process that has figures of them."""

    kind: Literal["threads", "processes"]
    clients: int
    by_round: dict[int, ClientsFigures]

    @property
    def rates(self) -> dict[int, float]:
        """Operations per second by round."""
        return {round_: figures.per_second for round_, figures in self.by_round.items()}

    @property
    def client_cores(self) -> float:
        """The median of the cores that the clients used."""
        return median(figures.client_cores for figures in self.by_round.values())

    @property
    def server_cores(self) -> float | None:
        """The median of the cores that the server used, `None` where there is none or it cannot be asked."""
        known = [cores for figures in self.by_round.values() if (cores := figures.server_cores) is not None]
        return median(known) if known else None

    def limit(self, cores: float) -> Limit:
        """Return what limited the clients, given the number of cores."""
        server = self.server_cores
        if server is not None and server >= BUSY_FROM:
            return "server"
        available = 1.0 if self.kind == "threads" else min(float(self.clients), cores - (server or 0.0))
        if self.client_cores < ALL_FROM * available:
            return "waiting"
        return "processor" if server is None else "client-bound"


def throughput_section(result: Result) -> Section:
    """Return operations per second by clients and kind, and of batches."""
    found = [section for place in places(result, "throughput") for section in _of_place(result, *place)]
    said = (
        [INTRODUCTION, LIMITS, *partly_replayed(result)]
        if found
        else ["This comparison measured no throughput with figures."]
    )
    return Section("throughput", "Throughput", said, sections=found)


def _of_place(result: Result, workload: str, players: int) -> Iterator[Section]:
    def clients(each: DurabilityClass) -> list[list[Value]]:
        measured = taken(result, "throughput", workload, players, each.backends)
        return [row for one in measured for row in _client_rows(one, result.machine.cores)]

    def batches(each: DurabilityClass) -> list[list[Value]]:
        return [
            row for one in taken(result, "throughput", workload, players, each.backends) for row in _batch_rows(one)
        ]

    columns = [
        *words("backend", "kind"),
        *numbers("clients", "per second", "ratio", "client cores", "server cores"),
        *words("held back by"),
        *numbers("runs"),
        *words("marks"),
    ]
    tables = tables_by_class(result, columns, clients, "Clients")
    columns = [*words("backend"), *numbers("updates per call", "updates per second", "ratio", "runs")]
    tables += tables_by_class(result, columns, batches, "Batches, one client")
    if tables:
        yield Section(anchor("throughput", workload, players), f"{workload}, {players:,} players", tables=tables)


def crowds(runs: Sequence[Run]) -> list[Crowd]:
    """Return the figures of each number and kind of clients, threads first."""
    found: dict[Place, Crowd] = {}
    for run in runs:
        for figures in run.figures.clients if isinstance(run.figures, ThroughputFigures) else ():
            crowd = found.setdefault((figures.kind, figures.clients), Crowd(figures.kind, figures.clients, {}))
            crowd.by_round[run.round] = figures
    return sorted(found.values(), key=lambda crowd: (crowd.kind == "processes", crowd.clients))


def _client_rows(one: Taken, cores: float) -> Iterator[list[Value]]:
    every = crowds(one.runs)
    alone = {crowd.kind: median(crowd.rates.values()) for crowd in every if crowd.clients == 1}
    for crowd in every:
        yield [
            word(one.label),
            word(crowd.kind),
            number(crowd.clients),
            median_of(crowd.rates),
            _by(median(crowd.rates.values()), alone.get(crowd.kind)),
            number(crowd.client_cores, significant),
            number(crowd.server_cores, significant),
            word(crowd.limit(cores)),
            number(len(crowd.by_round)),
            marked(*one.marks),
        ]


def _by(rate: float, other: float | None) -> Value:
    return number(rate / other if other else None, times)


def _batch_rows(one: Taken) -> Iterator[list[Value]]:
    by_size: dict[int, dict[int, float]] = {}
    for run in one.runs:
        for batch in run.figures.batches if isinstance(run.figures, ThroughputFigures) else ():
            by_size.setdefault(batch.size, {})[run.round] = batch.per_second
    smallest = median(by_size[min(by_size)].values()) if by_size else None
    for size, rates in sorted(by_size.items()):
        by = _by(median(rates.values()), smallest)
        yield [word(one.label), number(size), median_of(rates), by, number(len(rates))]
