"""Results as JSON files: written with a line for each run, read in this and the former schema version."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from ..errors import ConfigurationError
from .schema import SCHEMA_VERSION, BackendFacts, Result

REMEDY: Final = "Name another, or make one: leaderboard compare --out RESULT.json."


class _Versioned(msgspec.Struct, frozen=True):
    schema_version: int


def encode_result(result: Result) -> bytes:
    """Return a result as JSON: a line for each run, so that two results can be compared by eye."""
    whole = msgspec.json.encode(msgspec.structs.replace(result, runs=[]))
    runs = b",\n".join(msgspec.json.encode(run) for run in result.runs)
    return whole.removesuffix(b"]}") + b"\n" + runs + b"\n]}\n"


def decode_result(stored: bytes) -> Result:
    """Return the result of JSON; raises `ConfigurationError` where it is none, or of another schema version.

    Whoever wrote it, no text of it moves a terminal's cursor, begins a line or hides: see `printable`.
    """
    try:
        version = msgspec.json.decode(stored, type=_Versioned).schema_version
        if version not in (2, SCHEMA_VERSION):
            remedy = REMEDY if version < SCHEMA_VERSION else "A newer leaderboard-backends reads it."
            raise ConfigurationError(
                f"this result has schema version {version}; this library reads 2 and {SCHEMA_VERSION}. {remedy}"
            )
        result = msgspec.convert(_renamed(printable(msgspec.json.decode(stored))), Result)
        return result if version == SCHEMA_VERSION else _of_version_2(result)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"this is not a result of a comparison: {error}. {REMEDY}") from error


def _renamed(found: Any) -> Any:
    """Return JSON with crash recovery under its name of today; it was called a drill."""
    for run in found["runs"] if isinstance(found.get("runs"), list) else []:
        for part, key in (("cell", "mode"), ("figures", "type")):
            if isinstance(run, dict) and isinstance(run.get(part), dict) and run[part].get(key) == "drill":
                run[part][key] = "recovery"
    return found


def _of_version_2(result: Result) -> Result:
    """Return a result of version 2 as one of today: its `memory` was the board that `sortedcontainers` names now."""

    def now(label: str) -> str:
        scheme, mark, rest = label.partition("://")
        if scheme != "memory":
            return label
        new = f"sortedcontainers{mark}{rest}"
        return f"{new} #2" if new in result.settings.backends else new

    def facts_now(facts: BackendFacts) -> BackendFacts:
        configuration = facts.metadata.configuration.replace('"memory://', '"sortedcontainers://')
        return change(facts, label=now(facts.label), metadata=change(facts.metadata, configuration=configuration))

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
        kept = "\n\t" if lines else ""
        shown = (char if char.isprintable() or char in kept else ascii(char)[1:-1] for char in found)
        return found if found.isprintable() else "".join(shown)
    if isinstance(found, dict):
        return {printable(name): printable(value, lines=name == "toml") for name, value in found.items()}
    return [printable(value) for value in found] if isinstance(found, list) else found


def read_result(path: Path) -> Result:
    """Read a result; raises `ConfigurationError` with the path."""
    try:
        return decode_result(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}). {REMEDY}") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error
