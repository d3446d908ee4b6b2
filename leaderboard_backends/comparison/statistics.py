"""Statistics over processes: a median with its interval, ratios of two sides, and the noise floor.

A run is one process and gives one value of each figure; samples within a process are never pooled, because they share
its circumstances (memory layout, hash seed, what else the machine did). All intervals are of 95 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate, pairwise
from math import comb, inf, sqrt
from statistics import median, median_high, median_low
from typing import Final, NamedTuple

import msgspec

from .readings import Figure, Statistic, readings
from .schema import BackendFacts, Cell, Figures, Home, Mode, Result, Run, ServiceFigures

ENOUGH_PROCESSES: Final = 5
"""With fewer processes, an interval is shown and no verdict is given."""

_TAIL: Final = 40
"""One in this many resamples may lie beyond each end of an interval: 2.5 %."""


# ---------------------------------------------------------------------- intervals


class Interval(NamedTuple):
    """A median over processes, or a ratio of two, with the ends of its 95 % interval."""

    low: float
    middle: float
    high: float
    processes: int
    """How many values it is computed from; for a ratio, on the side with fewer."""

    @property
    def enough(self) -> bool:
        """Whether there are processes enough for a verdict."""
        return self.processes >= ENOUGH_PROCESSES


def interval(values: Sequence[float]) -> Interval:
    """Return the median of one value per process, and its interval by the exact bootstrap.

    The bootstrap's distribution of a median has a closed form, so that nothing is drawn at random: of n draws with
    replacement, the lower median is at most the k-th smallest value where at least ceil(n / 2) draws are, with the
    probability `P(Bin(n, k / n) >= ceil(n / 2))`; for the upper median, it is floor(n / 2) + 1 (Efron, Bootstrap
    methods, 1979; Maritz and Jarrett, A note on estimating the variance of the sample median, 1978). The low end is
    the 2.5 % quantile of the lower median, the high end the 97.5 % quantile of the upper one.

    Few processes limit what it can say. Of 5 it is the smallest to the largest value, which holds the true median in
    93.75 % of all cases (by the sign test, whatever the distribution); of 6 in 96.9 %, of 7 in 87.5 %, of 8 to 15 in
    90.8 % to 97.9 %. Raises `ValueError` without values. Cost O(n log n).
    """
    if not values:
        raise ValueError("no values: a median needs at least one process with this figure.")
    ordered = sorted(values)
    counts = _lower_median_counts(len(ordered))
    return Interval(
        _end(zip(ordered, counts, strict=True)),
        median(ordered),
        _end(zip(reversed(ordered), counts, strict=True)),
        len(ordered),
    )


def paired_ratio(first: Mapping[int, float], second: Mapping[int, float]) -> Interval:
    """Return the median of `first / second` over the rounds that both have, and its interval.

    Runs of one round were interleaved, so that what changed on the machine between rounds cancels. The middle of an
    even number of ratios is geometric: swapping the sides inverts it. Raises `ValueError` without a common round, and
    for a value that is not above 0.
    """
    _check_positive(first.values())
    _check_positive(second.values())
    ratios = sorted(first[number] / second[number] for number in first.keys() & second.keys())
    return interval(ratios)._replace(middle=sqrt(median_low(ratios) * median_high(ratios)))


def independent_ratio(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Return the ratio of the medians of two sides whose processes have nothing in common, and its interval.

    Of the exact bootstrap: the distributions of the two medians, multiplied out. The low end is the 2.5 % quantile of
    the lower median of `first` over the upper median of `second`, the high end is its mirror. For two equal sides it
    held 1 in 95.6 % to 99.2 % of 4,000 simulations each, of 5, 6, 7 and 10 processes a side. Raises `ValueError` for
    a side without values, and for a value that is not above 0. Cost O(n m log(n m)).
    """
    _check_positive(first)
    _check_positive(second)
    middle = interval(first).middle / interval(second).middle
    up, down = _atoms(sorted(first)), _atoms(sorted(second, reverse=True))
    low = _end(sorted((a / b, m * n) for a, m in up for b, n in down))
    up, down = _atoms(sorted(second)), _atoms(sorted(first, reverse=True))
    high = _end(sorted(((b / a, m * n) for a, m in up for b, n in down), reverse=True))
    return Interval(low, middle, high, min(len(first), len(second)))


def ratio(first: Mapping[int, float], second: Mapping[int, float]) -> Interval:
    """Return the ratio of two sides of one result, by round: paired where both have the same rounds.

    Where a round is missing on a side, they are taken as independent. For two results, whose rounds are unrelated even
    if their numbers are equal, use `independent_ratio`. Raises `ValueError` as those two do.
    """
    if first.keys() == second.keys():
        return paired_ratio(first, second)
    return independent_ratio([*first.values()], [*second.values()])


def differs(ratio: Interval, floor: float) -> bool:
    """Whether a ratio counts as a difference: the interval clear of 1 and of the noise floor, and enough processes."""
    return ratio.enough and (ratio.low > floor or ratio.high < 1 / floor)


@cache
def _lower_median_counts(n: int) -> tuple[int, ...]:
    """Return for each of n values, smallest first, of how many of the n^n resamples it is the lower median.

    Read from the largest value down, they are those of the upper median.
    """
    half = (n + 1) // 2
    at_most = [sum(comb(n, j) * k**j * (n - k) ** (n - j) for j in range(half, n + 1)) for k in range(n + 1)]
    return tuple(upper - lower for lower, upper in pairwise(at_most))


def _atoms(ordered: Sequence[float]) -> list[tuple[float, int]]:
    """Return each value with its number of resamples: of the lower median, or of the upper one in falling order."""
    return list(zip(ordered, _lower_median_counts(len(ordered)), strict=True))


