"""What a backend takes, as measured: bytes fitted to a fixed part and a part for each player."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from ..result import Cell, Comparison

Home = Literal["process", "server", "file"]
"""Where a board lives: in the app's process and nowhere else, on a server, or in a file beside the process."""


class Line(NamedTuple):
    """Bytes as a function of players: `fixed + each * players`."""

    fixed: float
    each: float

    def at(self, players: int) -> float:
        """Return the bytes of a board of so many players; never fewer than none."""
        return max(0.0, self.fixed + self.each * players)


class Footprint(NamedTuple):
    """What one backend takes: in each app process, on its server and on disk."""

    backend: str
    home: Home
    shared: bool
    process: Line
    server: Line
    disk: Line
    sizes: tuple[int, ...]
    """The sizes that it was measured at."""


def fit(points: Sequence[tuple[int, float]]) -> Line:
    """Fit a line by least squares of relative errors, so that each size counts alike; one size gives its ratio.

    Cost O(n). With weights 1 / bytes^2, the normal equations of `fixed + each * players`.
    """
    known = [(float(players), size) for players, size in points if size > 0]
    if len({players for players, _ in known}) <= 1:
        return (
            Line(0.0, sum(size for _, size in known) / sum(players for players, _ in known))
            if known
            else Line(0.0, 0.0)
        )
    weights = [1 / size**2 for _, size in known]
    total = sum(weights)
    mean_players = sum(w * players for w, (players, _) in zip(weights, known, strict=True)) / total
    mean_size = sum(w * size for w, (_, size) in zip(weights, known, strict=True)) / total
    spread = sum(w * (players - mean_players) ** 2 for w, (players, _) in zip(weights, known, strict=True))
    shared = sum(
        w * (players - mean_players) * (size - mean_size) for w, (players, size) in zip(weights, known, strict=True)
    )
    each = shared / spread
    return Line(mean_size - each * mean_players, each)


def footprints(result: Comparison) -> list[Footprint]:
    """Return what each backend of a result takes; those without figures are left out."""
    return [found for backend in result.settings.backends if (found := _footprint(result, backend)) is not None]


def _footprint(result: Comparison, backend: str) -> Footprint | None:
    cells = [cell for cell in result.cells if cell.backend == backend and cell.status == "ok" and cell.memory]
    if not cells:
        return None
    facts = cells[-1].facts
    durable = facts is not None and facts.durability != "memory only"
    home: Home = "server" if facts is not None and facts.server else "file" if durable else "process"
    return Footprint(
        backend=backend,
        home=home,
        shared=facts is not None and facts.shared,
        process=_line(cells, "opening_bytes", "board_bytes"),
        server=_line(cells, "server_private_bytes"),
        disk=_line(cells, "disk_bytes"),
        sizes=tuple(cell.players for cell in cells),
    )


def _line(cells: Sequence[Cell], *names: str) -> Line:
    points = [(cell.players, float(sum(getattr(cell.memory, name) or 0 for name in names))) for cell in cells]
    return fit(points)
