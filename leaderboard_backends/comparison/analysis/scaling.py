"""How time and memory grow with the board: curves with intervals, their slopes, and the fitted line of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import log
from typing import Final, Literal, NamedTuple, TypeAlias

from ..cost.footprint import TOLD_FROM, Line, fit
from ..readings import Figure, is_cut
from ..schema import Figures, Result, Run, ServiceFigures
from ..statistics import Interval, interval, operations_of, ratio, runs_of, sizes_of, values

Place: TypeAlias = Literal["process", "server", "disk"]
"""Where bytes lie: in each app process, in the server's process, in files."""

SIZES_NEEDED: Final = 3
"""Of `TOLD_FROM` players on; a line through fewer sizes fits anything."""


class Point(NamedTuple):
    """One operation at one size."""

    players: int
    time_us: Interval
    cut: bool
    """Whether the time limit left out some of its steps in any process."""


class Curve(NamedTuple):
    """One operation's service time by board size."""

    backend: str
    workload: str
    figure: Figure
    points: tuple[Point, ...]
    slope: Interval | None
    """On log-log axes, between the two largest sizes: 0 is flat, 1 is linear, and ten times the players take
    `10 ** slope` times as long. `None` with fewer than two sizes."""


class MemoryLine(NamedTuple):
    """Memory or disk of a board in one location: `fixed + each * players` bytes."""

    backend: str
    workload: str
    place: Place
    points: tuple[tuple[int, Interval], ...]
    """Bytes by size, as measured."""
    line: Line | None
    """`None` with fewer than three sizes, from `TOLD_FROM` players on, at which it takes anything."""

    @property
    def fitted(self) -> tuple[tuple[int, Interval], ...]:
        """The points that a line is fitted through."""
        return tuple((players, size) for players, size in self.points if players >= TOLD_FROM and size.middle > 0)

    @property
    def misfit(self) -> float | None:
        """The largest part by which the line misses a size that it was fitted through: 0.02 is 2 %."""
        if self.line is None:
            return None
        return max(abs(self.line.at(players) / size.middle - 1) for players, size in self.fitted)


def curves(result: Result, *, statistic: Literal["p50", "p99"] = "p50") -> list[Curve]:
    """Return the service time of each operation of each backend and workload by size; sizes without it are left out.

    Cost: a look at each run for each cell.
    """
    found = []
    for backend, workload, runs in _by_size(result):
        for operation in operations_of(run for several in runs.values() for run in several):
            figure = Figure(operation, statistic)
            by_size = {players: read for players, several in runs.items() if (read := values(several, figure.read))}
            points = tuple(
                Point(players, interval([*read.values()]), _any_cut(runs[players], operation))
                for players, read in by_size.items()
            )
            if points:
                found.append(Curve(backend, workload, figure, points, _slope(by_size)))
    return found


def memory_lines(result: Result) -> list[MemoryLine]:
    """Return the bytes of each backend by location and size, and the line through them where there are three sizes.

    In the app's process, opening the board is part of it. A location in which a backend takes nothing at any size has
    no row.
    """
    found = []
    for backend, workload, runs in _by_size(result):
        for place, read_bytes in _PLACES.items():
            points = tuple(
                (players, interval([*read.values()]))
                for players, several in runs.items()
                if (read := values(several, read_bytes))
            )
            if any(size.middle > 0 for _, size in points):
                bare = MemoryLine(backend, workload, place, points, None)
                found.append(bare._replace(line=_line(bare.fitted)))
    return found


def _by_size(result: Result) -> Iterator[tuple[str, str, dict[int, list[Run]]]]:
    """Yield the service runs with figures of each backend and workload, by rising size."""
    for backend in result.settings.backends:
        for workload in (facts.name for facts in result.workloads):
            sizes = sizes_of(result, "service", workload)
            runs = {players: runs_of(result, "service", workload, players, backend) for players in sizes}
            yield backend, workload, runs


def _any_cut(runs: Sequence[Run], operation: str) -> bool:
    return any(run.figures is not None and is_cut(run.figures, operation) for run in runs)


def _slope(by_size: dict[int, dict[int, float]]) -> Interval | None:
    if len(by_size) <= 1:
        return None
    smaller, larger = list(by_size)[-2:]
    grown = ratio(by_size[larger], by_size[smaller])
    apart = log(larger / smaller)
    low, middle, high = (log(end) / apart for end in (grown.low, grown.middle, grown.high))
    return Interval(low, middle, high, grown.processes)


def _line(points: Sequence[tuple[int, Interval]]) -> Line | None:
    return fit([(players, size.middle) for players, size in points]) if len(points) >= SIZES_NEEDED else None


def _process_bytes(figures: Figures) -> float | None:
    if not isinstance(figures, ServiceFigures):
        return None
    return figures.memory.opening_bytes + figures.memory.board_bytes


def _server_bytes(figures: Figures) -> float | None:
    return figures.memory.server_private_bytes if isinstance(figures, ServiceFigures) else None


def _disk_bytes(figures: Figures) -> float | None:
    return figures.memory.disk_bytes if isinstance(figures, ServiceFigures) else None


_PLACES: Final[dict[Place, Callable[[Figures], float | None]]] = {
    "process": _process_bytes,
    "server": _server_bytes,
    "disk": _disk_bytes,
}
