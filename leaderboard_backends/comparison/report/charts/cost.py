"""What a backend costs by board size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ....numerals import whole
from ...document import Chart
from ...statistics import Interval
from ..classes import TITLES
from .axes import AS_DOLLARS, at_each, logarithmic
from .lines import lines
from .panels import Frame, number_columns
from .rows import CostPoint, Row, ends, figure, panel, panels_of, spans


def cost_charts(points: Sequence[CostPoint], labels: Sequence[str], years: float) -> Iterator[Chart]:
    """Yield the chart of what a backend costs per month, and that of building and running it over the years."""
    monthly = [_row(point, point.monthly_usd) for point in points if point.monthly_usd > 0]
    if monthly:
        yield _chart("cost-monthly", "Cost per month by board size", monthly, labels)
    total = [_row(point, point.total_usd) for point in points if point.total_usd]
    if total:
        yield _chart("cost-total", f"Cost of building, and of {years:g} years, by board size", total, labels)


def _row(point: CostPoint, usd: float) -> Row:
    """Return the row of an amount, which is computed and not measured, so that it has no interval."""
    return figure(panel(point.durability), point.backend, Interval(usd, usd, usd, 1), dollars, players=point.players)


def _chart(name: str, title: str, rows: Sequence[Row], labels: Sequence[str]) -> Chart:
    panels = panels_of(rows, TITLES)
    frame = Frame(
        name,
        title,
        _description(rows, panels),
        tuple(labels),
        panels,
        (("backend", "backend"), ("panel", "durability"), ("players", "players"), *number_columns("US dollars")),
    )
    sizes = at_each("players", "players", [row["players"] for row in rows])
    return lines(frame, sizes, logarithmic("", AS_DOLLARS, ends(rows)), rows)


def _description(rows: Sequence[Row], panels: Sequence[str]) -> str:
    largest = max(row["players"] for row in rows)
    said = spans([row for row in rows if row["players"] == largest], dollars, panels)
    return (
        f"US dollars by the price table and the model; both axes are logarithmic. At {whole(largest)} players: {said}."
    )


def dollars(usd: float) -> str:
    """Return an amount in whole dollars."""
    return f"${usd:,.0f}"
