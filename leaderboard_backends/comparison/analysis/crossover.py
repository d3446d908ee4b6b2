"""Where two backends cross: "the naive board wins below N players", for each operation, with an interval.

A crossover lies between measured sizes. Without a crossover among them, the answer is that there is none; nothing is
extrapolated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from math import inf, log
from typing import Final, Literal, NamedTuple, TypeAlias

from ...errors import ConfigurationError
from ...model import shorten
from ..readings import Figure, is_cut
from ..schema import Result, Run
from ..statistics import Interval, operations_of, ratio, runs_of, sizes_of, values

Outcome: TypeAlias = Literal["below", "above", "never", "always", "not known"]
"""Where the first of two backends wins, the one that takes less time."""

SIZES_NEEDED: Final = 2
"""A crossover lies between two sizes."""


class SizeRatio(NamedTuple):
    """Two backends at one size."""

    players: int
    ratio: Interval
    """Time of the first, by that of the second."""
    cut: bool
    """Whether the time limit left out steps of one of them."""


class Crossover(NamedTuple):
    """Where one operation of one workload takes as long on the first backend as on the second."""

    first: str
    second: str
    workload: str
    figure: Figure
    sizes: tuple[SizeRatio, ...]
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
        if self.players is None:
            return f"not known: {self._reason}"
        said = self._crossing(self.players) if self.crossings else self._all_along(self.players)
        if not self.players.enough:
            said += f"; {self.players.processes} processes are too few for a verdict"
        return said

    @property
    def _reason(self) -> str:
        return "too few sizes" if len(self.sizes) < SIZES_NEEDED else f"equal at {self.sizes[-1].players:,} players"

    def _crossing(self, players: Interval) -> str:
        low = f"under {self.sizes[0].players:,}" if not players.low else _rounded(players.low)
        high = f"over {self.sizes[-1].players:,}" if players.high == inf else _rounded(players.high)
        said = f"{self.outcome} {_rounded(players.middle)} players ({low} to {high})"
        return said if self.crossings == 1 else f"{said}, the last of {self.crossings} crossings"

    def _all_along(self, players: Interval) -> str:
        smallest, largest = self.sizes[0].players, self.sizes[-1].players
        said = f"never, from {smallest:,} players on" if self.outcome == "never" else f"always, up to {largest:,}"
        if players.high == inf:
            return f"{said}; not clear even at {largest:,}"
        return f"{said}; clear from {_rounded(players.high)} on" if players.high else said


def crossovers(result: Result, first: str = "naive", *, statistic: Literal["p50", "p99"] = "p50") -> list[Crossover]:
    """Return the crossovers of a backend with each other, for each operation of a workload run at two sizes or more.

    Raises `ConfigurationError` where the result has no such backend. Cost: a look at each run for each cell.
    """
    labels = result.settings.backends
    if first not in labels:
        raise ConfigurationError(f"this result has no backend {shorten(first)}: name one of {', '.join(labels)}.")
    others = [label for label in labels if label != first]
    return [found for second in others for found in _of_pair(result, first, second, statistic)]


def _of_pair(result: Result, first: str, second: str, statistic: Literal["p50", "p99"]) -> Iterator[Crossover]:
    for workload in (facts.name for facts in result.workloads):
        sizes = sizes_of(result, "service", workload)
        if len(sizes) < SIZES_NEEDED:
            continue
        runs = {
            players: tuple(runs_of(result, "service", workload, players, label) for label in (first, second))
            for players in sizes
        }
        for operation in operations_of(run for sides in runs.values() for side in sides for run in side):
            figure = Figure(operation, statistic)
            ratios = [
                found for players, (one, other) in runs.items() if (found := size_ratio(players, one, other, figure))
            ]
            yield crossover(first, second, workload, figure, ratios)


def size_ratio(players: int, first: Sequence[Run], second: Sequence[Run], figure: Figure) -> SizeRatio | None:
    """Return the ratio of two backends at one size; `None` where one of them has no such figure there."""
    one, other = values(first, figure.read), values(second, figure.read)
    if not one or not other:
        return None
    cut = any(run.figures is not None and is_cut(run.figures, figure.part) for run in (*first, *second))
    return SizeRatio(players, ratio(one, other), cut)


def crossover(first: str, second: str, workload: str, figure: Figure, ratios: Sequence[SizeRatio]) -> Crossover:
    """Return the last crossing of a pair's ratios, in rising order of size, and of the ends of their intervals.

    Between two sizes, a ratio is taken as a straight line on log-log axes. The ratio is turned so that it ends above 1:
    its upper end crosses 1 at the smallest size of the interval, its lower end at the largest.
    """
    sizes = tuple(ratios)
    known = Crossover(first, second, workload, figure, sizes, "not known", None, 0)
    if len(sizes) < SIZES_NEEDED or sizes[-1].ratio.middle == 1:
        return known
    loses_at_last = sizes[-1].ratio.middle > 1
    low, high = (_low, _high) if loses_at_last else (_turned(_high), _turned(_low))
    middle = _middle if loses_at_last else _turned(_middle)
    processes = min(size.ratio.processes for size in sizes)
    players = Interval(_last(sizes, high), _last(sizes, middle), _last(sizes, low), processes)
    crossings = sum((middle(a.ratio) > 1) != (middle(b.ratio) > 1) for a, b in pairwise(sizes))
    if crossings:
        outcome: Outcome = "below" if loses_at_last else "above"
    else:
        outcome = "never" if loses_at_last else "always"
    return known._replace(outcome=outcome, players=players, crossings=crossings)


_Curve: TypeAlias = Callable[[Interval], float]


def _low(ratio: Interval) -> float:
    return ratio.low


def _middle(ratio: Interval) -> float:
    return ratio.middle


def _high(ratio: Interval) -> float:
    return ratio.high


def _turned(curve: _Curve) -> _Curve:
    return lambda ratio: 1 / curve(ratio)


def _last(sizes: Sequence[SizeRatio], curve: _Curve) -> float:
    """Return the size at which a curve crosses 1 upwards for the last time: 0 or infinity where it does not."""
    heights = [log(curve(size.ratio)) for size in sizes]
    under = max((place for place, height in enumerate(heights) if height <= 0), default=-1)
    if under < 0:
        return 0.0
    if under == len(sizes) - 1:
        return inf
    part = -heights[under] / (heights[under + 1] - heights[under])
    left, right = sizes[under].players, sizes[under + 1].players
    return float(left * (right / left) ** part)


def _rounded(players: float) -> str:
    """Return a board size with two significant digits: interpolation yields no more."""
    return f"{float(f'{players:.1e}'):,.0f}"
