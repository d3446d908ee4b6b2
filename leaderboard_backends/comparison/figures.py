"""The figures of a run as data, and the summary of samples: exact percentiles, and a histogram of all of them.

Times are in microseconds where a name ends in `_us`, in seconds where it ends in `_seconds`; sizes are in bytes. A
figure that is `None` was not measured, or has too few samples to mean anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from math import log
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from ..timing import P50, P95, P99, P999, percentile
from .named_figures import IDLE, TIME_FIELDS, Figure

Microseconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
"""What a call took; the clock tells no call that took nothing."""

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
PerSecond: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]

# ---------------------------------------------------------------------- samples

BUCKET: Final = 1.05
"""The ratio of a histogram bucket's ends: a sample is known to within 5 %."""


class Histogram(msgspec.Struct, frozen=True):
    """Samples by logarithmic buckets: `counts[i]` lie in `[BUCKET ** (first + i), BUCKET ** (first + i + 1))` ns."""

    first: int
    counts: list[int]


class Distribution(msgspec.Struct, frozen=True):
    """The samples of one operation in one process: exact percentiles, and all samples as a histogram."""

    samples: Count
    mean_us: Microseconds
    p50_us: Microseconds | None
    p95_us: Microseconds | None
    p99_us: Microseconds | None
    p999_us: Microseconds | None
    """From 10,000 samples on."""
    maximum_us: Microseconds
    histogram: Histogram


def distribution(samples: Sequence[int]) -> Distribution:
    """Return the summary of samples in nanoseconds; there must be at least one. O(n log n)."""
    ordered = sorted(samples)
    percentiles = [percentile(ordered, part) for part in (P50, P95, P99, P999)]
    p50, p95, p99, p999 = (None if found is None else microseconds(found) for found in percentiles)
    mean, maximum = microseconds(sum(ordered) / len(ordered)), microseconds(ordered[-1])
    return Distribution(len(ordered), mean, p50, p95, p99, p999, maximum, histogram(ordered))


def histogram(samples: Sequence[int]) -> Histogram:
    """Return how many samples lie in each logarithmic bucket; a sample of 0 ns counts as 1 ns."""
    counted = Counter(int(log(max(1, sample), BUCKET)) for sample in samples)
    first, last = min(counted), max(counted)
    return Histogram(first, [counted[place] for place in range(first, last + 1)])


def microseconds(nanoseconds: float) -> float:
    """Return nanoseconds as microseconds, to the nanosecond."""
    return round(nanoseconds / 1000, 3)


# ---------------------------------------------------------------------- figures of a run

NamedValues: TypeAlias = Iterator[tuple[Figure, float | None]]


class FiguresOfRun(msgspec.Struct, frozen=True):
    """What each kind of run has: all its figures by name."""

    def named(self) -> dict[Figure, float]:
        """Return all figures; those that are `None` are left out. Programs of plug-ins have none."""
        return {figure: value for figure, value in self._named() if value is not None}

    def _named(self) -> NamedValues:
        return iter(())


def _times(part: str, time: Distribution | None, amount: float = 0, variant: str = "") -> NamedValues:
    for statistic, field in TIME_FIELDS.items():
        yield Figure(part, statistic, amount, variant), None if time is None else getattr(time, field)


def _each(size: int | None, count: int) -> float | None:
    return None if size is None or not count else size / count


def _per_second(count: float, seconds: float) -> float:
    return count / seconds if seconds else 0.0


class Timed(msgspec.Struct, frozen=True):
    """One operation's service time. Fewer samples than `planned` mean that the time limit cut it short."""

    planned: Count
    time: Distribution


class LoadFigures(msgspec.Struct, frozen=True):
    """One `update_scores` call with every player."""

    players: Count
    seconds: Seconds


class MemoryFigures(msgspec.Struct, frozen=True):
    """What the load added: private memory of this process and of a server, and files."""

    opening_bytes: int
    """Private memory that importing the backend and opening and touching an empty board took."""
    board_bytes: int
    """Private memory that the load took in this process, beyond the names, which are the caller's."""
    server_used_bytes: int | None = None
    """Growth of the server's own `used_memory`, up to 20 KB a connection too low: idle buffers are freed meanwhile."""
    server_private_bytes: int | None = None
    """Growth of the server process's private memory."""
    disk_bytes: int | None = None
    """Growth of the files."""


