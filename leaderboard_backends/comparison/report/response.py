"""Response time at given rates, counted from the intended start of each operation, so that stalls show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ...numerals import significant, whole
from ..advice.need import time_words
from ..document import NOTHING, Section, Table, Value, median_of, middle_of, number
from ..measurements import Measured, Measurements, Place
from ..named_figures import IDLE, Statistic
from ..statistics import interval
from .plots import AS_NUMBER, AS_TIME, BEHIND, Axis, Plot, PlotRow, panels_of, rounded, rows_at, spans, usual
from .tables import Row, by_class, by_place, cells_by_class, filled, marked, partly_replayed, row_of, table_of

NAME: Final = "response-times"
TITLE: Final = "Response times at given rates"

INTRODUCTION: Final = (
    "One client receives operations at a fixed rate (per second), ready or not, and each is timed **from its intended "
    "start**: a stall delays every operation that was due meanwhile. Where a backend does not keep up, waiting times "
    "would grow without end; the table has the rate that it reached instead. Several clients, processes with a board "
    "each or tasks of one event loop, climb the rates up to the first that the backend does not keep up with."
)
HARNESS: Final = (
    "The same rates with a board that does nothing: each time above contains this much of the harness itself."
)

PERCENTILES: Final[dict[str, Statistic]] = {"#p50, µs": "p50", "#p99, µs": "p99", "#p99.9, µs": "p999"}

_TIMES: Final = "|".join(PERCENTILES)
_ROOM: Final = 1.6
"""Above the highest figure of a chart, for the names of those that fell behind, as a factor."""


def response_section(m: Measurements) -> Section:
    """Return response times by rate, and what the harness adds to each."""
    found = by_place(m, "response", lambda place: [*_tables(m, place)])
    if not found:
        return Section(NAME, TITLE, ["This comparison measured no response times with figures."])
    return Section(NAME, TITLE, [INTRODUCTION, *partly_replayed(m)], sections=found)


def _tables(m: Measurements, place: Place) -> Iterator[Table]:
    measured = m.measured("response", m.in_class_order, place)
    rates = sorted({rate for one in measured for rate in one.by_amount("rate", "kept_up")})
    rows = ((one.label, _row(one, rate)) for rate in rates for one in measured if one.values("rate", "kept_up", rate))
    tables = by_class(m, f"#rate|backend|{_TIMES}|#reached|#runs|marks", rows)
    if tables:
        yield from tables
        several = f"backend|clients|#rate|{_TIMES}|#reached|#runs|marks"
        yield from cells_by_class(m, place, several, _several, "Several clients")
        yield from filled(_harness(m, place))


def _several(one: Measured) -> Iterator[Row]:
    """Yield a row for each kind and number of clients at each rate."""
    for clients in one.variants("rate"):
        for rate in one.by_amount("rate", "kept_up", clients):
            said, label, *rest = _row(one, rate, clients)
            yield row_of(label, clients, said, *rest)


def _row(one: Measured, rate: float, clients: str = "") -> Row:
    kept_up, reached = (one.values("rate", statistic, rate, clients) for statistic in ("kept_up", "achieved"))
    behind = sum(not kept for kept in kept_up.values())
    times = [median_of(one.values("rate", statistic, rate, clients)) for statistic in PERCENTILES.values()]
    if behind == len(kept_up):
        said = f"did not keep up (reached {middle_of(reached).text}/s)"
        times = [Value(said, tone="bad"), *[NOTHING] * (len(PERCENTILES) - 1)]
    marks = marked(one, *([f"{behind} did not keep up"] if 0 < behind < len(kept_up) else []))
    return row_of(number(rate, significant), one.label, *times, middle_of(reached), len(kept_up), marks)


def _idle(measured: Iterable[Measured], statistic: Statistic) -> dict[float, dict[int, float]]:
    """Return a figure of the board that does nothing by rate, numbered over the runs of all backends."""
    found: dict[float, list[float]] = {}
    for one in measured:
        for rate, values in one.by_amount(IDLE, statistic).items():
            found.setdefault(rate, []).extend(values.values())
    return {rate: dict(enumerate(values)) for rate, values in sorted(found.items())}


def _harness(m: Measurements, place: Place) -> Table:
    """Return the table of a board that does nothing, over the runs of all backends."""
    measured = [one for one in m.cells.values() if one.place == place]  # A/A runs as well
    times = [_idle(measured, statistic) for statistic in PERCENTILES.values()]
    rows = (
        row_of(number(rate, significant), *(median_of(one.get(rate, {})) for one in times), len(runs))
        for rate, runs in _idle(measured, "kept_up").items()
    )
    return table_of("What the harness adds", f"#rate|{_TIMES}|#runs", rows, HARNESS)


# ---------------------------------------------------------------------- the chart


def response_plots(m: Measurements) -> Iterator[Plot]:
    """Yield p99 by rate, at the usual workload and size, with the harness alone, and who fell behind."""
    measured = usual(m, "response")
    rows = [*rows_at(m, measured, "p99", "rate", "rate")]
    if not rows:
        return
    place, panels = measured[0].place, panels_of(rows)
    idle, behind = [*_idle_rows(measured, panels)], _behind(m, measured, panels)
    every = [*rows, *_behind_rows(behind), *idle]
    numbers = [row[end] * _ROOM for row in rows for end in ("low", "high")] + [row["value"] for row in idle]
    least = min(row["rate"] for row in rows)
    first = [row for row in rows if row["rate"] == least]
    said = (
        f"The time that 99 of 100 operations took at most, counted from their intended start, one client, workload "
        f"{place.workload}, {whole(place.players)} players; the dotted line is the harness alone. At {whole(least)} a "
        f"second: {spans(first, time_words, panels)}.{_behind_words(behind)}"
    )
    title, heading, number = "Response time by rate, p99", "operations per second", "p99, µs"
    x, y = Axis(heading, AS_NUMBER, [row["rate"] for row in every], "rate"), Axis("", AS_TIME, numbers)
    yield Plot("lines", "response", title, said, m.labels, every, x, number, y, before={"rate": heading})


def _idle_rows(measured: Sequence[Measured], panels: Sequence[str]) -> Iterator[PlotRow]:
    for rate, times in _idle(measured, "p99").items():
        middle = interval([*times.values()]).middle
        told = {"value": rounded(middle), "told": f"{significant(middle)} µs"}
        yield from ({"what": IDLE, "panel": name, "rate": rate} | told for name in panels)


Behind = Mapping[tuple[str, float], list[str]]
"""By panel and rate, the backends that did not keep up in some of their processes."""


def _behind(m: Measurements, measured: Sequence[Measured], panels: Sequence[str]) -> Behind:
    found: dict[tuple[str, float], list[str]] = {}
    for one in measured:
        for rate, kept_up in one.by_amount("rate", "kept_up").items():
            if m.durability(one.label) in panels and not all(kept_up.values()):
                found.setdefault((m.durability(one.label), rate), []).append(one.label)
    return found


def _behind_rows(behind: Behind) -> Iterator[PlotRow]:
    for (panel, rate), backends in behind.items():
        mark = backends[0] if len(backends) == 1 else len(backends)
        yield {"what": BEHIND, "panel": panel, "rate": rate, "mark": f"▲ {mark}", "who": ", ".join(backends)}


def _behind_words(behind: Behind) -> str:
    rates: dict[str, list[float]] = {}
    for (_, rate), backends in behind.items():
        for label in backends:
            rates.setdefault(label, []).append(rate)
    who = "; ".join(f"{name} at {' and '.join(map(whole, sorted(found)))} per second" for name, found in rates.items())
    return f" ▲ did not keep up: {who}." if who else ""
