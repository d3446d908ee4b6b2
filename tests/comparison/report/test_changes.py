"""What changed since an older result: regressions first, what has no verdict apart, and nothing called unchanged."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.document import Section
from leaderboard_backends.comparison.report.changes import changes, regression_sections
from leaderboard_backends.comparison.report.markdown import markdown
from leaderboard_backends.comparison.schema import Result, Run

from .small import MEMORY, NAIVE, ZODB, a_a, cell, columns, result, times, words_of

OLD = result([*a_a("memory", 10.0, 10.2), *times("naive", 90.0)], [MEMORY, NAIVE])


def compared(new: Result, old: Result = OLD) -> list[Section]:
    return regression_sections(new, old, changes(old, new))


def named(sections: list[Section], name: str) -> Section:
    (section,) = (section for section in sections if section.name == name)
    return section


@pytest.fixture
def mixed() -> list[Section]:
    """Return what is said where one backend became slower, one faster, and one came and one went."""
    old = result([*a_a("memory", 10.0, 10.2), *times("naive", 90.0), *times("zodb", 30.0)], [MEMORY, NAIVE, ZODB])
    gone = [Run(cell("zodb"), number, "wrong", "rank | 3") for number in range(1, 6)]
    new = result([*a_a("memory", 20.0, 20.2), *times("naive", 45.0), *gone], [MEMORY, NAIVE, ZODB])
    return compared(new, old)


def test_regressions_come_first_then_improvements_and_what_has_no_verdict(mixed: list[Section]) -> None:
    assert [section.title for section in mixed] == [
        "Changes",
        "Regressions",
        "Improvements",
        "No change that counts",
        "What else differs",
    ]
    assert named(mixed, "changes-same").detail
    assert not named(mixed, "changes-worse").detail


def test_a_changed_figure_has_both_sides_the_ratio_and_the_floor(mixed: list[Section]) -> None:
    rows = columns(named(mixed, "changes-worse").tables[1], "backend", "figure", "old", "new", "new / old", "floor")
    assert ("memory", "rank: p50, µs", "10.0 (9.80-10.2)", "20.0 (19.6-20.4)", "2.00 (1.94-2.06)", "1.02x") in rows
    better = columns(named(mixed, "changes-better").tables[0], "backend", "figure", "new / old")
    assert any(row[:2] == ("naive", "rank: p50, µs") and row[2].startswith("0.50 (") for row in better)


def test_a_cell_whose_runs_came_out_otherwise_has_a_row_of_its_own(mixed: list[Section]) -> None:
    (row,) = columns(named(mixed, "changes-worse").tables[0], "backend", "mode", "players", "what changed")
    assert row[:3] == ("zodb", "service", "10,000")
    assert "is wrong in 5 of 5 runs (rank | 3)" in row[3]


def test_the_summary_counts_every_row(mixed: list[Section]) -> None:
    rows = [len(table.rows) for section in mixed[1:4] for table in section.tables]
    said = words_of(mixed[0])
    counted = [int(part.split()[0]) for part in said.partition("Of all rows: ")[2].partition(".")[0].split(", ")]
    assert sum(counted) == sum(rows)
    assert f"**{counted[0]} regressions.**" in said


def test_no_change_is_said_with_what_could_hide() -> None:
    sections = compared(OLD)
    assert "**No regression was found.**" in words_of(sections[0])
    assert "No change found does not mean no change" in words_of(sections[0])
    assert "Nothing that a result records." in words_of(named(sections, "changes-differences"))


def test_too_few_processes_are_no_verdict() -> None:
    few = result(times("memory", 10.0, spread=(1.0,)))
    sections = compared(few, few)
    assert "**Nothing could be judged**" in words_of(sections[0])
    assert "No regression" not in words_of(*sections)
    assert named(sections, "changes-no-verdict").detail


def test_what_else_differs_is_told_with_both_sides() -> None:
    new = replace(OLD, versions={"CPython": "3.12.0", "Valkey": "9.1.2"}, started="2026-12-01")
    sections = compared(new)
    table = named(sections, "changes-differences").tables[0]
    assert ("version of CPython", "3.11.7", "3.12.0") in columns(table, "what", "old", "new")
    assert ("started", "2026-11-01T09:30:00+00:00", "2026-12-01") in columns(
        sections[0].tables[0], "what", "old", "new"
    )


def test_changes_can_be_shown_as_markdown(mixed: list[Section]) -> None:
    assert "rank \\| 3" in markdown(mixed, "Against an older result")
