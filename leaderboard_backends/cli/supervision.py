"""Other people's code runs in a process of its own: however that ends, or hangs, the command goes on and says so.

What is supervised is a run of the kit on one target, in a forked child that tells each step and outcome through a
pipe. A test in which the child dies, or that nothing in the child can stop, has failed; the tests after it run in a
new child. Threads that a board left behind end with the child, and what the board prints goes to stderr.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import monotonic
from types import FrameType
from typing import IO, Final, NoReturn, TypeAlias

from ..testing.forking import Child
from ..testing.lifetimes import end_with_parent
from ..testing.report import Outcome, Report, Step, Test

DEATHS: Final = 3
"""Processes that a target may end; then the rest of its tests is not run."""
GRACE: Final = 10.0
"""Seconds for what was interrupted to clean up, and for a step beyond its limit to end by itself."""
TICK: Final = 0.5
SHOWN_LINES: Final = 40

STACK: Final = ("Fatal", "Current thread", "Thread", "  File")
"""How the lines begin that say where a process was."""
INTERRUPTED: Final = "interrupted"

Message: TypeAlias = Step | Outcome | Report | str
Listen: TypeAlias = Callable[[Step | Outcome | None], None]
Work: TypeAlias = Callable[[Listen, Collection[Test]], Report]
"""Runs the kit without the tests that are done, and tells how it comes along."""

SIGNALS: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_interrupts: Final[list[int]] = []
"""The signals that came. Python drops an exception that is raised in a destructor or a callback of C code, and with it
a Ctrl-C that comes at such a moment; what is noted here is not lost."""


def supervised(work: Work, blank: Report, hear: Listen) -> Report:
    """Return the report of the work, or `blank` with what came out before its process ended in a way of its own.

    `hear` is called with each step and outcome, and with `None` while there is none. Raises `KeyboardInterrupt` where
    a signal came, once the work has cleaned up.
    """
    begun = monotonic()
    found: dict[Test, Outcome] = {}

    def listen(message: Step | Outcome | None) -> None:
        if isinstance(message, Outcome):
            found[message.part, message.test] = message
        hear(message)

    report = _in_children(work, blank, found, listen) if hasattr(os, "fork") else work(listen, ())
    told = {(outcome.part, outcome.test) for outcome in report.outcomes}
    report.outcomes = [outcome for test, outcome in found.items() if test not in told] + report.outcomes
    report.seconds = round(monotonic() - begun, 1)
    return report


def _in_children(work: Work, blank: Report, found: Mapping[Test, Outcome], listen: Listen) -> Report:
    """Run the work in a child, and in a new one without the tests that are done where it dies in one of them."""
    for _ in range(DEATHS):
        run = _Run(work, tuple(found), listen)
        report = run.report()
        if report is not None:
            return report
        if not run.step.test:
            blank.problem = run.how
            return blank
        listen(Outcome(run.step.test, run.step.part, "failed", run.how))
        if not run.step.left:
            return blank
    blank.problem = f"{DEATHS} tests crashed or hung their process: the remaining {run.step.left} were not run."
    return blank


class _Run:
    """One child."""

    def __init__(self, work: Work, done: Collection[Test], listen: Listen) -> None:
        self._work = work
        self._done = done
        self._listen = listen
        self.step = Step("the start of its process", GRACE)
        """What it was at last."""
        self.how = ""
        """How it ended, and where it was then."""

    def report(self) -> Report | None:
        """Return what the child came to; `None` where it ended otherwise, and `how` says how."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        with tempfile.TemporaryFile("w+") as stacks, _interrupts_noted():
            parent = os.getpid()
            with Child[Message](
                lambda tell: _work_in_child(self._work, self._done, tell, stacks, parent), None
            ) as child:
                message = None
                try:
                    message = self._follow(child)
                finally:
                    _end(child, sound=isinstance(message, Report))
            if _interrupts or self.how == INTERRUPTED:
                raise KeyboardInterrupt
            if message is None:
                self._tell_how(child.exit_code, stacks)
        return message

    def _follow(self, child: Child[Message]) -> Report | None:
        """Listen until the child has said its last, has ended, or must be ended."""
        deadline, passed_on = monotonic() + self.step.limit, 0
        while (message := child.wait(TICK)) is not None or monotonic() < deadline:
            if isinstance(message, Report):
                return message
            if message == INTERRUPTED or (message is None and child.ended):
                self.how = str(message or "")
                return None
            if isinstance(message, Step):
                self.step = message
                deadline = monotonic() + message.limit + min(message.limit, GRACE)
            if not isinstance(message, str):
                self._listen(message)
            if len(_interrupts) > passed_on:
                passed_on, deadline = len(_interrupts), monotonic() + GRACE
                child.send(_interrupts[-1])
        self.how = f"did not end within {self.step.limit:g} s, and only killing its process stopped it"
        child.send(signal.SIGABRT)  # which writes where each thread is
        child.wait(GRACE / 5)
        return None

    def _tell_how(self, code: int, stacks: IO[str]) -> None:
        stacks.seek(0)
        lines = [line.rstrip() for line in stacks if line.startswith(STACK)][:SHOWN_LINES]
        at = f"{self.step.test} ({self.step.doing})" if self.step.test else self.step.doing
        self.how = "\n".join([f"{at} {self.how}" if self.how else f"ended by {_ending(code)} in {at}", *lines])


def _ending(code: int) -> str:
    """Return in words what ended a process."""
    if code >= 0:
        return f"exit code {code} (os._exit or the like)"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    return f"{name} (also sent by the system when memory runs out)" if name == "SIGKILL" else name


def _end(child: Child[Message], *, sound: bool) -> None:
    """Leave a child that has told its report the time to end; else end it, with all that it started and left."""
    if sound:
        child.wait(TICK)
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


def _work_in_child(
    work: Work, done: Collection[Test], tell: Callable[[Message], None], stacks: IO[str], parent: int
) -> None:
    """Be the child: Ctrl-C comes from the parent alone, and once; stdout is the parent's."""
    os.setpgid(0, 0)
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    end_with_parent(parent)
    faulthandler.enable(stacks)
    os.dup2(2, 1)
    own = os.getpid()

    def tell_own(message: Step | Outcome | None) -> None:
        raise_interrupt()
        if message is not None and os.getpid() == own:  # a board may have forked, and its child have come here
            tell(message)

    last: Message = INTERRUPTED
    with suppress(KeyboardInterrupt):
        report = work(tell_own, done)
        raise_interrupt()
        last = report
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    tell(last)


@contextmanager
def _interrupts_noted() -> Iterator[None]:
    """Note signals while a child runs, which they are passed on to."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _interrupts.clear()
    before = {number: signal.signal(number, lambda number, _: _interrupts.append(number)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    """Treat any of the signals as Ctrl-C, so that no server and no file of the run is left behind."""
    del frame
    _interrupts.append(number)
    raise KeyboardInterrupt


def raise_interrupt() -> None:
    """Raise `KeyboardInterrupt` where a signal came, even if the first exception for it went nowhere."""
    if _interrupts:
        raise KeyboardInterrupt
