"""What a comparison is as data: every figure of every run, and all that is needed to judge and to repeat them.

Times are in microseconds where a name ends in `_us`, in seconds where it ends in `_seconds`; sizes are in bytes. A
figure that is `None` was not measured, or has too few samples to mean anything. Every table, chart and answer is made
from a `Result` alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, log
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec

from ..capabilities import Consistency

SCHEMA_VERSION: Final = 3
"""Raised whenever a reader of older results would misread a newer one, or a newer reader an older one."""

MAKE_ONE: Final = "leaderboard compare --out RESULT.json makes one."

Mode: TypeAlias = Literal["service", "throughput", "response", "hardening", "drill", "program"]
"""What a run measures. Figures of two modes are never mixed.

`service`: the time of single operations, one client, one call after the other. `throughput`: operations per second of
several clients, and of batches. `response`: time from the intended start, at a given rate. `hardening`: what each part
around a board adds. `drill`: crash recovery (start, kill, restore), and what an update writes to the disk. `program`: a
program of a plug-in.
"""

Status: TypeAlias = Literal["ok", "wrong", "failed", "unavailable", "timed out", "not run"]
"""`ok` alone has figures; `wrong` disagreed with the model, or is of a backend that did in another run; `unavailable`
could not be opened here."""

Durability: TypeAlias = Literal["memory only", "everysec", "every commit", "not known"]
"""What a power cut leaves of acknowledged updates: nothing, all but about the last second, or everything.

`not known` is also what is something else: it is never ranked as durable.
"""

Home: TypeAlias = Literal["process", "file", "server"]
"""Where a board is kept: in the app's process only, in a file, or on a server."""

DISTURBED_FROM: Final = 0.3
"""Cores kept busy by other processes from which on a run counts as disturbed."""

Microseconds: TypeAlias = Annotated[float, msgspec.Meta(gt=0)]
"""What a call took; the clock tells no call that took nothing."""

Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
PerSecond: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]


class ResultError(ValueError):
    """A file is no result of a comparison, or has another schema version."""


# ---------------------------------------------------------------------- samples

BUCKET: Final = 1.05
"""The ratio of a histogram bucket's ends: a sample is known to within 5 %."""


class Histogram(msgspec.Struct, frozen=True):
    """Samples by logarithmic buckets: `counts[i]` lie in `[BUCKET ** (first + i), BUCKET ** (first + i + 1))` ns."""

    first: int
    counts: list[int]

    def buckets(self) -> Iterator[tuple[float, float, int]]:
        """Yield the ends of each bucket in microseconds, and how many samples lie in it."""
        for place, count in enumerate(self.counts, self.first):
            yield BUCKET**place / 1000, BUCKET ** (place + 1) / 1000, count

    def middle_us(self, place: int) -> float:
        """Return the geometric middle of the bucket at an index of `counts`."""
        return exp(log(BUCKET) * (self.first + place + 0.5)) / 1000


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


# ---------------------------------------------------------------------- figures of a run


class Timed(msgspec.Struct, frozen=True):
    """One operation's service time. Fewer samples than `planned` mean that the time limit cut it short."""

    planned: Count
    time: Distribution

    @property
    def per_second(self) -> float:
        """Operations per second of one client, one call after the other."""
        return 1e6 / self.time.mean_us if self.time.mean_us else 0.0


class LoadFigures(msgspec.Struct, frozen=True):
    """One `update_scores` call with every player."""

    players: Count
    seconds: Seconds

    @property
    def per_second(self) -> float:
        """Players loaded per second."""
        return self.players / self.seconds if self.seconds else 0.0


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


class ServiceFigures(msgspec.Struct, frozen=True, tag="service"):
    """The time of single operations."""

    load: LoadFigures
    memory: MemoryFigures
    operations: dict[str, Timed]
    clock_us: float
    """What timing an empty call reads: it is contained in every sample."""
    checked: Checked


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

    @property
    def per_second(self) -> float:
        """Operations per second of all clients together."""
        return self.operations / self.seconds if self.seconds else 0.0


