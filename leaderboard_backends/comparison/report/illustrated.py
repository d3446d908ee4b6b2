"""Putting each chart into the section that it is about, for reports that can show pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..cost.sections import cost_points
from ..document import Chart, Section
from ..schema import Result
from .charts import CostPoint, charts, cost_charts
from .classes import labels

OF_SECTION: Final[dict[str, tuple[str, ...]]] = {
    "cost": ("cost",),
    "service-times": ("distribution",),
    "growth": ("scaling",),
    "throughput": ("throughput", "batches"),
    "response-times": ("response",),
    "memory-and-disk": ("memory", "disk"),
    "crash-recovery": ("recovery",),
}
"""Charts by section: those with this name, or with this name and a suffix after a hyphen."""


def pictures(result: Result) -> dict[str, Chart]:
    """Return every chart of a result, costs included. Raises `MissingExtraError` without Altair."""
    points = [
        CostPoint(point.backend, facts.durability, point.players, point.monthly, point.total)
        for point in cost_points(result)
        if (facts := result.facts(point.backend)) is not None and point.monthly is not None
    ]
    return {**charts(result), **cost_charts(points, labels(result))}


def illustrated(sections: Sequence[Section], charts: Mapping[str, Chart]) -> list[Section]:
    """Return the sections with their charts; a chart without a section is left out."""
    return [replace(section, charts=[*section.charts, *_about(section.name, charts)]) for section in sections]


def _about(section: str, charts: Mapping[str, Chart]) -> list[Chart]:
    names = OF_SECTION.get(section, ())
    return [chart for name, chart in charts.items() if any(name == one or name.startswith(f"{one}-") for one in names)]
