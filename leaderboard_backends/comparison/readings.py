"""The figures of a run, each as one number under a name, so that one rule can judge all of them.

Programs of plug-ins are not backends: their figures have no readings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from .measurements import ONE_OF
from .schema import (
    Distribution,
    DrillFigures,
    Figures,
    MemoryFigures,
    RateFigures,
    ResponseFigures,
    ServiceFigures,
    ThroughputFigures,
)

Statistic: TypeAlias = Literal[
    "p50",
    "p99",
    "per_second",
    "seconds",
    "process_memory",
    "server_memory",
    "server_used_memory",
    "disk",
    "disk_growth",
    "disk_written",
]
"""What a reading says of its part. Parts that are noisy in different ways have different statistics."""

UNITS: Final[dict[Statistic, str]] = {
    "p50": "µs",
    "p99": "µs",
    "per_second": "per second",
    "seconds": "s",
    "process_memory": "bytes per player",
    "server_memory": "bytes per player",
    "server_used_memory": "bytes per player",
    "disk": "bytes per player",
    "disk_growth": "bytes per update",
    "disk_written": "bytes per update",
}
"""What a reading counts."""

HIGHER_IS_BETTER: Final[frozenset[Statistic]] = frozenset({"per_second"})
"""Of all others, less is better."""


class Figure(NamedTuple):
    """The name of a reading."""

    part: str
    """An operation, `load`, `4 threads`, `batches of 100`, `500 per second`, `board`, `restore`, `1 per call`."""
    statistic: Statistic

    def read(self, figures: Figures) -> float | None:
        """Return this reading of a run; `None` where it was not measured, or has too few samples."""
        return next((value for name, value in _readings(figures) if name == self), None)


def readings(figures: Figures) -> dict[Figure, float]:
    """Return all readings of a run, in the order of its figures; those that are `None` are left out."""
    return {Figure(*name): value for name, value in _readings(figures) if value is not None}


def is_cut(figures: Figures, part: str) -> bool:
    """Whether the time limit left out some of an operation's planned steps: its figures are of the first steps."""
    timed = figures.operations.get(part) if isinstance(figures, ServiceFigures) else None
    return timed is not None and timed.time.samples < timed.planned


def rate_part(rate: RateFigures) -> str:
    """Return the name of a rate as a part."""
    return f"{rate.rate:g} per second"


_Reading: TypeAlias = tuple[tuple[str, Statistic], float | None]


def _readings(figures: Figures) -> Iterator[_Reading]:
    match figures:
        case ServiceFigures():
            yield from _service(figures)
        case ThroughputFigures():
            yield from _throughput(figures)
        case ResponseFigures():
            for rate in figures.rates:
                yield from _percentiles(rate_part(rate), rate.response)
        case DrillFigures():
            yield from _drill(figures)


def _service(figures: ServiceFigures) -> Iterator[_Reading]:
    for operation, timed in figures.operations.items():
        yield from _percentiles(operation, timed.time)
        yield (operation, "per_second"), timed.per_second
    yield ("load", "seconds"), figures.load.seconds
    yield from _memory(figures.memory, figures.load.players)


def _percentiles(part: str, time: Distribution | None) -> Iterator[_Reading]:
    yield (part, "p50"), None if time is None else time.p50_us
    yield (part, "p99"), None if time is None else time.p99_us


def _memory(memory: MemoryFigures, players: int) -> Iterator[_Reading]:
    grown: dict[Statistic, int | None] = {
        "process_memory": memory.board_bytes,
        "server_memory": memory.server_private_bytes,
        "server_used_memory": memory.server_used_bytes,
        "disk": memory.disk_bytes,
    }
    for statistic, size in grown.items():
        yield ("board", statistic), None if size is None or not players else size / players


def _throughput(figures: ThroughputFigures) -> Iterator[_Reading]:
    for several in figures.clients:
        kind = several.kind if several.clients > 1 else ONE_OF[several.kind]
        yield (f"{several.clients} {kind}", "per_second"), several.per_second
    for batch in figures.batches:
        yield (f"batches of {batch.size}", "per_second"), batch.per_second


def _drill(figures: DrillFigures) -> Iterator[_Reading]:
    yield ("start", "seconds"), figures.start_seconds
    yield ("load", "seconds"), figures.load_seconds
    yield ("restore", "seconds"), figures.restore_seconds
    for disk in figures.disk:
        if disk.updates:
            grown = disk.grown
            yield (f"{disk.size} per call", "disk_growth"), None if grown is None else grown / disk.updates
            written = disk.written_bytes
            yield (f"{disk.size} per call", "disk_written"), None if written is None else written / disk.updates