def _end(atoms: Iterable[tuple[float, int]]) -> float:
    """Return the first value, from the outside in, at which 2.5 % of all resamples are reached."""
    known = list(atoms)
    reached = list(accumulate(count for _, count in known))
    return next(value for (value, _), count in zip(known, reached, strict=True) if _TAIL * count >= reached[-1])


def _check_positive(values: Iterable[float]) -> None:
    for value in values:
        if not 0 < value < inf:
            raise ValueError(f"a ratio needs finite values above 0, not {value!r}: leave such figures out of ratios.")


# ---------------------------------------------------------------------- runs of a result


def runs_of(result: Result, mode: Mode, workload: str, players: int, backend: str, *, twin: bool = False) -> list[Run]:
    """Return the runs of a cell that have figures, those with status `ok`. Cost: one look at each run."""
    cell = Cell(mode, workload, players, backend, twin)
    return [run for run in result.runs if run.cell == cell and run.status == "ok" and run.figures is not None]


def values(runs: Iterable[Run], read: Callable[[Figures], float | None]) -> dict[int, float]:
    """Return one value per process, by round; runs without this figure are left out.

    `read` is the `read` of a `Figure`, or any function of figures. Raises `ValueError` where a round occurs twice, as
    it does when runs of several cells are mixed.
    """
    found: dict[int, float] = {}
    for run in runs:
        value = None if run.figures is None else read(run.figures)
        if value is None:
            continue
        if run.round in found:
            raise ValueError(f"round {run.round} occurs twice: use the runs of one cell of one result.")
        found[run.round] = value
    return found


def operations_of(runs: Iterable[Run]) -> list[str]:
    """Return the operations whose service time any of the runs has, in the order of the first that has them."""
    measured = (run.figures.operations for run in runs if isinstance(run.figures, ServiceFigures))
    return list(dict.fromkeys(operation for operations in measured for operation in operations))


def sizes_of(result: Result, mode: Mode, workload: str) -> list[int]:
    """Return the sizes in players that a workload was run at, with or without figures, in rising order."""
    cells = (run.cell for run in result.runs)
    return sorted({cell.players for cell in cells if (cell.mode, cell.workload) == (mode, workload)})


# ---------------------------------------------------------------------- noise


class NoiseClass(NamedTuple):
    """Backends that are noisy for the same reasons: what a call waits for is alike."""

    home: Home
    every_commit: bool
    """Whether each update waits for the disk."""

    @classmethod
    def of(cls, facts: BackendFacts | None) -> NoiseClass | None:
        """Return the class of a backend; `None` where nothing is known of it."""
        return None if facts is None else cls(facts.home, facts.durability == "every commit")


class Floor(NamedTuple):
    """The ratio, at least 1, by which a backend differed from itself; a smaller difference says nothing."""

    ratio: float
    source: str
    """Where it comes from, as text."""


class Floors(msgspec.Struct, frozen=True):
    """The noise floors of a result, as measured by its A/A runs."""

    measured: dict[tuple[NoiseClass | None, Mode, Statistic], Floor]

    def of(self, noise_class: NoiseClass | None, mode: Mode, statistic: Statistic) -> float:
        """Return the floor as a ratio, for example 1.04; infinite where there is none to know."""
        return self.find(noise_class, mode, statistic).ratio

    def find(self, noise_class: NoiseClass | None, mode: Mode, statistic: Statistic) -> Floor:
        """Return the floor of a class with its source: its own, or else the largest of all classes.

        Where no A/A run has this statistic in this mode, the floor is infinite: then nothing counts as a difference.
        """
        own = self.measured.get((noise_class, mode, statistic))
        if own is not None:
            return own
        others = [floor for (_, *what), floor in self.measured.items() if what == [mode, statistic]]
        if not others:
            return Floor(inf, f"not known: no {mode} A/A run has a {statistic}")
        largest = max(others)
        return Floor(largest.ratio, f"{largest.source}, the largest of all classes, because this one has no A/A run")


def noise_floors(result: Result) -> Floors:
    """Return how far equal cells of a result were apart, by class, mode and statistic.

    The floor is the largest ratio of medians, folded to at least 1, of all A/A runs and parts (operations) of the
    class. Figures that are not above 0 have no ratio and are left out.
    """
    measured: dict[tuple[NoiseClass | None, Mode, Statistic], Floor] = {}
    for cell in dict.fromkeys(run.cell for run in result.runs if run.cell.twin):
        noise_class = NoiseClass.of(result.facts(cell.backend))
        for figure, apart in _twin_ratios(result, cell):
            key = (noise_class, cell.mode, figure.statistic)
            source = f"{cell.backend} against itself, {figure.part}, {cell.workload}, {cell.players:,} players"
            measured[key] = max(measured.get(key, Floor(0, "")), Floor(apart, source))
    return Floors(measured)


def _twin_ratios(result: Result, cell: Cell) -> Iterator[tuple[Figure, float]]:
    place = (result, cell.mode, cell.workload, cell.players, cell.backend)
    one, other = (_medians(runs_of(*place, twin=twin)) for twin in (False, True))
    for figure in one.keys() & other.keys():
        if one[figure] > 0 and other[figure] > 0:
            apart = one[figure] / other[figure]
            yield figure, max(apart, 1 / apart)


def _medians(runs: Sequence[Run]) -> dict[Figure, float]:
    read = [readings(run.figures) for run in runs if run.figures is not None]
    figures = {figure: None for reading in read for figure in reading}
    return {figure: median(reading[figure] for reading in read if figure in reading) for figure in figures}
