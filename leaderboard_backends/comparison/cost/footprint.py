"""What a backend takes: bytes as measured at each size, and fitted to a fixed part and one for each player beyond."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from ...numerals import size as size_words
from ..schema import BackendFacts, DrillFigures, Durability, Figures, Home, MemoryFigures, Result, Run, ServiceFigures
from ..statistics import runs_of, sizes_of, values

TOLD_FROM: Final = 10_000
"""Players from which on private memory by players is more than the grain of memory pages and of the allocator."""

_LEAST_FIXED: Final = 50_000
"""A fixed part of fewer bytes is not worth a word."""


class Line(NamedTuple):
    """Bytes as a function of players: `fixed + each * players`."""

    fixed: float
    each: float

    def at(self, players: int) -> float:
        """Return the bytes of a board of so many players; never fewer than none."""
        return max(0.0, self.fixed + self.each * players)


NOTHING = Line(0.0, 0.0)


class Bytes(NamedTuple):
    """Bytes by players in one location: as measured, or by a fitted line beyond the largest measured size."""

    measured: tuple[tuple[int, float], ...]
    """Players, and the median of the bytes that they took, by rising players."""
    line: Line
    """Through the sizes from `TOLD_FROM` on, or through all where none is so large."""

    @property
    def any(self) -> bool:
        """Whether it takes anything at any size."""
        return any(size > 0 for _, size in self.measured)

    def at(self, players: int) -> float:
        """Return the bytes of a board of so many players; never fewer than none."""
        return self.told(players)[0]

    def told(self, players: int) -> tuple[float, str]:
        """Return the bytes, and as text how they were determined.

        Between two measured sizes they are on the straight line between them; beyond the largest by the fitted line
        and never fewer than were measured there; below the smallest by that line and never more.
        """
        if not self.measured:
            return 0.0, "nothing, as measured"
        sizes = dict(self.measured)
        if players in sizes:
            return self._as_measured(players, sizes[players])
        (smallest, least), (largest, most) = self.measured[0], self.measured[-1]
        if smallest < players < largest:
            return self._between(players)
        by_line = self.line.at(players)
        if players > largest and by_line < most:
            return self._bound(largest, most)
        if players < smallest and by_line > least:
            return self._bound(smallest, least)
        return by_line, f"{_words(self.line)} {_through(told_sizes(sizes))}"

    @staticmethod
    def _as_measured(players: int, size: float) -> tuple[float, str]:
        bytes_ = max(0.0, size)
        return bytes_, f"{bytes_ / players:.0f} bytes per player as measured at {players:,}"

    @staticmethod
    def _bound(players: int, size: float) -> tuple[float, str]:
        bytes_ = max(0.0, size)
        return bytes_, f"{size_words(bytes_)} as measured at {players:,}"

    def _between(self, players: int) -> tuple[float, str]:
        pairs = pairwise(self.measured)
        (less, low), (more, high) = next(pair for pair in pairs if pair[0][0] < players < pair[1][0])
        bytes_ = max(0.0, low + (high - low) * (players - less) / (more - less))
        return bytes_, f"{bytes_ / players:.0f} bytes per player between those measured at {less:,} and {more:,}"


def told_sizes(sizes: Iterable[int]) -> list[int]:
    """Return the sizes that a line is fitted through: those from `TOLD_FROM` on, or all where none is so large."""
    every = sorted(sizes)
    return [players for players in every if players >= TOLD_FROM] or every


def _words(line: Line) -> str:
    fixed = f"{line.fixed / 1e6:.1f} MB + " if abs(line.fixed) >= _LEAST_FIXED else ""
    return f"{fixed}{line.each:.0f} bytes per player"


def _through(sizes: Sequence[int]) -> str:
    """Return the sizes that a line is fitted to; for a single size it is the ratio there."""
    *others, largest = (f"{players:,}" for players in sizes)
    return f"by the line through {', '.join(others)} and {largest}" if others else f"as measured at {largest}"


class Footprint(NamedTuple):
    """What one backend takes: in each app process, on its server and on disk."""

    backend: str
    home: Home
    shared: bool
    durability: Durability
    process: Bytes
    server: Bytes
    disk: Bytes
    names: float
    """Bytes of text per player: id and username. Only a board in the process keeps them there."""
    grown: float | None
    """Bytes that one update adds to the files; `None` where crash recovery was not measured."""
    sizes: tuple[int, ...]
    """The sizes that it was measured at."""
    source: str
    """Which runs it comes from."""
    sharded: bool = False
    """Whether the board is spread over the primaries of a cluster, all of which `server` counts."""
    copies: int = 1
    """How many of the servers that `server` counts have the whole board."""
    more_bytes: float = 1.0
    """Bytes on servers relative to `server`, which is measured: of the same board over shards, where none was."""


def fit(points: Sequence[tuple[int, float]]) -> Line:
    """Fit a line by least squares of relative errors, so that each size counts alike; one size gives its ratio.

    Where the bytes fall with the players, as the size of memory pages can cause at small sizes, it is the ratio of the
    largest size. Cost O(n). With weights 1 / bytes^2, the normal equations of `fixed + each * players`.
    """
    known = [(float(players), size) for players, size in points if size > 0 and players > 0]
    if not known:
        return NOTHING
    if len({players for players, _ in known}) == 1:
        return Line(0.0, sum(size for _, size in known) / sum(players for players, _ in known))
    line = _least_squares(known)
    if line.each > 0:
        return line
    players, size = max(known)
    return Line(0.0, size / players)


def _least_squares(known: Sequence[tuple[float, float]]) -> Line:
    weights = [1 / size**2 for _, size in known]
    total = sum(weights)
    mean_players = sum(w * players for w, (players, _) in zip(weights, known, strict=True)) / total
    mean_size = sum(w * size for w, (_, size) in zip(weights, known, strict=True)) / total
    spread = sum(w * (players - mean_players) ** 2 for w, (players, _) in zip(weights, known, strict=True))
    together = sum(
        w * (players - mean_players) * (size - mean_size) for w, (players, size) in zip(weights, known, strict=True)
    )
    each = together / spread
    return Line(mean_size - each * mean_players, each)


# ---------------------------------------------------------------------- of a result


def footprints(result: Result) -> list[Footprint]:
    """Return what each backend of a result takes; those without figures are left out.

    From the service runs of the workload that has the most sizes, medians over processes, without A/A runs.
    """
    found = (_footprint(result, facts) for label in result.settings.backends if (facts := result.facts(label)))
    return [footprint for footprint in found if footprint is not None]


def _footprint(result: Result, facts: BackendFacts) -> Footprint | None:
    workload, runs = most_sizes(result, facts.label)
    if not runs:
        return None
    processes = min(map(len, runs.values()))
    return Footprint(
        backend=facts.label,
        home=facts.home,
        shared=facts.shared,
        durability=facts.durability,
        process=_bytes(runs, lambda memory: memory.opening_bytes + memory.board_bytes),
        server=_bytes(runs, _server_bytes),
        disk=_bytes(runs, lambda memory: memory.disk_bytes),
        names=_names(result, workload),
        grown=_grown(result, facts.label),
        sizes=tuple(runs),
        source=f"service runs of {workload}, {_counted(runs)}, medians of {processes} processes or more",
        sharded=facts.consistency == "per player",
        copies=facts.copies,
    )


def _names(result: Result, workload: str) -> float:
    """Return the bytes of text per player, by the largest trace of a workload."""
    traces = [trace for trace in result.traces if trace.workload == workload]
    return max(traces, key=lambda trace: trace.players).name_bytes_per_player if traces else 0.0


def _counted(runs: dict[int, list[Run]]) -> str:
    *others, largest = (f"{players:,}" for players in runs)
    return f"{', '.join(others)} and {largest} players" if others else f"{largest} players"


def most_sizes(result: Result, backend: str) -> tuple[str, dict[int, list[Run]]]:
    """Return the workload with the most sizes, the first one of several, with its runs by size."""
    best: tuple[str, dict[int, list[Run]]] = ("", {})
    for facts in result.workloads:
        by_size = {
            players: runs
            for players in sizes_of(result, "service", facts.name)
            if (runs := runs_of(result, "service", facts.name, players, backend))
        }
        if len(by_size) > len(best[1]):
            best = facts.name, by_size
    return best


def _bytes(by_size: dict[int, list[Run]], read: Callable[[MemoryFigures], int | None]) -> Bytes:
    def of_run(figures: Figures) -> float | None:
        return read(figures.memory) if isinstance(figures, ServiceFigures) else None

    known = ((_loaded(runs), values(runs, of_run)) for runs in by_size.values())
    sizes = {players: median(read.values()) for players, read in known if read}
    taking = [players for players, size in sizes.items() if size > 0]
    return Bytes(tuple(sorted(sizes.items())), fit([(players, sizes[players]) for players in told_sizes(taking)]))


def _loaded(runs: Iterable[Run]) -> int:
    return next(run.figures.load.players for run in runs if isinstance(run.figures, ServiceFigures))


def _server_bytes(memory: MemoryFigures) -> int | None:
    """Return the server's private memory, or what it reports itself where the system does not show it."""
    return memory.server_used_bytes if memory.server_private_bytes is None else memory.server_private_bytes


def _grown(result: Result, backend: str) -> float | None:
    """Return what one update per call adds to the files, from crash recovery at the largest size."""
    drills = [run for run in result.runs if run.cell.mode == "drill" and run.cell.backend == backend]
    measured = [run for run in drills if run.status == "ok" and not run.cell.twin]
    if not measured:
        return None
    largest = max(run.cell.players for run in measured)
    grown = [_grown_in(run) for run in measured if run.cell.players == largest]
    known = [size for size in grown if size is not None]
    return max(0.0, median(known)) if known else None


def _grown_in(run: Run) -> float | None:
    disk = run.figures.disk if isinstance(run.figures, DrillFigures) else []
    counted = [figures for figures in disk if figures.updates]
    if not counted:
        return None
    smallest = min(counted, key=lambda figures: figures.size)
    return smallest.grown_bytes / smallest.updates
