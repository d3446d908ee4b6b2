"""One table of all that a result measured: for each backend, mode, workload and size, each figure's values by round.

Sections, charts, advice and costs read this table alone; none of them walks the runs. Which workload and size stand for
a backend, where only one can be shown, is decided here, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from math import inf
from statistics import median
from typing import NamedTuple, TypeAlias, get_args

from .named_figures import Figure, Statistic
from .schema import BackendFacts, Cell, Durability, Home, Mode, Result, Run

Values: TypeAlias = Mapping[int, float]
"""One figure by round: one value per process."""


class Place(NamedTuple):
    """Where something was measured."""

    mode: Mode
    workload: str
    players: int

    @property
    def title(self) -> str:
        """The workload and size as text."""
        return f"{self.workload}, {self.players:,} players"


class Measured:
    """The runs of one cell: a backend in one mode, at one workload and size."""

    def __init__(self, cell: Cell, every: list[Run]) -> None:
        self.cell = cell
        self.every = every
        """All its runs, those without figures included."""
        self.runs = [run for run in every if run.status == "ok" and run.figures is not None]
        """Those with figures."""

    @property
    def label(self) -> str:
        """The backend's label."""
        return self.cell.backend

    @property
    def place(self) -> Place:
        """Where it was measured."""
        return Place(self.cell.mode, self.cell.workload, self.cell.players)

    @cached_property
    def figures(self) -> dict[Figure, dict[int, float]]:
        """The values of each figure by round, figures in the order of the runs.

        Raises `ValueError` where a round occurs twice, as it does where two results are mixed.
        """
        if twice := [number for number, count in Counter(run.round for run in self.runs).items() if count > 1]:
            raise ValueError(f"round {twice[0]} occurs twice: use the runs of one cell of one result.")
        found: dict[Figure, dict[int, float]] = {}
        for run in self.runs:
            for figure, value in run.figures.named().items() if run.figures else ():
                found.setdefault(figure, {})[run.round] = value
        return found

    def values(self, part: str, statistic: Statistic, amount: float = 0, variant: str = "") -> Values:
        """Return a figure by round; empty where it was not measured."""
        return self.figures.get(Figure(part, statistic, amount, variant), {})

    def by_amount(self, part: str, statistic: Statistic, variant: str = "") -> dict[float, Values]:
        """Return a figure of each number of clients, batch size or rate, by rising amount."""
        asked = (part, statistic, variant)
        found = {name.amount: values for name, values in self.figures.items() if (*name[:2], name.variant) == asked}
        return dict(sorted(found.items()))

    def variants(self, part: str) -> list[str]:
        """Return the variants of a part, in the order of the runs; the part itself is none of them."""
        return list(dict.fromkeys(figure.variant for figure in self.figures if figure.part == part and figure.variant))

    @property
    def loaded(self) -> int:
        """The players that a service run begins with: under some workloads, others join later."""
        return int(max(self.values("load", "players").values(), default=0))

    @property
    def operations(self) -> list[str]:
        """The operations that have service times in any run."""
        return [figure.part for figure in self.figures if figure.statistic == "planned"]

    @property
    def disturbed(self) -> bool:
        """Whether other work on the machine made any of its runs too slow."""
        return any(run.disturbed for run in self.runs)

    def cut(self, operation: str) -> tuple[int, int] | None:
        """Return the fewest samples of a process, and those planned, where the time limit cut an operation short."""
        samples, planned = (self.values(operation, statistic) for statistic in ("samples", "planned"))
        fewer = {number: count for number, count in samples.items() if count < planned.get(number, 0)}
        return min(((int(count), int(planned[number])) for number, count in fewer.items()), default=None)


