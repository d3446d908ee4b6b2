"""What a backend takes: bytes as measured at each size, and fitted to a fixed part and one for each player beyond."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from ...numerals import size as size_words
from ..measurements import Measured, Measurements, Values
from ..schema import BackendFacts

FITTED_FROM: Final = 10_000
"""Players from which on private memory by players is more than the grain of memory pages and of the allocator."""

SIZES_NEEDED: Final = 3
"""A line through fewer sizes fits anything."""

BytesPlace: TypeAlias = Literal["process", "server", "disk"]
"""Where bytes lie: in each app process, in the server's process, in files."""

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
    """Through the sizes from `FITTED_FROM` on, or through all where none is so large."""

    @property
    def any(self) -> bool:
        """Whether it takes anything at any size."""
        return any(size > 0 for _, size in self.measured)

    @property
    def fitted(self) -> list[tuple[int, float]]:
        """The sizes from `FITTED_FROM` on at which it takes anything, with their bytes: the line is through them."""
        return [(players, size) for players, size in self.measured if players >= FITTED_FROM and size > 0]

    @property
    def misfit(self) -> float:
        """The largest part by which the line misses one of them: 0.02 is 2 %."""
        return max((abs(self.line.at(players) / size - 1) for players, size in self.fitted), default=0.0)

    def estimate(self, players: int) -> tuple[float, str]:
        """Return the bytes, never fewer than none, and as text how they were determined.

        Between two measured sizes they are on the straight line between them; beyond the largest by the fitted line
        and never fewer than were measured there; below the smallest by that line and never more.
        """
        if not self.measured:
            return 0.0, "nothing, as measured"
        (smallest, least), (largest, most) = self.measured[0], self.measured[-1]
        if (known := dict(self.measured).get(players)) is not None:
            return max(0.0, known), f"{max(0.0, known) / players:.0f} bytes per player as measured at {players:,}"
        for (less, low), (more, high) in pairwise(self.measured):
            if less < players < more:
                between = max(0.0, low + (high - low) * (players - less) / (more - less))
                measured = f"between those measured at {less:,} and {more:,}"
                return between, f"{between / players:.0f} bytes per player {measured}"
        by_line = self.line.at(players)
        at, bound = (largest, max(by_line, most)) if players > largest else (smallest, min(by_line, least))
        if bound != by_line:
            return max(0.0, bound), f"{size_words(max(0.0, bound))} as measured at {at:,}"
        fitted = fitted_sizes(dict(self.measured))
        through = f"{'by the line through' if len(fitted) > 1 else 'as measured at'} {_listed(fitted)}"
        fixed = f"{self.line.fixed / 1e6:.1f} MB + " if abs(self.line.fixed) >= _LEAST_FIXED else ""
        return by_line, f"{fixed}{self.line.each:.0f} bytes per player {through}"


def fitted_sizes(sizes: Iterable[int]) -> list[int]:
    """Return the sizes that a line is fitted through: those from `FITTED_FROM` on, or all where none is so large."""
    every = sorted(sizes)
    return [players for players in every if players >= FITTED_FROM] or every


def _listed(sizes: Iterable[int]) -> str:
    *others, largest = (f"{players:,}" for players in sizes)
    return f"{', '.join(others)} and {largest}" if others else largest


class Footprint(NamedTuple):
    """What one backend takes: in each app process, on its server and on disk."""

    facts: BackendFacts
    process: Bytes
    server: Bytes
    """On all servers of the board together."""
    disk: Bytes
    names: float
    """Bytes of text per player: id and username. Only a board in the process keeps them there."""
    grown: float | None
    """Bytes that one update adds to the files; `None` where crash recovery was not measured."""
    sizes: tuple[int, ...]
    """The sizes that it was measured at."""
    source: str
    """Which runs it comes from."""
    more_bytes: float = 1.0
    """Bytes on servers relative to `server`, which is measured: of the same board over shards, where none was."""

    @property
    def backend(self) -> str:
        """The backend's label."""
        return self.facts.label


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
    weights = [1 / size**2 for _, size in known]
    mean_players, mean_size = (fmean(values, weights) for values in zip(*known, strict=True))
    spread = fmean([(players - mean_players) ** 2 for players, _ in known], weights)
    together = fmean([(players - mean_players) * (size - mean_size) for players, size in known], weights)
    if (each := together / spread) > 0:
        return Line(mean_size - each * mean_players, each)
    players, size = max(known)
    return Line(0.0, size / players)


def footprints(m: Measurements) -> list[Footprint]:
    """Return what each backend of a result takes; those without figures are left out.

    From the service runs of the workload that represents all, medians over processes.
    """
    every = ((m.result.facts(label), m.by_size("service", label)) for label in m.result.settings.backends)
    return [_footprint(m, facts, by_size) for facts, by_size in every if facts and by_size]


def _footprint(m: Measurements, facts: BackendFacts, by_size: Mapping[int, Measured]) -> Footprint:
    measured = list(by_size.values())
    workload, processes = measured[0].cell.workload, min(len(one.runs) for one in measured)
    traces = [trace for trace in m.result.traces if trace.workload == workload]
    process, server, disk = (_bytes(measured, place) for place in get_args(BytesPlace))
    names = max(traces, key=lambda trace: trace.players).name_bytes_per_player if traces else 0.0
    source = f"service runs of {workload}, {_listed(by_size)} players, medians of {processes} processes or more"
    return Footprint(facts, process, server, disk, names, _grown(m, facts.label), tuple(by_size), source)


def bytes_in(one: Measured, place: BytesPlace) -> Values:
    """Return the bytes of a loaded board by round: in the process, opening it is a part of them.

    A server's are its private memory, or what it reports itself where the system does not show that.
    """
    players = one.loaded
    if place == "process":
        opening, each = one.values("board", "opening"), one.values("board", "process_memory")
        return {round_: opening[round_] + round(size * players) for round_, size in each.items()}
    private = one.values("board", "server_memory") or one.values("board", "server_used_memory")
    each = private if place == "server" else one.values("board", "disk")
    return {round_: float(round(size * players)) for round_, size in each.items()}


def _bytes(measured: Iterable[Measured], place: BytesPlace) -> Bytes:
    """Return by players the median of the bytes that a loaded board took, and the line through them."""
    known = ((one.loaded, bytes_in(one, place)) for one in measured)
    sizes = {players: median(found.values()) for players, found in known if found}
    taking = [players for players, size in sizes.items() if size > 0]
    return Bytes(tuple(sizes.items()), fit([(players, sizes[players]) for players in fitted_sizes(taking)]))


def _grown(m: Measurements, backend: str) -> float | None:
    """Return what one update per call adds to the files, from crash recovery at the largest size."""
    one = m.largest("recovery", backend)
    grown = one.by_amount("disk", "disk_growth") if one else {}
    return median(grown[min(grown)].values()) if grown else None


def memory_lines(m: Measurements) -> Iterator[tuple[str, str, BytesPlace, Bytes]]:
    """Yield backend, workload and location wherever a line goes through at least three sizes, with the bytes there."""
    for backend in m.result.settings.backends:
        for workload in (facts.name for facts in m.result.workloads):
            measured = [one for one in m.measured("service", [backend]) if one.cell.workload == workload]
            for place in get_args(BytesPlace):
                taken = _bytes(measured, place)
                if len(taken.fitted) >= SIZES_NEEDED:
                    yield backend, workload, place, taken
