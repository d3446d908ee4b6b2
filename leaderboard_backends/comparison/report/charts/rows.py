"""The data of a chart: figures of a result, each the median over processes with its interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from ....numerals import Write
from ...document import spread
from ...schema import Durability, Figures, Mode, Result
from ...statistics import Interval, interval, runs_of
from ..classes import in_class_order

Row: TypeAlias = Mapping[str, Any]
"""The data of one mark. Each has `panel` and `backend`; `what` is the kind of the row."""

FIGURE: Final = "figure"
"""The kind of a row that is a measured figure: it has `value`, `low`, `high`, and `told`, all of these as text."""

MAIN: Final = ("update", "rank", "top_100", "around")
"""The operations that most apps need: their charts come first."""

SEPARATOR: Final = " · "
_DIGITS: Final = 4
"""No chart shows more."""


class Reading(NamedTuple):
    """One number of one process."""

    part: str
    """The part of a class that it belongs to, which has a panel of its own; empty where there is one panel per "
    "class."""
    at: float | str
    """Position within the panel: a number of clients, a rate."""
    value: float


Read: TypeAlias = Callable[[Figures], Iterable[Reading]]


class CostPoint(NamedTuple):
    """What one backend costs at one size."""

    backend: str
    durability: Durability
    players: int
    monthly_usd: float
    total_usd: float | None = None
    """Of building and running it over the years; `None` where the model has no days for building."""


class Place(NamedTuple):
    """Where something was measured."""

    mode: Mode
    workload: str
    players: int


def usual_place(result: Result, mode: Mode) -> Place | None:
    """Return the workload and size with the most runs of a mode, of equals the larger size; `None` without runs."""
    counted = Counter((run.cell.players, run.cell.workload) for run in result.runs if run.cell.mode == mode)
    if not counted:
        return None
    players, workload = max(counted, key=lambda place: (counted[place], place))
    return Place(mode, workload, players)


def measured(result: Result, place: Place, read: Read, write: Write, across: str) -> Iterator[Row]:
    """Yield a row for each reading, class by class; `across` is the field of its position."""
    for backend, durability in class_names(result).items():
        for (part, at), value in gathered(result, place, backend, read).items():
            yield figure(panel(durability, part), backend, value, write, **{across: at})


def gathered(result: Result, place: Place, backend: str, read: Read) -> dict[tuple[str, float | str], Interval]:
    """Return the statistics over the processes of a backend, by part and by position."""
    found: dict[tuple[str, float | str], list[float]] = {}
    for run in runs_of(result, *place, backend):
        for part, at, value in read(run.figures) if run.figures else ():
            found.setdefault((part, at), []).append(value)
    return {key: interval(values) for key, values in found.items()}


def figure(panel: str, backend: str, value: Interval, write: Write, **more: float | str | bool) -> Row:
    """Return the row of a figure, with no more digits than a chart can show."""
    low, middle, high = (rounded(end) for end in value[:3])
    told = {"value": middle, "low": low, "high": high, "told": spread(value, write)}
    return {"what": FIGURE, "panel": panel, "backend": backend, **more, **told}


def rounded(number: float) -> float:
    """Return a number with as many digits as a chart can show."""
    return float(f"{number:.{_DIGITS}g}")


def class_names(result: Result) -> dict[str, str]:
    """Return the durability class of every backend, the least durable first."""
    return {label: each.name for each, label in in_class_order(result)}


def panel(durability: str, part: str = "") -> str:
    """Return the name of a panel."""
    return f"{part}{SEPARATOR}{durability}" if part else durability


def panels_of(rows: Iterable[Row], durabilities: Iterable[str], parts: Sequence[str] = ("",)) -> tuple[str, ...]:
    """Return the panels that have rows, by class, for each part in turn."""
    seen = {row["panel"] for row in rows}
    found = [panel(durability, part) for part in parts for durability in dict.fromkeys(durabilities)]
    return tuple(name for name in found if name in seen)


def of_part(rows: Iterable[Row], part: str) -> list[Row]:
    """Return the rows of one part."""
    return [row for row in rows if row.get("part") == part]


def ends(rows: Iterable[Row]) -> list[float]:
    """Return both ends of all intervals."""
    return [row[end] for row in rows for end in ("low", "high")]


def spans(rows: Sequence[Row], write: Write, panels: Sequence[str]) -> str:
    """Return for each panel, as text, the range of values of these rows, and their backends."""
    said = []
    for name in panels:
        found = sorted((row for row in rows if row["panel"] == name), key=itemgetter("value"))
        both = [f"{write(row['value'])} ({row['backend']})" for row in (*found[:1], *found[1:][-1:])]
        said += [f"{name}, {' to '.join(both)}"] if both else []
    return "; ".join(said)
