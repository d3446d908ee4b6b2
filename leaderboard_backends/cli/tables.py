"""The files of tables that commands read and write: `-` for the standard streams, and whole or not there at all."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

import click

from ..errors import ConfigurationError
from ..migration.tables import Format
from .options import STREAM

FORMATS: Final[dict[str, Format]] = {".csv": "csv", ".json": "jsonl", ".jsonl": "jsonl", ".ndjson": "jsonl"}
FORMAT: Final = click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "csv"]),
    help="Format of FILE.  [default: by the end of its name; jsonl for -]",
)
ORDER: Final = click.option(
    "--order",
    type=click.Choice(["descending", "ascending"]),
    help="Order of the board, if its URL does not give it.",
)


def format_of(file: str, given: Format | None) -> Format:
    """Return the format of a file. Raises `ConfigurationError` where its name does not tell and nobody else does."""
    if given is not None or file == STREAM:
        return given or "jsonl"
    found = FORMATS.get(Path(file).suffix.lower())
    if found is None:
        raise ConfigurationError(f"{file} is neither .jsonl nor .csv: name its format by --format.")
    return found


@contextmanager
def open_output(file: str, *, force: bool) -> Iterator[TextIO]:
    """Open a file, or stdout for `-`, to write text to; the file is there under its name once it is whole.

    Raises `ConfigurationError` where a file of that name is there, unless `force` says to replace it, and where another
    process is writing it.
    """
    if file == STREAM:
        with _standard_output() as stream:
            yield stream
        return
    path = Path(file)
    if path.exists() and not path.is_file():
        raise ConfigurationError(f"{file} is not a regular file: write to one, or to stdout by -.")
    part = path.with_name(f"{path.name}.part")
    try:
        with _locked(part, file) as stream:
            _check_free(path, file, force=force)  # since the lock, so that one that has just ended is seen, too
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            part.replace(path)
    except BaseException:
        _remove(part)
        raise


def _check_free(path: Path, file: str, *, force: bool) -> None:
    if path.exists() and not force:
        raise ConfigurationError(f"{file} is there already: name another file, or replace it by --force.")


def _remove(part: Path) -> None:
    """Remove what is left of a file, unless another process is writing it."""
    with suppress(OSError), part.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()


def _locked(part: Path, file: str) -> TextIO:
    """Open and empty what becomes the file, for this process alone until it is closed. Raises `ConfigurationError`."""
    while True:
        with ExitStack() as opened:
            stream = opened.enter_context(part.open("a", encoding="utf-8", newline=""))
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConfigurationError(
                    f"{file} is being written by another process: wait until that ends, or name another file."
                ) from error
            if _is_at(part, stream):  # and was not renamed, or removed, before it was locked
                stream.truncate(0)
                opened.pop_all()
                return stream


def _is_at(path: Path, stream: TextIO) -> bool:
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return False


@contextmanager
def _standard_output() -> Iterator[TextIO]:
    """Open stdout once more, in UTF-8, so that it stays ours while others' output goes to stderr.

    It is buffered: a text stream on a file without a buffer takes no note of a write that the system did in part.
    """
    sys.stdout.flush()
    if sys.stdout is not sys.__stdout__:  # replaced by a caller in Python, and no one redirects a descriptor of it
        yield sys.stdout
        sys.stdout.flush()
        return
    with os.fdopen(os.dup(1), "w", encoding="utf-8", newline="") as stream:
        yield stream


@contextmanager
def open_input(file: str) -> Iterator[TextIO]:
    """Open a file, or stdin for `-`, to read text from. Raises `ConfigurationError` where stdin is closed."""
    if file != STREAM:
        with Path(file).open(encoding="utf-8-sig", newline="") as stream:
            yield stream
        return
    if sys.stdin is None:
        raise ConfigurationError("- is stdin, and that was closed: redirect a file or a pipe to it, or name the file.")
    stream = TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", newline="")
    try:
        yield stream
    finally:
        stream.detach()  # which leaves stdin open
