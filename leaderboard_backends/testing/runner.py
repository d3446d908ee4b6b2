"""Runs the kit without a test file: on a factory of boards or an author's class, in this process, test by test.

The run is pytest's own, closed off from where it is started: no configuration file, no plug-ins, no cache, and no
conftest but those beside an author's class.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import os
import platform
import sys
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import gettempdir
from time import perf_counter
from typing import Final

import pytest

from ..config import open_leaderboard
from ..errors import ConfigurationError
from ..installing import DISTRIBUTION
from ..protocol import CONTRACT_VERSION, LeaderboardBackend
from ._loading import require_extra
from .honesty import HonestKit, base_name, kit_part
from .limit import limited
from .report import Outcome, Promises, Report, Step, Test, Versions
from .subject import BoardFactory
from .task import TASK, Task
from .trials import Trial

COLLECTED: Final = f"{__package__}.collected"
FAULTS: Final = f"{__package__}.collected_faults"
KITS_OWN: Final = (COLLECTED, FAULTS)
"""The modules whose tests say what there is to run."""
REFERENCES: Final = {
    "conformance": (COLLECTED, "TestSubject"),
    "FileFaults": (FAULTS, "TestFiles"),
    "ServerFaults": (FAULTS, "TestServer"),
}
"""What of the kit a class of an author's is held against."""
EXAMPLES: Final = 60
HUNG: Final = 3
"""Tests that may run out of time; then the rest is not run."""
THOROUGH: Final = 5
"""How many times as much a thorough run tries, where chance decides what is tried."""


