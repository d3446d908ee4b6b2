"""Run on each mutant the test that must see its bug, and nothing else: all of them in one collection of the kit."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.testing.report import Outcome
from leaderboard_backends.testing.runner import EXAMPLES, _collected, _Recorder, _run_pytest
from leaderboard_backends.testing.task import TASK, Task

from .registry import Mutant, is_about, saw_the_bug


class _Hunt(_Recorder):
    """A run of the kit that has another subject for each mutant, and is over with it once the bug is seen."""

    def __init__(self, mutants: Iterable[Mutant]) -> None:
        self.mutants = list(mutants)
        super().__init__(Task(1, NaiveLeaderboard), {mutant.part for mutant in self.mutants}, progress=lambda _: None)
        self.found: dict[str, list[Outcome]] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for mutant in self.mutants:
            session.config.stash[TASK] = Task(1, mutant.board, examples=EXAMPLES, players=mutant.players)
            self.found[mutant.name] = self._hunt(mutant, session)
        return True

    def _hunt(self, mutant: Mutant, session: pytest.Session) -> list[Outcome]:
        """Run one test under each of the rules up to the first that sees the bug, and return what they came to."""
        self.outcomes = []
        for item in session.items:
            if is_about(mutant, Outcome(item.name, mutant.part, "passed")):
                session.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                if saw_the_bug(mutant, self.outcomes[-1]):
                    break
        return self.outcomes


def hunt(mutants: Iterable[Mutant]) -> dict[str, list[Outcome]]:
    """Return, by mutant, the outcomes of the test that must see its bug, up to the one that does."""
    recorder = _Hunt(mutants)
    code, output = _run_pytest(recorder, _collected(Task(1, NaiveLeaderboard)), stop_after=0)
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED), output
    return recorder.found
