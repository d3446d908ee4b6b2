"""Response time at given rates, from the intended start of each operation, and who fell behind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import altair as alt

from ....numerals import significant, whole
from ...advice.need import time_words
from ...document import Chart
from ...schema import Figures, RateFigures, ResponseFigures, Result
from ...statistics import interval, runs_of
from .axes import AS_TIME, at_each, logarithmic
from .lines import lines
from .panels import Frame, known_labels, number_columns
from .rows import Place, Reading, Row, class_names, ends, measured, panels_of, rounded, spans, usual_place

BEHIND: Final = "behind"
"""The kind of a row that lists the backends of a panel that did not keep up with a rate."""

IDLE: Final = "idle"
"""The kind of a row with the time that the harness itself adds."""


_ROOM: Final = 1.6
"""Above the highest figure, for the names of those that fell behind, as a factor."""


def response(result: Result) -> Iterator[Chart]:
    """Yield a chart of p99 by rate, at the workload and size with the most such runs."""
    place = usual_place(result, "response")
    rows = [*measured(result, place, _p99, significant, "rate")] if place else []
    if place is None or not rows:
        return
    panels = panels_of(rows, class_names(result).values())
    idle, behind = [*_idle(result, place, panels)], _behind(result, place, panels)
    frame = Frame(
        "response",
        "Response time by rate, p99",
        _description(place, rows, behind, panels),
        known_labels(result),
        panels,
        (
            ("backend", "backend"),
            ("panel", "durability"),
            ("rate", "operations per second"),
            *number_columns("p99, µs"),
        ),
    )
    every = [*rows, *_behind_rows(behind), *idle]
    rates = at_each("rate", "operations per second", [row["rate"] for row in every])
    times = logarithmic("", AS_TIME, [*(end * _ROOM for end in ends(rows)), *(row["value"] for row in idle)])
    across, up = alt.X("rate:Q", scale=rates.scale, axis=rates.axis), alt.Y("value:Q", scale=times.scale)
    yield lines(frame, rates, times, every, [_harness(across, up), _fell_behind(across)])


def _rates(figures: Figures | None) -> Sequence[RateFigures]:
    return figures.rates if isinstance(figures, ResponseFigures) else ()


def _p99(figures: Figures) -> Iterator[Reading]:
    for rate in _rates(figures):
        if rate.response is not None and rate.response.p99_us:
            yield Reading("", rate.rate, rate.response.p99_us)


def _idle(result: Result, place: Place, panels: Sequence[str]) -> Iterator[Row]:
    found: dict[float, list[float]] = {}
    for run in (run for backend in class_names(result) for run in runs_of(result, *place, backend)):
        for rate in run.figures.idle if isinstance(run.figures, ResponseFigures) else ():
            if rate.response is not None and rate.response.p99_us:
                found.setdefault(rate.rate, []).append(rate.response.p99_us)
    for each, times in sorted(found.items()):
        middle = interval(times).middle
        told = {"value": rounded(middle), "told": f"{significant(middle)} µs"}
        yield from ({"what": IDLE, "panel": name, "rate": each} | told for name in panels)


class Behind(NamedTuple):
    """A backend that did not keep up with a rate in some of its processes."""

    panel: str
    backend: str
    rate: float


def _behind(result: Result, place: Place, panels: Sequence[str]) -> list[Behind]:
    found = [
        Behind(durability, backend, rate.rate)
        for backend, durability in class_names(result).items()
        for run in runs_of(result, *place, backend)
        for rate in _rates(run.figures)
        if rate.response is None and durability in panels
    ]
    return list(dict.fromkeys(found))


def _behind_rows(behind: Sequence[Behind]) -> Iterator[Row]:
    """Yield a row for each rate that some backends of a panel did not keep up with."""
    for panel, rate in dict.fromkeys((each.panel, each.rate) for each in behind):
        backends = [each.backend for each in behind if (each.panel, each.rate) == (panel, rate)]
        mark = backends[0] if len(backends) == 1 else len(backends)
        yield {"what": BEHIND, "panel": panel, "rate": rate, "mark": f"▲ {mark}", "who": ", ".join(backends)}


def _harness(across: alt.X, up: alt.Y) -> alt.Chart:
    tooltip = [alt.Tooltip("rate:Q", title="operations per second"), alt.Tooltip("told:N", title="the harness alone")]
    idle = alt.Chart().transform_filter(f"datum.what === '{IDLE}'")
    drawn: alt.Chart = idle.mark_line(strokeDash=[2, 3], strokeWidth=1.5).encode(x=across, y=up, tooltip=tooltip)
    return drawn


def _fell_behind(across: alt.X) -> alt.Chart:
    behind = alt.Chart().transform_filter(f"datum.what === '{BEHIND}'")
    tooltip = [alt.Tooltip("rate:Q", title="operations per second"), alt.Tooltip("who:N", title="did not keep up")]
    drawn: alt.Chart = behind.mark_text(baseline="top", dy=2).encode(
        x=across, y=alt.value(0), text="mark:N", tooltip=tooltip
    )
    return drawn


def _description(place: Place, rows: Sequence[Row], behind: Sequence[Behind], panels: Sequence[str]) -> str:
    least = min(row["rate"] for row in rows)
    said = spans([row for row in rows if row["rate"] == least], time_words, panels)
    backends = dict.fromkeys(each.backend for each in behind)
    rates = {name: sorted(each.rate for each in behind if each.backend == name) for name in backends}
    who = "; ".join(f"{name} at {' and '.join(map(whole, found))} per second" for name, found in rates.items())
    fell = f" ▲ did not keep up: {who}." if who else ""
    return (
        f"The time that 99 of 100 operations took at most, counted from their intended start, one client, workload "
        f"{place.workload}, {whole(place.players)} players; the dotted line is the harness alone. At {whole(least)} a "
        f"second: {said}.{fell}"
    )
