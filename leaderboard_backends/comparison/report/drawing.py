"""Charts drawn from plots, with Altair: lines, bars and shapes, in panels that share their axes and one legend.

A page lays the panels out anew for its width: what it needs for that, and for the table behind a chart, is in
`usermeta`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil, floor, log10
from typing import Any, Final, TypeAlias, TypeVar

import altair as alt
import vl_convert

from ..document import Chart
from ..named_figures import IDLE
from .palette import DARK, LIGHT, shapes, theme
from .plots import BEHIND, FIGURE, SHAPE, Axis, Plot, PlotRow, panels_of

WIDTH: Final = 880
"""Pixels of a whole chart as a file."""

BAR: Final = 17
"""Pixels of a bar with its gap."""

_PICKED: Final = "picked"
_FILLS: Final = (0.95, 0.4, 0.15)
"""Opacities of the parts of a backend."""
_ROOM: Final = 1.25
"""Beyond the smallest and the largest number of a logarithmic axis, as a factor."""
_FEW_TICKS: Final = 3
_MOST_SIDE_BY_SIDE: Final = 3
_AXIS: Final = 58
_WIDER: Final = 0.2
"""Of an entry of a legend, as room after it: a reader's font may be wider than the one that columns are set by."""
_LINE: Final = "\x1e"
_SEPARATOR: Final = "\x1f"


def chart(plot: Plot) -> Chart:
    """Return a plot as drawn."""
    return {"lines": _lines, "bars": _bars, "shapes": _shapes}[plot.kind](plot)