class Checked(msgspec.Struct, frozen=True):
    """What was compared with the model before any figure counted."""

    answers: int
    """Answers that agreed."""
    updates: int
    """Steps that changed the board."""
    state_sha256: str = ""
    """Of the whole end state, best first; empty where the order within a tie is left to chance (several clients)."""
    what: str = ""
    """As text; empty in results from before it was recorded."""


class ServiceFigures(FiguresOfRun, frozen=True, tag="service"):
    """The time of single operations."""

    load: LoadFigures
    memory: MemoryFigures
    operations: dict[str, Timed]
    clock_us: float
    """What timing an empty call reads: it is contained in every sample."""
    checked: Checked

    def _named(self) -> NamedValues:
        for operation, timed in self.operations.items():
            yield from _times(operation, timed.time)
            yield Figure(operation, "planned"), timed.planned
            yield Figure(operation, "per_second"), _per_second(1e6, timed.time.mean_us)
        load, memory = self.load, self.memory
        yield Figure("load", "seconds"), load.seconds
        yield Figure("load", "players"), load.players
        yield Figure("load", "players_per_second"), _per_second(load.players, load.seconds)
        yield Figure("clock", "clock"), self.clock_us
        yield Figure("board", "process_memory"), _each(memory.board_bytes, load.players)
        yield Figure("board", "server_memory"), _each(memory.server_private_bytes, load.players)
        yield Figure("board", "server_used_memory"), _each(memory.server_used_bytes, load.players)
        yield Figure("board", "disk"), _each(memory.disk_bytes, load.players)
        yield Figure("board", "opening"), memory.opening_bytes


class ClientsFigures(msgspec.Struct, frozen=True):
    """Operations per second of several clients at once, during the time in which all of them worked."""

    kind: Literal["threads", "processes", "tasks"]
    clients: Count
    operations: Count
    seconds: Seconds
    client_cores: float
    """Processor time of the clients, by the time that passed."""
    server_cores: float | None = None
    """Busy cores of the server, if there is one: under one core, it had time left."""


class BatchFigures(msgspec.Struct, frozen=True):
    """`update_scores` with so many updates per call, one client."""

    size: Count
    updates: Count
    seconds: Seconds


class ThroughputFigures(FiguresOfRun, frozen=True, tag="throughput"):
    """Operations per second of several clients, and of batches."""

    clients: list[ClientsFigures]
    batches: list[BatchFigures]
    checked: Checked

    def _named(self) -> NamedValues:
        for several in self.clients:
            yield Figure(several.kind, "per_second", several.clients), _per_second(several.operations, several.seconds)
            yield Figure(several.kind, "client_cores", several.clients), several.client_cores
            yield Figure(several.kind, "server_cores", several.clients), several.server_cores
        for batch in self.batches:
            yield Figure("batch", "per_second", batch.size), _per_second(batch.updates, batch.seconds)


class RateFigures(msgspec.Struct, frozen=True):
    """Response time at a rate, of all clients together, from the intended start of each operation."""

    rate: PerSecond
    achieved: PerSecond
    """Operations per second that were completed."""
    response: Distribution | None
    """`None` where the backend did not keep up: then the times would only show how long the run was."""
    kind: Literal["threads", "processes", "tasks"] = "threads"
    clients: Count = 1


class ResponseFigures(FiguresOfRun, frozen=True, tag="response"):
    """Response time at given rates."""

    rates: list[RateFigures]
    idle: list[RateFigures]
    """The same with a board that does nothing: what the harness itself adds."""
    checked: Checked
    several: list[RateFigures] = []
    """Of several clients, each kind and number at rates that climb to the first that was not kept up with."""

    def _named(self) -> NamedValues:
        every = [("rate", "", rate) for rate in self.rates] + [(IDLE, "", rate) for rate in self.idle]
        every += [("rate", f"{rate.clients} {rate.kind}", rate) for rate in self.several]
        for part, variant, rate in every:
            yield from _times(part, rate.response, rate.rate, variant)
            yield Figure(part, "achieved", rate.rate, variant), rate.achieved
            yield Figure(part, "kept_up", rate.rate, variant), float(rate.response is not None)


