"""How times grow with the board: p50 by size with its slope, and where the naive board stops winning."""

from __future__ import annotations

from typing import Final

from ....numerals import significant, times
from ...analysis.crossover import Crossover, crossovers
from ...analysis.scaling import Curve, curves
from ...document import NOTHING, Section, Table, Value, numbers, of_interval, operation_title, word, words
from ...schema import Result
from ...statistics import sizes_of
from ..classes import DurabilityClass, tables_by_class

BASELINE: Final = "naive"
"""The label of the board that everything else has to beat: a dict that is sorted anew for each question."""

CUT: Final = "cut"

INTRODUCTION: Final = "How the p50 of each operation grows with the number of players."
SLOPES: Final = (
    "Slope: the exponent of growth between the two largest sizes, 0 flat, 1 linear. 10x players: the same as a factor "
    f"for ten times as many players. {CUT}: fewer samples, because of the time limit."
)
CROSSINGS: Final = (
    f"Up to which size the {BASELINE} board is faster, by p50: interpolated on log-log axes between measured sizes, "
    "never extrapolated. Note the durability class: the two may survive different things."
)


def growth_section(result: Result) -> Section:
    """Return p50 by size with slopes, and crossovers with the naive board."""
    workloads = [facts.name for facts in result.workloads]
    grown = [table for workload in workloads for table in _by_size(result, workload)]
    sections = [_crossovers(result)] if BASELINE in result.settings.backends else []
    said = (
        [INTRODUCTION, SLOPES]
        if grown
        else ["No growth: it needs figures of one workload at two sizes, and this comparison has none."]
    )
    return Section("growth", "Growth with the board", said, grown, sections=sections)


# ---------------------------------------------------------------------- slopes


def _by_size(result: Result, workload: str) -> list[Table]:
    found = [curve for curve in curves(result) if curve.workload == workload and curve.slope is not None]
    sizes = [size for size in sizes_of(result, "service", workload) if any(size in _players(curve) for curve in found)]

    def rows(each: DurabilityClass) -> list[list[Value]]:
        return [_row(curve, sizes) for curve in _in_order(found) if curve.backend in each.backends]

    headings = [f"{size:,}" for size in sizes]
    columns = [*words("operation", "backend"), *numbers(*headings, "slope", "10x players")]
    return tables_by_class(result, columns, rows, f"{workload.capitalize()}: p50 in µs by players")


def _in_order(found: list[Curve]) -> list[Curve]:
    """Return the curves of one operation after the other."""
    operations = list(dict.fromkeys(curve.figure.part for curve in found))
    return sorted(found, key=lambda curve: operations.index(curve.figure.part))


def _players(curve: Curve) -> list[int]:
    return [point.players for point in curve.points]


def _row(curve: Curve, sizes: list[int]) -> list[Value]:
    points = {point.players: point for point in curve.points}
    return [
        word(operation_title(curve.figure.part)),
        word(curve.backend),
        *(_time(points[size].time_us.middle, cut=points[size].cut) if size in points else NOTHING for size in sizes),
        NOTHING if curve.slope is None else of_interval(curve.slope, _slope),
        NOTHING if curve.slope is None else Value(times(10**curve.slope.middle), curve.slope.middle),
    ]


def _time(microseconds: float, *, cut: bool) -> Value:
    said = significant(microseconds)
    return Value(f"{said} ({CUT})" if cut else said, microseconds)


def _slope(exponent: float) -> str:
    return f"{exponent:z.2f}"


# ---------------------------------------------------------------------- crossovers


def _crossovers(result: Result) -> Section:
    found = crossovers(result, BASELINE)

    def rows(each: DurabilityClass) -> list[list[Value]]:
        return [_crossing(crossing) for crossing in found if crossing.second in each.backends]

    columns = words("against", "workload", "operation", f"{BASELINE} wins")
    tables = tables_by_class(result, columns, rows, f"Crossovers with {BASELINE}")
    said = CROSSINGS if tables else "No crossovers: they need one workload at two sizes."
    return Section("crossovers", f"Where the {BASELINE} board wins", [said], tables)


def _crossing(found: Crossover) -> list[Value]:
    sort = None if found.players is None else found.players.middle
    operation = operation_title(found.figure.part)
    return [word(found.second), word(found.workload), word(operation), Value(found.text, sort)]
