"""Every percentile of every service time, as detail: what was counted, and what no other table has room for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median
from typing import Final

from ....numerals import Write, significant, whole
from ...document import Section, Table, Value, anchor, number, numbers, operation_title, word, words
from ...schema import Distribution, ProgramFigures, Result, Run, ServiceFigures
from ...statistics import operations_of
from ..classes import DurabilityClass, tables_by_class
from ..marks import places, taken

INTRODUCTION: Final = (
    "Times are in microseconds, medians over processes. A percentile is reported where a sample lies beyond it, p99.9 "
    "from 10,000 samples on. The result file has the histogram of all samples of each process."
)

_TIMES: Final[dict[str, tuple[Callable[[Distribution], float | None], Write]]] = {
    "samples": (lambda time: time.samples, whole),
    "mean": (lambda time: time.mean_us, significant),
    "p50": (lambda time: time.p50_us, significant),
    "p95": (lambda time: time.p95_us, significant),
    "p99": (lambda time: time.p99_us, significant),
    "p99.9": (lambda time: time.p999_us, significant),
    "slowest": (lambda time: time.maximum_us, significant),
}


def percentiles_section(result: Result) -> Section:
    """Return medians over processes of each percentile, by workload and size, and those of programs."""
    sections = [_of_size(result, workload, players) for workload, players in places(result, "service")]
    return Section(
        "percentiles",
        "Every percentile",
        [INTRODUCTION],
        [*_programs(result)],
        sections=[section for section in sections if section.tables],
        detail=True,
    )


def _of_size(result: Result, workload: str, players: int) -> Section:
    columns = [*words("backend", "operation"), *numbers(*_TIMES, "planned")]

    def rows(each: DurabilityClass) -> list[list[Value]]:
        return list(_rows(result, workload, players, each))

    tables = tables_by_class(result, columns, rows)
    return Section(anchor("percentiles", workload, players), f"{workload}, {players:,} players", tables=tables)


def _rows(result: Result, workload: str, players: int, each: DurabilityClass) -> Iterator[list[Value]]:
    for one in taken(result, "service", workload, players, each.backends):
        figures = [run.figures for run in one.runs if isinstance(run.figures, ServiceFigures)]
        for operation in operations_of(one.runs):
            timed = [several.operations[operation] for several in figures if operation in several.operations]
            planned = number(median(each.planned for each in timed))
            yield [word(one.label), word(operation_title(operation)), *_told([each.time for each in timed]), planned]


def _told(times: Sequence[Distribution]) -> Iterator[Value]:
    for read, write in _TIMES.values():
        known = [found for time in times if (found := read(time)) is not None]
        yield number(median(known) if known else None, write)


def _programs(result: Result) -> Iterator[Table]:
    """Yield the table of programs, where any was run."""
    cells = dict.fromkeys(run.cell for run in result.runs if isinstance(run.figures, ProgramFigures))
    rows = [row for cell in cells for row in _program([run for run in result.runs if run.cell == cell])]
    if rows:
        columns = [*words("program"), *numbers("players"), *words("operation"), *numbers(*_TIMES, "processes")]
        yield Table("Programs of plug-ins", columns, rows)


def _program(runs: Sequence[Run]) -> Iterator[list[Value]]:
    figures = [run.figures for run in runs if run.status == "ok" and isinstance(run.figures, ProgramFigures)]
    for operation in dict.fromkeys(timing.operation for several in figures for timing in several.timings):
        times = [each.time for several in figures for each in several.timings if each.operation == operation]
        name, players = word(runs[0].cell.backend), number(runs[0].cell.players)
        yield [name, players, word(operation_title(operation)), *_told(times), number(len(times))]