class PartTime(msgspec.Struct, frozen=True):
    """The service time of one operation with one part of the hardening around the board."""

    part: str
    """Empty for the board alone, `all parts` for all of them around it."""
    operation: str
    time: Distribution


class HardeningFigures(FiguresOfRun, frozen=True, tag="hardening"):
    """What parts around a board add: the steps of a trace in turns on the board alone and on each."""

    times: list[PartTime]
    checked: Checked

    def _named(self) -> NamedValues:
        for timed in self.times:
            yield from _times(timed.operation, timed.time, variant=timed.part)


class ChurnSample(msgspec.Struct, frozen=True):
    """Memory at a moment of churn: what it has grown by since before the load."""

    seconds: Seconds
    """Since the load, as planned."""
    players: Count
    """Who have joined since the load; as many have left."""
    process_bytes: int
    server_private_bytes: int | None = None
    server_used_bytes: int | None = None


class ChurnFigures(FiguresOfRun, frozen=True, tag="churn"):
    """Memory while players come and go, each new to the board: it has as many at the end as at first."""

    samples: list[ChurnSample]
    checked: Checked
    disk_bytes: int | None = None
    """What the files have grown by since the load."""

    def _named(self) -> NamedValues:
        for sample in self.samples:
            yield Figure("churn", "process_bytes", sample.seconds), sample.process_bytes
            yield Figure("churn", "server_bytes", sample.seconds), sample.server_private_bytes
            yield Figure("churn", "joined", sample.seconds), sample.players
        yield Figure("churn", "disk_bytes"), self.disk_bytes


class DiskFigures(msgspec.Struct, frozen=True):
    """What updates write, `size` a call: growth of the files, and bytes that the owning process sent to the disk."""

    size: int
    updates: int
    grown_bytes: int
    written_bytes: int | None
    """From `/proc/PID/io`; `None` where the system does not report it."""

    @property
    def grown(self) -> int | None:
        """The growth, `None` where the files shrank: then something older was cleaned up meanwhile."""
        return self.grown_bytes if self.grown_bytes >= 0 else None


class RecoveryFigures(FiguresOfRun, frozen=True, tag="recovery"):
    """From nothing to a board, a crash of the process that keeps it (kill -9), and back."""

    processes: int
    """To run in addition to the app's own."""
    ports: int
    """TCP ports open on the machine."""
    start_seconds: Seconds
    """From nothing to the first acknowledged update: server start and opening included."""
    load_seconds: Seconds
    restore_seconds: Seconds
    """From the kill until the board gave right answers again."""
    restored_by: Literal["restart", "load"]
    """`load`: the storage kept nothing, so that the app had to load all players from its own records again."""
    acknowledged: int
    """Updates that were acknowledged before the kill."""
    lost: int
    """Of those, how many were gone after the restart, before any new load."""
    disk: list[DiskFigures] = []

    def _named(self) -> NamedValues:
        yield Figure("start", "seconds"), self.start_seconds
        yield Figure("load", "seconds"), self.load_seconds
        yield Figure("restore", "seconds"), self.restore_seconds
        yield Figure("restore", "reloaded"), float(self.restored_by == "load")
        for statistic in ("lost", "acknowledged", "processes", "ports"):
            yield Figure("restore", statistic), getattr(self, statistic)
        for disk in self.disk:
            yield Figure("disk", "updates", disk.size), disk.updates
            yield Figure("disk", "disk_growth", disk.size), _each(disk.grown, disk.updates)
            yield Figure("disk", "disk_written", disk.size), _each(disk.written_bytes, disk.updates)


class Timing(msgspec.Struct, frozen=True):
    """One operation of a program."""

    operation: str
    time: Distribution


class ProgramFigures(FiguresOfRun, frozen=True, tag="program"):
    """What one program of a plug-in took."""

    timings: list[Timing]
    memory_bytes: int | None = None
    """Private memory of the process that the structure took; `None` where the program is not about memory."""
    counts: dict[str, float] = {}
    """Facts by name that are no times, such as players lost to ties."""


Figures: TypeAlias = (
    ServiceFigures
    | ThroughputFigures
    | ResponseFigures
    | HardeningFigures
    | ChurnFigures
    | RecoveryFigures
    | ProgramFigures
)
