"""What a comparison is as data: every figure of every run, and all that is needed to judge and to repeat them.

Times are in microseconds where a name ends in `_us`, in seconds where it ends in `_seconds`; sizes are in bytes. A
figure that is `None` was not measured, or has too few samples to mean anything. Every table, chart and answer is made
from a `Result` alone.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from ..capabilities import Consistency
from .figures import Checked, Count, Figures

SCHEMA_VERSION: Final = 3
"""Raised whenever a reader of older results would misread a newer one, or a newer reader an older one."""

Mode: TypeAlias = Literal["service", "throughput", "response", "hardening", "churn", "recovery", "program"]
"""What a run measures. Figures of two modes are never mixed.

`service`: the time of single operations, one client, one call after the other. `throughput`: operations per second of
several clients, and of batches. `response`: time from the intended start, at a given rate. `hardening`: what each part
around a board adds. `churn`: memory while players come and go. `recovery`: start, kill and restore, and what an update
writes to the disk. `program`: a program of a plug-in.
"""

Status: TypeAlias = Literal["ok", "wrong", "failed", "unavailable", "timed out", "not run"]
"""`ok` alone has figures; `wrong` disagreed with the model, or is of a backend that did in another run; `unavailable`
could not be opened here."""

ABSENT: Final[tuple[Status, ...]] = ("unavailable", "not run")
"""What says nothing of a backend: a resumed comparison tries such runs again, as a server may be there now."""

Durability: TypeAlias = Literal["memory only", "everysec", "every commit", "not known"]
"""What a power cut leaves of acknowledged updates: nothing, all but about the last second, or everything.

`not known` is also what is something else: it is never ranked as durable.
"""

Home: TypeAlias = Literal["process", "file", "server"]
"""Where a board is kept: in the app's process only, in a file, or on a server."""

DISTURBED_FROM: Final = 0.3
"""Cores kept busy by other processes from which on a run counts as disturbed."""


class Cell(msgspec.Struct, frozen=True, order=True, rename={"a_a": "twin"}):
    """What a run is a run of; it is repeated in several processes. `workload` is empty for a program."""

    mode: Mode
    workload: str
    players: int
    backend: str
    """A backend's label, or the name of a program."""
    a_a: bool = False
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


class Metadata(msgspec.Struct, frozen=True):
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


class BackendFacts(msgspec.Struct, frozen=True, rename={"metadata": "sheet"}):
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
    metadata: Metadata = Metadata()
    verdict: Verdict | None = None
    consistency: Consistency = "linearizable"
    """What its reads promise: `per player` is a board over several shards."""
    servers: Count = 0
    """Server processes that were started for it, all on the machine of the client."""
    copies: Count = 1
    """How many of them have the whole board."""
    gates: list[Gate] = []
    """Of the workloads whose answers no run of the plan compares."""

    @property
    def sharded(self) -> bool:
        """Whether the board is spread over the primaries of a cluster."""
        return self.consistency == "per player"


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


CodeState: TypeAlias = Literal["counted", "not counted", "not possible"]
"""Whether there is code of a feature to count: it is `not possible` on some backends."""


class CodeFacts(msgspec.Struct, frozen=True):
    """The code size of one feature on one backend, by who writes it. `None`: not counted, and `note` says why."""

    feature: str
    backend: str
    app: int | None = None
    """Statements that the app's author writes."""
    shipped: int | None = None
    """Statements of ours."""
    third_party: int | None = None
    """Statements of the libraries that it depends on."""
    configuration: int | None = None
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
