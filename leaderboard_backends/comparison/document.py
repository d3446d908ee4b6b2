"""What a report is made of: sections of words, tables and charts, for a terminal, for Markdown and for a page alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from statistics import median
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ..numerals import NONE, Write, significant, whole
from ..workload.operations import OPERATIONS
from .statistics import Interval, interval

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


# ---------------------------------------------------------------------- paragraphs

Style: TypeAlias = Literal["", "code", "bold"]


class Piece(NamedTuple):
    """A part of a paragraph that looks alike."""

    text: str
    style: Style = ""


_MARKED: Final = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<bold>[^*]+(?:\*[^*]+)*)\*\*")


def pieces(paragraph: str) -> Iterator[Piece]:
    """Yield the parts of a paragraph in order; marks without a partner stay as they are. O(length)."""
    end = 0
    for found in _MARKED.finditer(paragraph):
        if found.start() > end:
            yield Piece(paragraph[end : found.start()])
        yield Piece(found["code"], "code") if found["code"] else Piece(found["bold"], "bold")
        end = found.end()
    if end < len(paragraph):
        yield Piece(paragraph[end:])


# ---------------------------------------------------------------------- values of tables

NOTHING: Final = Value(NONE)


def columns(*headings: str) -> list[Column]:
    """Return columns of words, and of figures where the heading begins with `#`, which is left out."""
    return [Column(heading.removeprefix("#"), figures=heading.startswith("#")) for heading in headings]


def word(text: str) -> Value:
    """Return words, or the dash where there are none."""
    return Value(text or NONE)


def listed(texts: Iterable[str]) -> Value:
    """Return several texts, one after the other."""
    return word("; ".join(texts))


def quoted(names: Iterable[str]) -> str:
    """Return names for a paragraph, without anything that Markdown would interpret."""
    return ", ".join(f"`{name}`" for name in (name.replace("`", "'") for name in names))


def number(value: float | None, write: Write = whole) -> Value:
    """Return a number; `None`, and what is not finite, becomes a dash."""
    return NOTHING if value is None or not isfinite(value) else Value(write(value), value)


def median_of(values: Mapping[int, float], write: Write = significant) -> Value:
    """Return the median of one value per process, with its interval; without values, a dash."""
    return of_interval(interval([*values.values()]), write) if values else NOTHING


def of_interval(middle: Interval, write: Write = significant) -> Value:
    """Return a median with its interval."""
    hint = f"{middle.processes} processes" if middle.processes > 1 else "one process: no interval"
    return Value(spread(middle, write), middle.middle, hint=hint)


def middle_of(values: Mapping[int, float], write: Write = significant) -> Value:
    """Return the median of one value per process, with the interval as the hint, for columns without room for it."""
    shown = median_of(values, write)
    return shown._replace(text=write(median(values.values())), hint=f"{shown.text}, {shown.hint}") if values else shown


def operation_title(name: str) -> str:
    """Return the title of an operation in tables."""
    return OPERATIONS[name].title if name in OPERATIONS else name.replace("_", " ")


def anchor(*parts: object) -> str:
    """Return a section's name: lower case, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(map(str, parts)).lower()).strip("-")


def spread(interval: Interval, write: Write = significant) -> str:
    """Return a median with its interval, `10.7 (10.2-11.1)`; for one process, the figure alone."""
    if interval.processes <= 1:
        return write(interval.middle)
    between = "-" if interval.low >= 0 else " to "
    return f"{write(interval.middle)} ({write(interval.low)}{between}{write(interval.high)})"
