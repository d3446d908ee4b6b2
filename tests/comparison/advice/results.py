"""Makes results for advice, costs and claims out of a few numbers: each figure is that of every process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Literal

from leaderboard_backends.comparison.cost.source import ON_DEMAND, Inputs, Model, Price, PriceTable
from leaderboard_backends.comparison.figures import (
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
    Status,
    TraceFacts,
    WorkloadFacts,
)

CHECKED = Checked(10, 10)
ROUNDS = 5
ACKNOWLEDGED = 400
"""Updates before the kill of a recovery; where all of them are lost, the board was loaded again."""

SPREAD = (1.0, 0.99, 1.01, 0.98, 1.02)
"""What five processes differ by; their median is the first."""


def facts(
    label: str,
    home: Home = "process",
    durability: Durability = "memory only",
    *,
    shared: bool = False,
    configuration: str = "",
    setup: int = 1,
) -> BackendFacts:
    metadata = Metadata(setup=[f"step {number}" for number in range(setup)], configuration=configuration)
    return BackendFacts(label, "Board", "d", "s", home, durability, "what it says", shared=shared, metadata=metadata)


def distribution(mean: float, p99: float | None = None, *, samples: int = 10_000) -> Distribution:
    """Return samples of a mean, which is the p50 as well; the p99 is twice that unless it is given."""
    told = 2 * mean if p99 is None else p99
    return Distribution(samples, mean, mean, None, told, None, mean, Histogram(0, [samples]))


def without_p99(mean: float) -> Distribution:
    return Distribution(20, mean, mean, None, None, None, mean, Histogram(0, [20]))


def memory(*, opening: int = 0, process: int = 0, server: int | None = None, disk: int | None = None) -> MemoryFigures:
    return MemoryFigures(opening, process, None, server, disk)


def service(
    label: str,
    times: Mapping[str, float | Distribution],
    players: int = 1_000,
    *,
    taken: MemoryFigures | None = None,
    workload: str = "realtime",
    a_a: bool = False,
    spread: Sequence[float] = SPREAD,
) -> list[Run]:
    """Return service runs of operations by their mean time in microseconds."""
    return [
        run(
            Cell("service", workload, players, label, a_a),
            number,
            ServiceFigures(
                LoadFigures(players, 1.0),
                taken or memory(process=players),
                {name: Timed(10_000, _spread(time, part)) for name, time in times.items()},
                0.05,
                CHECKED,
            ),
        )
        for number, part in enumerate(spread)
    ]


def _spread(time: float | Distribution, part: float) -> Distribution:
    return time if isinstance(time, Distribution) else distribution(time * part)


def throughput(label: str, by_processes: Mapping[int, float], players: int = 1_000) -> list[Run]:
    """Return throughput runs of client processes, by their operations per second."""
    clients = [ClientsFigures("processes", number, round(rate), 1.0, 0.5) for number, rate in by_processes.items()]
    return [
        run(Cell("throughput", "realtime", players, label), number, ThroughputFigures(clients, [], CHECKED))
        for number in range(ROUNDS)
    ]


def response(
    label: str,
    p99: Mapping[float, float | None],
    players: int = 1_000,
    *,
    processes: Mapping[float, float | None] | None = None,
) -> list[Run]:
    """Return response runs, rates by their p99, of one client and of 4 processes; `None` where it did not keep up."""

    def rates(
        by: Mapping[float, float | None], kind: Literal["threads", "processes"] = "threads", clients: int = 1
    ) -> list[RateFigures]:
        return [
            RateFigures(rate, rate, None if time is None else distribution(1.0, time), kind, clients)
            for rate, time in by.items()
        ]

    figures = ResponseFigures(rates(p99), [], CHECKED, rates(processes or {}, "processes", 4))
    return [run(Cell("response", "realtime", players, label), number, figures) for number in range(ROUNDS)]


def recovery(
    label: str,
    players: int = 1_000_000,
    *,
    processes: int = 0,
    ports: int = 0,
    start: float = 1.0,
    restore: float = 2.0,
    lost: int = 0,
    grown: Mapping[int, float] | None = None,
) -> list[Run]:
    """Return recoveries, with bytes that an update adds to the files by updates per call."""
    disk = [DiskFigures(size, 100, round(100 * each), None) for size, each in (grown or {}).items()]
    by: Literal["restart", "load"] = "load" if lost == ACKNOWLEDGED else "restart"
    figures = RecoveryFigures(processes, ports, start, 3.0, restore, by, ACKNOWLEDGED, lost, disk)
    return [run(Cell("recovery", "realtime", players, label), number, figures) for number in range(3)]


def ended(label: str, status: Status, reason: str = "", players: int = 1_000) -> list[Run]:
    """Return service runs without figures."""
    return [Run(Cell("service", "realtime", players, label), number, status, reason) for number in range(ROUNDS)]


def run(cell: Cell, number: int, figures: Figures) -> Run:
    return Run(cell, number, "ok", figures=figures)


def result(backends: Iterable[BackendFacts], runs: Iterable[Run], *, names: float = 0.0) -> Result:
    """Return a result of these runs, whose players have names of so many bytes."""
    every, known = list(runs), list(backends)
    workloads = list(dict.fromkeys(run.cell.workload for run in every if run.cell.workload))
    sizes = sorted({(run.cell.workload, run.cell.players) for run in every if run.cell.workload})
    return Result(
        schema_version=SCHEMA_VERSION,
        started="2026-11-01T00:00:00Z",
        seconds=1.0,
        finished=True,
        versions={"CPython": "3.11.0"},
        machine=Machine("a processor", 2, 2**33, "Linux 6.1 x86_64", "ext4", [0.0], [0.0]),
        settings=Settings("full", "", [one.label for one in known], 1, ROUNDS, 2.0, ""),
        methods={},
        workloads=[WorkloadFacts(name, name, "aaaa", "") for name in workloads],
        traces=[TraceFacts(name, players, 1, "bb", {}, 0, 1, 0.0, names) for name, players in sizes],
        backends=known,
        code=[],
        runs=every,
    )


PRICES = PriceTable(
    schema_version=1,
    currency="USD",
    region="here",
    hours_a_month=730,
    source="made up",
    read=date(2026, 11, 1),
    price=[
        Price("large", "server", 0.1, "hour", ON_DEMAND, memory_gib=16),
        Price("small", "server", 10, "month", ON_DEMAND, memory_gib=2),
        Price("small", "server", 6, "month", "reserved", memory_gib=2),
        Price("node", "cache", 20, "month", ON_DEMAND, memory_gib=4),
        Price("disk", "disk", 0.5, "GB-month", ON_DEMAND),
    ],
)
"""A large server costs 73 per month."""

MODEL = Model(
    schema_version=1,
    years=5,
    headroom=2,
    system_gib=1,
    string_bytes=50,
    cache_reserved=0.25,
    storage_servers="cache nodes",
    disk_headroom=3,
    busiest=0.5,
    servers=1,
    workers=1,
    replicas=0,
    updates_a_second=10,
    pack_days=2,
    grows=["growing"],
    engineer_usd_an_hour=100,
    build_hours={"mine": 30},
    upkeep_hours={"tended": 2},
)


def inputs() -> Inputs:
    return Inputs(PRICES, MODEL)
