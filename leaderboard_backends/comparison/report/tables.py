"""What sections are made of: the words in `prose.toml`, rows, and a table for each durability class, which never mix.

`{name}` in a text is filled in: a limit or a mark of the code, or a figure of the result that the caller gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

from ...numerals import Write, whole
from ...toml_files import parse_toml, read_text
from ..cost.cluster import COUNT_US, SHARDS_EACH, TRIPS
from ..cost.footprint import FITTED_FROM
from ..document import Section, Table, Value, anchor, columns, number, word
from ..measurements import Measured, Measurements, Place
from ..schema import DISTURBED_FROM, Durability, Mode
from ..statistics import ENOUGH_PROCESSES

_FILE: Final = Path(__file__).with_name("prose.toml")
_PROSE: Final[dict[str, Any]] = parse_toml(_FILE, read_text(_FILE))

DISTURBED: Final = "~"
"""Marks the figures of runs that other processes disturbed."""

_KNOWN: Final = {
    "count_us": COUNT_US,
    "disturbed": DISTURBED,
    "disturbed_from": DISTURBED_FROM,
    "enough": ENOUGH_PROCESSES,
    "fitted_from": FITTED_FROM,
    "shards_each": SHARDS_EACH,
    "trips": TRIPS,
}
"""What texts are filled in with, whatever the result."""

MISTAKES: Final[dict[str, str]] = {one["elsewhere"]: one["here"] for one in _PROSE["mistakes"]}
"""Mistakes of other benchmarks, and how they are avoided here."""

CHARTS: Final[dict[str, dict[str, Any]]] = _PROSE["charts"]
"""What charts say, by their names."""


def words(name: str, /, **figures: object) -> str:
    """Return a text by its name, with its figures."""
    text: str = _PROSE["texts"][name]
    return text.format(**_KNOWN, **figures)


def section(
    name: str,
    tables: Sequence[Table] = (),
    sections: Sequence[Section] = (),
    more: Iterable[str] = (),
    points: Sequence[str] = (),
    **figures: object,
) -> Section:
    """Return a section with its title and introduction, and `more` after it.

    One that has neither tables nor sections says instead why there is `nothing`, where its words have that.
    """
    found = _PROSE["sections"][name]
    empty = "nothing" in found and not (tables or sections)
    said = [found["nothing"]] if empty else [*(text.format(**_KNOWN, **figures) for text in found["said"]), *more]
    detail, points = found.get("detail", False), found.get("points", points)
    return Section(name, found["title"].format(**figures), said, tables, (), sections, detail, points=points)


# ---------------------------------------------------------------------- tables

TITLES: Final[dict[Durability, str]] = {
    "memory only": "memory only: a power cut takes everything",
    "everysec": "everysec: a power cut takes about the last second",
    "every commit": "every commit: each update waits for the disk",
    "not known": "durability not known",
}
"""The title of each class above its table, the least durable first; what could not be opened is in the last."""

Row: TypeAlias = Sequence[Value]


def row_of(*cells: Value | str | float | None) -> Row:
    """Return a row: text becomes words, a number is written whole, and a value stays as it is."""
    return [
        cell if isinstance(cell, Value) else word(cell) if isinstance(cell, str) else number(cell) for cell in cells
    ]


def table_of(title: str, headings: str, rows: Iterable[Row], note: str = "") -> Table:
    """Return a table with all its columns; `|` separates the headings, and those of figures begin with `#`."""
    return Table(title, columns(*headings.split("|")), [*rows], note)


def median_in(values: Iterable[float | None], write: Write = whole) -> Value:
    """Return the median of what is known, without an interval; a dash where nothing is."""
    known = [value for value in values if value is not None]
    return number(median(known) if known else None, write)


def filled(*tables: Table) -> list[Table]:
    """Return the tables that have rows."""
    return [each for each in tables if each.rows]


def by_class(
    m: Measurements, headings: str, rows: Iterable[tuple[str, Row]], title: str = "", note: str = ""
) -> list[Table]:
    """Return one table per class that has rows, each given with a backend of its class, without empty columns.

    The note follows the last one.
    """
    head, found = columns(*headings.split("|")), dict[Durability, list[Row]]()
    for label, row in rows:
        found.setdefault(m.durability(label), []).append(row)
    made = []
    for name in filter(found.get, m.classes):
        said = f"{title}; {TITLES[name]}" if title else TITLES[name][:1].upper() + TITLES[name][1:]
        shown = [place for place in range(len(head)) if any(row[place].text for row in found[name])]
        rows_shown = [[row[place] for place in shown] for row in found[name]]
        made.append(Table(said, [head[place] for place in shown], rows_shown))
    return [*made[:-1], *(replace(last, note=note) for last in made[-1:])]


def cells_by_class(
    m: Measurements,
    where: Mode | Place,
    headings: str,
    rows: Callable[[Measured], Iterable[Row]],
    title: str = "",
    note: str = "",
) -> list[Table]:
    """Return one table per class, with the rows of each backend that has figures in a mode, or at one of its places."""
    mode, place = (where.mode, where) if isinstance(where, Place) else (where, None)
    found = m.measured(mode, m.in_class_order, place)
    return by_class(m, headings, ((one.label, row) for one in found for row in rows(one)), title, note)


def by_place(m: Measurements, mode: Mode, tables: Callable[[Place], Sequence[Table]], name: str = "") -> list[Section]:
    """Return a section for each workload and size at which a mode has tables; their names begin with `name`."""
    found = ((place, tables(place)) for place in m.places(mode))
    return [Section(anchor(name or mode, *place[1:]), place.title, tables=made) for place, made in found if made]


def head_of(one: Measured) -> tuple[str, str, int]:
    """Return what a row begins with: backend, workload and players."""
    return one.label, one.cell.workload, one.cell.players


def marked(one: Measured, *more: str) -> Value:
    """Return the marks of a row: not from all processes, or disturbed, and more; empty without marks."""
    missing = [f"{len(one.runs)} of {len(one.every)}"] if len(one.runs) < len(one.every) else []
    text = ", ".join([*missing, *([DISTURBED] if one.disturbed else []), *more])
    return Value(text, text or None)
