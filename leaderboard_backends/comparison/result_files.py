"""Results as JSON files, with a line for each run; files that are there whole or not at all; a folder for a while."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import msgspec

from ..errors import ConfigurationError
from ..testing.lifetimes import Guard
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


def is_stream(path: Path) -> bool:
    """Whether something is there that is neither a file nor a folder: a device, a pipe, a socket."""
    return path.exists() and not (path.is_file() or path.is_dir())


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file under another name beside it, and put it in place once it is on the disk; text is UTF-8.

    Makes the folder. A reader sees the old content or the new one, and nothing is left behind where it fails. A link
    stays a link, to a file with the new content. A device or a pipe stays what it is, and is written to. Raises
    `OSError`.
    """
    stored = content.encode() if isinstance(content, str) else content
    if is_stream(path):  # not what it resolves to: that of /dev/stdout may be the name of no file
        path.write_bytes(stored)
        return
    target = path.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    new = target.with_name(f".{target.name}.{token_hex(4)}")
    try:
        with new.open("xb") as file:
            file.write(stored)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Make a folder for as long as the context lasts, or this process, however that ends. Raises `OSError`."""
    folder = Path(tempfile.mkdtemp(prefix="leaderboard-compare-", dir=parent))
    with closing(Guard(folder)):
        yield folder
