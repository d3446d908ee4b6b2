"""An installed plug-in adds sections to the end of a report, and one that fails is named with its distribution."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from leaderboard_backends.comparison.document import Section
from leaderboard_backends.comparison.report import extensions
from leaderboard_backends.comparison.report.sections import sections
from leaderboard_backends.errors import PluginError

from . import made_up

MODULE = """
from leaderboard_backends.comparison.document import Section, Table, Value, columns

def runs(subject):
    rows = [[Value(run.cell.backend)] for run in subject.result.runs]
    yield Section("acme-runs", f"Runs of {subject.today}", tables=[Table("", columns("backend"), rows)])

def fails(subject):
    raise KeyError("no such backend")

def text(subject):
    return ["text"]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lay out a distribution whose entry point names a function of the module, as an installer would."""

    def lay_out(name: str) -> None:
        metadata = tmp_path / "acme_report-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-report\nVersion: 1.0\n")
        points = f"[{extensions.ENTRY_POINT_GROUP}]\nzz-acme = acme_report_sections:{name}\n"
        (metadata / "entry_points.txt").write_text(points)
        (tmp_path / "acme_report_sections.py").write_text(MODULE)
        monkeypatch.delitem(sys.modules, "acme_report_sections", raising=False)
        monkeypatch.syspath_prepend(tmp_path)

    return lay_out


def test_the_sections_of_a_plug_in_come_last_and_are_made_of_the_result(install: Callable[[str], None]) -> None:
    install("runs")
    result = made_up.result(rounds=1, sizes=(100,))
    last: Section = sections(result, date(2026, 11, 30))[-1]
    assert (last.name, last.title, last.folded) == ("acme-runs", "Runs of 2026-11-30", True)
    assert [row[0].text for row in last.tables[0].rows] == [run.cell.backend for run in result.runs]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("fails", r"failed \(acme_report_sections:fails\): KeyError: 'no such backend'"),
        ("text", "returned 'text': acme_report_sections:text must return sections"),
        ("absent", r"failed to import \(acme_report_sections:absent\)"),
    ],
)
def test_a_plug_in_that_fails_is_named(install: Callable[[str], None], name: str, said: str) -> None:
    install(name)
    with pytest.raises(PluginError, match=f"^the report's section zz-acme of acme-report {said}"):
        sections(made_up.result(rounds=1, sizes=(100,)))
