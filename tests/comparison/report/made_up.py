"""A comparison as large as a full run, whose figures are made up: what is tested is how it is shown.

The figures are plausible, so that pictures of a page can be judged; none of them was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from math import erf, exp, log, log10, sqrt
from random import Random
from typing import Final, Literal, NamedTuple

from leaderboard_backends.comparison.figures import (
    BUCKET,
    BatchFigures,
    Checked,
    ClientsFigures,
    DiskFigures,
    Distribution,
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
    Result,
    Run,
    Settings,
    TraceFacts,
    WorkloadFacts,
)

from ..timings import buckets

SIZES: Final = (100, 1_000, 10_000, 100_000, 1_000_000)
MIDDLE: Final = 100_000
WORKLOADS: Final = ("realtime", "lobby", "season-start", "churn")
CHECKED: Final = Checked(20_000, 16_000, "ab" * 32)
TIME_LIMIT: Final = 2.0


class Made(NamedTuple):
    """What a made-up backend is, and how its figures are made."""

    home: Home
    durability: Durability
    trip_us: float
    """Of each operation, whatever it does."""
    work: float
    """Of the work of an operation, by that in sorted memory."""
    sync_us: float
    """Of each update."""
    process: float
    """Bytes per player."""
    server: float | None = None
    disk: float | None = None
    written: tuple[float, float] | None = None
    """Bytes per update, one per call and a hundred a call."""


BACKENDS: Final[Mapping[str, Made]] = {
    "naive": Made("process", "memory only", 0.4, 1.0, 0.0, 246),
    "memory": Made("process", "memory only", 0.8, 1.0, 0.0, 190),
    "zodb+memory": Made("process", "memory only", 3.0, 4.5, 40.0, 310),
    "redis (unix socket)": Made("server", "memory only", 52.0, 0.6, 0.0, 2, 133),
    "redis": Made("server", "memory only", 71.0, 0.6, 0.0, 2, 133),
    "redis (appendfsync everysec)": Made("server", "everysec", 54.0, 0.6, 4.0, 2, 134, 120, (130, 118)),
    "redis (appendfsync always)": Made("server", "every commit", 53.0, 0.6, 230.0, 2, 134, 121, (4_200, 160)),
    "sqlite": Made("file", "every commit", 14.0, 3.0, 310.0, 4, None, 174, (12_400, 2_900)),
    "zodb": Made("file", "every commit", 3.2, 4.6, 560.0, 367, None, 225, (9_300, 1_500)),
}

STEPS: Final = {
    "update": 14_000,
    "increment": 2_000,
    "rank": 1_600,
    "entry": 400,
    "around": 1_000,
    "top_10": 600,
    "top_100": 400,
}
WORK_US: Final = {
    "update": 9.5,
    "increment": 10.5,
    "rank": 3.0,
    "entry": 3.8,
    "around": 12.0,
    "top_10": 3.4,
    "top_100": 25.0,
}


def result(*, rounds: int = 5, sizes: tuple[int, ...] = SIZES, backends: Mapping[str, Made] = BACKENDS) -> Result:
    """Return a comparison in all modes; the same arguments give the same figures."""
    chance = Random(4)
    runs = [run for number in range(rounds) for run in _round(chance, number, sizes, backends)]
    return Result(
        schema_version=SCHEMA_VERSION,
        started="2026-11-01T09:30:00+00:00",
        seconds=2_412.0,
        finished=True,
        versions={"leaderboard-backends": "0.1.0", "CPython": "3.11.7", "Valkey": "9.1.2", "redis": "7.2.0"},
        machine=Machine("A made-up processor at 2.6 GHz", 2, 8 * 2**30, "Linux 6.1 x86_64", "ext4", [0.1], [1.2]),
        settings=Settings("full", "leaderboard compare --plan full --seed 7", [*backends], 7, rounds, TIME_LIMIT, "d"),
        methods={"runs": "each in a fresh process", "intervals": "the median over processes, and its bootstrap"},
        workloads=[WorkloadFacts(name, f"a made-up {name}", "cd" * 32, "schema_version = 1\n") for name in WORKLOADS],
        traces=[
            TraceFacts("realtime", players, 7, "ef" * 32, dict(STEPS), 1_000, players // 5, 0.9, 11.2)
            for players in sizes
        ],
        backends=[_facts(label, made) for label, made in backends.items()],
        code=[],
        runs=runs,
    )


def _facts(label: str, made: Made) -> BackendFacts:
    survives = {"memory only": "nothing", "everysec": "all but a second", "every commit": "everything"}
    shared = made.home == "server"
    return BackendFacts(
        label, "Board", "leaderboard-backends", "made up", made.home, made.durability, survives[made.durability], shared
    )


def _round(chance: Random, number: int, sizes: tuple[int, ...], backends: Mapping[str, Made]) -> Iterator[Run]:
    middle = MIDDLE if MIDDLE in sizes else sizes[-1]
    for label, made in backends.items():
        for players in sizes:
            yield _service(chance, Cell("service", "realtime", players, label), number, made)
        yield _service(chance, Cell("service", "realtime", middle, label, a_a=True), number, made)
        for workload in WORKLOADS[1:]:
            yield _service(chance, Cell("service", workload, middle, label), number, made)
        cell = Cell("throughput", "realtime", middle, label)
        yield Run(cell, number, "ok", seconds=9.0, figures=_throughput(chance, label, made, middle))
        cell = Cell("response", "realtime", middle, label)
        yield Run(cell, number, "ok", seconds=9.0, figures=_response(chance, label, made, middle))
        if number < 3:
            cell = Cell("recovery", "realtime", sizes[-1], label)
            yield Run(cell, number, "ok", seconds=9.0, figures=_drill(chance, made, sizes[-1]))


def time_us(label: str, made: Made, operation: str, players: int) -> float:
    """Return how long an operation takes on a made-up backend."""
    changes = operation in ("update", "increment")
    if label == "naive":
        return 1.0 if operation == "entry" else 1.0 + 0.95 * players
    growth = 0.55 + 0.15 * float(log10(players) ** 1.25)
    return made.trip_us + made.work * WORK_US[operation] * growth + made.sync_us * changes


def _service(chance: Random, cell: Cell, number: int, made: Made) -> Run:
    if cell.backend == "naive" and cell.players > MIDDLE:
        return Run(cell, number, "timed out", "the load and the warm-up alone took longer than 60 s", 60.0)
    drift = exp(chance.gauss(0, 0.025))
    operations = {
        name: _timed(chance, drift * time_us(cell.backend, made, name, cell.players), planned)
        for name, planned in STEPS.items()
    }
    load = LoadFigures(cell.players, cell.players * (made.work * 1.4 + made.sync_us / 200) * drift / 1e6)
    figures = ServiceFigures(load, _memory(chance, made, cell.players), operations, 0.043, CHECKED)
    return Run(cell, number, "ok", seconds=6.0, cores_elsewhere=0.04, figures=figures)


def _memory(chance: Random, made: Made, players: int) -> MemoryFigures:
    spread = 1 + chance.gauss(0, 0.01)
    server = None if made.server is None else int((made.server * players + 90_000) * spread)
    disk = None if made.disk is None else int(made.disk * players + 20_000)
    return MemoryFigures(3_200_000, int((made.process * players + 60_000) * spread), server, server, disk)


def _timed(chance: Random, middle_us: float, planned: int) -> Timed:
    fitting = int(TIME_LIMIT * 1e6 * planned / sum(STEPS.values()) / middle_us)
    time = distribution(chance, middle_us, max(1, min(planned, fitting)))
    return Timed(planned if fitting < planned else time.samples, time)


def distribution(chance: Random, middle_us: float, samples: int) -> Distribution:
    """Return samples of two log-normal humps: most, and a slow one in fifty."""
    humps = ((0.98, log(middle_us * 1000), 0.11), (0.02, log(middle_us * 2600), 0.35))
    first = int(log(middle_us * 1000) / log(BUCKET)) - 12
    below = [samples * _part_below(place * log(BUCKET), humps) for place in range(first, first + 71)]
    counts = [_count(chance, high - low) for low, high in pairwise(below)]
    if not any(counts):
        counts[12] = samples
    while counts[-1] == 0:
        counts.pop()
    found = Histogram(first, counts)
    told = [_percentile(found, part) for part in (0.5, 0.95, 0.99, 0.999)]
    p50, p95, p99, p999 = (time if sum(counts) * (1 - part) >= 1 else None for time, part in told)
    middles = (exp(log(BUCKET) * (first + place + 0.5)) / 1000 for place in range(len(counts)))
    mean = sum(middle * count for middle, count in zip(middles, counts, strict=True)) / sum(counts)
    maximum = BUCKET ** (first + len(counts)) / 1000
    return Distribution(sum(counts), mean, p50, p95, p99, p999 if samples >= 10_000 else None, maximum, found)


def _part_below(end: float, humps: tuple[tuple[float, float, float], ...]) -> float:
    return sum(share * (1 + erf((end - middle) / width / sqrt(2))) / 2 for share, middle, width in humps)


def _count(chance: Random, expected: float) -> int:
    return max(0, round(expected + chance.gauss(0, sqrt(expected)) if expected > 1 else chance.random() < expected))


def _percentile(found: Histogram, part: float) -> tuple[float, float]:
    reached, wanted = 0, part * sum(found.counts)
    for low, high, count in buckets(found):
        if reached + count >= wanted:
            return low + (high - low) * (wanted - reached) / count, part
        reached += count
    raise AssertionError("a percentile lies among the samples")


def _throughput(chance: Random, label: str, made: Made, players: int) -> ThroughputFigures:
    alone = 1e6 / time_us(label, made, "update", players)
    kinds: dict[Literal["threads", "processes"], float] = {"threads": 0.25 if made.home == "server" else -0.06}
    if made.home == "server":
        kinds["processes"] = 0.8
    clients = [
        ClientsFigures(kind, count, int(0.7 * alone * spread), 0.7, 0.9)
        for kind, gain in kinds.items()
        for count in (1, 2, 4, 8)
        if (spread := max(0.3, 1 + gain * (min(count, 3) - 1)) * exp(chance.gauss(0, 0.04)))
    ]
    batches = [BatchFigures(size, size * 50, 50 * size**0.45 / alone) for size in (10, 100, 1_000)]
    return ThroughputFigures(clients, batches, CHECKED)


def _response(chance: Random, label: str, made: Made, players: int) -> ResponseFigures:
    taken = time_us(label, made, "update", players)
    rates = []
    for rate in (500.0, 2_000.0, 5_000.0):
        busy = rate * taken / 1e6
        wait = taken / max(0.05, 1 - busy) * exp(chance.gauss(0, 0.05))
        rates.append(RateFigures(rate, min(rate, 1e6 / taken), distribution(chance, wait, 1_000) if busy < 1 else None))
    idle = [RateFigures(rate, rate, distribution(chance, 2.2, 1_000)) for rate in (500.0, 2_000.0, 5_000.0)]
    return ResponseFigures(rates, idle, CHECKED)


def _drill(chance: Random, made: Made, players: int) -> RecoveryFigures:
    spread = exp(chance.gauss(0, 0.05))
    disk = [
        DiskFigures(size, 2_000, int(2_000 * (made.disk or 0) * spread), int(2_000 * written * spread))
        for size, written in zip((1, 100), made.written or (), strict=False)
    ]
    lost = 0 if made.durability == "every commit" else 4_000
    server = made.home == "server"
    return RecoveryFigures(
        int(server), int(server), 0.4 * spread, 4.0 * players / 1e6, 6.0 * spread, "load", 4_000, lost, disk
    )
