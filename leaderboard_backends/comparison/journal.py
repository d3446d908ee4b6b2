"""What a comparison keeps while it runs: a line of JSON for each finished run, so that nothing finished is ever lost.

The first line says what the journal is of; a comparison that goes on must agree with it. A last line that a crash cut
off is left out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from ..errors import ConfigurationError
from .schema import BackendFacts, Run

SUFFIX: Final = ".journal"


class Head(msgspec.Struct, frozen=True, tag="head"):
    """What a journal is of."""

    digest: str
    """Of everything that figures depend on: plan, backends, workloads, code, machine."""
    started: str
    told: dict[str, str]
    """The same in words, to say what differs."""
    salt: str = ""
    """Of the hashes of URLs in it."""


class Known(msgspec.Struct, frozen=True, tag="backend"):
    """A backend was opened, and judged by the kit."""

    facts: BackendFacts


class Finished(msgspec.Struct, frozen=True, tag="run"):
    """A run is over."""

    run: Run


Line: TypeAlias = Head | Known | Finished


class Journal:
    """A file that only grows. Where no path is given, nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def begin(self, head: Head) -> None:
        """Begin anew; raises `OSError`."""
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_bytes(b"")
            self.add(head)

    def add(self, line: Line) -> None:
        """Add a line, and see it on the disk: raises `OSError`."""
        if self._path is None:
            return
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def end(self) -> None:
        """Remove the file, as its content is in the result."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def read_journal(path: Path) -> tuple[Head, list[BackendFacts], list[Run]]:
    """Return what a journal holds. Raises `ConfigurationError` where there is none, or it is no journal."""
    try:
        stored = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"there is nothing to go on with: {path} cannot be read ({error.strerror}). Leave --resume out to begin "
            f"anew."
        ) from error
    lines = _lines(path, stored)
    if not lines or not isinstance(lines[0], Head):
        raise ConfigurationError(f"{path} is no journal of a comparison. Leave --resume out to begin anew.")
    facts = {line.facts.label: line.facts for line in lines if isinstance(line, Known)}
    return lines[0], list(facts.values()), [line.run for line in lines if isinstance(line, Finished)]


def _lines(path: Path, stored: bytes) -> Sequence[Line]:
    whole, _, _ = stored.rpartition(b"\n")
    try:
        return [msgspec.json.decode(line, type=Line) for line in whole.splitlines()]
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{path} is no journal of a comparison: {error}.") from error