class Measurements:
    """All figures of a result."""

    def __init__(self, result: Result) -> None:
        self.result = result
        runs: dict[Cell, list[Run]] = {}
        for run in result.runs:
            runs.setdefault(run.cell, []).append(run)
        self.cells = {cell: Measured(cell, every) for cell, every in runs.items()}
        """What was measured, A/A runs included, in the order of the runs."""

    def at(self, place: Place, backend: str, *, again: bool = False) -> Measured:
        """Return a backend at a place, the second of its A/A runs with `again`; without runs where it has none."""
        cell = Cell(*place, backend, again)
        return self.cells.get(cell) or Measured(cell, [])

    def places(self, mode: Mode) -> list[Place]:
        """Return where a mode was run, with or without figures: workloads in the order of the result, then sizes."""
        found = {Place(mode, cell.workload, cell.players) for cell in self.cells if cell.mode == mode}
        known = [facts.name for facts in self.result.workloads]
        names = list(dict.fromkeys([*known, *sorted(place.workload for place in found)]))
        return sorted(found, key=lambda place: (names.index(place.workload), place.players))

    def measured(self, mode: Mode, backends: Iterable[str], place: Place | None = None) -> list[Measured]:
        """Return all that has figures in a mode, backend by backend; of one place alone where it is given."""
        places = self.places(mode) if place is None else [place]
        found = (self.at(one, label) for label in backends for one in places)
        return [one for one in found if one.runs]

    def sizes(self, mode: Mode, workload: str) -> list[int]:
        """Return the sizes in players that a workload was run at, with or without figures, in rising order."""
        return [place.players for place in self.places(mode) if place.workload == workload]

    # ------------------------------------------------------------------ what represents a result

    @cached_property
    def workload(self) -> str:
        """The workload that represents all: the one whose service times are of the most sizes, of equals the first."""
        counted = Counter(
            place.workload for place in self.places("service") if self.measured("service", self.labels, place)
        )
        return max(counted, key=lambda name: counted[name], default="")

    def usual(self, mode: Mode) -> Place | None:
        """Return the place that represents a mode: of the size with the most runs of it, of equals the largest.

        Its workload is the one that represents all, or else the first with which the mode was run.
        """
        places = self.places(mode)
        mine = [place for place in places if place.workload == self.workload] or places
        mine = [place for place in mine if place.workload == mine[0].workload]
        runs = Counter(run.cell.players for run in self.result.runs if run.cell.mode == mode)
        return max(mine, key=lambda place: (runs[place.players], place.players), default=None)

    def by_size(self, mode: Mode, backend: str) -> dict[int, Measured]:
        """Return what has figures of a backend by rising size, under the workload that represents all.

        Where it has none under that, under the first workload that it has figures of.
        """
        found = self._with_figures.get((mode, backend), [])
        mine = [one for one in found if one.cell.workload == self.workload] or found
        return {one.cell.players: one for one in mine if one.cell.workload == mine[0].cell.workload}

    def largest(self, mode: Mode, backend: str) -> Measured | None:
        """Return what `by_size` has of a backend at its largest size; `None` where it has no figures."""
        return next(reversed(self.by_size(mode, backend).values()), None)

    @cached_property
    def _with_figures(self) -> dict[tuple[Mode, str], list[Measured]]:
        return {(mode, label): self.measured(mode, [label]) for mode in get_args(Mode) for label in self.labels}

    # ------------------------------------------------------------------ backends

    @cached_property
    def labels(self) -> list[str]:
        """Every backend that occurs in a result, the requested ones first."""
        run = (cell.backend for cell in self.cells if cell.workload)
        opened = (facts.label for facts in self.result.backends)
        return list(dict.fromkeys([*self.result.settings.backends, *opened, *run]))

    def durability(self, label: str) -> Durability:
        """Return what a power cut leaves of a backend's updates."""
        facts = self.result.facts(label)
        return "not known" if facts is None else facts.durability

    @cached_property
    def classes(self) -> dict[Durability, list[str]]:
        """The backends by what a power cut leaves, the least durable class first; only classes that have some."""
        every: tuple[Durability, ...] = get_args(Durability)
        found = {name: [label for label in self.labels if self.durability(label) == name] for name in every}
        return {name: labels for name, labels in found.items() if labels}

    @cached_property
    def in_class_order(self) -> list[str]:
        """Every backend, class by class."""
        return [label for labels in self.classes.values() for label in labels]

    # ------------------------------------------------------------------ noise

    @cached_property
    def floors(self) -> dict[FloorKey, Floor]:
        """How far equal cells were apart, by class of storage, mode and statistic.

        The floor is the largest ratio of medians, folded to at least 1, of all A/A runs and parts of the class. Figures
        that are not above 0 have no ratio and are left out.
        """
        measured: dict[FloorKey, Floor] = {}
        for again in self.a_a_runs:
            cell, first = again.cell, self.at(again.place, again.label)
            for figure in first.figures.keys() & again.figures.keys():
                one, other = median(first.figures[figure].values()), median(again.figures[figure].values())
                if figure.judged and one > 0 and other > 0:
                    key = NoiseClass.of(self.result.facts(cell.backend)), cell.mode, figure.statistic
                    source = f"{cell.backend} against itself, {figure.title}, {again.place.title}"
                    floor = Floor(max(one / other, other / one), source)
                    measured[key] = max(measured.get(key, Floor(0, "")), floor)
        return measured

    def floor(self, facts: BackendFacts | None, mode: Mode, statistic: Statistic) -> Floor:
        """Return the noise floor of a backend's class with its source: its own, or else the largest of all classes.

        Where no A/A run has this statistic in this mode, the floor is infinite: then nothing counts as a difference.
        """
        own = self.floors.get((NoiseClass.of(facts), mode, statistic))
        if own is not None:
            return own
        others = [floor for (_, *what), floor in self.floors.items() if what == [mode, statistic]]
        if not others:
            return Floor(inf, f"not known: no {mode} A/A run has a {statistic}")
        largest = max(others)
        return Floor(largest.ratio, f"{largest.source}, the largest of all classes, because this one has no A/A run")

    @cached_property
    def a_a_runs(self) -> list[Measured]:
        """The second cell of each pair of equal ones."""
        return [one for cell, one in self.cells.items() if cell.a_a]


class NoiseClass(NamedTuple):
    """Backends that are noisy for the same reasons: what a call waits for is alike."""

    home: Home
    every_commit: bool
    """Whether each update waits for the disk."""

    @classmethod
    def of(cls, facts: BackendFacts | None) -> NoiseClass | None:
        """Return the class of a backend; `None` where nothing is known of it."""
        return None if facts is None else cls(facts.home, facts.durability == "every commit")

    @property
    def title(self) -> str:
        """The class as text."""
        where = {"process": "in the process", "file": "in a file", "server": "on a server"}[self.home]
        return f"{where} that waits for the disk" if self.every_commit else where


FloorKey: TypeAlias = tuple[NoiseClass | None, Mode, Statistic]


class Floor(NamedTuple):
    """The ratio, at least 1, by which a backend differed from itself; a smaller difference says nothing."""

    ratio: float
    source: str
    """Where it comes from, as text."""
