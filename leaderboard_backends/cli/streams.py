"""The streams of a command: what happens where their disk or reader is gone, and what foreign code prints."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from io import FileIO, TextIOWrapper
from types import FrameType
from typing import Final, NoReturn

import click

from ..model import visible

_STDOUT: Final = 1
_OF_WRITING: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF, errno.EPIPE}
_MODES: Final = {0: os.O_RDONLY, 1: os.O_RDONLY, 2: os.O_WRONLY}
"""How the null device stands in for a stream that was closed before the start: writing to such a stdout fails."""


def open_standard_streams() -> None:
    """Open again what the process was started without, or the first file of a board would be its stdout."""
    for number, mode in _MODES.items():
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # the lowest number that is free, which is this one
    sys.stdout = sys.stdout or TextIOWrapper(FileIO(1, "w", closefd=False), "utf-8", write_through=True)
    sys.stderr = sys.stderr or TextIOWrapper(FileIO(2, "w", closefd=False), "utf-8", write_through=True)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr, for names that its encoding does not have


@contextmanager
def failures_told() -> Iterator[None]:
    """Turn an error of the system, such as a disk that is full, into one line and exit code 1.

    What is still in a buffer is written out first, as no exit code after that could be trusted. Where the reader of a
    pipe went away, nothing is said: that is how `| head` ends.
    """
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OSError as error:
        _drop_output()
        where = error.filename or ("the output cannot be written" if error.errno in _OF_WRITING else "the system says")
        with suppress(OSError):
            click.echo(visible(f"Error: {where}: {error.strerror or error}."), err=True)
        sys.exit(1)


def _drop_output() -> None:
    """Let the rest of the output go nowhere, as Python writes it once more when it ends."""
    if sys.stdout is sys.__stdout__ or sys.__stdout__ is None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDOUT)
        os.close(nowhere)


@contextmanager
def foreign_output_to_stderr() -> Iterator[None]:
    """Have stderr take what other people's code prints, in Python or C, so that stdout is the command's alone."""
    sys.stdout.flush()
    own = sys.stdout is sys.__stdout__
    kept = os.dup(_STDOUT)
    if own:
        os.dup2(2, _STDOUT)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        with suppress(OSError):
            sys.stderr.flush()
        if own:
            os.dup2(kept, _STDOUT)
        os.close(kept)


@contextmanager
def endings_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM, and a terminal that is closed (SIGHUP), as Ctrl-C, so that nothing of a run is left behind.

    SIGHUP becomes a SIGTERM, so that a server with a handler of its own ends as it does there. What was set to be
    ignored, as by `nohup`, stays so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {signal.SIGTERM: _interrupt, signal.SIGHUP: _terminate}
    before = {number: signal.getsignal(number) for number in handlers}
    for number, handler in handlers.items():
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


def _terminate(number: int, frame: FrameType | None) -> None:
    del frame
    signal.signal(number, signal.SIG_IGN)  # a shell and the system both send one
    signal.raise_signal(signal.SIGTERM)
