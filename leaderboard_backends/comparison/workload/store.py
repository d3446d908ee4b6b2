"""Stored traces: each drawn once per machine, and looked up by its inputs.

A folder holds `<sha256>.trace`, known by its own bytes, the model's answers beside it, and for each workload, size,
number of steps and seed a small JSON that leads to both. Files are written under another name and renamed, and checked
against their hash when they are read: a damaged or incomplete one is drawn anew, and two processes at once write the
same bytes. Nothing is ever deleted; the folder may be, at any time.
"""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import msgspec

from ...errors import ConfigurationError
from ...protocol import CONTRACT_VERSION
from ...testing import oracle
from ..schema import TraceFacts
from . import model, operations
from .model import model_answers
from .spec import WorkloadFile
from .trace import VERSION, draw_trace, encode_trace, trace_facts

EVENT_FACTS: Final = "repeated updates counted"
"""A fact of traces from events that older versions did not record: a trace without it is drawn anew."""


def model_version() -> str:
    """Return what answers are right by: the contract, and the very text of its model.

    So no bug that is repaired there lives on in a file.
    """
    source = "".join(inspect.getsource(module) for module in (oracle, model, operations))
    return f"{CONTRACT_VERSION}-{sha256(source.encode()).hexdigest()[:12]}"


def default_folder() -> Path:
    """Return where traces are kept unless somebody says otherwise: in the user's folder for caches (XDG)."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if cache else Path.home() / ".cache") / "leaderboard-backends" / "traces"


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """The files of a trace and of the model's answers, and the facts of the trace."""

    trace: Path
    answers: Path
    facts: TraceFacts


class _Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What leads from a key to the files."""

    facts: TraceFacts
    answers_sha256: str


class TraceStore:
    """A folder of traces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, workload: WorkloadFile, players: int, steps: int, seed: int) -> StoredTrace:
        """Return a trace, drawn only if it is not there. Raises `ConfigurationError`, also for an unusable folder."""
        told = f"{VERSION} {model_version()} {workload.sha256} {players} {steps} {seed}"
        told += "" if workload.events is None else f" {EVENT_FACTS}"
        index = self.folder / f"{sha256(told.encode()).hexdigest()}.json"
        try:
            return self._find(index, workload) or self._draw(index, workload, (players, steps, seed))
        except OSError as error:
            raise ConfigurationError(
                f"{self.folder} cannot store traces: {error.strerror or error}. Make it writable and free some space, "
                "or choose another folder (the default is in $XDG_CACHE_HOME)."
            ) from error

    def _find(self, index: Path, workload: WorkloadFile) -> StoredTrace | None:
        """Return what is stored, `None` where anything of it is missing or damaged."""
        try:
            found = msgspec.json.decode(index.read_bytes(), type=_Found)
            stored = self._stored(found.facts, workload)
            intact = _sha256(stored.trace) == found.facts.sha256 and _sha256(stored.answers) == found.answers_sha256
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
        return stored if intact else None

    def _draw(self, index: Path, workload: WorkloadFile, asked: tuple[int, int, int]) -> StoredTrace:
        trace = draw_trace(workload, *asked)
        encoded, answers = encode_trace(trace), model_answers(trace)
        facts = trace_facts(trace, encoded, workload.spec.name)
        stored = self._stored(facts, workload)
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(stored.trace, encoded)
        _write(stored.answers, answers)
        _write(index, msgspec.json.encode(_Found(facts, sha256(answers).hexdigest())))
        return stored

    def _stored(self, facts: TraceFacts, workload: WorkloadFile) -> StoredTrace:
        """Return where a trace's files are; a trace may have been drawn for the same workload by another name."""
        return StoredTrace(
            self.folder / f"{facts.sha256}.trace",
            self.folder / f"{facts.sha256}.{model_version()}.answers",
            msgspec.structs.replace(facts, workload=workload.spec.name),
        )


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write a file whole, or not at all."""
    with NamedTemporaryFile(dir=path.parent, prefix=f"{path.stem[:8]}-", suffix=".part", delete=False) as beside:
        try:
            beside.write(content)
            beside.flush()
            Path(beside.name).replace(path)
        except BaseException:
            Path(beside.name).unlink()
            raise
