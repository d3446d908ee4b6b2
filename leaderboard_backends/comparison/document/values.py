"""The kinds of values in tables, each with its sort key."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Final

from ..readings import UNITS, Statistic
from ..statistics import Interval, interval
from ..workload.operations import OPERATIONS
from . import NONE, Column, Table, Tone, Value
from .numerals import Write, significant, spread, whole

_STATISTICS: Final[dict[Statistic, str]] = {"per_second": "per second", "seconds": "seconds"}

NOTHING: Final = Value(NONE)


def words(*headings: str) -> list[Column]:
    """Return columns of words."""
    return [Column(heading, figures=False) for heading in headings]


def numbers(*headings: str) -> list[Column]:
    """Return columns of figures."""
    return [Column(heading) for heading in headings]


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


def median_of(values: Mapping[int, float] | Sequence[float], write: Write = significant) -> Value:
    """Return the median of one value per process, with its interval; without values, a dash."""
    every = [*values.values()] if isinstance(values, Mapping) else [*values]
    return of_interval(interval(every), write) if every else NOTHING


def of_interval(middle: Interval, write: Write = significant, tone: Tone = "", hint: str = "") -> Value:
    """Return a median with its interval."""
    said = f"median of {middle.processes} processes" if middle.processes > 1 else "one process: no interval"
    return Value(spread(middle, write), middle.middle, tone, "; ".join(filter(None, [said, hint])))


def middle_of(values: Mapping[int, float] | Sequence[float], write: Write = significant) -> Value:
    """Return the median of one value per process, with the interval as the hint, for columns without room for it."""
    value = median_of(values, write)
    return (
        value if value.sort is None else Value(write(float(value.sort)), value.sort, hint=f"{value.text}, {value.hint}")
    )


def operation_title(name: str) -> str:
    """Return the title of an operation in tables."""
    return OPERATIONS[name].title if name in OPERATIONS else name.replace("_", " ")


def statistic_title(statistic: Statistic) -> str:
    """Return the title of a statistic, with its unit: `p50, µs`."""
    return _STATISTICS.get(statistic) or f"{statistic.replace('_', ' ')}, {UNITS[statistic]}"


def table(title: str, columns: Sequence[Column], rows: Sequence[Sequence[Value]], note: str = "") -> Table:
    """Return a table without its empty columns, such as marks that no row has."""
    filled = [place for place in range(len(columns)) if any(row[place].text for row in rows)]
    return Table(title, [columns[place] for place in filled], [[row[place] for place in filled] for row in rows], note)


def anchor(*parts: object) -> str:
    """Return a section's name: lower case, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(map(str, parts)).lower()).strip("-")
