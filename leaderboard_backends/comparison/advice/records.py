"""A result arranged for questions: which runs there are of a backend near a size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...errors import ConfigurationError
from ...numerals import counted
from ..cost.bill import Bill
from ..cost.cluster import ONE_SERVER_CLASS, Cluster
from ..cost.footprint import Footprint, footprints
from ..cost.source import Inputs
from ..measurements import Measurements
from ..schema import Cell, Mode, Result, Run, ServiceFigures
from ..statistics import Floors, noise_floors
from .quantities import MOST_PLAYERS

UPDATE = "update"

FURTHEST: Final = 10
"""Times the largest measured size: so far figures are extrapolated, and no further, except those of one server that a
cluster would replace: its time grows with the logarithm of the players, so it is extrapolated as far as memory goes."""


class Near(NamedTuple):
    """The runs of a backend at the measured size that is used for another."""

    players: int
    workload: str
    runs: list[Run]

    @property
    def where(self) -> str:
        """The size and workload as text."""
        said = f"{self.workload}, {self.players:,} players, {counted(len(self.runs), 'process', 'processes')}"
        return f"{said}, disturbed by other work" if self.disturbed else said

    @property
    def disturbed(self) -> bool:
        """Whether other work on the machine made any of its runs too slow."""
        return any(run.disturbed for run in self.runs)


class Records:
    """The runs of a result by cell, without A/A runs, with its noise floors and footprints.

    Raises `ConfigurationError` where no service run has an update: then there is nothing to advise from.
    """

    def __init__(self, result: Result) -> None:
        self.result, self.m = result, Measurements(result)
        self.floors: Floors = noise_floors(result)
        self.footprints: dict[str, Footprint] = {one.backend: one for one in footprints(self.m)}
        self.bills: dict[tuple[str, int, int, int, float], tuple[Inputs, Bill]] = {}
        """By deployment, with what each was computed from: thousands of needs come to some hundred deployments."""
        self.clusters: dict[tuple[str, int, int, int, float], tuple[Inputs, Cluster]] = {}
        """The same of the modelled clusters, by the row of one server."""
        self.one_server: dict[tuple[str, int, int], tuple[Inputs, int]] = {}
        """How many players one server holds by its memory, by row, app servers and workers."""
        self._runs: dict[Cell, list[Run]] = {}
        for run in result.runs:
            if not run.cell.twin:
                self._runs.setdefault(run.cell, []).append(run)
        self._measured: dict[tuple[Mode, str], dict[Cell, list[Run]]] = {}
        for cell, runs in self._runs.items():
            if measured := [run for run in runs if run.status == "ok" and run.figures is not None]:
                self._measured.setdefault((cell.mode, cell.backend), {})[cell] = measured
        self.workload = self._most_sizes()

    def _most_sizes(self) -> str:
        """Return the workload whose updates were measured at the most sizes."""
        sizes: dict[str, set[int]] = {}
        for cell, runs in self._runs.items():
            if any(_has_update(run) for run in runs):
                sizes.setdefault(cell.workload, set()).add(cell.players)
        if not sizes:
            raise ConfigurationError(
                "this result has no service times of updates, which advice needs: run leaderboard compare with a plan "
                "that measures them, such as --plan full."
            )
        return max(sizes, key=lambda name: len(sizes[name]))

    def near(self, mode: Mode, backend: str, players: int) -> Near | None:
        """Return the runs with figures at the nearest size at or above, else at the largest; `None` without any.

        Of the chosen workload where it was run in this mode, else of the first one that was.
        """
        measured = self._measured.get((mode, backend), {})
        cells = [cell for cell in measured if cell.workload == self.workload] or list(measured)
        if not cells:
            return None
        chosen = self._standing_for(players, [cell for cell in cells if cell.workload == cells[0].workload])
        return Near(chosen.players, chosen.workload, measured[chosen])

    @staticmethod
    def _standing_for(players: int, cells: Sequence[Cell]) -> Cell:
        above = [cell for cell in cells if cell.players >= players]
        return min(above, key=lambda cell: cell.players) if above else max(cells, key=lambda cell: cell.players)

    def sizes(self, backend: str) -> list[int]:
        """Return the sizes at which a backend's updates have service times, in rising order."""
        measured = self._measured.get(("service", backend), {})
        return sorted(
            cell.players
            for cell, runs in measured.items()
            if cell.workload == self.workload and any(map(_has_update, runs))
        )

    def extrapolated_up_to(self, backend: str) -> int:
        """Return the most players for which figures of a backend are extrapolated from those that were measured."""
        facts, measured = self.result.facts(backend), max(self.sizes(backend), default=0)
        by_memory = facts is not None and facts.class_name == ONE_SERVER_CLASS
        return MOST_PLAYERS if by_memory and measured else FURTHEST * measured

    def service(self, backend: str, players: int) -> list[Run]:
        """Return the service runs with figures at a size."""
        measured = self._measured.get(("service", backend), {})
        return measured.get(Cell("service", self.workload, players, backend), [])

    def problem(self, backend: str, players: int) -> str:
        """Return why a backend has no figures that may be used at a size; empty where it has them.

        A wrong answer anywhere rules it out; else the outcome at the nearest size at or above at which it was run.
        """
        facts = self.result.facts(backend)
        if facts is not None and facts.verdict is not None and not facts.verdict.allows_figures:
            return f"the conformance kit says {facts.verdict.verdict}, {facts.verdict.failed} tests failed"
        mine = {cell: runs for cell, runs in self._runs.items() if cell.backend == backend}
        wrong = next((run for runs in mine.values() for run in runs if run.status == "wrong"), None)
        if wrong is not None:
            return f"gave wrong answers: {wrong.reason}"
        cells = [cell for cell in mine if (cell.mode, cell.workload) == ("service", self.workload)]
        if not cells:
            return "was not measured"
        chosen = self._standing_for(players, cells)
        runs = mine[chosen]
        if any(map(_has_update, runs)):
            return beyond_words(chosen.players) if players > self.extrapolated_up_to(backend) else ""
        reason = f": {runs[0].reason}" if runs[0].reason else ""
        return f"{runs[0].status} at {chosen.players:,} players{reason}"


def beyond_words(measured: int) -> str:
    """Return why nothing is known of a board that is too large to extrapolate from the largest measured size."""
    return f"was measured up to {measured:,} players, and is not extrapolated beyond {FURTHEST} times as many"


def _has_update(run: Run) -> bool:
    return run.status == "ok" and isinstance(run.figures, ServiceFigures) and UPDATE in run.figures.operations
