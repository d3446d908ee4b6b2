"""What a report is made of: sections of words, tables and charts, for a terminal, for Markdown and for a page alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias

NONE: Final = "-"
"""Stands where there is no figure."""

Tone: TypeAlias = Literal["", "good", "bad", "dim"]
"""How a value is to be seen; it never says what the text does not."""


class Value(NamedTuple):
    """The content of one cell of a table."""

    text: str
    sort: float | str | None = None
    """What it is sorted by, where the text is not enough; `None` sorts last."""
    tone: Tone = ""
    hint: str = ""
    """More on it, such as how it was computed: a page shows it on demand, Markdown and terminals leave it out."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; figures are aligned right."""

    heading: str
    figures: bool = True
    hint: str = ""
    scale: bool = False
    """Whether a page draws each value as a point on a logarithmic axis of microseconds, by what it is sorted by."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Rows are in the best order to read; a page can sort them."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Value]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, as a Vega-Lite specification with its data inside."""

    name: str
    """Of its file: lower case and hyphens."""
    title: str
    description: str
    """What it shows, for those who do not see it."""
    specification: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report. `detail` is left out on a terminal, and folded on a page.

    Of a `folded` one, a page shows the first paragraph and the first chart, and folds the rest; without a chart it is
    among all figures, folded whole. Terminals and Markdown show it as any other.
    """

    name: str
    """Of its anchor: lower case and hyphens."""
    title: str
    paragraphs: Sequence[str] = ()
    """Markdown of one kind alone: `code` and **bold**."""
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    sections: Sequence[Section] = field(default=())
    detail: bool = False
    folded: bool = False
    points: Sequence[str] = ()
    """A list after the paragraphs; its items have the same Markdown."""
