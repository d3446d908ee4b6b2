"""What a comparison is as data: the job of a worker, the figures of a cell, the whole result with its schema version.

Times are in microseconds where the name ends in `_us`, in seconds where it says so; sizes are in bytes. A figure that
is `None` was not measured, or has too few samples to mean anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

SCHEMA_VERSION: Final = 1
"""Raised whenever a reader of older results would misread a newer one."""

Status: TypeAlias = Literal["ok", "wrong", "failed", "unavailable", "timed out", "not run"]
"""`ok` alone has figures; `wrong` disagreed with the model; `unavailable` could not be opened here."""


class ResultError(ValueError):
    """A file is no result of a comparison, or one of another schema version."""


class Job(msgspec.Struct, frozen=True):
    """What one worker does. It may hold a password, so it travels through a pipe and is written nowhere."""

    target: str
    board: str
    trace_path: str
    time_limit: float
    give_up_after: float
    shared_place: bool = False
    """Whether the storage is the user's own: the board is then cleared afterwards."""
    clear_only: bool = False
    """Clear the board of a worker that could not do it itself."""
    server_url: str | None = None
    server_pid: int | None = None
    data_path: str | None = None
    """The file or folder whose growth is the bytes on disk."""


class OperationFigures(msgspec.Struct, frozen=True):
    """One operation's service time. `samples` below `planned` means that the time limit cut it short."""

    samples: int
    planned: int
    average_us: float
    p50_us: float | None
    p95_us: float | None
    p99_us: float | None
    maximum_us: float
    per_second: float


class LoadFigures(msgspec.Struct, frozen=True):
    """One `update_scores` call with every player."""

    seconds: float
    players_per_second: float


class MemoryFigures(msgspec.Struct, frozen=True):
    """Growth of private memory, of a server's memory and of files."""

    opening_bytes: int
    """Private memory that importing the backend and opening and touching an empty board took."""
    board_bytes: int
    """Private memory that the load took in this process, beyond the names, which are the caller's."""
    server_used_bytes: int | None = None
    """Growth of the server's own `used_memory` by the load."""
    server_private_bytes: int | None = None
    """Growth of the server process's private memory by the load."""
    disk_bytes: int | None = None
    """Growth of the files by the load."""
    disk_bytes_of_updates: int | None = None
    """Growth of the files by warm-up and measured updates."""


class CodeSize(msgspec.Struct, frozen=True):
    """A backend's own source."""

    statements: int
    lua_lines: int
    files: list[str]


class Gate(msgspec.Struct, frozen=True):
    """What was compared with the model before any figure counted."""

    state_sha256: str
    updates_applied: int
    answers_checked: int


class BackendFacts(msgspec.Struct, frozen=True):
    """What a backend is and promises, as opened."""

    class_name: str
    distribution: str
    durability: str
    survives: str
    shared: bool
    server: str | None = None


class Cell(msgspec.Struct, frozen=True):
    """One backend at one size. Without status `ok`, `reason` says why there are no figures."""

    backend: str
    players: int
    status: Status
    reason: str = ""
    seconds: float = 0.0
    """Wall time of the whole cell, server start and gate included."""
    facts: BackendFacts | None = None
    code: CodeSize | None = None
    gate: Gate | None = None
    load: LoadFigures | None = None
    memory: MemoryFigures | None = None
    operations: dict[str, OperationFigures] = {}
    clock_us: float | None = None
    """What timing an empty call reads: it is contained in every sample."""
    cores_elsewhere: float | None = None
    """Cores that other processes kept busy, on average, while the steps were measured."""
    notes: list[str] = []


class TraceFacts(msgspec.Struct, frozen=True):
    """What is told of a trace."""

    players: int
    sha256: str
    steps: dict[str, int]
    warm_up_steps: int
    different_scores: int
    tied_share: float
    name_bytes_per_player: float


class Machine(msgspec.Struct, frozen=True):
    """Where it ran; nothing that names the machine or its user."""

    cpu: str
    cores: int
    memory_bytes: int
    system: str
    file_system: str
    """Of the files of durable backends; waiting for the disk costs nothing where it is in memory."""
    load_average_before: list[float]
    load_average_after: list[float]


class Settings(msgspec.Struct, frozen=True):
    """What was asked for."""

    backends: list[str]
    players: list[int]
    seed: int
    steps: dict[str, int]
    time_limit: float
    """Seconds for each operation of a cell; the rest of its steps is left out."""


class Comparison(msgspec.Struct, frozen=True):
    """The whole result; every table is made from this alone."""

    schema_version: int
    started: str
    seconds: float
    finished: bool
    versions: dict[str, str]
    machine: Machine
    settings: Settings
    traces: list[TraceFacts]
    methods: dict[str, str]
    cells: list[Cell]

    def cell(self, backend: str, players: int) -> Cell | None:
        """Return the cell of a backend at a size."""
        return next((cell for cell in self.cells if (cell.backend, cell.players) == (backend, players)), None)


def encode_result(result: Comparison) -> bytes:
    """Return the result as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n"


def decode_result(stored: bytes) -> Comparison:
    """Return the result of JSON; raises `ResultError` where it is none, or of another schema version."""
    try:
        version = msgspec.json.decode(stored, type=_Versioned).schema_version
        if version != SCHEMA_VERSION:
            raise ResultError(f"this result has schema version {version}; this library reads {SCHEMA_VERSION}.")
        return msgspec.json.decode(stored, type=Comparison)
    except msgspec.MsgspecError as error:
        raise ResultError(f"this is no result of a comparison: {error}.") from error


def read_result(path: Path) -> Comparison:
    """Read a `result.json`."""
    return decode_result(path.read_bytes())


class _Versioned(msgspec.Struct, frozen=True):
    schema_version: int
