"""Operations per second: the throughput of several clients and of batches, and response times at given rates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from statistics import median
from typing import Final, Literal, TypeAlias

from ...numerals import percent, significant, times, whole
from ..advice.need import time_words
from ..document import NOTHING, Section, Table, Value, median_of, middle_of, number
from ..measurements import Measured, Measurements, Place, Values
from ..named_figures import IDLE, Statistic
from .circumstances import partly_replayed
from .plots import AS_NUMBER, AS_TIME, BEHIND, Axis, Plot, PlotRow, at_end, panels_of, plot, rounded, rows_at, usual
from .tables import Row, by_class, by_place, cells_by_class, filled, marked, row_of, section, table_of, words

BUSY_FROM: Final = 0.7
"""Share of a core at which a single-threaded server counts as the limit."""

ALL_FROM: Final = 0.8
"""Share of the cores available to clients from which on they count as using all."""

KINDS: Final = ("threads", "processes", "tasks")

Limit: TypeAlias = Literal["server", "client-bound", "processor", "waiting"]
"""What kept clients from more operations per second."""


def throughput_section(m: Measurements) -> Section:
    """Return operations per second by clients and kind, and of batches."""
    clients = "backend|kind|#clients|#per second|#ratio|#client cores|#server cores|held back by|#runs|marks"
    batches = "backend|#updates per call|#updates per second|#ratio|#runs"

    def tables(place: Place) -> list[Table]:
        of_clients = cells_by_class(m, place, clients, partial(_clients, m), "Clients")
        return [*of_clients, *cells_by_class(m, place, batches, _batches, "Batches, one client")]

    found = by_place(m, "throughput", tables)
    return section("throughput", sections=found, more=partly_replayed(m), busy=percent(BUSY_FROM))


def _clients(m: Measurements, one: Measured) -> Iterator[Row]:
    for kind in KINDS:
        rates = one.by_amount(kind, "per_second")
        for clients, rate in rates.items():
            mine, server = one.values(kind, "client_cores", clients), one.values(kind, "server_cores", clients)
            used, by_server = median(mine.values()), median(server.values()) if server else None
            held_back = limit(kind, clients, used, by_server, m.result.machine.cores)
            rated = median_of(rate), _by(rate, rates.get(1))
            cores = number(used, significant), number(by_server, significant)
            yield row_of(one.label, kind, clients, *rated, *cores, held_back, len(rate), marked(one))


def limit(kind: str, clients: float, client_cores: float, server_cores: float | None, cores: float) -> Limit:
    """Return what limited clients, by the cores that they and the server used of those that there are."""
    if server_cores is not None and server_cores >= BUSY_FROM:
        return "server"
    available = min(float(clients), cores - (server_cores or 0.0)) if kind == "processes" else 1.0
    if client_cores < ALL_FROM * available:
        return "waiting"
    return "processor" if server_cores is None else "client-bound"


def _by(rate: Values, other: Values | None) -> Value:
    least = median(other.values()) if other else 0.0
    return number(median(rate.values()) / least if least else None, times)


def _batches(one: Measured) -> Iterator[Row]:
    by_size = one.by_amount("batch", "per_second")
    smallest = next(iter(by_size.values()), None)
    for size, rate in by_size.items():
        yield row_of(one.label, size, median_of(rate), _by(rate, smallest), len(rate))


def throughput_plots(m: Measurements) -> Iterator[Plot]:
    """Yield operations per second of several clients and of batches, at the usual workload and size."""
    found = usual(m, "throughput")
    clients = [row for kind in KINDS for row in rows_at(m, found, "per_second", kind, "clients", kind)]
    batches = [*rows_at(m, found, "per_second", "batch", "size")]
    for name, field, rows in (("throughput", "clients", clients), ("batches", "size", batches)):
        if rows:
            yield plot(m, name, rows, AS_NUMBER, place=found[0].place, **at_end(rows, field, whole))


# ---------------------------------------------------------------------- response times at given rates

PERCENTILES: Final[dict[str, Statistic]] = {"#p50, µs": "p50", "#p99, µs": "p99", "#p99.9, µs": "p999"}

_TIMES: Final = "|".join(PERCENTILES)
_ROOM: Final = 1.6
"""Above the highest figure of a chart, for the names of those that fell behind, as a factor."""


def response_section(m: Measurements) -> Section:
    """Return response times by rate, and what the harness adds to each."""
    found = by_place(m, "response", lambda place: [*_tables(m, place)])
    return section("response-times", sections=found, more=partly_replayed(m))


def _tables(m: Measurements, place: Place) -> Iterator[Table]:
    measured = m.measured("response", m.in_class_order, place)
    rates = sorted({rate for one in measured for rate in one.by_amount("rate", "kept_up")})
    rows = ((one.label, _row(one, rate)) for rate in rates for one in measured if one.values("rate", "kept_up", rate))
    tables = by_class(m, f"#rate|backend|{_TIMES}|#reached|#runs|marks", rows)
    if tables:
        yield from tables
        several = f"backend|clients|#rate|{_TIMES}|#reached|#runs|marks"
        yield from cells_by_class(m, place, several, _several, "Several clients")
        every = [one for one in m.cells.values() if one.place == place]  # A/A runs as well
        timed = [_idle(every, statistic) for statistic in PERCENTILES.values()]
        harness = (
            row_of(number(rate, significant), *(median_of(one.get(rate, {})) for one in timed), len(runs))
            for rate, runs in _idle(every, "kept_up").items()
        )
        yield from filled(table_of("What the harness adds", f"#rate|{_TIMES}|#runs", harness, words("harness")))


def _several(one: Measured) -> Iterator[Row]:
    for clients in one.variants("rate"):
        for rate in one.by_amount("rate", "kept_up", clients):
            said, label, *rest = _row(one, rate, clients)
            yield row_of(label, clients, said, *rest)


def _row(one: Measured, rate: float, clients: str = "") -> Row:
    kept_up, reached = (one.values("rate", statistic, rate, clients) for statistic in ("kept_up", "achieved"))
    behind = sum(not kept for kept in kept_up.values())
    timed = [median_of(one.values("rate", statistic, rate, clients)) for statistic in PERCENTILES.values()]
    if behind == len(kept_up):
        said = f"did not keep up (reached {middle_of(reached).text}/s)"
        timed = [Value(said, tone="bad"), *[NOTHING] * (len(PERCENTILES) - 1)]
    marks = marked(one, *([f"{behind} did not keep up"] if 0 < behind < len(kept_up) else []))
    return row_of(number(rate, significant), one.label, *timed, middle_of(reached), len(kept_up), marks)


def _idle(measured: Iterable[Measured], statistic: Statistic) -> dict[float, dict[int, float]]:
    """Return a figure of the board that does nothing by rate, numbered over the runs of all backends."""
    found: dict[float, list[float]] = {}
    for one in measured:
        for rate, values in one.by_amount(IDLE, statistic).items():
            found.setdefault(rate, []).extend(values.values())
    return {rate: dict(enumerate(values)) for rate, values in sorted(found.items())}


def response_plots(m: Measurements) -> Iterator[Plot]:
    """Yield p99 by rate, at the usual workload and size, with the harness alone, and who fell behind."""
    measured = usual(m, "response")
    rows = [*rows_at(m, measured, "p99", "rate", "rate")]
    if not rows:
        return
    panels = panels_of(rows)
    (behind, late), idle = _behind(m, measured, panels), list[PlotRow]()
    for rate, timed in _idle(measured, "p99").items():
        middle = median(timed.values())
        told = {"rate": rate, "value": rounded(middle), "told": f"{significant(middle)} µs"}
        idle += [{"what": IDLE, "panel": name, **told} for name in panels]
    numbers = [row[end] * _ROOM for row in rows for end in ("low", "high")] + [row["value"] for row in idle]
    said, every = at_end(rows, "rate", time_words, min), [*rows, *behind, *idle]
    made = plot(m, "response", every, AS_TIME, place=measured[0].place, behind=late, **said)
    yield made._replace(y=Axis("", AS_TIME, numbers))


def _behind(m: Measurements, measured: Iterable[Measured], panels: Sequence[str]) -> tuple[list[PlotRow], str]:
    """Return rows of the backends that did not keep up with a rate in some of their processes, and the same as text."""
    found: dict[tuple[str, float], list[str]] = {}
    for one in measured:
        for rate, kept_up in one.by_amount("rate", "kept_up").items():
            if m.durability(one.label) in panels and not all(kept_up.values()):
                found.setdefault((m.durability(one.label), rate), []).append(one.label)
    rows, rates = list[PlotRow](), dict[str, list[float]]()
    for (panel, rate), labels in found.items():
        mark = f"▲ {labels[0] if len(labels) == 1 else len(labels)}"
        rows.append({"what": BEHIND, "panel": panel, "rate": rate, "mark": mark, "who": ", ".join(labels)})
        for label in labels:
            rates.setdefault(label, []).append(rate)
    who = "; ".join(f"{name} at {' and '.join(map(whole, sorted(late)))} per second" for name, late in rates.items())
    return rows, f" ▲ did not keep up: {who}." if who else ""
