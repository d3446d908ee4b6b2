"""Makes results of a comparison out of a few numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from leaderboard_backends.comparison.figures import (
    BUCKET,
    Checked,
    Distribution,
    Figures,
    Histogram,
    LoadFigures,
    MemoryFigures,
    RateFigures,
    ResponseFigures,
    ServiceFigures,
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
    Status,
    TraceFacts,
    Verdict,
    WorkloadFacts,
)

CHECKED = Checked(answers=10, updates=10)
MACHINE = Machine("a processor", 2, 2**33, "Linux 6.1 x86_64", "ext4", [0.0], [0.0])
FIVE = (1.0, 1.01, 0.99, 1.02, 0.98)
"""What five processes differ by."""


def distribution(p50: float | None, p99: float | None = None, *, samples: int = 10_000) -> Distribution:
    return Distribution(samples, p50 or 1.0, p50, None, p99, None, p99 or p50 or 1.0, Histogram(0, [samples]))


def buckets(histogram: Histogram) -> Iterator[tuple[float, float, int]]:
    """Yield the ends of each bucket in microseconds, and how many samples lie in it."""
    for place, count in enumerate(histogram.counts, histogram.first):
        yield BUCKET**place / 1000, BUCKET ** (place + 1) / 1000, count


def timed(p50: float | None, p99: float | None = None, *, samples: int = 10_000, planned: int = 10_000) -> Timed:
    return Timed(planned, distribution(p50, p99, samples=samples))


def service(
    operations: Mapping[str, float | Timed],
    *,
    players: int = 1000,
    load: float = 1.0,
    memory: MemoryFigures | None = None,
) -> ServiceFigures:
    """Return the figures of one process, operations by their p50."""
    times = {name: time if isinstance(time, Timed) else timed(time) for name, time in operations.items()}
    grown = memory or MemoryFigures(opening_bytes=0, board_bytes=0)
    return ServiceFigures(LoadFigures(players, load), grown, times, 0.05, CHECKED)


def response(p99: Mapping[float, float | None]) -> ResponseFigures:
    """Return the figures of one process, rates by their p99; `None` where it did not keep up."""
    rates = [RateFigures(rate, rate, None if time is None else distribution(time, time)) for rate, time in p99.items()]
    return ResponseFigures(rates, [], CHECKED)


def repeated(cell: Cell, figures: Iterable[Figures]) -> list[Run]:
    """Return one run a round."""
    return [Run(cell, number, "ok", figures=each) for number, each in enumerate(figures)]


def ended(cell: Cell, status: Status, reason: str = "", rounds: int = 5) -> list[Run]:
    """Return runs without figures."""
    return [Run(cell, number, status, reason) for number in range(rounds)]


def rank_times(
    backend: str,
    by_size: Mapping[int, float],
    *,
    spread: Sequence[float] = FIVE,
    workload: str = "realtime",
    a_a: bool = False,
) -> list[Run]:
    """Return service runs whose operation `rank` takes a time for each size, with a spread over processes."""
    return [
        run
        for players, time in by_size.items()
        for run in repeated(
            Cell("service", workload, players, backend, a_a),
            [service({"rank": time * part}, players=players, load=part) for part in spread],
        )
    ]


def facts(
    label: str, home: Home = "process", durability: Durability = "memory only", verdict: str = "CONFORMS"
) -> BackendFacts:
    judged = Verdict(verdict, "all", 100, 0 if verdict == "CONFORMS" else 3, "1", 1.0)
    return BackendFacts(label, "Board", "d", "s", home, durability, "", shared=False, verdict=judged)


def workload(name: str, sha256: str = "aaaa") -> WorkloadFacts:
    return WorkloadFacts(name, name, sha256, "")


def trace(name: str, players: int, *, seed: int = 1, sha256: str = "bbbb") -> TraceFacts:
    return TraceFacts(name, players, seed, sha256, {"rank": 10}, 0, 1, 0.0, 10.0)


def result(
    runs: Iterable[Run],
    *,
    backends: Sequence[BackendFacts] | None = None,
    machine: Machine = MACHINE,
    versions: Mapping[str, str] | None = None,
    traces: Sequence[TraceFacts] = (),
    workloads: Sequence[WorkloadFacts] | None = None,
) -> Result:
    """Return a result of these runs; backends that are not given live in the process."""
    every = list(runs)
    known = backends or [facts(label) for label in dict.fromkeys(run.cell.backend for run in every)]
    named = workloads or [workload(name) for name in dict.fromkeys(run.cell.workload for run in every)]
    return Result(
        schema_version=SCHEMA_VERSION,
        started="2026-11-01T00:00:00Z",
        seconds=1.0,
        finished=True,
        versions=dict(versions or {"CPython": "3.11.0"}),
        machine=machine,
        settings=Settings("quick", "", [one.label for one in known], 1, 5, 10.0, ""),
        methods={},
        workloads=list(named),
        traces=list(traces),
        backends=list(known),
        code=[],
        runs=every,
    )
