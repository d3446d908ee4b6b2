"""How the time of each operation grows with the board."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ....numerals import significant, whole
from ...advice.need import time_words
from ...analysis.scaling import Curve, curves
from ...document import Chart, anchor, operation_title
from ...schema import Result
from ...statistics import sizes_of
from .axes import AS_TIME, at_each, logarithmic
from .lines import lines
from .panels import Frame, known_labels, number_columns
from .rows import MAIN, Row, class_names, ends, figure, panel, panels_of, spans

SIZES_NEEDED: Final = 2
"""Fewer sizes would show no growth."""

_COLUMNS: Final = (("backend", "backend"), ("panel", "durability"), ("players", "players"), *number_columns("p50, µs"))


def scaling(result: Result) -> Iterator[Chart]:
    """Yield a chart for each operation of the workload with the most sizes; none if it has a single size."""
    sizes = {facts.name: sizes_of(result, "service", facts.name) for facts in result.workloads}
    workload = max(sizes, key=lambda name: len(sizes[name]), default="")
    by_operation: dict[str, list[Curve]] = {}
    for curve in curves(result):
        if curve.workload == workload and len(sizes[workload]) >= SIZES_NEEDED:
            by_operation.setdefault(curve.figure.part, []).append(curve)
    for operation in sorted(by_operation, key=lambda name: MAIN.index(name) if name in MAIN else len(MAIN)):
        yield from _chart(result, operation, workload, by_operation[operation])


def _chart(result: Result, operation: str, workload: str, found: Sequence[Curve]) -> Iterator[Chart]:
    rows = [*_rows(result, found)]
    if not rows:
        return
    panels = panels_of(rows, class_names(result).values())
    frame = Frame(
        anchor("scaling", operation),
        f"{operation_title(operation).capitalize()}: time by board size",
        _description(rows, workload, panels),
        known_labels(result),
        panels,
        (*_COLUMNS, ("cut", "cut short")),
    )
    sizes = at_each("players", "players", [row["players"] for row in rows])
    yield lines(frame, sizes, logarithmic("", AS_TIME, ends(rows)), rows)


def _rows(result: Result, found: Sequence[Curve]) -> Iterator[Row]:
    durability = class_names(result)
    for curve in found:
        for players, time_us, cut in curve.points:
            name = panel(durability[curve.backend])
            if time_us.low > 0:  # a logarithmic axis has no 0
                yield figure(name, curve.backend, time_us, significant, players=players, cut=cut)


def _description(rows: Sequence[Row], workload: str, panels: Sequence[str]) -> str:
    largest = max(row["players"] for row in rows)
    said = spans([row for row in rows if row["players"] == largest], time_words, panels)
    cut = " Hollow points were cut short by the time limit." if any(row["cut"] for row in rows) else ""
    return (
        f"p50 of one operation, one client, workload {workload}, with 95 % intervals over processes; both axes are "
        f"logarithmic.{cut} At {whole(largest)} players: {said}."
    )
