"""Every figure of a run under a name: what it is of, which statistic, and how many clients, updates or per second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from .figures import (
    ChurnFigures,
    Distribution,
    Figures,
    HardeningFigures,
    RecoveryFigures,
    ResponseFigures,
    ServiceFigures,
    ThroughputFigures,
)

Time: TypeAlias = Literal["p50", "p95", "p99", "p999", "mean", "maximum"]
"""Of a distribution, in microseconds."""

_Bytes: TypeAlias = Literal["process_memory", "server_memory", "server_used_memory", "disk"]
_Written: TypeAlias = Literal["disk_growth", "disk_written"]

Judged: TypeAlias = Literal["p50", "p99", "per_second", "seconds", _Bytes, _Written]
"""What is held against a noise floor. Parts that are noisy in different ways have different statistics."""

_OfService: TypeAlias = Literal["samples", "planned", "players", "players_per_second", "opening", "clock"]
_OfClients: TypeAlias = Literal["client_cores", "server_cores", "achieved", "kept_up"]
_OfChurn: TypeAlias = Literal["process_bytes", "server_bytes", "disk_bytes", "joined"]
_OfRecovery: TypeAlias = Literal["lost", "acknowledged", "processes", "ports", "reloaded", "updates"]

Statistic: TypeAlias = Literal[Judged, Time, _OfService, _OfClients, _OfChurn, _OfRecovery]

UNITS: Final[dict[Statistic, str]] = {
    "p50": "µs",
    "p99": "µs",
    "per_second": "per second",
    "seconds": "s",
    **dict.fromkeys(get_args(_Bytes), "bytes per player"),
    **dict.fromkeys(get_args(_Written), "bytes per update"),
}

_TITLES: Final[dict[Statistic, str]] = {"per_second": "per second", "seconds": "seconds"}

HIGHER_IS_BETTER: Final[frozenset[Statistic]] = frozenset({"per_second"})
"""Of all others, less is better."""

IDLE: Final = "idle"
"""The part of a response run in which the board does nothing: what the harness itself adds."""

TIME_FIELDS: Final[dict[Statistic, str]] = {**{name: f"{name}_us" for name in get_args(Time)}, "samples": "samples"}
"""The field of a distribution that each statistic is in."""


def statistic_title(statistic: Statistic) -> str:
    """Return the title of a judged statistic, with its unit: `p50, µs`."""
    return _TITLES.get(statistic) or f"{statistic.replace('_', ' ')}, {UNITS[statistic]}"


class Figure(NamedTuple):
    """The name of a figure."""

    part: str
    """An operation, or `load`, `board`, `threads`, `processes`, `tasks`, `batch`, `rate`, `idle`, `start`,
    `restore`, `disk`."""
    statistic: Statistic
    amount: float = 0
    """Clients, updates per call, or operations per second, of the parts that have these."""
    variant: str = ""
    """The clients of a rate that several have, such as `4 processes`; the part of the hardening around a board."""

    @property
    def title(self) -> str:
        """The part with its amount: `4 threads`, `500 per second`."""
        number = f"{self.amount:g}"
        match self.part:
            case "threads" | "processes" | "tasks":
                one = {"threads": "thread", "processes": "process", "tasks": "task"}[self.part]
                return f"{number} {one if self.amount == 1 else self.part}"
            case "batch":
                return f"batches of {number}"
            case "rate":
                return f"{number} per second" + (f", {self.variant}" if self.variant else "")
            case "disk":
                return f"{number} per call"
        return f"{self.part} with {self.variant}" if self.variant else self.part

    @property
    def judged(self) -> bool:
        """Whether it is compared with that of another result, or with that of an A/A run."""
        return self.statistic in UNITS and self.part != IDLE


# ---------------------------------------------------------------------- the figures of a run

_Read: TypeAlias = Iterator[tuple[Figure, float | None]]


def figures_of(figures: Figures) -> dict[Figure, float]:
    """Return all figures of a run; those that are `None` are left out. Programs of plug-ins have none."""
    return {figure: value for figure, value in _read(figures) if value is not None}


def _read(figures: Figures) -> _Read:
    match figures:
        case ServiceFigures():
            yield from _service(figures)
        case ThroughputFigures():
            yield from _throughput(figures)
        case ResponseFigures():
            yield from _response(figures)
        case HardeningFigures():
            for timed in figures.times:
                yield from _times(timed.operation, timed.time, variant=timed.part)
        case ChurnFigures():
            yield from _churn(figures)
        case RecoveryFigures():
            yield from _recovery(figures)


def _service(figures: ServiceFigures) -> _Read:
    for operation, timed in figures.operations.items():
        yield from _times(operation, timed.time)
        yield Figure(operation, "planned"), timed.planned
        yield Figure(operation, "per_second"), _per_second(1e6, timed.time.mean_us)
    load, memory = figures.load, figures.memory
    yield Figure("load", "seconds"), load.seconds
    yield Figure("load", "players"), load.players
    yield Figure("load", "players_per_second"), _per_second(load.players, load.seconds)
    yield Figure("clock", "clock"), figures.clock_us
    yield Figure("board", "process_memory"), _each(memory.board_bytes, load.players)
    yield Figure("board", "server_memory"), _each(memory.server_private_bytes, load.players)
    yield Figure("board", "server_used_memory"), _each(memory.server_used_bytes, load.players)
    yield Figure("board", "disk"), _each(memory.disk_bytes, load.players)
    yield Figure("board", "opening"), memory.opening_bytes


def _times(part: str, time: Distribution | None, amount: float = 0, variant: str = "") -> _Read:
    for statistic, field in TIME_FIELDS.items():
        yield Figure(part, statistic, amount, variant), None if time is None else getattr(time, field)


def _each(size: int | None, count: int) -> float | None:
    return None if size is None or not count else size / count


def _per_second(count: float, seconds: float) -> float:
    return count / seconds if seconds else 0.0


def _throughput(figures: ThroughputFigures) -> _Read:
    for several in figures.clients:
        yield Figure(several.kind, "per_second", several.clients), _per_second(several.operations, several.seconds)
        yield Figure(several.kind, "client_cores", several.clients), several.client_cores
        yield Figure(several.kind, "server_cores", several.clients), several.server_cores
    for batch in figures.batches:
        yield Figure("batch", "per_second", batch.size), _per_second(batch.updates, batch.seconds)


def _response(figures: ResponseFigures) -> _Read:
    every = [("rate", "", rate) for rate in figures.rates] + [(IDLE, "", rate) for rate in figures.idle]
    every += [("rate", f"{rate.clients} {rate.kind}", rate) for rate in figures.several]
    for part, variant, rate in every:
        yield from _times(part, rate.response, rate.rate, variant)
        yield Figure(part, "achieved", rate.rate, variant), rate.achieved
        yield Figure(part, "kept_up", rate.rate, variant), float(rate.response is not None)


def _churn(figures: ChurnFigures) -> _Read:
    for sample in figures.samples:
        yield Figure("churn", "process_bytes", sample.seconds), sample.process_bytes
        yield Figure("churn", "server_bytes", sample.seconds), sample.server_private_bytes
        yield Figure("churn", "joined", sample.seconds), sample.players
    yield Figure("churn", "disk_bytes"), figures.disk_bytes


def _recovery(figures: RecoveryFigures) -> _Read:
    yield Figure("start", "seconds"), figures.start_seconds
    yield Figure("load", "seconds"), figures.load_seconds
    yield Figure("restore", "seconds"), figures.restore_seconds
    yield Figure("restore", "reloaded"), float(figures.restored_by == "load")
    for statistic in ("lost", "acknowledged", "processes", "ports"):
        yield Figure("restore", statistic), getattr(figures, statistic)
    for disk in figures.disk:
        yield Figure("disk", "updates", disk.size), disk.updates
        yield Figure("disk", "disk_growth", disk.size), _each(disk.grown, disk.updates)
        yield Figure("disk", "disk_written", disk.size), _each(disk.written_bytes, disk.updates)
