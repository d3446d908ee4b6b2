"""The processes that a comparison starts: each in a group of its own, which ends with all that it started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias

import msgspec
from msgspec.structs import replace

from ..redaction import redact
from ..result_files import printable
from ..schema import BackendFacts
from .job import Answer, Job

WORKER: Final = f"{__package__}.worker"

GRACE: Final = 5.0
"""Seconds after its timeout at which a process is killed that has not ended itself with a traceback."""

_TIMEOUT: Final = "Timeout ("
"""What such a traceback begins with (`faulthandler`)."""
_FRAME: Final = re.compile(r'File "(?P<file>[^"\n]+)", line \d+ in (?P<function>\w+)')
_CALLS: Final = ("leaderboard_backends/protocol.py", "comparison/opening.py")
"""The modules whose functions say what was asked of a board."""

Process: TypeAlias = subprocess.Popen[bytes]

RUNNING: Final[set[Process]] = set()
"""The workers of all threads."""


class WorkerError(Exception):
    """A process ended without an answer; the text says how."""


class WorkerTimeoutError(WorkerError):
    """A process was ended, as it gave no answer within its timeout."""


@contextmanager
def started(path: str = "") -> Iterator[Process]:
    """Start a worker that Ctrl-C does not reach, as this process decides; its group ends with the context.

    `path` is a folder that it imports from as well.
    """
    environment = dict(os.environ)
    if path:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [path, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(  # noqa: S603 - our own module
        (sys.executable, "-P", "-m", WORKER),  # without the current folder, whose files are the user's
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=environment,
    )
    with process:
        RUNNING.add(process)
        try:
            yield process
        finally:
            RUNNING.discard(process)
            end(process)


def end_all() -> None:
    """End all workers at once, for the threads that wait for them."""
    for process in list(RUNNING):
        end(process)


def end(process: Process) -> None:
    """End a process and all that it started, at once."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def answer(job: Job, path: str = "") -> Answer:
    """Return a worker's answer to a job; without figures, the answer has the reason."""
    with started(path) as process:
        late = False
        try:
            out, err = process.communicate(msgspec.json.encode(job) + b"\n", timeout=job.timeout + GRACE)
        except subprocess.TimeoutExpired:
            late = True
            end(process)
            out, err = process.communicate()
    try:
        return msgspec.json.decode(out, type=Answer)
    except msgspec.MsgspecError:
        return no_figures(no_answer(process.returncode, err, job.timeout, late=late))


def no_figures(error: WorkerError) -> Answer:
    """Return the answer in place of a worker that gave none."""
    return Answer("timed out" if isinstance(error, WorkerTimeoutError) else "failed", str(error))


def no_answer(code: int, err: bytes, timeout: float, *, late: bool = False) -> WorkerError:
    """Return the error of a process that ended without an answer: how, and in which call of the board or test."""
    text = err.decode(errors="replace")
    if late or _TIMEOUT in text:
        return WorkerTimeoutError(f"no result after {timeout:g} s{_in_which(text)}; the process was stopped")
    if code < 0:
        return WorkerError(f"its process was killed by {signal.Signals(-code).name}{_in_which(text)}")
    last = text.strip().splitlines()[-1:]
    return WorkerError(f"its process ended with code {code} and no result{f': {last[0]}' if last else ''}")


def _in_which(text: str) -> str:
    """Return the test, else the call, that a traceback of `faulthandler` was taken in; empty where it has neither."""
    frames = [(found["file"], found["function"]) for found in _FRAME.finditer(text)]
    tests = [function for _, function in frames if function.startswith("test_")]
    calls = [function for file, function in frames if file.endswith(_CALLS) and not function.startswith("_")]
    return next((f" in {function}" for function in [*tests, *calls]), "")


def redacted(found: Answer, target: str) -> Answer:
    """Redact what an answer quotes: its reason, its notes, and the kit's texts about failures."""
    facts = found.facts
    if facts is not None and facts.verdict is not None:
        failures = [redact(failure, target) for failure in facts.verdict.failures]
        facts = replace(facts, verdict=replace(facts.verdict, failures=failures))
    facts = msgspec.convert(printable(msgspec.to_builtins(facts)), BackendFacts | None)
    notes = [redact(note, target) for note in found.notes]
    return replace(found, reason=redact(found.reason, target), facts=facts, notes=notes)
