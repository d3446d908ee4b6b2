"""Small multiples: panels side by side, one per durability class or a part of one, with one set of scales.

A page lays them out anew for its width: what it needs for that, and for the table behind a chart, is in `usermeta`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import altair as alt

from ...document import Chart
from ...schema import Result
from ..classes import labels
from .palette import shapes
from .rows import FIGURE, Row

WIDTH: Final = 880
"""Pixels of a whole chart as a file."""

LEAST_PANEL: Final = 250
"""Pixels of a panel with its axis; a page that is narrower has fewer side by side."""

LEGEND_MARK: Final = 44
"""Pixels of a mark in a legend, with what is around it."""

LEGEND_LETTER: Final = 6.5
"""Pixels of a letter in a legend, on average."""

VALUES: Final = ("value", "low", "high", "told")
"""The fields of a figure's number; a tooltip has the last one only."""


_LINE: Final = "\x1e"


def on_lines(name: str) -> str:
    """Return an expression that shows what a name has in parentheses below the rest of it, broken at its comma."""
    return f"split(replace(replace({name}, ' (', '{_LINE}('), ', ', ',{_LINE}'), '{_LINE}')"


class Stacked(NamedTuple):
    """What differs between stacked panels."""

    names: alt.Scale
    """Of the y axis."""
    last: bool

    def across(self, title: str, label: str, ticks: Sequence[float] | None = None) -> alt.Axis:
        """Return the x axis: all panels have its grid, and the last one has the rest."""
        at: dict[str, Any] = {"values": list(ticks)} if ticks else {"tickCount": _TICKS}
        if not self.last:
            return alt.Axis(title=None, labels=False, ticks=False, domain=False, **at)
        return alt.Axis(title=title or None, labelExpr=label, **at)


Draw: TypeAlias = Callable[[Stacked], Sequence[alt.Chart]]
"""Returns the layers of a stacked panel."""

COUNTS: Final = ("players", "clients", "size", "rate")
"""The fields that are whole numbers."""

_MOST_SIDE_BY_SIDE: Final = 3
_AXIS: Final = 58
_SPACING: Final = 14
_TICKS: Final = 4
_NO_DATA: Final = alt.NamedData("rows")


class Frame(NamedTuple):
    """All but the marks of a chart."""

    name: str
    title: str
    description: str
    labels: tuple[str, ...]
    """Of all backends of the report, in the order of the palette."""
    panels: tuple[str, ...]
    """In display order."""
    columns: tuple[tuple[str, str], ...]
    """Field and heading of each column of the table behind the chart."""

    @property
    def legend_entry(self) -> int:
        """Pixels of the longest name in the legend with its mark."""
        return min(WIDTH, round(LEGEND_MARK + LEGEND_LETTER * max(map(len, self.labels), default=0)))

    @property
    def scale(self) -> alt.Scale:
        """The backends in the order of the palette."""
        return alt.Scale(domain=list(self.labels))

    def colour(self, legend: alt.Legend | None = None) -> alt.Color:
        """Return the colours of the backends."""
        return alt.Color("backend:N", scale=self.scale, legend=legend)

    def shape(self, legend: alt.Legend | None = None) -> alt.Shape:
        """Return the shapes of the backends."""
        scale = alt.Scale(domain=list(self.labels), range=shapes(len(self.labels)))
        return alt.Shape("backend:N", scale=scale, legend=legend)

    @property
    def tooltip(self) -> list[alt.Tooltip]:
        """The tooltip of a mark: the columns of the table, with the number as text."""
        told = [column for column in self.columns if column[0] not in VALUES[:-1]]
        return [_told(field, heading) for field, heading in told]

    def side_by_side(self, layers: Sequence[alt.Chart], rows: Sequence[Row], height: float) -> Chart:
        """Return the chart of some layers, which share these rows, with panels that share both axes."""
        columns = _columns(len(self.panels))
        panel = alt.layer(*layers, data=_NO_DATA).properties(width=WIDTH // columns - _AXIS, height=height)
        facet = alt.Facet("panel:N", sort=list(self.panels), title=None)
        return self._chart(panel.facet(facet=facet, columns=columns), rows, columns)

    def stacked(self, draw: Draw, rows: Sequence[Row], field: str, step: float) -> Chart:
        """Return a chart with panels one above the other, each as high as its own rows need: `step` for each name.

        The names on the y axis are in `field`, in the order of the rows.
        """
        panels = [self._stacked_panel(draw, rows, field, step, name) for name in self.panels]
        return self._chart(alt.vconcat(*panels, data=_NO_DATA, spacing=_SPACING), rows, 1)

    def _stacked_panel(self, draw: Draw, rows: Sequence[Row], field: str, step: float, name: str) -> Any:
        names = [*dict.fromkeys(row[field] for row in rows if row["panel"] == name)]
        layers = draw(Stacked(alt.Scale(domain=names), name == self.panels[-1]))
        title = alt.Title(name, fontSize=13, offset=6, frame="bounds")
        panel = alt.layer(*layers).properties(width=WIDTH - _AXIS, height=step * len(names), title=title)
        return panel.transform_filter(alt.FieldEqualPredicate(field="panel", equal=name))

    def _chart(self, drawn: alt.FacetChart | alt.VConcatChart, rows: Sequence[Row], columns: int) -> Chart:
        """Return a chart with its rows and what a page needs, without the size that Altair gives to all charts.

        Tests hold charts of every kind against the schema of Vega-Lite; here that takes a third of the time.
        """
        specification = drawn.to_dict(validate=False)
        del specification["config"]
        specification["data"] = {"values": [dict(row) for row in rows]}
        specification["usermeta"] = {
            "columns": columns,
            "least": LEAST_PANEL,
            "entry": self.legend_entry,
            "table": [list(column) for column in self.columns if column[0] != VALUES[-1]],
            "of": FIGURE,
        }
        return Chart(self.name, self.title, self.description, specification)


def _told(field: str, heading: str) -> alt.Tooltip:
    if field in COUNTS:
        return alt.Tooltip(f"{field}:Q", title=heading, format=",")
    return alt.Tooltip(f"{field}:N", title=heading)


def number_columns(heading: str) -> tuple[tuple[str, str], ...]:
    """Return the columns of a figure's number."""
    return tuple(zip(VALUES, (heading, "from", "to", heading), strict=True))


def known_labels(result: Result) -> tuple[str, ...]:
    """Return all backends of a result, in the order of the palette."""
    return tuple(labels(result))


def _columns(panels: int) -> int:
    return panels // 2 if panels == _MOST_SIDE_BY_SIDE + 1 else min(panels, _MOST_SIDE_BY_SIDE)
