"""Runs the kit without a test file: on a factory or a URL, in this process, with a report of every test.

The run is pytest's own, closed off from where it is started: no configuration file, no conftest, no plug-ins, no cache.
"""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Collection, Generator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from tempfile import gettempdir
from typing import Final, Literal, get_args

import pytest

from ._loading import require_extra
from .subject import SUBJECT, BoardFactory, Subject

Result = Literal["passed", "failed", "refused", "not run"]
"""`refused`: an operation that the backend declares unsupported raised `UnsupportedOperationError`, as it must."""

RESULTS: Final[tuple[Result, ...]] = get_args(Result)

Verdict = Literal["CONFORMS", "DOES NOT CONFORM", "NOT RUN"]

COLLECTED = f"{__package__}.collected"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test came to; `text` is the failure in full."""

    test: str
    area: str
    result: Result
    text: str = ""


@dataclass(slots=True)
class Report:
    """What a run came to; `problem` says why there was none."""

    seed: int
    outcomes: list[Outcome] = field(default_factory=list)
    problem: str = ""

    @property
    def verdict(self) -> Verdict:
        """`CONFORMS` only where tests ran and each of them passed or was refused as declared."""
        if self.problem or not self.outcomes:
            return "NOT RUN"
        good = all(outcome.result in ("passed", "refused") for outcome in self.outcomes)
        return "CONFORMS" if good else "DOES NOT CONFORM"

    @property
    def failures(self) -> list[Outcome]:
        """The tests that did not do what they must, those that did not run included."""
        return [outcome for outcome in self.outcomes if outcome.result in ("failed", "not run")]

    def by_area(self) -> dict[str, Counter[Result]]:
        """Return how many tests of each area had each result, the areas in the order in which they ran."""
        areas: dict[str, Counter[Result]] = {}
        for outcome in self.outcomes:
            areas.setdefault(outcome.area, Counter())[outcome.result] += 1
        return areas


class _Recorder:
    """The pytest plug-in of one run: hands over the subject, picks the areas, keeps the outcomes."""

    def __init__(self, subject: Subject, areas: Collection[str], progress: Callable[[Outcome], None]) -> None:
        self._subject = subject
        self._areas = areas
        self._progress = progress
        self._running: dict[str, Outcome] = {}
        self.outcomes: list[Outcome] = []
        self.interrupted = False

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[SUBJECT] = self._subject

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if not self._areas or _area(item) in self._areas]

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.interrupted = excinfo.type is KeyboardInterrupt

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self._take(item.name, _area(item), report)
        return report

    def _take(self, test: str, area: str, report: pytest.TestReport) -> None:
        before = self._running.get(test)
        if report.failed:
            text = "\n".join(part for part in (before.text if before else "", report.longreprtext) if part)
            self._running[test] = Outcome(test, area, "failed", text)
        elif report.skipped:
            self._running[test] = Outcome(test, area, "not run", report.longreprtext)
        elif before is None:
            self._running[test] = Outcome(test, area, "passed")
        if report.when == "teardown":
            outcome = self._running.pop(test)
            if outcome.result == "passed" and dict(report.user_properties).get("refused"):
                outcome = Outcome(test, area, "refused")
            self.outcomes.append(outcome)
            self._progress(outcome)


def run_kit(
    make: BoardFactory,
    *,
    seed: int = 1,
    examples: int = 60,
    areas: Collection[str] = (),
    stop_after: int = 0,
    progress: Callable[[Outcome], None] = lambda _: None,
) -> Report:
    """Run the kit on the boards of a factory and report every test.

    `areas` picks parts of the kit by name (`order`, `threads`, ...), `stop_after` ends the run after so many failures,
    `examples` is the number of random programs of the property test, `progress` hears each outcome.
    """
    recorder = _Recorder(Subject(make, seed, examples), areas, progress)
    code, output = _run_pytest(recorder, stop_after)
    if recorder.interrupted:
        raise KeyboardInterrupt
    problem = "" if recorder.outcomes else f"no test ran:\n{output}"
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        problem = f"pytest failed:\n{output}"
    return Report(seed, recorder.outcomes, problem)


def _run_pytest(recorder: _Recorder, stop_after: int) -> tuple[int, str]:
    require_extra()
    output = io.StringIO()
    arguments = [
        "--pyargs",
        COLLECTED,
        "-c",
        os.devnull,
        f"--rootdir={gettempdir()}",
        "--noconftest",
        "--disable-plugin-autoload",
        "-pno:cacheprovider",
        "-pno:faulthandler",
        "--capture=no",
        "--tb=short",
        "--override-ini=verbosity_assertions=2",
        "-q",
        f"--maxfail={stop_after}",
    ]
    with redirect_stdout(output), redirect_stderr(output):
        code = pytest.main(arguments, plugins=[recorder])
    return int(code), output.getvalue()


def _area(item: pytest.Item) -> str:
    """Return the part of the kit that a test is from: the name of its module."""
    return str(getattr(item, "function").__module__).rpartition(".")[2]  # noqa: B009 - only functions are collected
