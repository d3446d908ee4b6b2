"""How the samples of an operation are spread: a shape for each backend, with its percentiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

import altair as alt

from ....numerals import significant, whole
from ...advice.need import time_words
from ...document import Chart, anchor, operation_title
from ...schema import BUCKET, Distribution, Figures, Result, Run, ServiceFigures
from ...statistics import interval, operations_of, runs_of
from .axes import AS_TIME, Axis, logarithmic
from .panels import Frame, Stacked, known_labels, number_columns, on_lines
from .rows import FIGURE, MAIN, Place, Row, class_names, figure, of_part, panel, panels_of, rounded, spans, usual_place

SHAPE: Final = "shape"
"""The kind of a row that is one bucket of the samples, from `time` to `until`; `width` is in pixels."""

PERCENTILES: Final = {"p50": ("p50_us", 24.0), "p99": ("p99_us", 16.0), "p99.9": ("p999_us", 8.0)}
"""The field of each, and how long its mark is in pixels."""

_BACKEND: Final = 38
_THICKEST: Final = 24.0
_THINNEST: Final = 1.0


def distributions(result: Result) -> Iterator[Chart]:
    """Yield a chart for each of the main operations, at the workload and size with the most runs."""
    place = usual_place(result, "service")
    if place is None:
        return
    runs = {backend: runs_of(result, *place, backend) for backend in class_names(result)}
    measured = operations_of(run for found in runs.values() for run in found)
    for operation in [name for name in MAIN if name in measured] or measured[:1]:
        yield _chart(result, place, operation, runs)


def _chart(result: Result, place: Place, operation: str, runs: dict[str, list[Run]]) -> Chart:
    durability = class_names(result)
    rows = [
        row
        for backend, found in runs.items()
        for row in _of_backend(panel(durability[backend]), backend, operation, found)
    ]
    panels = panels_of(rows, durability.values())
    frame = Frame(
        anchor("distribution", operation),
        f"{operation_title(operation).capitalize()}: distribution of the time",
        _description(place, rows, panels),
        known_labels(result),
        panels,
        (("backend", "backend"), ("panel", "durability"), ("part", "percentile"), *number_columns("µs")),
    )
    times = logarithmic("", AS_TIME, [row["time"] for row in rows])
    return frame.stacked(partial(_layers, frame, times), rows, "backend", _BACKEND)


def _of_backend(name: str, backend: str, operation: str, runs: Sequence[Run]) -> Iterator[Row]:
    found = [each for run in runs if (each := _time(run.figures, operation)) is not None]
    for start, end, width in _shape(found):
        yield {"what": SHAPE, "panel": name, "backend": backend, "time": start, "until": end, "width": width}
    for percentile, (field, tick) in PERCENTILES.items():
        known: list[float] = [told for each in found if (told := getattr(each, field)) is not None]
        if known:
            at = interval(known)
            middle = rounded(at.middle)
            yield figure(name, backend, at, significant, part=percentile, time=middle, tick=tick)


def _time(figures: Figures | None, operation: str) -> Distribution | None:
    timed = figures.operations.get(operation) if isinstance(figures, ServiceFigures) else None
    return None if timed is None else timed.time


def _shape(found: Sequence[Distribution]) -> Iterator[tuple[float, float, float]]:
    """Yield the ends of each bucket of all processes together, with the thickness of the shape there."""
    counted: Counter[int] = Counter()
    for time in found:
        for place, count in enumerate(time.histogram.counts, time.histogram.first):
            counted[place] += count
    most = max(counted.values(), default=0)
    for place in sorted(place for place, count in counted.items() if count):
        start, end = (BUCKET**bucket / 1000 for bucket in (place, place + 1))
        yield rounded(start), rounded(end), round(max(_THINNEST, _THICKEST * counted[place] / most), 1)


def _layers(frame: Frame, times: Axis, panel: Stacked) -> list[alt.Chart]:
    axis = panel.across(times.title, times.label, times.ticks)
    names = alt.Axis(grid=False, labelExpr=on_lines("datum.label"))
    base = alt.Chart().encode(
        x=alt.X("time:Q", scale=times.scale, axis=axis),
        y=alt.Y("backend:N", scale=panel.names, title=None, axis=names),
    )
    shape = base.transform_filter(f"datum.what === '{SHAPE}'").mark_rule(opacity=0.75)
    marks = base.transform_filter(f"datum.what === '{FIGURE}'").mark_tick(thickness=2)
    return [
        shape.encode(x2="until:Q", size=alt.Size("width:Q", scale=None), color=frame.colour()),
        marks.encode(size=alt.Size("tick:Q", scale=None), tooltip=frame.tooltip),
    ]


def _description(place: Place, rows: Sequence[Row], panels: Sequence[str]) -> str:
    said = spans(of_part(rows, "p99"), time_words, panels)
    return (
        f"All samples of all processes, workload {place.workload}, {whole(place.players)} players, on a logarithmic "
        f"axis: the thicker the shape, the more samples. The long mark is the p50, the shorter ones p99 and p99.9, "
        f"each the median over processes.{f' p99: {said}.' if said else ''}"
    )
