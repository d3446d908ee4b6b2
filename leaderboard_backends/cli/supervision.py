"""A command that runs other people's code: whatever that code does, the command ends with an exit code of its own.

The work goes on in a forked child, which tells its exit code through a pipe as its last act. A child that ends without
having told one, as where a board calls `os._exit(0)`, is a failure. Threads that a board left behind end with it.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final, NoReturn

import click

from .group import INTERRUPTED

NO_VERDICT: Final = 1

_interrupts: Final[list[int]] = []
"""The signals that came. Python drops an exception that is raised in a destructor or a callback of C code, and with it
a Ctrl-C that comes at such a moment; what is noted here is not lost."""


def supervised() -> Callable[[int], NoReturn]:
    """Fork; return in the child, with what ends it. The parent never returns: it exits as the child says.

    Where there is nobody to watch, as in a test that calls the command as a function, the same process goes on.
    """
    if not hasattr(os, "fork") or sys.stdout is not sys.__stdout__:
        return sys.exit
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        sys.exit(_wait(child, reading))
    os.close(reading)
    os.setpgid(0, 0)  # Ctrl-C comes from the parent alone, and once
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)

    def end(code: int) -> NoReturn:
        os.write(writing, bytes([code]))
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)

    return end


@contextmanager
def interrupts_told(end: Callable[[int], NoReturn]) -> Iterator[None]:
    """End as an interrupted command does, by `end` too: what a board left in the process may crash at Python's end."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted.", err=True)
        end(INTERRUPTED)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Treat SIGTERM as Ctrl-C, so that no server and no file of the run is left behind."""
    del frame
    _interrupts.append(number)
    raise KeyboardInterrupt


def raise_interrupt() -> None:
    """Raise `KeyboardInterrupt` where a signal came, even if the first exception for it went nowhere."""
    if _interrupts:
        raise KeyboardInterrupt


def _wait(child: int, reading: int) -> int:
    """Wait for the child, passing on what would interrupt or end it, and return the exit code of the command."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signum, _: os.kill(child, signum))
    with open(reading, "rb") as pipe:
        told = pipe.read(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if told:
        return told[0]
    if code == 0:
        click.echo("No verdict: a board or a module under test ended the process in the middle of the run.", err=True)
    return NO_VERDICT if code <= 0 else code