class BatchFigures(msgspec.Struct, frozen=True):
    """`update_scores` with so many updates per call, one client."""

    size: Count
    updates: Count
    seconds: Seconds

    @property
    def per_second(self) -> float:
        """Updates per second."""
        return self.updates / self.seconds if self.seconds else 0.0


class ThroughputFigures(msgspec.Struct, frozen=True, tag="throughput"):
    """Operations per second of several clients, and of batches."""

    clients: list[ClientsFigures]
    batches: list[BatchFigures]
    checked: Checked


class RateFigures(msgspec.Struct, frozen=True):
    """Response time at a rate, of all clients together, from the intended start of each operation."""

    rate: PerSecond
    achieved: PerSecond
    """Operations per second that were completed."""
    response: Distribution | None
    """`None` where the backend did not keep up: then the times would only show how long the run was."""
    kind: Literal["threads", "processes", "tasks"] = "threads"
    clients: Count = 1


class ResponseFigures(msgspec.Struct, frozen=True, tag="response"):
    """Response time at given rates."""

    rates: list[RateFigures]
    idle: list[RateFigures]
    """The same with a board that does nothing: what the harness itself adds."""
    checked: Checked
    several: list[RateFigures] = []
    """Of several clients, each kind and number at rates that climb to the first that was not kept up with."""


class PartTime(msgspec.Struct, frozen=True):
    """The service time of one operation with one part of the hardening around the board."""

    part: str
    """Empty for the board alone, `all parts` for all of them around it."""
    operation: str
    time: Distribution


class HardeningFigures(msgspec.Struct, frozen=True, tag="hardening"):
    """What parts around a board add: the steps of a trace in turns on the board alone and on each."""

    times: list[PartTime]
    checked: Checked


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


class DrillFigures(msgspec.Struct, frozen=True, tag="drill"):
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


class Timing(msgspec.Struct, frozen=True):
    """One operation of a program."""

    operation: str
    time: Distribution


class ProgramFigures(msgspec.Struct, frozen=True, tag="program"):
    """What one program of a plug-in took."""

    timings: list[Timing]
    memory_bytes: int | None = None
    """Private memory of the process that the structure took; `None` where the program is not about memory."""
    counts: dict[str, float] = {}
    """Facts by name that are no times, such as players lost to ties."""


Figures: TypeAlias = (
    ServiceFigures | ThroughputFigures | ResponseFigures | HardeningFigures | DrillFigures | ProgramFigures
)


class Cell(msgspec.Struct, frozen=True, order=True):
    """What a run is a run of; it is repeated in several processes. `workload` is empty for a program."""

    mode: Mode
    workload: str
    players: int
    backend: str
    """A backend's label, or the name of a program."""
    twin: bool = False
    """Whether it is the second of two equal cells, from whose difference the noise is known."""


class Run(msgspec.Struct, frozen=True):
    """One process. Without status `ok`, `reason` says why there are no figures."""

    cell: Cell
    round: int
    """Runs of one round were interleaved: they ran in the same period."""
    status: Status
    reason: str = ""
    seconds: float = 0.0
    """Wall time of the whole run, server start and gate included."""
    cores_elsewhere: float | None = None
    """Cores that other processes kept busy, on average, while it was measured."""
    figures: Figures | None = None
    notes: list[str] = []

    @property
    def disturbed(self) -> bool:
        """Whether other processes were busy during the run, as far as the system reports it."""
        return self.cores_elsewhere is not None and self.cores_elsewhere >= DISTURBED_FROM


# ---------------------------------------------------------------------- facts


class CodeSize(msgspec.Struct, frozen=True):
    """Source: statements of Python's syntax tree without docstrings, and lines of other languages (Lua, SQL)."""

    statements: int
    other_lines: int
    files: list[str]


class Verdict(msgspec.Struct, frozen=True):
    """What the conformance kit said of a backend before anything was measured."""

    verdict: str
    parts: str
    """`all`, or the requested parts of the kit."""
    passed: int
    failed: int
    kit: str
    seconds: float
    failures: list[str] = []

    @property
    def allows_figures(self) -> bool:
        """Whether figures of the backend may be published."""
        return self.verdict in ("CONFORMS", "CONFORMS WITH DEVIATIONS", "PASSED IN PART")


