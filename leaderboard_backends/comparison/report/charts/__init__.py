"""The charts of a report: Vega-Lite specifications made from a result alone, and their files.

The arrows: `palette, rows, axes <- panels <- lines, bars <- scaling, distribution, throughput, response, memory,
drills, cost <- every`. Altair and vl-convert are imported when the first chart is made, and not before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...document import Chart
from ...schema import Result
from ..extra import report_extra
from .rows import CostPoint

__all__ = ["CostPoint", "chart_files", "charts", "cost_charts"]


def charts(result: Result) -> dict[str, Chart]:
    """Return all charts that a result has figures for, by name, in the order in which they are best read.

    `scaling-OPERATION` and `distribution-OPERATION`, `throughput`, `batches`, `response`, `memory`, `disk`, `recovery`.
    Raises `MissingExtraError` without Altair.
    """
    with report_extra():
        from .every import every_chart  # noqa: PLC0415 - Altair is an extra, and takes a while to import
    return {chart.name: chart for chart in every_chart(result)}


def cost_charts(points: Sequence[CostPoint], labels: Sequence[str], years: float = 5) -> dict[str, Chart]:
    """Return the charts `cost-monthly` and `cost-total`, those left out that have no amount above 0.

    `labels` are all backends of the report, so that each has its colour. Raises `MissingExtraError` without Altair.
    """
    with report_extra():
        from . import cost  # noqa: PLC0415 - as above
    return {chart.name: chart for chart in cost.cost_charts(points, labels, years)}


def chart_files(charts: Iterable[Chart], *, png: bool = False) -> dict[str, bytes]:
    """Return each chart as SVG, and as PNG on demand, drawn for a light and for a dark page: `NAME-light.svg`.

    Raises `MissingExtraError` without vl-convert. Cost: some 50 ms per file, after a start of a second.
    """
    with report_extra():
        from .files import drawn  # noqa: PLC0415 - as above
    return {name: content for chart in charts for name, content in drawn(chart, png=png)}