class _Recorder:
    """The pytest plug-in of one run: hands over the task, picks the parts, keeps the outcomes."""

    def __init__(
        self,
        task: Task,
        parts: Collection[str],
        progress: Callable[[Outcome], None],
        begin: Callable[[Step], None] = lambda _: None,
        done: Collection[Test] = (),
    ) -> None:
        self._task = task
        self._parts = parts
        self._progress = progress
        self._begin = begin
        self._done = done
        self._hung = 0
        self._running: dict[str, Outcome] = {}
        self._expected: dict[str, str] = {}
        self.outcomes: list[Outcome] = []
        self.efforts: dict[str, tuple[int, int]] = {}
        self.promises: Promises | None = None
        self.interrupted = False
        self.problem = ""

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[TASK] = self._task

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: pytest.Collector, name: str) -> list[pytest.Item] | None:
        """Make no items of parts that were not asked for: making all takes longer than running a small part."""
        part = kit_part(collector.obj, name) if isinstance(collector, pytest.Class) else None
        return [] if self._parts and part is not None and part not in self._parts else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take down, from the kit's own classes, which tests must run, before anybody can leave one out."""
        wanted = [(item, _part(item)) for item in items]
        asked = {item: part for item, part in wanted if part is not None and (not self._parts or part in self._parts)}
        own = [item for item in asked if _class(item).__module__ not in KITS_OWN]
        names = set(dir(_class(own[0]))) if own else None
        for item, part in asked.items():
            if _class(item).__module__ in KITS_OWN and (names is None or base_name(item.name) in names):
                self._expected[item.name] = part
        items[:] = [item for item in own or asked if (asked[item], item.name) not in self._done]
        self._left = len(items)

    def missing(self) -> list[Outcome]:
        """Return the tests of the kit that were asked for and never came to a result."""
        done = {outcome.test for outcome in self.outcomes} | {test for _, test in self._done}
        text = "It was not run: a conftest or a plug-in removed it, or the class lacks some cases of the kit."
        return [Outcome(test, part, "not run", text) for test, part in self._expected.items() if test not in done]

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.interrupted = excinfo.type is KeyboardInterrupt

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None]:
        self._left -= 1
        return (yield from self._within_time(item, "setup"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None]:
        return (yield from self._within_time(item, "call"))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        return (yield from self._within_time(item, "teardown"))

    def _within_time(self, item: pytest.Item, doing: str) -> Generator[None]:
        """Limit a step of a test, fixtures of an author's own included, and tell that it begins."""
        step = Step(doing, self._task.limit(_class(item)), item.name, str(_part(item)), self._left)
        self._begin(step)
        with limited(step.limit) as clock:
            try:
                yield
            finally:
                if clock.expired:
                    item.user_properties.append(("hung", step.limit))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self._take(item, report)
        return report

    def _take(self, item: pytest.Item, report: pytest.TestReport) -> None:
        told = {name: str(value) for name, value in report.user_properties}
        before = self._running.get(item.nodeid) or Outcome(item.name, str(_part(item)), "passed")
        outcome = replace(before, figures=told.get("figures", ""))
        if report.failed:
            text = "\n".join(part for part in (before.text, report.longreprtext) if part)
            outcome = replace(outcome, result="not run" if "not run" in told else "failed", text=text)
        elif report.skipped:
            known = told.get("known failure", "")
            outcome = replace(
                outcome, result="known failure" if known else "not run", reason=known, text=report.longreprtext
            )
        self._running[item.nodeid] = outcome
        if report.when == "teardown":
            self._keep(item, self._running.pop(item.nodeid), told)

    def _count_hung(self, item: pytest.Item) -> None:
        """End the run where a board hangs again and again: all its tests would take a day."""
        self._hung += 1
        if self._hung == HUNG and self._left:
            self.problem = f"{HUNG} tests hung: the remaining {self._left} were not run."
            item.session.shouldfail = self.problem

    def _keep(self, item: pytest.Item, outcome: Outcome, told: Mapping[str, str]) -> None:
        deviation: str | None = _class(item).deviations.get(base_name(item.name))
        if outcome.result == "passed" and not deviation and not _class(item).has_passed(item.nodeid):
            text = "It did not run to its end, but a conftest or a plug-in reported it as passed."
            outcome = replace(outcome, result="not run", text=text)
        if outcome.result == "passed" and deviation:
            outcome = replace(outcome, result="replaced", reason=deviation)
        elif outcome.result == "passed" and "refused" in told:
            outcome = replace(outcome, result="refused")
        if self.promises is None and "board" in told:
            self.promises = Promises(**json.loads(told["board"]))
        if "efforts" in told:
            self.efforts.update(json.loads(told["efforts"]))
        self.problem = self.problem or told.get("unfit", "")
        if "hung" in told:
            self._count_hung(item)
        self.outcomes.append(outcome)
        self._progress(outcome)


def run_kit(
    subject: BoardFactory | type[HonestKit],
    *,
    name: str = "",
    seed: int = 1,
    examples: int | None = None,
    players: int | None = None,
    parts: Collection[str] = (),
    thorough: bool = False,
    trial: Trial | None = None,
    stop_after: int = 0,
    time_limit: float | None = None,
    open_board: Callable[..., LeaderboardBackend] = open_leaderboard,
    progress: Callable[[Outcome], None] = lambda _: None,
    begin: Callable[[Step], None] = lambda _: None,
    done: Collection[Test] = (),
) -> Report:
    """Run the kit on the boards of a factory, or an author's class of the kit, and report every test.

    `name` is what the report calls the subject. `parts` picks parts of the kit (`order`, `threads`, ...), `stop_after`
    ends the run after so many failures, `examples` is the number of random programs of the property test under each
    rule (60, or what the class says), `players` how many a large board has (100,000, or what the class says).
    `time_limit` is the seconds after which a test fails as it hangs; after three of
    those the run ends. `open_board` opens the boards of fault tests by their URLs.
    `progress` hears each outcome, `begin` each step before it begins; `done` are tests to leave
    out, as an earlier run has their outcomes. `thorough` tries five times as much, and harms the files or the server of
    `trial`, a place made for this run.
    """
    scale = THOROUGH if thorough else 1
    if isinstance(subject, type) and issubclass(subject, HonestKit):
        task = Task(seed, examples=examples, scale=scale, players=players, time_limit=time_limit)
        places = _own_class(subject)
    else:
        harmed = trial if thorough else None
        task = Task(seed, subject, harmed, examples or EXAMPLES, scale, players, time_limit, open_board)
        places = _collected(task)
    recorder = _Recorder(task, parts, progress, begin, done)
    started = perf_counter()
    code, output = _run_pytest(recorder, places, stop_after)
    if recorder.interrupted:
        raise KeyboardInterrupt
    problem = recorder.problem if recorder.outcomes else f"no test ran:\n{output}"
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        problem = f"pytest failed:\n{output}"
    if not (problem or stop_after):
        recorder.outcomes += recorder.missing()
    if thorough and task.make and trial is None and recorder.promises is not None:
        recorder.outcomes += _without_faults(recorder.promises)
    return Report(
        subject=name or getattr(subject, "__name__", "boards"),
        seed=seed,
        thorough=thorough,
        versions=versions(),
        promises=recorder.promises,
        efforts={name: tried for name, (tried, _) in recorder.efforts.items()},
        weakened=[name for name, (tried, least) in recorder.efforts.items() if tried < least],
        outcomes=recorder.outcomes,
        seconds=round(perf_counter() - started, 1),
        problem=problem,
    )


def _without_faults(promises: Promises) -> list[Outcome]:
    """Return what a thorough run leaves open on a user's own storage, which nobody may harm."""
    if not (promises.durable or promises.shared):
        return []
    text = (
        "Fault tests run only on files and servers that the kit made itself. Name a temporary storage instead of a "
        "URL, or your own subclass of FileFaults or ServerFaults as module:Class."
    )
    return [Outcome("faults", "faults", "not run", text)]


def versions() -> Versions:
    """Return the versions of the contract, of the kit with a digest of its sources, and of Python."""
    digest = hashlib.sha256()
    here = Path(__file__).parent
    for source in sorted([*here.glob("*.py"), *here.glob("*/*.py")]):
        digest.update(source.read_bytes())
    try:
        kit = version(DISTRIBUTION)
    except PackageNotFoundError:
        kit = "not installed"
    return Versions(
        contract=CONTRACT_VERSION,
        kit=f"{kit}, sha256 {digest.hexdigest()[:12]}",
        python=platform.python_version(),
        pytest=pytest.__version__,
        hypothesis=version("hypothesis"),
    )


def _collected(task: Task) -> list[str]:
    """Return pytest's arguments for the kit on a factory's boards, and its faults on a trial place."""
    places = [f"{COLLECTED}::TestSubject"]
    if task.trial is not None and task.trial.server is not None:
        places.append(f"{FAULTS}::TestServer")
    elif task.trial is not None and task.trial.data is not None:
        places.append(f"{FAULTS}::TestFiles")
    return [f"--rootdir={gettempdir()}", "--noconftest", "--disable-plugin-autoload", "--pyargs", *places]


def _own_class(subject: type) -> list[str]:
    """Return pytest's arguments for an author's class: with the fixtures beside it, and those of plug-ins."""
    if "<locals>" in subject.__qualname__ or not getattr(subject, "__test__", True):
        raise ConfigurationError(
            f"{subject.__qualname__} cannot be collected by pytest: name a class of a module, without __test__ = False."
        )
    path = Path(inspect.getfile(subject)).resolve()
    _forget_unrewritten(subject)
    root = Path.cwd() if path.is_relative_to(Path.cwd()) else path.parent
    reference = [f"{module}::{name}" for kit, (module, name) in REFERENCES.items() if kit in _kits(subject)]
    return [
        f"--rootdir={root}",
        "--import-mode=importlib",
        f"--override-ini=python_classes={subject.__name__} Test",
        "--pyargs",
        f"{path}::{subject.__qualname__.replace('.', '::')}",
        *reference,
    ]


def _forget_unrewritten(subject: type) -> None:
    """Have pytest import an author's module anew, and the kit where that module imported it before pytest began.

    Only what pytest imports itself has asserts that tell their values.
    """
    kits = tuple(f"{__package__}.{name}" for name in ("conformance", "faults", "collected", "linearizability"))
    grounds = [sys.modules.get(f"{__package__}.{kit}.foundation") for kit in ("conformance", "faults")]
    if all(type(ground.__loader__).__name__ == "AssertionRewritingHook" for ground in grounds if ground is not None):
        return
    for name in [name for name in sys.modules if name.startswith(kits)]:
        del sys.modules[name]
    sys.modules.pop(subject.__module__, None)


def _kits(subject: type) -> set[str]:
    """Return the names of the kit's modules that a class is made from."""
    return {owner.__module__.removeprefix(f"{__package__}.").partition(".")[0] for owner in subject.__mro__} | {
        owner.__name__ for owner in subject.__mro__
    }


def _run_pytest(recorder: _Recorder, places: list[str], stop_after: int) -> tuple[int, str]:
    require_extra()
    output = io.StringIO()
    arguments = [
        *places,
        "-c",
        os.devnull,
        "-pno:cacheprovider",
        "-pno:faulthandler",
        "--capture=no",
        "--tb=short",
        "--override-ini=verbosity_assertions=2",
        "-q",
        f"--maxfail={stop_after}",
    ]
    with _closed_off(), redirect_stdout(output), redirect_stderr(output):
        code = pytest.main(arguments, plugins=[recorder])
    return int(code), output.getvalue()


@contextmanager
def _closed_off() -> Iterator[None]:
    """Keep pytest's own variables of the environment out of the run."""
    kept = {name: os.environ.pop(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS") if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _class(item: pytest.Item) -> type[HonestKit]:
    found: type[HonestKit] = getattr(item, "cls")  # noqa: B009 - only tests of classes are kept
    return found


def _part(item: pytest.Item) -> str | None:
    """Return the part of the kit that a test is from; `None` for one of an author's own."""
    cls = getattr(item, "cls", None)
    return kit_part(cls, base_name(item.name)) if isinstance(cls, type) and issubclass(cls, HonestKit) else None
