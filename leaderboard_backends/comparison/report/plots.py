"""What a chart shows, without how it is drawn: rows of figures in panels, axes, and a description in words.

Every figure is a median over processes with its interval. A panel is a durability class, or a part of one. `drawing`
makes charts of plots, and imports the libraries for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ...numerals import Write, significant, whole
from ..document import anchor, spread
from ..measurements import Measured, Measurements, Values
from ..named_figures import Statistic
from ..schema import Mode
from ..statistics import Interval, interval
from .tables import CHARTS, TITLES

PlotRow: TypeAlias = Mapping[str, Any]
"""The data of one mark. Each has `panel` and `backend`; `what` is the kind of the row."""

FIGURE: Final = "figure"
SHAPE: Final = "shape"
BEHIND: Final = "behind"
"""The kinds of rows: a measured figure, with `value`, `low`, `high`, and `told`, all of these as text; a bucket of the
samples, from `time` to `until`, `width` pixels thick; and, in `who`, those that have no figure, at the upper edge. What
the harness alone adds is of the kind `named_figures.IDLE`, without a backend."""

MAIN: Final = ("update", "rank", "top_100", "around")
"""The operations that most apps need: their charts come first."""

AS_TIME: Final = (
    "datum.value < 1e3 ? format(datum.value, '~r') + ' µs' : "
    "datum.value < 1e6 ? format(datum.value / 1e3, '~r') + ' ms' : format(datum.value / 1e6, '~r') + ' s'"
)
AS_NUMBER: Final = "format(datum.value, '~s')"
AS_DOLLARS: Final = "'$' + format(datum.value, '~s')"
AS_SECONDS: Final = "format(datum.value, '~r') + ' s'"

SEPARATOR: Final = " · "


class Axis(NamedTuple):
    """An axis of one field of the rows."""

    title: str
    label: str
    """An expression of Vega that turns `datum.value` into text."""
    numbers: Sequence[float] = ()
    """What a logarithmic axis has to show, all above 0; those of bars begin at 0."""
    field: str = "value"
    """The field of the rows; an axis of another field than `value` has a tick at each of the numbers."""


class Plot(NamedTuple):
    """All that a chart is made of."""

    kind: Literal["lines", "bars", "shapes"]
    """Lines on log-log axes; bars, one for each `part` of a backend; the shapes of distributions."""
    name: str
    title: str
    description: str
    """What it shows, for those who do not see it."""
    labels: Sequence[str]
    """Of all backends of the report, in the order of the palette."""
    rows: Sequence[PlotRow]
    x: Axis
    y: Axis | None
    columns: Mapping[str, str]
    """The heading of each field in the table behind the chart."""


def plot(m: Measurements, name: str, rows: Sequence[PlotRow], label: str, of: str = "", **figures: object) -> Plot:
    """Return a plot with the words that `prose.toml` has for a chart, with their figures; `of` ends its name.

    Lines are over the field whose column is before the values; the axis of bars has the unit where its labels lack it.
    """
    found = CHARTS[name]
    kind, number, y = found["kind"], found["number"], None
    if kind == "lines":
        [(field, heading)] = found["before"].items()
        x = Axis(heading, AS_NUMBER, [row[field] for row in rows], field)
        y = Axis("", label, [row[end] for row in rows if row["what"] == FIGURE for end in ("low", "high")])
    elif kind == "shapes":
        x = Axis("", label, [row["time"] for row in rows], "time")
    else:
        x = Axis(number if label == AS_NUMBER else "", label)
    of_parts = any(SEPARATOR in panel for panel in panels_of(rows))
    heads = {"backend": "backend", "panel": "panel" if of_parts else "durability", **found["before"]}
    columns = {**heads, "value": number, "low": "from", "high": "to", "told": number, **found.get("after", {})}
    title, said = (found[what].format(**figures) for what in ("title", "description"))
    return Plot(kind, anchor(name, of), title, said, m.labels, rows, x, y, columns)


def at_end(rows: Sequence[PlotRow], field: str, write: Write, end: Callable[..., float] = max) -> dict[str, str]:
    """Return for a description the largest amount of a field, or the least, and the values there."""
    amount = end(row[field] for row in rows)
    return {"amount": whole(amount), "spans": spans([row for row in rows if row[field] == amount], write, rows)}


def panels_of(rows: Iterable[PlotRow]) -> list[str]:
    """Return the panels that have rows: for each part, in the order of the rows, class by class."""
    seen = dict.fromkeys(row["panel"] for row in rows)
    parts = list(dict.fromkeys(name.rpartition(SEPARATOR)[0] for name in seen))
    return [name for part in parts for durability in TITLES if (name := panel(durability, part)) in seen]


def usual(m: Measurements, mode: Mode) -> list[Measured]:
    """Return what has figures at the workload and size that represent a mode, class by class."""
    place = m.usual(mode)
    return [] if place is None else m.measured(mode, m.in_class_order, place)


def rows_at(
    m: Measurements, measured: Iterable[Measured], statistic: Statistic, part: str, field: str, group: str = ""
) -> Iterator[PlotRow]:
    """Yield a row for each amount of a part, which `field` gets; values of 0 have no place on a logarithmic axis."""
    for one in measured:
        for amount, values in one.by_amount(part, statistic).items():
            known = [value for value in values.values() if value]
            if known:
                yield figure(m, one.label, interval(known), significant, group, **{field: amount})


def figure(
    m: Measurements, label: str, value: Interval, write: Write, group: str = "", **more: float | str | bool
) -> PlotRow:
    """Return the row of a figure, with no more digits than a chart can show; `group` is of the panels."""
    low, middle, high = (rounded(end) for end in value[:3])
    told = {"value": middle, "low": low, "high": high, "told": spread(value, write)}
    return {"what": FIGURE, "panel": panel(m.durability(label), group), "backend": label, **more, **told}


def bar(m: Measurements, one: Measured, values: Values, part: str, group: str = "", **more: float) -> PlotRow:
    """Return the row of a bar, labelled with its value."""
    value = interval([*values.values()])
    return figure(m, one.label, value, significant, group, part=part, **more, short=significant(value.middle))


def rounded(number: float) -> float:
    """Return a number with as many digits as a chart can show."""
    return float(f"{number:.4g}")


def panel(durability: str, part: str = "") -> str:
    """Return the name of a panel."""
    return f"{part}{SEPARATOR}{durability}" if part else durability


def of_part(rows: Iterable[PlotRow], part: str) -> list[PlotRow]:
    """Return the rows of one part."""
    return [row for row in rows if row.get("part") == part]


def spans(rows: Sequence[PlotRow], write: Write, every: Sequence[PlotRow]) -> str:
    """Return for each panel of all rows, as text, the range of values of some of them, and their backends."""
    said = []
    for name in panels_of(every):
        found = sorted((row for row in rows if row["panel"] == name), key=itemgetter("value"))
        both = [f"{write(row['value'])} ({row['backend']})" for row in (*found[:1], *found[1:][-1:])]
        said += [f"{name}, {' to '.join(both)}"] if both else []
    return "; ".join(said)