class Gate(msgspec.Struct, frozen=True):
    """A short run before all others, under a workload of which the plan times no single operations."""

    workload: str
    players: int
    status: Status
    reason: str = ""
    checked: Checked | None = None


class Sheet(msgspec.Struct, frozen=True):
    """What a person has to know of a backend's row: from its file in `benchmarks/backends`, or empty."""

    title: str = ""
    tuning: list[str] = []
    """Settings that differ from the storage's own defaults."""
    setup: list[str] = []
    """Steps from a machine with Python to a running board."""
    watch: list[str] = []
    """What can be monitored in production."""
    configuration: str = ""
    """What an app's configuration has for it."""
    round_trips: str = ""
    """Those of one operation; empty where it is one to a server, and none elsewhere."""


class BackendFacts(msgspec.Struct, frozen=True):
    """What a backend is and promises, as opened."""

    label: str
    class_name: str
    distribution: str
    storage: str
    home: Home
    durability: Durability
    survives: str
    shared: bool
    server: str | None = None
    durability_told: str = ""
    """What the server or the backend says of it, in its own words."""
    code: CodeSize | None = None
    sheet: Sheet = Sheet()
    verdict: Verdict | None = None
    consistency: Consistency = "linearizable"
    """What its reads promise: `per player` is a board over several shards."""
    servers: Count = 0
    """Server processes that were started for it, all on the machine of the client."""
    copies: Count = 1
    """How many of them have the whole board."""
    gates: list[Gate] = []
    """Of the workloads whose answers no run of the plan compares."""


class WorkloadFacts(msgspec.Struct, frozen=True):
    """A workload: its name, its hash, and its text."""

    name: str
    title: str
    sha256: str
    toml: str
    events: int = 0
    """In its file of events; 0 where updates are drawn."""


class TraceFacts(msgspec.Struct, frozen=True):
    """Facts of a trace; the same workload, size, seed and number of steps have the same hash everywhere."""

    workload: str
    players: int
    seed: int
    sha256: str
    steps: dict[str, int]
    warm_up_steps: int
    different_scores: int
    tied_share: float
    name_bytes_per_player: float
    repeated: int = 0
    """Measured updates that repeat a player's current score and username; events are replayed as they were."""


class Machine(msgspec.Struct, frozen=True):
    """Where it ran; nothing that names the machine or its user."""

    cpu: str
    cores: float
    """Those that the comparison could use, by affinity and quota."""
    memory_bytes: int
    system: str
    file_system: str
    """Of the files of durable backends; waiting for the disk costs nothing where it is in memory."""
    load_average_before: list[float]
    load_average_after: list[float]


class Settings(msgspec.Struct, frozen=True):
    """The request."""

    plan: str
    command: str
    backends: list[str]
    seed: int
    rounds: int
    time_limit: float
    """Seconds for the writes of a run, and for each kind of read; the rest of its steps is left out."""
    digest: str
    """Of all that a resumed run has to agree with."""
    code: str = ""
    """The SHA-256 of this library's source; empty in results from before it was recorded."""
    merged: list[str] = []
    """What this result was merged from: when each comparison began, and its command."""


CodeState: TypeAlias = Literal["counted", "not counted", "not built", "not possible"]
"""Whether there is code of a feature to count: `not built` by us, or `not possible` on that backend."""


class CodeFacts(msgspec.Struct, frozen=True):
    """The code size of one feature on one backend, by who writes it. `None`: not counted, and `note` says why."""

    feature: str
    backend: str
    app: int | None
    """Statements that the app's author writes."""
    shipped: int | None
    """Statements of ours."""
    third_party: int | None
    """Statements of the libraries that it depends on."""
    configuration: int | None
    """Lines."""
    note: str = ""
    state: CodeState = "counted"
    compiled: list[str] = []
    """Of the third party's libraries, those with parts whose source is not there to be counted."""


