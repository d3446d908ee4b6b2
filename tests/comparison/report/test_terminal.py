"""On a terminal, tables fit, figures stay whole, and details are left to the other forms."""

from __future__ import annotations

from io import StringIO
from typing import Literal

import pytest
from rich.console import Console

from leaderboard_backends.comparison.document import Column, Section, Table, Value
from leaderboard_backends.comparison.report.sections import sections
from leaderboard_backends.comparison.report.terminal import PIPE_WIDTH, print_sections

from . import made_up
from .small import every_table


def printed(*shown: Section, width: int = PIPE_WIDTH, terminal: bool = False) -> str:
    file = StringIO()
    colours: Literal["standard", "auto"] = "standard" if terminal else "auto"
    print_sections(shown, Console(file=file, width=width, force_terminal=terminal, color_system=colours))
    return file.getvalue()


def table_of(*rows: str, heading: str = "p50, µs") -> Section:
    return Section("a", "Times", tables=[Table("Of one call", [Column(heading)], [[Value(row)] for row in rows])])


def test_sections_are_printed_with_their_tables_and_without_details() -> None:
    inner = Section("c", "Folded", ["hidden"], sections=[Section("d", "Inside", ["hidden too"])], detail=True)
    shown = printed(Section("a", "Outer", ["Said `so`, **twice**."], sections=[inner]), table_of("10.7"))
    assert "Outer\nSaid so, twice.\n" in shown
    assert "Of one call" in shown
    assert "10.7" in shown
    assert "Folded" not in shown
    assert "hidden" not in shown


def test_markup_of_rich_in_a_result_is_text() -> None:
    assert "[red]10.7[/red]" in printed(table_of("[red]10.7[/red]"))


def test_into_a_pipe_it_is_120_columns_wide_or_what_was_asked_for() -> None:
    long = "word " * 100
    assert max(map(len, printed(Section("a", "A", [long]), width=80).splitlines())) > 100
    assert max(map(len, printed(Section("a", "A", [long]), width=200).splitlines())) > 180


def test_a_narrow_terminal_is_kept_to() -> None:
    shown = printed(table_of("10.7", heading="a heading that is far too long for this"), width=30, terminal=True)
    assert max(map(len, shown.splitlines())) < 60
    assert "10.7" in shown


def test_tones_are_colours_on_a_terminal_alone() -> None:
    section = Section("a", "A", tables=[Table("", [Column("x")], [[Value("10.7 *", tone="good")]])])
    assert "\x1b[32m10.7 *" in printed(section, terminal=True)
    assert "\x1b" not in printed(section)


@pytest.fixture(scope="module")
def report() -> list[Section]:
    return sections(made_up.result(rounds=5, sizes=(1_000, 100_000)))


def shown_tables(sections: list[Section]) -> list[Table]:
    return [
        table
        for section in sections
        if not section.detail
        for table in (*section.tables, *shown_tables([*section.sections]))
    ]


def test_a_whole_report_fits_into_120_columns(report: list[Section]) -> None:
    assert max(len(line.rstrip()) for line in printed(*report).splitlines()) <= PIPE_WIDTH


def test_no_figure_is_cut_or_broken(report: list[Section]) -> None:
    shown = printed(*report)
    for table in shown_tables(report):
        for place, column in enumerate(table.columns):
            for row in table.rows if column.figures else ():
                assert row[place].text in shown
    assert len(shown_tables(report)) < len(every_table(*report))


def test_two_columns_of_long_words_share_the_width() -> None:
    columns = [Column("elsewhere", figures=False), Column("here", figures=False)]
    rows = [[Value("said " * 30), Value("done " * 40)]]
    shown = printed(Section("a", "A", tables=[Table("", columns, rows)]))
    assert len(shown.splitlines()) < 10
