"""Noise: how far a backend lay from itself, which runs were disturbed, and what the clock costs."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final

from ....numerals import significant, times
from ...document import Section, Table, Value, number, numbers, spread, statistic_title, word, words
from ...readings import readings
from ...schema import DISTURBED_FROM, Cell, Result, Run, ServiceFigures
from ...statistics import noise_floors, ratio, runs_of, values
from ..fastest import class_words

FLOORS: Final = (
    "A noise floor is the largest ratio between two runs of the same backend (A/A runs), by what a call waits for, by "
    "mode and by statistic; a smaller difference means nothing. A class without A/A runs takes the largest floor of "
    "all."
)
NO_TWINS: Final = (
    "No backend was run against itself (A/A) in this comparison, so that no noise floor is known, and **no difference "
    "counts**."
)


def noise_section(result: Result) -> Section:
    """Return noise floors, the clock's cost and disturbed runs; the ratios of each A/A run as detail."""
    tables = [*_clock(result), *_disturbed(result)]
    floors = FLOORS if any(run.cell.twin for run in result.runs) else NO_TWINS
    twins = Section(
        "a-a-runs", "Each backend against itself (A/A runs)", tables=[*_floors(result), *_twins(result)], detail=True
    )
    sections = [twins] if twins.tables else []
    return Section("noise", "Noise", [floors, _disturbance(result.runs)], tables, sections=sections)


def _floors(result: Result) -> Iterator[Table]:
    measured = sorted(noise_floors(result).measured.items(), key=lambda item: item[0][1:])
    rows = [
        [
            word(mode),
            word(statistic_title(statistic)),
            word(class_words(noise_class)),
            number(floor.ratio, times),
            word(floor.source),
        ]
        for (noise_class, mode, statistic), floor in measured
    ]
    if rows:
        columns = [*words("mode", "statistic", "class"), *numbers("floor"), *words("from")]
        yield Table("Noise floors", columns, rows)


def _twins(result: Result) -> Iterator[Table]:
    rows = [
        row for cell in dict.fromkeys(run.cell for run in result.runs if run.cell.twin) for row in _twin(result, cell)
    ]
    if rows:
        columns = [
            *words("backend", "workload"),
            *numbers("players"),
            *words("figure", "statistic"),
            *numbers("second / first"),
        ]
        yield Table("Ratios of A/A runs", columns, rows)


def _twin(result: Result, cell: Cell) -> Iterator[list[Value]]:
    place = (result, cell.mode, cell.workload, cell.players, cell.backend)
    first, again = (runs_of(*place, twin=twin) for twin in (False, True))
    for figure in dict.fromkeys(figure for run in again if run.figures for figure in readings(run.figures)):
        one, other = values(first, figure.read), values(again, figure.read)
        if one and other and min(*one.values(), *other.values()) > 0:
            by = ratio(other, one)
            where = [word(cell.backend), word(cell.workload), number(cell.players)]
            yield [
                *where,
                word(figure.part),
                word(statistic_title(figure.statistic)),
                Value(spread(by, _two_places), by.middle),
            ]


def _two_places(by: float) -> str:
    return f"{by:.2f}"


# ---------------------------------------------------------------------- the machine meanwhile


def _clock(result: Result) -> Iterator[Table]:
    clock = [run.figures.clock_us for run in result.runs if isinstance(run.figures, ServiceFigures)]
    if clock:
        rows = [[number(part, significant) for part in (min(clock), median(clock), max(clock))] + [number(len(clock))]]
        note = "The time read for an empty call: every service time contains it; it is not subtracted."
        yield Table("The cost of the clock", numbers("least, µs", "median, µs", "most, µs", "runs"), rows, note)


def _disturbance(runs: list[Run]) -> str:
    disturbed, told = sum(run.disturbed for run in runs), sum(run.cores_elsewhere is not None for run in runs)
    return (
        f"Of {told:,} runs in which it could be measured, {disturbed:,} were disturbed: other processes kept at least "
        f"{DISTURBED_FROM:g} cores busy on average."
    )


def _disturbed(result: Result) -> Iterator[Table]:
    by_cell: dict[Cell, list[float]] = {}
    for run in (run for run in result.runs if run.disturbed):
        by_cell.setdefault(run.cell, []).append(run.cores_elsewhere or 0.0)
    rows = [[*_cell(cell), number(len(cores)), number(max(cores), significant)] for cell, cores in by_cell.items()]
    if rows:
        columns = [*words("backend", "mode", "workload"), *numbers("players", "runs", "most cores elsewhere")]
        yield Table("Disturbed runs", columns, rows)


def _cell(cell: Cell) -> list[Value]:
    mode = f"{cell.mode} (again)" if cell.twin else cell.mode
    return [word(cell.backend), word(mode), word(cell.workload), number(cell.players)]
