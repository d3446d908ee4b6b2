"""The figures of a board at a moment: times with their percentiles, rates, errors, players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from .recorder import Recorder


@dataclass(frozen=True, slots=True)
class Latency:
    """Times of calls in seconds: the average and percentiles, `None` where there was no call."""

    samples: int
    average: float | None
    p50: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A board's figures over its last `window` seconds, as seen by this board object; times are in seconds.

    What other processes or other objects of the same board did is in the metrics alone.
    """

    board: str
    backend: str
    window: float
    """The seconds that it covers: those of the setting, fewer where the board was opened later."""
    updates: Latency
    """Of the updates in the window, the latest 4,096 (setting `samples`) at most; those of many players not among."""
    queries: Latency
    error_rate: float
    """Failures a call; what was refused by a rule is neither."""
    updates_per_second: float
    """Scores updated a second; a batch counts each of its own."""
    errors: Mapping[str, int]
    """Errors by kind since the board was opened, refusals included."""
    players: int | None
    """`None` where the storage never told."""


def take_snapshot(board: str, backend: str, recorder: Recorder, players: int | None) -> Snapshot:
    """Return the figures of now. O(samples * log(samples))."""
    reading = recorder.reading()
    return Snapshot(
        board=board,
        backend=backend,
        window=reading.span,
        updates=latency_of(reading.update_times),
        queries=latency_of(reading.query_times),
        error_rate=reading.error_rate,
        updates_per_second=reading.updates_per_second,
        errors=recorder.errors(),
        players=players,
    )


def latency_of(times: Sequence[float]) -> Latency:
    """Return the average and the percentiles of some times."""
    if not times:
        return Latency(0, None, None, None, None)
    ordered = sorted(times)
    average = fsum(ordered) / len(ordered)
    return Latency(len(ordered), average, *(percentile_of(ordered, percent) for percent in (50, 95, 99)))


def percentile_of(ordered: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of sorted times: the least one that `percent` of them do not exceed."""
    return ordered[-(-percent * len(ordered) // 100) - 1]
