"""How times grow with the board: p50 by size, where the naive board stops winning, and one server beside a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, product
from math import inf, log
from typing import Final, Literal, NamedTuple, TypeAlias

from ...numerals import significant, times
from ..advice.need import time_words
from ..cost.cluster import side_by_side
from ..document import NOTHING, Section, Table, Value, columns, median_of, of_interval, operation_title
from ..measurements import Measured, Measurements, Place
from ..named_figures import Statistic
from ..statistics import Interval, interval, ratio
from .circumstances import one_machine
from .plots import AS_TIME, MAIN, Plot, at_end, figure, plot
from .tables import Row, by_class, row_of, section

BASELINE: Final = "naive"
"""The label of the board that everything else has to beat: a dict that is sorted anew for each question."""

CUT: Final = "cut"
SIZES_NEEDED: Final = 2
"""A crossover lies between two sizes, and fewer show no growth."""


def growth_section(m: Measurements) -> Section:
    """Return p50 by size with slopes, and crossovers with the naive board."""
    every, rows = curves(m), list[tuple[str, Row]]()
    grown = [table for facts in m.result.workloads for table in _by_size(m, facts.name, every)]
    if BASELINE not in m.result.settings.backends:
        return section("growth", grown, cut=CUT)
    for found in crossovers(m):
        wins = Value(found.text, None if found.players is None else found.players.middle)
        rows.append((found.second, row_of(found.second, found.workload, operation_title(found.operation), wins)))
    tables = by_class(m, f"against|workload|operation|{BASELINE} wins", rows, f"Crossovers with {BASELINE}")
    return replace(section("growth", grown, cut=CUT), sections=[section("crossovers", tables, baseline=BASELINE)])


def _by_size(m: Measurements, workload: str, every: Sequence[Curve]) -> list[Table]:
    found = [(curve, slope) for curve in every if curve.workload == workload and (slope := curve.slope)]
    operations, rows = list(dict.fromkeys(curve.operation for curve, _ in found)), list[tuple[str, Row]]()
    known = {point.players for curve, _ in found for point in curve.points}
    sizes = [size for size in m.sizes("service", workload) if size in known]
    for curve, slope in sorted(found, key=lambda one: operations.index(one[0].operation)):
        times_at = {
            players: Value(f"{significant(time_us.middle)}{f' ({CUT})' if cut else ''}", time_us.middle)
            for players, time_us, cut in curve.points
        }
        grown = of_interval(slope, lambda exponent: f"{exponent:z.2f}"), Value(times(10**slope.middle), slope.middle)
        at_sizes = (times_at.get(size, NOTHING) for size in sizes)
        rows.append((curve.backend, row_of(operation_title(curve.operation), curve.backend, *at_sizes, *grown)))
    headings = ("operation", "backend", *(f"#{size:,}" for size in sizes), "#slope", "#10x players")
    return by_class(m, "|".join(headings), rows, f"{workload.capitalize()}: p50 in µs by players")


def growth_plots(m: Measurements) -> Iterator[Plot]:
    """Yield the time by board size of each operation of the workload that represents all; none of a single size."""
    enough = len(m.sizes("service", m.workload)) >= SIZES_NEEDED
    found = [curve for curve in curves(m) if enough and curve.workload == m.workload]
    names = dict.fromkeys(curve.operation for curve in found)
    for operation in sorted(names, key=[*MAIN, *names].index):
        rows = [
            figure(m, curve.backend, time_us, significant, players=players, cut=cut)
            for curve in found
            for players, time_us, cut in curve.points
            if curve.operation == operation and time_us.low > 0  # a logarithmic axis has no 0
        ]
        if rows:
            cut = " Hollow points were cut short by the time limit." if any(row["cut"] for row in rows) else ""
            said = {"title": operation_title(operation).capitalize(), "workload": m.workload, "cut": cut}
            yield plot(m, "scaling", rows, AS_TIME, operation, **said, **at_end(rows, "players", time_words))


# ---------------------------------------------------------------------- curves


class Point(NamedTuple):
    """One operation at one size."""

    players: int
    time_us: Interval
    cut: bool
    """Whether the time limit left out some of its steps in any process."""


class Curve(NamedTuple):
    """The p50 of one operation by board size."""

    backend: str
    workload: str
    operation: str
    points: tuple[Point, ...]
    slope: Interval | None
    """On log-log axes, between the two largest sizes: 0 is flat, 1 is linear, and ten times the players take
    `10 ** slope` times as long. `None` with fewer than two sizes."""


def curves(m: Measurements) -> list[Curve]:
    """Return the p50 of each operation of each backend and workload by size; sizes without it are left out."""
    found = []
    for backend, facts in product(m.result.settings.backends, m.result.workloads):
        sizes = m.sizes("service", facts.name)
        by_size = {size: m.at(Place("service", facts.name, size), backend) for size in sizes}
        for operation in _operations(by_size.values()):
            known = {at: p50 for at, one in by_size.items() if (p50 := one.values(operation, "p50"))}
            points = tuple(
                Point(players, interval([*values.values()]), by_size[players].cut(operation) is not None)
                for players, values in known.items()
            )
            slope = None
            if len(known) >= SIZES_NEEDED:
                smaller, larger = [*known][-2:]
                grown, apart = ratio(known[larger], known[smaller]), log(larger / smaller)
                low, middle, high = (log(end) / apart for end in grown[:3])
                slope = Interval(low, middle, high, grown.processes)
            if points:
                found.append(Curve(backend, facts.name, operation, points, slope))
    return found


def _operations(measured: Iterable[Measured]) -> list[str]:
    return list(dict.fromkeys(operation for one in measured for operation in one.operations))


# ---------------------------------------------------------------------- where two backends cross

Outcome: TypeAlias = Literal["below", "above", "never", "always", "not known"]
"""Where the first of two backends wins, the one that takes less time."""


class Crossover(NamedTuple):
    """Where one operation of one workload takes as long on a first backend as on a second.

    A crossover lies between measured sizes. Without one among them, the answer is that there is none; nothing is
    extrapolated.
    """

    second: str
    workload: str
    operation: str
    ratios: Mapping[int, Interval]
    """The time of the first backend divided by that of the second, by number of players in rising order."""
    outcome: Outcome
    players: Interval | None
    """Board size at which the ratio, and each end of its interval, last crosses 1; `None` where nothing is known.

    0 stands for "below the smallest measured size", infinity for "above the largest". Without a crossing the middle is
    0, and `high` is the size from which on the interval is clear of 1.
    """
    crossings: int
    """How often the ratio crosses 1. From the last one on, the same backend wins at all measured sizes."""

    @property
    def text(self) -> str:
        """What is known, to go on after "the first wins"."""
        players, sizes = self.players, [*self.ratios]
        if players is None:
            few = len(sizes) < SIZES_NEEDED
            return f"not known: {'too few sizes' if few else f'equal at {sizes[-1]:,} players'}"
        if self.crossings:
            low = f"under {sizes[0]:,}" if not players.low else significant(players.low, 2)
            high = f"over {sizes[-1]:,}" if players.high == inf else significant(players.high, 2)
            said = f"{self.outcome} {significant(players.middle, 2)} players ({low} to {high})"
            said += f", the last of {self.crossings} crossings" if self.crossings > 1 else ""
        else:
            said = f"never, from {sizes[0]:,} players on" if self.outcome == "never" else f"always, up to {sizes[-1]:,}"
            if players.high == inf:
                said += f"; not clear even at {sizes[-1]:,}"
            elif players.high:
                said += f"; clear from {significant(players.high, 2)} on"
        return said if players.enough else f"{said}; {players.processes} processes are too few for a verdict"


def crossovers(m: Measurements, first: str = BASELINE) -> Iterator[Crossover]:
    """Yield the crossovers of a backend with each other, by p50, for each operation of a workload run at two sizes."""
    others = [label for label in m.result.settings.backends if label != first]
    for second, workload in product(others, (facts.name for facts in m.result.workloads)):
        places = [Place("service", workload, size) for size in m.sizes("service", workload)]
        both = [(m.at(place, first), m.at(place, second)) for place in places]
        for operation in _operations(one for pair in both for one in pair) if len(both) >= SIZES_NEEDED else ():
            p50s = {one.place: (one.values(operation, "p50"), two.values(operation, "p50")) for one, two in both}
            ratios = {place.players: ratio(*sides) for place, sides in p50s.items() if all(sides)}
            yield crossover(second, workload, operation, ratios)


def crossover(second: str, workload: str, operation: str, ratios: Mapping[int, Interval]) -> Crossover:
    """Return the last crossing of a pair's ratios by rising size, and of the ends of their intervals.

    Between two sizes, a ratio is taken as a straight line on log-log axes. The ratio is turned so that it ends above 1:
    its upper end crosses 1 at the smallest size of the interval, its lower end at the largest.
    """
    known, sizes = Crossover(second, workload, operation, ratios, "not known", None, 0), [*ratios]
    if len(sizes) < SIZES_NEEDED or ratios[sizes[-1]].middle == 1:
        return known
    loses_at_last = ratios[sizes[-1]].middle > 1
    turned = [by[:3] if loses_at_last else tuple(1 / end for end in by[2::-1]) for by in ratios.values()]
    low, middle, high = ([ends[place] for ends in turned] for place in range(3))
    processes = min(by.processes for by in ratios.values())
    players = Interval(_last(sizes, high), _last(sizes, middle), _last(sizes, low), processes)
    crossings = sum((one > 1) != (other > 1) for one, other in pairwise(middle))
    outcomes: tuple[Outcome, Outcome] = ("below", "above") if crossings else ("never", "always")
    return known._replace(outcome=outcomes[not loses_at_last], players=players, crossings=crossings)


def _last(sizes: Sequence[int], curve: Sequence[float]) -> float:
    """Return the size at which a curve crosses 1 upwards for the last time: 0 or infinity where it does not."""
    heights = [log(height) for height in curve]
    under = max((place for place, height in enumerate(heights) if height <= 0), default=-1)
    if under < 0:
        return 0.0
    if under == len(sizes) - 1:
        return inf
    part = -heights[under] / (heights[under + 1] - heights[under])
    return float(sizes[under] * (sizes[under + 1] / sizes[under]) ** part)


# ---------------------------------------------------------------------- one server and a cluster

STORED: Final[dict[str, tuple[str, Statistic]]] = {
    "players per second": ("load", "players_per_second"),
    "bytes per player": ("board", "server_memory"),
}
"""What is shown of loading and memory, by its part and statistic."""


def cluster_sections(m: Measurements) -> list[Section]:
    """Return a section for the clusters of a result that have figures where one server has; none without either."""
    found = [table for one, many in side_by_side(m) for table in _beside(one, many)]
    return [section("one-server-and-a-cluster", found, more=one_machine(m.result))] if found else []


def _beside(one: Measured, many: Measured) -> Iterator[Table]:
    headings = [
        f"#{of}" for each in ("p50", "p99") for of in (f"{each} of {one.label}, µs", f"of {many.label}", "ratio")
    ]
    rows = [
        row_of(operation_title(name), *_pair(one, many, name, "p50"), *_pair(one, many, name, "p99"))
        for name in one.operations
    ]
    yield Table(f"Service times: {one.place.title}", columns("operation", *headings), rows)
    head = columns("what", f"#{one.label}", f"#{many.label}", "#ratio")
    rows = [row_of(title, *_pair(one, many, *of)) for title, of in STORED.items()]
    yield Table(f"Loading and memory of the servers: {one.place.title}", head, rows)


def _pair(one: Measured, many: Measured, part: str, statistic: Statistic) -> Row:
    """Return both sides of a figure, and the ratio of the second to the first."""
    alone, sharded = one.values(part, statistic), many.values(part, statistic)
    usable = alone and sharded and min([*alone.values(), *sharded.values()]) > 0
    return row_of(median_of(alone), median_of(sharded), of_interval(ratio(sharded, alone), times) if usable else None)
