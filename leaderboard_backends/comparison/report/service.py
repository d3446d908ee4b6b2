"""Service times: how long single operations take, one client, one call after the other; and loading whole boards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from math import inf
from statistics import median
from typing import Final

from ...numerals import elapsed, significant, times, whole
from ...workload.operations import OPERATIONS
from ..advice.need import time_words
from ..document import NOTHING, Section, Table, Value, anchor, median_of, middle_of, operation_title, quoted
from ..figures import BUCKET, ProgramFigures, ServiceFigures
from ..measurements import Measured, Measurements, NoiseClass
from ..named_figures import TIME_FIELDS, Judged, Statistic
from ..statistics import ENOUGH_PROCESSES, Interval, differs, interval, ratio
from .circumstances import partly_replayed
from .plots import AS_TIME, MAIN, SHAPE, Plot, PlotRow, figure, of_part, plot, rounded, spans, usual
from .tables import Row, by_class, by_place, cells_by_class, marked, median_in, row_of, section, table_of, words

FASTEST: Final = "*"
"""Marks the figure of the fastest backend."""

SAME: Final = "≈"
"""Marks a ratio that says nothing: within the noise, or of too few processes."""


def service_section(m: Measurements) -> Section:
    """Return all service times, by workload and size, and the loading of boards."""
    shown, sizes = m.usual("service"), list[Section]()
    head = "operation|backend|#p50, µs|#ratio|#p99, µs|#per second|#runs|marks"
    for place in m.places("service"):
        without = [label for label in m.labels if not m.at(place, label).runs]
        absent = [f"No figures here: {quoted(without)}. “Without figures” has the reasons."] if without else []
        tables = list[Table]()
        for labels in m.classes.values():
            if measured := m.measured("service", labels, place):
                rows = ((labels[0], row) for row in _rows(m, measured))
                tables += by_class(m, head, rows, note=_note(m, measured))
        detail = shown is None or place.players != shown.players
        sizes.append(Section(anchor("service", *place[1:]), place.title, absent, tables, detail=detail))
    checked = [found for run in m.result.runs if (found := getattr(run.figures, "checked", None)) is not None]
    answers, updates = sum(one.answers for one in checked), sum(one.updates for one in checked)
    more = [*partly_replayed(m), words("checked", runs=len(checked), answers=answers, updates=updates)]
    loading = cells_by_class(m, "service", "backend|workload|#players|#took|#players per second|#runs", _loading)
    inner = [*sizes, section("loading", loading)] if sizes else []
    return section("service-times", sections=inner, more=more, fastest=FASTEST, same=SAME)


def _loading(one: Measured) -> Iterator[Row]:
    took, rate = one.values("load", "seconds"), one.values("load", "players_per_second")
    yield row_of(one.label, *one.place[1:], middle_of(took, elapsed), median_of(rate), len(one.runs))


# ---------------------------------------------------------------------- one workload at one size


def _rows(m: Measurements, measured: Sequence[Measured]) -> Iterator[Row]:
    """Yield the rows of each operation, the least p50 first; what has no p50 comes last."""
    names = dict.fromkeys(name for one in measured for name in one.operations)
    for name in sorted(names, key=lambda name: [*OPERATIONS, name].index(name)):
        p50, p99 = (Ranked(m, measured, name, statistic) for statistic in ("p50", "p99"))
        order = [*p50.order, *(one.label for one in measured)]
        for one in sorted(measured, key=lambda one: order.index(one.label)):
            label, rate = one.label, one.values(name, "per_second")
            if rate:
                cut = one.cut(name)
                marks = [f"n={cut[0]:,}"] if cut else []
                fewer = {"p50": len(p50.times[label]), "p99": len(p99.times[label])}
                marks += [f"{which} of {count}" for which, count in fewer.items() if 0 < count < len(rate)]
                taken = p50.time(label), p50.behind(label), p99.time(label)
                yield row_of(operation_title(name), label, *taken, middle_of(rate), len(rate), marked(one, *marks))


def _note(m: Measurements, measured: Sequence[Measured]) -> str:
    """Return the noise floors of the backends, and whether there are processes enough for a verdict."""
    facts = {NoiseClass.of(known): known for one in measured for known in [m.result.facts(one.label)]}
    floors = []
    for noise, known in facts.items():
        found = {statistic: m.floor(known, "service", statistic).ratio for statistic in ("p50", "p99")}
        said = ", ".join(f"{name} {'not known' if floor == inf else times(floor)}" for name, floor in found.items())
        floors.append(f"{noise.title if noise else 'never opened'} {said}")
    few = min(len(one.runs) for one in measured) < ENOUGH_PROCESSES
    needed = f" A verdict needs {ENOUGH_PROCESSES} processes per row." if few else ""
    return f"Noise floor: {'; '.join(floors)}.{needed}"


class Ranked:
    """One time of several backends, and what of it counts as a difference; less is better."""

    def __init__(self, m: Measurements, measured: Iterable[Measured], operation: str, statistic: Judged) -> None:
        self.m, self.statistic = m, statistic
        self.times = {one.label: one.values(operation, statistic) for one in measured}
        self.order = sorted(filter(self.times.get, self.times), key=lambda label: median(self.times[label].values()))
        """The backends that have it, the least median first."""

    def slower(self, label: str, other: str) -> tuple[Interval, bool] | None:
        """Return by how much a backend is slower than another, and whether that counts; `None` without a ratio."""
        one, two = self.times[label], self.times[other]
        if min([*one.values(), *two.values()]) <= 0:
            return None
        facts = [self.m.result.facts(each) for each in (label, other)]
        floor = max(self.m.floor(each, "service", self.statistic).ratio for each in facts)
        by = ratio(one, two)
        return by, differs(by, floor)

    def time(self, label: str) -> Value:
        """Return a time, with a mark and a tone if it is clearly the fastest."""
        value = median_of(self.times[label])
        first, second = [*self.order, "", ""][:2]
        by = self.slower(second, first) if second and label == first else None
        return value if by is None or not by[1] else value._replace(text=f"{value.text} {FASTEST}", tone="good")

    def behind(self, label: str) -> Value:
        """Return by how much a backend is slower than the fastest one."""
        by = self.slower(label, self.order[0]) if label in self.order and len(self.order) > 1 else None
        if by is None:
            return NOTHING
        (low, middle, high, processes), counts = by
        hint = f"{times(low)} to {times(high)} of {self.order[0]}, {processes} processes"
        return Value(f"{'' if counts or label == self.order[0] else SAME}{times(middle)}", middle, hint=hint)


# ---------------------------------------------------------------------- how samples are spread

PERCENTILES: Final[dict[str, tuple[Statistic, float]]] = {
    "p50": ("p50", 24.0),
    "p99": ("p99", 16.0),
    "p99.9": ("p999", 8.0),
}
"""The statistic of each, and how long its mark is in pixels."""


def distribution_plots(m: Measurements) -> Iterator[Plot]:
    """Yield the distribution of each of the main operations, at the usual workload and size."""
    found = usual(m, "service")
    names = list(dict.fromkeys(name for one in found for name in one.operations))
    for operation in [main for main in MAIN if main in names] or names[:1]:
        rows = [row for one in found for row in _spread(m, one, operation)]
        p99 = spans(of_part(rows, "p99"), time_words, rows)
        title, said = operation_title(operation).capitalize(), f" p99: {p99}." if p99 else ""
        yield plot(m, "distribution", rows, AS_TIME, operation, title=title, place=found[0].place, p99=said)


def _spread(m: Measurements, one: Measured, operation: str) -> Iterator[PlotRow]:
    """Yield a row for each bucket of the samples of all processes, with its thickness, and one for each percentile."""
    counted: Counter[int] = Counter()
    for run in one.runs:
        if isinstance(run.figures, ServiceFigures) and operation in run.figures.operations:
            histogram = run.figures.operations[operation].time.histogram
            counted.update(dict(enumerate(histogram.counts, histogram.first)))
    most, panel = max(counted.values(), default=0), m.durability(one.label)
    for bucket in sorted(bucket for bucket, count in counted.items() if count):
        start, end = (rounded(BUCKET**each / 1000) for each in (bucket, bucket + 1))
        width = round(max(1.0, 24.0 * counted[bucket] / most), 1)  # in pixels
        yield {"what": SHAPE, "panel": panel, "backend": one.label, "time": start, "until": end, "width": width}
    for percentile, (statistic, tick) in PERCENTILES.items():
        if values := one.values(operation, statistic):
            at = interval([*values.values()])
            yield figure(m, one.label, at, significant, part=percentile, time=rounded(at.middle), tick=tick)


# ---------------------------------------------------------------------- every percentile

HEADINGS: Final = "#samples|#mean|#p50|#p95|#p99|#p99.9|#slowest"
STATISTICS: Final[tuple[Statistic, ...]] = ("samples", "mean", "p50", "p95", "p99", "p999", "maximum")


def percentiles_section(m: Measurements) -> Section:
    """Return medians over processes of each percentile, by workload and size, and those of programs."""
    head = f"backend|operation|{HEADINGS}|#planned"
    sections = by_place(m, "service", lambda place: cells_by_class(m, place, head, _percentile_rows), "percentiles")
    rows = (row for one in m.cells.values() for row in _program(one))
    programs = table_of("Programs of plug-ins", f"program|#players|operation|{HEADINGS}|#processes", rows)
    return section("percentiles", [programs] if programs.rows else [], sections)


def _percentile_rows(one: Measured) -> Iterator[Row]:
    for operation in one.operations:
        times = [_median(each, one.values(operation, each).values()) for each in STATISTICS]
        planned = median_in(one.values(operation, "planned").values())
        yield row_of(one.label, operation_title(operation), *times, planned)


def _program(one: Measured) -> Iterator[Row]:
    """Yield the rows of a program; of a backend there are none."""
    timings = [each for run in one.runs if isinstance(run.figures, ProgramFigures) for each in run.figures.timings]
    for operation in dict.fromkeys(each.operation for each in timings):
        times = [each.time for each in timings if each.operation == operation]
        medians = [_median(each, [getattr(time, TIME_FIELDS[each]) for time in times]) for each in STATISTICS]
        yield row_of(one.label, one.cell.players, operation_title(operation), *medians, len(times))


def _median(statistic: Statistic, values: Iterable[float | None]) -> Value:
    return median_in(values, whole if statistic == "samples" else significant)


def hardening_sections(m: Measurements) -> list[Section]:
    """Return p50 by operation and part, and what the part adds; none where that was not measured."""
    head = "backend|operation|part|#p50, µs|#adds, µs|#p99, µs|#runs|marks"
    found = by_place(m, "hardening", lambda place: cells_by_class(m, place, head, _hardening_rows))
    return [section("hardening", sections=found)] if found else []


def _hardening_rows(one: Measured) -> Iterator[Row]:
    operations = dict.fromkeys(figure.part for figure in one.figures)
    for operation, part in ((name, part) for name in operations for part in ("", *one.variants(name))):
        p50, alone = one.values(operation, "p50", variant=part), one.values(operation, "p50")
        added = {round_: time - alone[round_] for round_, time in p50.items() if round_ in alone}
        title, adds = operation_title(operation), median_of(added) if part else None
        p99 = median_of(one.values(operation, "p99", variant=part))
        yield row_of(one.label, title, part or "none", median_of(p50), adds, p99, len(p50), marked(one))