def chart_files(charts: Iterable[Chart]) -> Iterator[tuple[str, bytes]]:
    """Yield each chart as SVG, titled, for a light and for a dark page. Cost: 50 ms per file."""
    for one in charts:
        for name, colours in (("light", LIGHT), ("dark", DARK)):
            config = theme(colours)
            config["background"] = colours.paper
            entry = one.specification["usermeta"]["entry"]
            config["legend"] |= {"columns": WIDTH // entry, "columnPadding": round(entry * _WIDER)}
            specification = {**one.specification, "title": one.title, "padding": 16, "config": config}
            yield f"{one.name}-{name}.svg", vl_convert.vegalite_to_svg(specification).encode()


# ---------------------------------------------------------------------- what all kinds share


Channel = TypeVar("Channel", alt.Color, alt.Stroke, alt.Shape)


def _by_backend(channel: type[Channel], plot: Plot, legend: alt.Legend | None = None, **scale: Any) -> Channel:
    """Return a channel of the backends, in the order of the palette."""
    return channel("backend:N", scale=alt.Scale(domain=list(plot.labels), **scale), legend=legend)


def _tooltip(plot: Plot) -> list[alt.Tooltip]:
    """Return the tooltip of a mark: the columns of the table, with the number as text."""
    return [
        alt.Tooltip(f"{field}:Q", title=heading, format=",")
        if field in ("players", "clients", "size", "rate")  # whole numbers
        else alt.Tooltip(f"{field}:N", title=heading)
        for field, heading in plot.columns.items()
        if field not in ("value", "low", "high")
    ]


def _only(chart: alt.Chart, kind: str) -> alt.Chart:
    return chart.transform_filter(f"datum.what === '{kind}'")


def _domain(axis: Axis) -> tuple[float, float]:
    return min(axis.numbers) / _ROOM, max(axis.numbers) * _ROOM


def _logarithmic(axis: Axis) -> alt.Scale:
    return alt.Scale(type="log", domain=list(_domain(axis)), nice=False)


def _ticks(axis: Axis) -> list[float]:
    """Return a tick at each number of an axis across, else at powers of ten, or at 1, 2 and 5 where those are few."""
    if axis.field not in ("value", "time"):
        return sorted({*axis.numbers})
    low, high = _domain(axis)
    powers = [10.0**power for power in range(floor(log10(low)), ceil(log10(high)) + 1)]
    ticks = [power for power in powers if low <= power <= high]
    if len(ticks) >= _FEW_TICKS:
        return ticks
    return [tick for power in powers for step in (1, 2, 5) if low <= (tick := step * power) <= high]


Draw: TypeAlias = Callable[[alt.Chart, alt.Axis], Iterator[alt.Chart]]
"""Yields the layers of a stacked panel, by what has its names along y, and its axis across."""


def _stacked(plot: Plot, rows: Sequence[PlotRow], names: str, label: str, step: float, draw: Draw) -> Chart:
    """Return a chart with panels one above the other, each with `step` pixels for each of its `names`.

    All have the grid of the x axis, and the last one has the rest of it.
    """
    panels, every = [], panels_of(rows)
    at: dict[str, Any] = {"values": _ticks(plot.x)} if plot.x.numbers else {"tickCount": 4}
    inner = alt.Axis(title=None, labels=False, ticks=False, domain=False, **at)
    last = alt.Axis(title=plot.x.title or None, labelExpr=plot.x.label, **at)
    for name in every:
        mine = [*dict.fromkeys(row[names] for row in rows if row["panel"] == name)]
        down = alt.Axis(grid=False, labelExpr=label)
        base = alt.Chart().encode(y=alt.Y(f"{names}:N", scale=alt.Scale(domain=mine), title=None, axis=down))
        panel = alt.layer(*draw(base, last if name == every[-1] else inner))
        title = alt.Title(name, fontSize=13, offset=6, frame="bounds")
        panel = panel.properties(width=WIDTH - _AXIS, height=step * len(mine), title=title)
        panels.append(panel.transform_filter(alt.FieldEqualPredicate(field="panel", equal=name)))
    return _finished(plot, alt.vconcat(*panels, data=alt.NamedData("rows"), spacing=14), rows, 1)


def _on_lines(name: str) -> str:
    """Return an expression that shows what a name has in parentheses below the rest of it, broken at its comma."""
    return f"split(replace(replace({name}, ' (', '{_LINE}('), ', ', ',{_LINE}'), '{_LINE}')"


def _finished(plot: Plot, drawn: alt.FacetChart | alt.VConcatChart, rows: Sequence[PlotRow], columns: int) -> Chart:
    """Return a chart with its rows and what a page needs, without the size that Altair gives to all charts."""
    specification = drawn.to_dict(validate=False)  # to validate takes a third of the time, and tests do it
    del specification["config"]
    specification["data"] = {"values": [dict(row) for row in rows]}
    longest = max(map(len, plot.labels), default=0)
    specification["usermeta"] = {
        "columns": columns,
        "least": 250,  # pixels of a panel with its axis: a page that is narrower has fewer side by side
        "entry": min(WIDTH, round(44 + 6.5 * longest)),  # pixels of a mark in the legend, and of a letter on average
        "table": [[field, heading] for field, heading in plot.columns.items() if field != "told"],
        "of": FIGURE,
    }
    return Chart(plot.name, plot.title, plot.description, specification)


def _lines(plot: Plot) -> Chart:
    """Return panels that share both axes, with the layers of `_layers`."""
    panels, most = panels_of(plot.rows), _MOST_SIDE_BY_SIDE
    columns = len(panels) // 2 if len(panels) == most + 1 else min(len(panels), most)
    panel = alt.layer(*_layers(plot), data=alt.NamedData("rows")).properties(width=WIDTH // columns - _AXIS, height=204)
    facet = alt.Facet("panel:N", sort=panels, title=None)
    return _finished(plot, panel.facet(facet=facet, columns=columns), plot.rows, columns)


def _layers(plot: Plot) -> Iterator[alt.Chart]:
    """Yield bands, whiskers, lines and points, hollow with `cut`; over rates also `IDLE` and `BEHIND`."""
    x, y = plot.x, plot.y or plot.x
    x_axis, y_axis = (alt.Axis(title=one.title or None, values=_ticks(one), labelExpr=one.label) for one in (x, y))
    across = alt.X(f"{x.field}:Q", scale=_logarithmic(x), axis=x_axis)
    up, low = (alt.Y(f"{field}:Q", scale=_logarithmic(y), axis=y_axis) for field in ("value", "low"))
    legend, high = alt.Legend(symbolOpacity=1), alt.Y2("high:Q")
    figures = _only(alt.Chart(), FIGURE).encode(x=across, color=_by_backend(alt.Color, plot, legend))
    unless_another_is_picked = alt.condition(alt.selection_point(name=_PICKED), alt.value(1), alt.value(0.12))
    yield figures.mark_area(opacity=0.16).encode(y=low, y2=high)
    yield figures.mark_rule(strokeWidth=1.25).encode(y=low, y2=high, opacity=unless_another_is_picked)
    yield figures.mark_line(strokeWidth=1.75).encode(y=up, opacity=unless_another_is_picked)
    points = figures.mark_point(filled=True, size=48, strokeWidth=1.5, opacity=1).encode(
        y=up,
        stroke=_by_backend(alt.Stroke, plot, legend),
        shape=_by_backend(alt.Shape, plot, legend, range=shapes(len(plot.labels))),
        opacity=unless_another_is_picked,
        fillOpacity=alt.condition("datum.cut", alt.value(0), alt.value(1)),
        tooltip=_tooltip(plot),
    )
    yield points.add_params(alt.selection_point(name=_PICKED, fields=["backend"], bind="legend"))
    if x.field == "rate":
        rate, up = alt.Tooltip("rate:Q", title=x.title), alt.Y("value:Q", scale=_logarithmic(y))
        harness, behind = (
            alt.Tooltip("told:N", title="the harness alone"),
            alt.Tooltip("who:N", title="did not keep up"),
        )
        idle = _only(alt.Chart(), IDLE).mark_line(strokeDash=[2, 3], strokeWidth=1.5)
        above = _only(alt.Chart(), BEHIND).mark_text(baseline="top", dy=2)
        yield idle.encode(x=across, y=up, tooltip=[rate, harness])
        yield above.encode(x=across, y=alt.value(0), text="mark:N", tooltip=[rate, behind])


def _bars(plot: Plot) -> Chart:
    """Return bars by backend, one for each `part`, labelled with `short`, and the interval as a whisker."""
    longest = max(0, *(row["high"] for row in plot.rows)) or 1
    least = min(0, *(row["low"] for row in plot.rows))  # what a process takes may shrink
    scale = alt.Scale(domain=[least, longest * 1.3], nice=False)  # with room for the label of the longest bar
    name = f"slice(datum.label, indexof(datum.label, '{_SEPARATOR}') + 1)"
    at_the_first_part = f"split(datum.label, '{_SEPARATOR}')[0] === '0' ? {_on_lines(name)} : ''"
    rows, seen = list[PlotRow](), Counter[tuple[str, str]]()
    for row in plot.rows:  # each has its own line, and the first of a backend has the name
        place = seen[row["panel"], row["backend"]]
        seen[row["panel"], row["backend"]] += 1
        line, beside = f"{place}{_SEPARATOR}{row['backend']}", f"{row['short']} ({row['part']})"
        rows.append({**row, "line": line, "beside": beside, "fill": _FILLS[min(place, len(_FILLS) - 1)]})

    def draw(base: alt.Chart, axis: alt.Axis) -> Iterator[alt.Chart]:
        value, low, high = (alt.X(f"{end}:Q", scale=scale, axis=axis) for end in ("value", "low", "high"))
        yield base.mark_bar(strokeWidth=1, size=BAR - 9).encode(
            x=value.stack(None),
            color=_by_backend(alt.Color, plot),
            stroke=_by_backend(alt.Stroke, plot),
            fillOpacity=alt.FillOpacity("fill:Q", scale=None, legend=None),
            tooltip=_tooltip(plot),
        )
        yield base.mark_rule(strokeWidth=1.25).encode(x=low, x2="high:Q")
        yield base.mark_text(align="left", dx=6).encode(x=high, text="beside:N")

    return _stacked(plot, rows, "line", at_the_first_part, BAR, draw)


def _shapes(plot: Plot) -> Chart:
    """Return a shape per backend, as thick as it has samples there, and a mark for each percentile."""

    def draw(base: alt.Chart, axis: alt.Axis) -> Iterator[alt.Chart]:
        base = base.encode(x=alt.X("time:Q", scale=_logarithmic(plot.x), axis=axis))
        width, tick = (alt.Size(f"{field}:Q", scale=None) for field in ("width", "tick"))
        shape, marks = _only(base, SHAPE).mark_rule(opacity=0.75), _only(base, FIGURE).mark_tick(thickness=2)
        yield shape.encode(x2="until:Q", size=width, color=_by_backend(alt.Color, plot))
        yield marks.encode(size=tick, tooltip=_tooltip(plot))

    return _stacked(plot, plot.rows, "backend", _on_lines("datum.label"), 26, draw)
