"""The report as Markdown (GitHub's), whose tables line up in the source as well."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ..document import Section, Style, Table, pieces

NARROWEST: Final = 3
"""Characters that the rule under a heading needs."""

WIDEST: Final = 40
"""Characters up to which the last column of words is filled with spaces."""

_MARKS: Final[dict[Style, str]] = {"": "{}", "code": "`{}`", "bold": "**{}**"}
_SPECIAL: Final = re.compile(r"[\\`*|<\[\]~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
"""What Markdown would take for a mark; an underscore within a word is none."""

_LEADING: Final = re.compile(r"^[#>+-]")
"""What Markdown would take for a mark at the beginning of a line."""

_ESCAPE: Final = r"\\\g<0>"


def markdown(sections: Sequence[Section], title: str, pictures: Mapping[str, str] | None = None) -> str:
    """Return a whole report; `pictures` has the path of each chart's file by its name, others are left out."""
    blocks = [f"# {escaped(title)}", *(block for section in sections for block in _section(section, 2, pictures or {}))]
    return "\n\n".join(blocks) + "\n"


def _section(section: Section, depth: int, pictures: Mapping[str, str]) -> Iterator[str]:
    yield f"{'#' * min(depth, 6)} {escaped(section.title)}"
    yield from map(_paragraph, section.paragraphs)
    if section.points:
        yield "\n".join(f"- {_paragraph(point)}" for point in section.points)
    for chart in section.charts:
        if chart.name in pictures:
            yield f"![{escaped(f'{chart.title}: {chart.description}')}]({pictures[chart.name]})"
    for table in section.tables:
        if table.title:
            yield f"**{escaped(table.title)}**"
        if table.columns:
            yield table_text(table)
        yield from map(_paragraph, table.note.splitlines())
    for inner in section.sections:
        yield from _section(inner, depth + 1, pictures)


def _paragraph(text: str) -> str:
    """Return a paragraph with its `code` and **bold**; other markup comes from a result, and is escaped."""
    found = "".join(
        _MARKS[style].format(piece if style == "code" else _SPECIAL.sub(_ESCAPE, piece))
        for piece, style in pieces(" ".join(text.split()))
    )
    return _LEADING.sub(_ESCAPE, found)


def table_text(table: Table) -> str:
    """Return a table with aligned columns; a long last column of words is not padded."""
    head = [escaped(column.heading) for column in table.columns]
    rows = [[escaped(value.text) for value in row] for row in table.rows]
    right = [column.figures for column in table.columns]
    widths = [max(NARROWEST, *map(len, texts)) for texts in zip(head, *rows, strict=True)]
    if not right[-1] and widths[-1] > WIDEST:
        widths[-1] = NARROWEST
    rule = [f"{'-' * (width - 1)}{':' if figures else '-'}" for width, figures in zip(widths, right, strict=True)]
    sides = [">" if figures else "<" for figures in right]
    cells = (zip(texts, sides, widths, strict=True) for texts in (head, rule, *rows))
    return "\n".join(f"| {' | '.join(f'{text:{side}{width}}' for text, side, width in row)} |" for row in cells)


def escaped(text: str) -> str:
    """Return text on one line, with all Markdown markup escaped."""
    return _SPECIAL.sub(_ESCAPE, " ".join(text.split()))
