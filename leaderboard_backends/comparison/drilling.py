"""Crash recovery: start a backend from nothing, load it, kill the process with its data during updates, and restore.

The killed process is the server where there is one, else the process that has the board open. A kill -9 says nothing
about a power cut: what the process had handed to the system is still written.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Timer
from typing import IO, Final, TypeVar, cast

import msgspec

from ..usage import listening_ports
from .contenders import Contender, Place
from .measure.drill import ACKNOWLEDGED, Back, Loaded, Ready, Up, Wrong
from .measure.gate import WrongBoardError
from .measure.job import Job
from .processes import GRACE, WORKER, PatienceError, Process, WorkerError, end, no_answer, started
from .schema import DrillFigures

KILL_AFTER: Final = 400
KILL_SECONDS: Final = 3.0
"""The process is killed after this number of acknowledged updates or these seconds, whichever comes first."""

Told = TypeVar("Told", Up, Loaded, Ready, Back)


def drill(contender: Contender, trace: Path, directory: Path, patience: float) -> DrillFigures:
    """Return the figures of one crash recovery.

    Raises `WrongBoardError`, `WorkerError`, `PatienceError`, and what making the target raises.
    """
    with _worker(contender, patience) as victim, _worker(contender, patience) as survivor:
        begun = time.monotonic()
        with contender.open(directory) as place:
            _ask(victim, Job("crash", place.where, patience, trace_path=str(trace)))
            up = _told(victim, Up, patience)
            loaded = _told(victim, Loaded, patience)
            _ask(survivor, Job("return", place.where, patience, trace_path=str(trace)))
            _told(survivor, Ready, patience)
            acknowledged, killed = _kill(victim, place, patience)
            acknowledged += loaded.updates
            _stdin(survivor).write(b"%d\n" % acknowledged)
            _stdin(survivor).flush()
            back = _told(survivor, Back, patience)
            return DrillFigures(
                processes=0 if place.server is None else 1,
                ports=0 if place.server is None else listening_ports(place.server.pid),
                start_seconds=round(up.at - begun, 4),
                load_seconds=loaded.seconds,
                restore_seconds=round(back.at - killed, 4),
                restored_by="restart" if back.found else "load",
                acknowledged=acknowledged,
                lost=back.lost if back.found else acknowledged,
                disk=loaded.disk,
            )


class _Strike:
    """Kills what keeps the data: the server where there is one, else the process that has the board open. Once."""

    def __init__(self, victim: Process, place: Place) -> None:
        self._victim = victim
        self._server = place.server
        self._lock = Lock()
        self.at: float | None = None

    def __call__(self) -> None:
        with self._lock:
            if self.at is not None:
                return
            self.at = time.monotonic()
            if self._server is None:
                end(self._victim)
            else:
                self._server.kill()


def _kill(victim: Process, place: Place, patience: float) -> tuple[int, float]:
    """Kill the process with the data during updates, restart a server; return how many were acknowledged, and when.

    Raises `WorkerError` where the process to kill ends by itself.
    """
    strike = _Strike(victim, place)
    late = Timer(KILL_SECONDS, strike)
    late.start()
    seen = 0
    for line in _stdout(victim):
        seen += line == ACKNOWLEDGED
        if seen == KILL_AFTER:
            strike()
    late.cancel()
    if strike.at is None:
        raise _ended(victim, patience)
    if place.server is not None:
        place.server.start()
    return seen, strike.at


@contextmanager
def _worker(contender: Contender, patience: float) -> Iterator[Process]:
    """Start a worker that is ended after a timeout in seconds, so that reading from it never hangs."""
    with started(WORKER, contender.path) as process:
        timer = Timer(patience + GRACE, end, [process])
        timer.start()
        try:
            yield process
        except WorkerError:
            if timer.is_alive():
                raise
            raise PatienceError(f"no result after {patience:g} s; the process was stopped") from None
        finally:
            timer.cancel()


def _ask(process: Process, job: Job) -> None:
    _stdin(process).write(msgspec.json.encode(job) + b"\n")
    _stdin(process).flush()


def _told(process: Process, kind: type[Told], patience: float) -> Told:
    """Return the next line that is not an acknowledgement.

    Raises `WorkerError` where the process ends before it, `WrongBoardError` where it reports a wrong board instead.
    """
    line = next((line for line in _stdout(process) if line != ACKNOWLEDGED), b"")
    if not line:
        raise _ended(process, patience)
    told: Told | Wrong = msgspec.json.decode(line, type=kind | Wrong)
    if isinstance(told, Wrong):
        raise WrongBoardError(told.reason)
    return told


def _ended(process: Process, patience: float) -> WorkerError | PatienceError:
    """Return the error of a process whose output has ended; it is given a moment to end by itself."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    end(process)
    return no_answer(process.returncode, process.stderr.read() if process.stderr else b"", patience)


def _stdin(process: Process) -> IO[bytes]:
    return cast("IO[bytes]", process.stdin)


def _stdout(process: Process) -> IO[bytes]:
    return cast("IO[bytes]", process.stdout)
