"""Markdown lines up in its source, and nothing in a result can break out of its place."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.comparison.document import Chart, Column, Section, Table, Value
from leaderboard_backends.comparison.report.markdown import WIDEST, escaped, markdown, table_text

BARS = re.compile(r"(?<!\\)\|")
COLUMNS = [Column("backend", figures=False), Column("p50, µs"), Column("reason", figures=False)]
TEXTS = st.text("ab|\\`*_<\n 1µ≈", max_size=30)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=5)


def made(rows: list[tuple[str, str, str]]) -> Table:
    return Table("Times", COLUMNS, [[Value(text) for text in row] for row in rows])


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def bars(line: str) -> list[int]:
    """Return where a line's columns end, those bars left out that are escaped."""
    blanked = re.sub(r"\\.", "xx", line)
    return [found.start() for found in BARS.finditer(blanked)]


def test_a_table_looks_like_one() -> None:
    table = made([("memory", "10.7 (10.2-11.1)", "none"), ("naive", "99,500", "cut | short\nby the limit")])
    assert table_text(table) == (
        "| backend |          p50, µs | reason                    |\n"
        "| ------- | ---------------: | ------------------------- |\n"
        "| memory  | 10.7 (10.2-11.1) | none                      |\n"
        "| naive   |           99,500 | cut \\| short by the limit |"
    )


@given(ROWS)
def test_columns_line_up_whatever_is_in_them(rows: list[tuple[str, str, str]]) -> None:
    lines = table_text(made(rows)).splitlines()
    assert len(lines) == len(rows) + 2
    assert {len(bars(line)) for line in lines} == {len(COLUMNS) + 1}
    assert len({tuple(bars(line)[:-1]) for line in lines}) == 1


@given(ROWS)
def test_what_is_escaped_reads_back_on_one_line(rows: list[tuple[str, str, str]]) -> None:
    for line, row in zip(table_text(made(rows)).splitlines()[2:], rows, strict=True):
        ends = bars(line)
        inside = [line[start + 1 : end].strip() for start, end in pairwise(ends)]
        assert [unescaped(text) for text in inside] == [" ".join(text.split()) for text in row]


def test_a_long_reason_does_not_widen_every_row() -> None:
    table = made([("memory", "10.7", "short"), ("naive", "99,500", "long " * WIDEST)])
    first, _, short, _ = table_text(table).splitlines()
    assert len(first) < 2 * WIDEST
    assert short.endswith("| short |")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("get_rank raised <Board object at 0x1>", "get_rank raised \\<Board object at 0x1>"),
        ("__init__ and *args", "\\_\\_init\\_\\_ and \\*args"),
        ("`a` [b](c) ~~d~~", "\\`a\\` \\[b\\](c) \\~\\~d\\~\\~"),
    ],
)
def test_what_markdown_would_take_for_a_mark_is_escaped(text: str, found: str) -> None:
    assert escaped(text) == found


def test_sections_become_headings_by_depth_with_their_paragraphs_tables_and_notes() -> None:
    inner = Section("b", "Inner_", ["Said **so**."], [Table("", COLUMNS[:1], [[Value("x")]], "a note")], detail=True)
    whole = markdown([Section("a", "Outer", ["`code`"], sections=[inner])], "The title")
    assert whole == (
        "# The title\n\n## Outer\n\n`code`\n\n### Inner\\_\n\nSaid **so**.\n\n"
        "| backend |\n| ------- |\n| x       |\n\na note\n"
    )


def test_a_chart_is_shown_where_there_is_a_picture_of_it() -> None:
    section = Section("a", "Growth", charts=[Chart("growth", "Growth", "p50 by [size]", {})])
    assert "![Growth: p50 by \\[size\\]](charts/growth.svg)" in markdown(
        [section], "t", {"growth": "charts/growth.svg"}
    )
    assert "Growth:" not in markdown([section], "t")