class Result(msgspec.Struct, frozen=True):
    """A whole comparison."""

    schema_version: int
    started: str
    seconds: float
    finished: bool
    versions: dict[str, str]
    machine: Machine
    settings: Settings
    methods: dict[str, str]
    workloads: list[WorkloadFacts]
    traces: list[TraceFacts]
    backends: list[BackendFacts]
    code: list[CodeFacts]
    runs: list[Run]

    def why_not(self, label: str) -> str:
        """Return why a backend has no figures in any run, by the first of them; empty where it has some."""
        runs = [run for run in self.runs if run.cell.backend == label]
        if any(run.figures is not None for run in runs):
            return ""
        return next((f"{run.status}: {run.reason}".rstrip(".: ") for run in runs), "it was never run")

    def facts(self, label: str) -> BackendFacts | None:
        """Return what is known of a backend."""
        return next((facts for facts in self.backends if facts.label == label), None)


def encode_result(result: Result) -> bytes:
    """Return a result as JSON: a line for each run, so that two results can be compared by eye."""
    whole = msgspec.json.encode(msgspec.structs.replace(result, runs=[]))
    runs = b",\n".join(msgspec.json.encode(run) for run in result.runs)
    return whole.removesuffix(b"]}") + b"\n" + runs + b"\n]}\n"


def decode_result(stored: bytes) -> Result:
    """Return the result of JSON; raises `ResultError` where it is none, or of another schema version.

    Whoever wrote it, no text of it moves a terminal's cursor, begins a line or hides: see `printable`.
    """
    try:
        version = msgspec.json.decode(stored, type=_Versioned).schema_version
        if version not in (2, SCHEMA_VERSION):
            remedy = MAKE_ONE if version < SCHEMA_VERSION else "A newer leaderboard-backends reads it."
            raise ResultError(
                f"this result has schema version {version}; this library reads 2 and {SCHEMA_VERSION}. {remedy}"
            )
        result = msgspec.convert(printable(msgspec.json.decode(stored)), Result)
        return result if version == SCHEMA_VERSION else _of_version_2(result)
    except msgspec.MsgspecError as error:
        raise ResultError(f"this is not a result of a comparison: {error}. {MAKE_ONE}") from error


def _of_version_2(result: Result) -> Result:
    """Return a result of version 2 as one of today: its `memory` was the board that `sortedcontainers` names now."""

    def now(label: str) -> str:
        scheme, mark, rest = label.partition("://")
        if scheme != "memory":
            return label
        new = f"sortedcontainers{mark}{rest}"
        return f"{new} #2" if new in result.settings.backends else new

    def facts_now(facts: BackendFacts) -> BackendFacts:
        configuration = facts.sheet.configuration.replace('"memory://', '"sortedcontainers://')
        return change(facts, label=now(facts.label), sheet=change(facts.sheet, configuration=configuration))

    change = msgspec.structs.replace
    return change(
        result,
        schema_version=SCHEMA_VERSION,
        settings=change(result.settings, backends=list(map(now, result.settings.backends))),
        backends=list(map(facts_now, result.backends)),
        code=[change(row, backend=now(row.backend)) for row in result.code],
        runs=[change(run, cell=change(run.cell, backend=now(run.cell.backend))) for run in result.runs],
    )


def printable(found: Any, *, lines: bool = False) -> Any:
    r"""Return JSON whose texts, keys included, are of printable characters: an escape becomes `\x1b`, a newline `\n`.

    Only what is a whole file (`toml`) keeps its `lines`.
    """
    if isinstance(found, str):
        return found if found.isprintable() else "".join(_shown(char, lines=lines) for char in found)
    if isinstance(found, dict):
        return {printable(name): printable(value, lines=name == "toml") for name, value in found.items()}
    return [printable(value) for value in found] if isinstance(found, list) else found


def _shown(char: str, *, lines: bool) -> str:
    kept = char.isprintable() or (lines and char in "\n\t")
    return char if kept else char.encode("unicode_escape", "surrogatepass").decode("ascii")


def read_result(path: Path) -> Result:
    """Read a result. Raises `ResultError`, `OSError`."""
    return decode_result(path.read_bytes())


class _Versioned(msgspec.Struct, frozen=True):
    schema_version: int
