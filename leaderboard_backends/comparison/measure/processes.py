"""What a worker is asked and answers, and its process: in a group of its own, which ends with all that it started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import IO, Any, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from ..figures import Figures
from ..opening import Where, redact
from ..result_files import printable
from ..schema import BackendFacts, Mode, Status, Verdict

WORKER: Final = f"{__package__}.worker"

TIMEOUT: Final = 90.0
"""Seconds that any run may take, in addition to those for its size and its plan."""

GRACE: Final = 5.0
"""Seconds after its timeout at which a process is killed that has not ended itself with a traceback."""

_LATE: Final = "Timeout ("
"""What such a traceback begins with (`faulthandler`)."""
_FRAME: Final = re.compile(r'File "(?P<file>[^"\n]+)", line \d+ in (?P<function>\w+)')
_CALLS: Final = ("leaderboard_backends/protocol.py", "comparison/opening.py")
"""The modules whose functions say what was asked of a board."""

Task: TypeAlias = Literal[Mode, "return", "facts", "conformance", "clear"]
"""The modes, `recovery` being the worker that is killed, and `return` the one that checks what is left; `facts` opens a
board and reports what it is; `conformance` runs the kit; `clear` deletes what a terminated worker left behind.
"""

AnyPart = TypeVar("AnyPart", bound=msgspec.Struct)


class Job(msgspec.Struct, frozen=True):
    """What one worker does."""

    task: Task
    where: Where
    timeout: float
    """Seconds after which the worker ends itself."""
    label: str = ""
    """Of the backend, or the name of the program."""
    trace_path: str = ""
    answers_path: str = ""
    time_limit: float = 2.0
    """Seconds for the writes of a run, and for each kind of read."""
    rates: list[float] = []
    """Of the workload."""
    players: int = 0
    seed: int = 1
    parts: list[str] = []
    """Of the conformance kit; none named: all."""
    asked: dict[str, Any] = {}
    """The part of the plan that asks for the run, as plain data."""

    def settings(self, kind: type[AnyPart]) -> AnyPart:
        """Return the part of the plan that asks for the run, whose kind the mode decides."""
        return msgspec.convert(self.asked, kind)


class Answer(msgspec.Struct, frozen=True):
    """What a worker returns."""

    status: Status
    reason: str = ""
    figures: Figures | None = None
    facts: BackendFacts | None = None
    verdict: Verdict | None = None
    cores_elsewhere: float | None = None
    notes: list[str] = []


RUNNING: Final[set[Worker]] = set()
"""The workers of all threads."""


class Worker(subprocess.Popen[bytes]):
    """A process that does a job, whose input and outputs are pipes to this one."""

    stdin: IO[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]
    timeout = 0.0
    late = False
    """Whether it was ended as it gave no answer within its timeout."""

    def end(self) -> None:
        """End it and all that it started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def expire(self) -> None:
        """End it as `late`."""
        self.late = True
        self.end()

    def no_answer(self, err: bytes) -> Answer:
        """Return the answer in its place, once it has ended without one: how, and in which call of a board or test."""
        text = err.decode(errors="replace")
        if self.late or _LATE in text:
            return Answer("timed out", f"no result after {self.timeout:g} s{_in_which(text)}; the process was stopped")
        if self.returncode < 0:
            killed_by = signal.Signals(-self.returncode).name
            return Answer("failed", f"its process was killed by {killed_by}{_in_which(text)}")
        last = text.strip().splitlines()[-1:]
        said = f": {last[0]}" if last else ""
        return Answer("failed", f"its process ended with code {self.returncode} and no result{said}")


class WorkerError(Exception):
    """A worker ended without an answer; `answer` is the one in its place."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.reason)
        self.answer = answer


@contextmanager
def started(timeout: float, path: str = "") -> Iterator[Worker]:
    """Start a worker that Ctrl-C does not reach, as this process decides; its group ends with the context.

    It ends before that, too, so that reading from it never hangs: `GRACE` after its timeout in seconds. `path` is a
    folder that it imports from as well.
    """
    environment = dict(os.environ)
    if path:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [path, os.environ.get("PYTHONPATH")]))
    worker = Worker(
        (sys.executable, "-P", "-m", WORKER),  # without the current folder, whose files are the user's
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=environment,
    )
    worker.timeout = timeout
    timer = Timer(timeout + GRACE, worker.expire)
    with worker:
        RUNNING.add(worker)
        timer.start()
        try:
            yield worker
        finally:
            timer.cancel()
            RUNNING.discard(worker)
            worker.end()


def end_all() -> None:
    """End all workers at once, for the threads that wait for them."""
    for worker in list(RUNNING):
        worker.end()


def answer(job: Job, path: str = "") -> Answer:
    """Return a worker's answer to a job; without figures, the answer has the reason."""
    with started(job.timeout, path) as worker:
        out, err = worker.communicate(msgspec.json.encode(job) + b"\n")
    try:
        return msgspec.json.decode(out, type=Answer)
    except msgspec.MsgspecError:
        return worker.no_answer(err)


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
