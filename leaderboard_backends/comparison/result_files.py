"""Results as JSON files: written with a line for each run, and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import msgspec

from ..errors import ConfigurationError
from .schema import SCHEMA_VERSION, Result

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
        if version != SCHEMA_VERSION:
            remedy = REMEDY if version < SCHEMA_VERSION else "A newer leaderboard-backends reads it."
            raise ConfigurationError(
                f"this result has schema version {version}; this library reads {SCHEMA_VERSION}. {remedy}"
            )
        return msgspec.convert(printable(msgspec.json.decode(stored)), Result)
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"this is not a result of a comparison: {error}. {REMEDY}") from error


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
