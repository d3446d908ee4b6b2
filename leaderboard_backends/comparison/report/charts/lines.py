"""Lines on log-log axes: one per backend, a point per measured size, and the 95 % interval as band and whisker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from ...document import Chart
from .axes import Axis
from .panels import Frame
from .rows import FIGURE, Row

HEIGHT: Final = 240
_PICKED: Final = "picked"
_FADED: Final = 0.12


def lines(frame: Frame, x: Axis, y: Axis, rows: Sequence[Row], more: Sequence[alt.Chart] = ()) -> Chart:
    """Return a chart of rows of figures; those with `cut` have hollow points. More layers lie on top."""
    across = alt.X(f"{x.field}:Q", scale=x.scale, axis=x.axis)
    up = alt.Y(f"{y.field}:Q", scale=y.scale, axis=y.axis)
    figures = alt.Chart().transform_filter(f"datum.what === '{FIGURE}'").encode(x=across, color=frame.colour(_legend()))
    low, high = alt.Y("low:Q", scale=y.scale, axis=y.axis), alt.Y2("high:Q")
    layers = [
        figures.mark_area(opacity=0.16).encode(y=low, y2=high),
        figures.mark_rule(strokeWidth=1.25).encode(y=low, y2=high, opacity=_unless_another_is_picked()),
        figures.mark_line(strokeWidth=1.75).encode(y=up, opacity=_unless_another_is_picked()),
        _points(figures, frame, up),
        *more,
    ]
    return frame.side_by_side(layers, rows, HEIGHT)


def _points(figures: alt.Chart, frame: Frame, up: alt.Y) -> alt.Chart:
    points: alt.Chart = figures.mark_point(filled=True, size=48, strokeWidth=1.5, opacity=1).encode(
        y=up,
        stroke=alt.Stroke("backend:N", scale=frame.scale, legend=_legend()),
        shape=frame.shape(_legend()),
        opacity=_unless_another_is_picked(),
        fillOpacity=alt.condition("datum.cut", alt.value(0), alt.value(1)),
        tooltip=frame.tooltip,
    )
    return points.add_params(alt.selection_point(name=_PICKED, fields=["backend"], bind="legend"))


def _legend() -> alt.Legend:
    """Return the common legend of colours and shapes."""
    return alt.Legend(symbolOpacity=1)


def _unless_another_is_picked() -> Any:
    """Return the opacity of a mark, which fades where another backend was picked in the legend."""
    return alt.condition(alt.selection_point(name=_PICKED), alt.value(1), alt.value(_FADED))
