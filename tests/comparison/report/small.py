"""Makes small results out of a few numbers, and reads the tables that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from leaderboard_backends.comparison.document import Section, Table
from leaderboard_backends.comparison.figures import (
    BatchFigures,
    Checked,
    ClientsFigures,
    DiskFigures,
    Distribution,
    Figures,
    Histogram,
    LoadFigures,
    MemoryFigures,
    RateFigures,
    RecoveryFigures,
    ResponseFigures,
    ServiceFigures,
    ThroughputFigures,
    Timed,
)
from leaderboard_backends.comparison.schema import (
    SCHEMA_VERSION,
    BackendFacts,
    Cell,
    Durability,
    Home,
    Machine,
    Metadata,
    Result,
    Run,
    Settings,
    TraceFacts,
    Verdict,
    WorkloadFacts,
)

CHECKED = Checked(answers=100, updates=70)
FIVE = (1.0, 1.01, 0.99, 1.02, 0.98)
"""What five processes differ by."""


def facts(
    label: str,
    durability: Durability = "memory only",
    home: Home = "process",
    *,
    metadata: Metadata | None = None,
    verdict: Verdict | None = None,
) -> BackendFacts:
    found = verdict or Verdict("CONFORMS", "all", 1145, 0, "0.1.0, sha256 79fe1db1353e", 40.0)
    promises = ("leaderboard-backends 0.1.0", "a storage", home, durability, f"{label} survives")
    return BackendFacts(
        label, "Board", *promises, shared=home == "server", metadata=metadata or Metadata(), verdict=found
    )


MEMORY = facts("memory")
NAIVE = facts("naive")
VALKEY = facts("redis", home="server")
EVERYSEC = facts("redis (appendfsync everysec)", "everysec", "server")
FSYNC = facts("redis (appendfsync always)", "every commit", "server")
ZODB = facts("zodb", "every commit", "file")


def distribution(
    p50: float | None, p99: float | None, *, samples: int = 1000, p999: float | None = None
) -> Distribution:
    mean = p50 or 1.0
    return Distribution(samples, mean, p50, p50, p99, p999, p99 or mean, Histogram(0, [samples]))


def timed(p50: float | None, p99: float | None, *, samples: int = 1000, planned: int = 1000) -> Timed:
    return Timed(planned, distribution(p50, p99, samples=samples))


def service(
    operations: Mapping[str, float | Timed], *, players: int = 10_000, load: float = 0.5, each: int = 200
) -> ServiceFigures:
    """Return the figures of one process: operations by their p50, of which the p99 is three times as much."""
    times = {name: time if isinstance(time, Timed) else timed(time, 3 * time) for name, time in operations.items()}
    memory = MemoryFigures(3_000_000, each * players, None, None, None)
    return ServiceFigures(LoadFigures(players, load), memory, times, 0.05, CHECKED)


def cell(backend: str, mode: str = "service", players: int = 10_000, workload: str = "realtime") -> Cell:
    return Cell(mode, workload, players, backend)  # type: ignore[arg-type]


def repeated(where: Cell, make: Callable[[float], Figures], spread: Sequence[float] = FIVE) -> list[Run]:
    """Return one run for each process, whose figures are made of its part of the spread."""
    return [Run(where, number, "ok", seconds=2.0, figures=make(part)) for number, part in enumerate(spread, 1)]


def times(backend: str, p50: float, *, players: int = 10_000, spread: Sequence[float] = FIVE) -> list[Run]:
    """Return service runs of one operation, `rank`."""
    return repeated(cell(backend, players=players), lambda part: service({"rank": p50 * part}, players=players), spread)


def a_a(backend: str, p50: float, again: float) -> list[Run]:
    second = Cell("service", "realtime", 10_000, backend, a_a=True)
    return [*times(backend, p50), *repeated(second, lambda part: service({"rank": again * part}))]


def throughput(*clients: ClientsFigures, batches: Sequence[BatchFigures] = ()) -> ThroughputFigures:
    return ThroughputFigures(list(clients), list(batches), CHECKED)


def response(
    rates: Mapping[float, Distribution | float], idle: Mapping[float, Distribution] | None = None
) -> ResponseFigures:
    """Return the figures of one process: by rate the response, or the rate that was reached instead."""
    found = [
        RateFigures(rate, rate, answer) if isinstance(answer, Distribution) else RateFigures(rate, answer, None)
        for rate, answer in rates.items()
    ]
    return ResponseFigures(found, [RateFigures(rate, rate, time) for rate, time in (idle or {}).items()], CHECKED)


def recovery(*, lost: int = 0, acknowledged: int = 400, disk: Sequence[DiskFigures] = ()) -> RecoveryFigures:
    by = "load" if lost else "restart"
    return RecoveryFigures(1, 2, 0.31, 4.5, 6.7, by, acknowledged, lost, list(disk))  # type: ignore[arg-type]


def result(
    runs: Iterable[Run],
    backends: Sequence[BackendFacts] = (MEMORY,),
    *,
    asked: Sequence[str] = (),
    rounds: int = 5,
    finished: bool = True,
    sizes: Sequence[int] = (10_000,),
) -> Result:
    """Return a result; `asked` are labels beside those of the backends."""
    labels = [*(known.label for known in backends), *asked]
    return Result(
        schema_version=SCHEMA_VERSION,
        started="2026-11-01T09:30:00+00:00",
        seconds=754.0,
        finished=finished,
        versions={"CPython": "3.11.7", "Valkey": "9.1.2"},
        machine=Machine("a processor", 2, 8 * 2**30, "Linux 6.1 x86_64", "ext4", [0.1, 0.2, 0.3], [1.2, 1.1, 1.0]),
        settings=Settings("quick", "leaderboard compare --seed 7", labels, 7, rounds, 2.0, "d1ge57"),
        methods={"runs": "each in a fresh process"},
        workloads=[WorkloadFacts("realtime", "real-time play", "cd" * 32, 'schema_version = 1\nname = "realtime"\n')],
        traces=[TraceFacts("realtime", size, 7, "ef" * 32, {"rank": 900}, 50, size // 5, 0.9, 21.5) for size in sizes],
        backends=list(backends),
        code=[],
        runs=list(runs),
    )


# ---------------------------------------------------------------------- reading


def every_section(sections: Iterable[Section]) -> Iterator[Section]:
    """Yield sections with all those inside of them."""
    for section in sections:
        yield section
        yield from every_section(section.sections)


def every_table(*sections: Section) -> list[Table]:
    return [table for section in every_section(sections) for table in section.tables]


def columns(table: Table, *headings: str) -> list[tuple[str, ...]]:
    """Return the texts under some headings, row by row."""
    places = [[column.heading for column in table.columns].index(heading) for heading in headings]
    return [tuple(row[place].text for place in places) for row in table.rows]


def words_of(*sections: Section) -> str:
    """Return all that sections say, in one text."""
    said = []
    for section in every_section(sections):
        said += [section.title, *section.paragraphs, *section.points]
        for table in section.tables:
            said += [table.title, *(column.heading for column in table.columns), table.note]
            said += [value.text for row in table.rows for value in row]
    return "\n".join(said)
