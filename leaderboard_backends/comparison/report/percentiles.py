"""Every percentile of every service time, as detail: what was counted, and what no other table has room for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from statistics import median
from typing import Final

from ...numerals import Write, significant, whole
from ..document import Section, Table, Value, anchor, columns, number, operation_title, word
from ..figures import ProgramFigures
from ..measurements import TIME_FIELDS, Measured, Measurements, Place, Statistic
from .by_class import Row, cells_by_class

INTRODUCTION: Final = (
    "Times are in microseconds, medians over processes. A percentile is reported where a sample lies beyond it, p99.9 "
    "from 10,000 samples on. The result file has the histogram of all samples of each process."
)

TIMES: Final[dict[str, tuple[Statistic, Write]]] = {
    "#samples": ("samples", whole),
    "#mean": ("mean", significant),
    "#p50": ("p50", significant),
    "#p95": ("p95", significant),
    "#p99": ("p99", significant),
    "#p99.9": ("p999", significant),
    "#slowest": ("maximum", significant),
}


def percentiles_section(m: Measurements) -> Section:
    """Return medians over processes of each percentile, by workload and size, and those of programs."""
    sections = [_of_place(m, place) for place in m.places("service")]
    return Section(
        "percentiles",
        "Every percentile",
        [INTRODUCTION],
        [*_programs(m)],
        sections=[section for section in sections if section.tables],
        detail=True,
    )


def _of_place(m: Measurements, place: Place) -> Section:
    head = columns("backend", "operation", *TIMES, "#planned")
    tables = cells_by_class(m, "service", head, _rows, place=place)
    return Section(anchor("percentiles", place.workload, place.players), place.title, tables=tables)


def _rows(one: Measured) -> Iterator[Row]:
    for operation in one.operations:
        times = [_median(one.values(operation, statistic).values(), write) for statistic, write in TIMES.values()]
        planned = number(median(one.values(operation, "planned").values()))
        yield [word(one.label), word(operation_title(operation)), *times, planned]


def _programs(m: Measurements) -> Iterator[Table]:
    """Yield the table of programs, where any was run."""
    rows = [row for one in m.cells.values() for row in _program(one)]
    if rows:
        head = columns("program", "#players", "operation", *TIMES, "#processes")
        yield Table("Programs of plug-ins", head, rows)


def _program(one: Measured) -> Iterator[Row]:
    timings = [each for run in one.runs if isinstance(run.figures, ProgramFigures) for each in run.figures.timings]
    for operation in dict.fromkeys(each.operation for each in timings):
        times = [each.time for each in timings if each.operation == operation]
        told = [
            _median([getattr(time, TIME_FIELDS[statistic]) for time in times], write)
            for statistic, write in TIMES.values()
        ]
        name, players = word(one.label), number(one.cell.players)
        yield [name, players, word(operation_title(operation)), *told, number(len(times))]


def _median(values: Iterable[float | None], write: Write) -> Value:
    known = [value for value in values if value is not None]
    return number(median(known) if known else None, write)
