"""Noise: how far a backend lay from itself, which runs were disturbed, and what the clock costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final, cast

from ...numerals import significant, times
from ..document import Section, Table, Value, columns, number, spread, word
from ..measurements import Measured, Measurements
from ..named_figures import Judged, statistic_title
from ..schema import DISTURBED_FROM, Run
from ..statistics import ratio
from .by_class import Row, head_of

FLOORS: Final = (
    "A noise floor is the largest ratio between two runs of the same backend (A/A runs), by what a call waits for, by "
    "mode and by statistic; a smaller difference means nothing. A class without A/A runs takes the largest floor of "
    "all."
)
NO_A_A_RUNS: Final = (
    "No backend was run against itself (A/A) in this comparison, so that no noise floor is known, and **no difference "
    "counts**."
)


def noise_section(m: Measurements) -> Section:
    """Return noise floors, the clock's cost and disturbed runs; the ratios of each A/A run as detail."""
    title = "Each backend against itself (A/A runs)"
    a_a = Section("a-a-runs", title, tables=[*_floors(m), *_a_a_runs(m)], detail=True)
    said = [FLOORS if m.a_a_runs else NO_A_A_RUNS, _disturbance(m.result.runs)]
    return Section("noise", "Noise", said, [*_clock(m), *_disturbed(m)], sections=[a_a] if a_a.tables else [])


def _floors(m: Measurements) -> Iterator[Table]:
    rows = [
        [
            word(mode),
            word(statistic_title(cast("Judged", statistic))),
            word(noise.title if noise else "never opened"),
            number(floor.ratio, times),
            word(floor.source),
        ]
        for (noise, mode, statistic), floor in sorted(m.floors.measured.items(), key=lambda item: item[0][1:])
    ]
    if rows:
        yield Table("Noise floors", columns("mode", "statistic", "class", "#floor", "from"), rows)


def _a_a_runs(m: Measurements) -> Iterator[Table]:
    rows = [row for again in m.a_a_runs for row in _ratios(m.at(again.place, again.label), again)]
    if rows:
        head = columns("backend", "workload", "#players", "figure", "statistic", "#second / first")
        yield Table("Ratios of A/A runs", head, rows)


def _ratios(first: Measured, again: Measured) -> Iterator[Row]:
    for figure, other in again.figures.items():
        one = first.figures.get(figure, {})
        if figure.judged and one and min(*one.values(), *other.values()) > 0:
            by = ratio(other, one)
            said = Value(spread(by, lambda by: f"{by:.2f}"), by.middle)
            yield [*head_of(again), word(figure.title), word(statistic_title(cast("Judged", figure.statistic))), said]


# ---------------------------------------------------------------------- the machine meanwhile


def _clock(m: Measurements) -> Iterator[Table]:
    clock = [cost for one in m.cells.values() for cost in one.values("clock", "clock").values()]
    if clock:
        rows = [[number(part, significant) for part in (min(clock), median(clock), max(clock))] + [number(len(clock))]]
        note = "The time read for an empty call: every service time contains it; it is not subtracted."
        head = columns("#least, µs", "#median, µs", "#most, µs", "#runs")
        yield Table("The cost of the clock", head, rows, note)


def _disturbance(runs: Sequence[Run]) -> str:
    disturbed, known = sum(run.disturbed for run in runs), sum(run.cores_elsewhere is not None for run in runs)
    return (
        f"Of {known:,} runs in which it could be measured, {disturbed:,} were disturbed: other processes kept at least "
        f"{DISTURBED_FROM:g} cores busy on average."
    )


def _disturbed(m: Measurements) -> Iterator[Table]:
    rows = [
        [
            word(one.label),
            word(f"{one.cell.mode} (again)" if one.cell.a_a else one.cell.mode),
            word(one.cell.workload),
            number(one.cell.players),
            number(len(cores)),
            number(max(cores), significant),
        ]
        for one in m.cells.values()
        if (cores := [run.cores_elsewhere or 0.0 for run in one.every if run.disturbed])
    ]
    if rows:
        head = columns("backend", "mode", "workload", "#players", "#runs", "#most cores elsewhere")
        yield Table("Disturbed runs", head, rows)
