"""Bars by backend, one for each of its parts, labelled with the value, and the 95 % interval as a whisker."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import altair as alt

from ...document import Chart
from .panels import Frame, Stacked, on_lines
from .rows import Row

BAR: Final = 24
"""Pixels of a bar with its gap."""

_FILLS: Final = (0.95, 0.4, 0.15)
"""Opacities of the parts of a backend."""

_ROOM: Final = 1.3
"""Factor that leaves room for the label of the longest bar."""

_SEPARATOR: Final = "\x1f"
_NAME: Final = f"slice(datum.label, indexof(datum.label, '{_SEPARATOR}') + 1)"
_NAME_AT_THE_FIRST_PART: Final = f"split(datum.label, '{_SEPARATOR}')[0] === '0' ? {on_lines(_NAME)} : ''"


def bars(frame: Frame, title: str, label: str, rows: Sequence[Row]) -> Chart:
    """Return a chart of rows of figures; the field `part` tells the bars of a backend apart, `short` is its value."""
    longest = max(0, *(row["high"] for row in rows)) or 1
    least = min(0, *(row["low"] for row in rows))  # what a process takes may shrink
    scale = alt.Scale(domain=[least, longest * _ROOM], nice=False)

    def draw(panel: Stacked) -> list[alt.Chart]:
        axis = panel.across(title, label)
        value, low, high = (alt.X(f"{end}:Q", scale=scale, axis=axis) for end in ("value", "low", "high"))
        return _layers(frame, panel.names, value.stack(None), low, high)

    return frame.stacked(draw, [*_numbered(rows)], "line", BAR)


def _layers(frame: Frame, names: alt.Scale, value: alt.X, low: alt.X, high: alt.X) -> list[alt.Chart]:
    base = alt.Chart().encode(
        y=alt.Y("line:N", scale=names, title=None, axis=alt.Axis(grid=False, labelExpr=_NAME_AT_THE_FIRST_PART))
    )
    bar = base.mark_bar(strokeWidth=1, size=BAR - 9).encode(
        x=value,
        color=frame.colour(),
        stroke=alt.Stroke("backend:N", scale=frame.scale, legend=None),
        fillOpacity=alt.FillOpacity("fill:Q", scale=None, legend=None),
        tooltip=frame.tooltip,
    )
    whisker = base.mark_rule(strokeWidth=1.25).encode(x=low, x2="high:Q")
    words = base.mark_text(align="left", dx=6).encode(x=high, text="beside:N")
    return [bar, whisker, words]


def _numbered(rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows with their drawn fields: each has its own line, and the first of a backend has the name."""
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        place = seen.get((row["panel"], row["backend"]), 0)
        seen[row["panel"], row["backend"]] = place + 1
        line, beside = f"{place}{_SEPARATOR}{row['backend']}", f"{row['short']} ({row['part']})"
        yield {**row, "line": line, "beside": beside, "fill": _FILLS[min(place, len(_FILLS) - 1)]}
