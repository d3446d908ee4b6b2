"""What turns a skip of a kit's test red, in the runs of pytest that collect the kit, and in no other.

Marks can be added to a test at any time, and fixtures and hooks can skip: only the report on a test knows in the end.
So the kit's classes watch the reports on their own tests. The runner, which keeps its own account, is not watched.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

import pytest

from .task import TASK

NAME: Final = "leaderboard-kit"


class _Watch:
    """Fails each test of the kit that skips, or whose failure is excused by anything but `known_failures`."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        excused = report.skipped or hasattr(report, "wasxfail")
        known = "known failure" in dict(report.user_properties)
        judges = getattr(getattr(item, "cls", None), "judges", None)
        if excused and not known and judges is not None and judges(item.name):
            reason = getattr(report, "wasxfail", "") or report.longreprtext
            report.outcome = "failed"
            vars(report).pop("wasxfail", None)
            report.longrepr = (
                f"NOT RUN: {item.name} is a test of the kit, but something skips it or ignores its failure ({reason}). "
                "A test that did not run shows nothing: raise an error if something is missing. List known failures "
                "in known_failures, with a reason."
            )
        return report


def watch(config: pytest.Config) -> None:
    """Watch the reports of a run; once, and not where the runner does."""
    if TASK not in config.stash and not config.pluginmanager.has_plugin(NAME):
        config.pluginmanager.register(_Watch(), NAME)
