"""Marks of figures with a limit: cut short, disturbed, or not from all processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ..document import Value
from ..readings import is_cut
from ..schema import DISTURBED_FROM, Cell, Mode, Result, Run, ServiceFigures
from ..statistics import runs_of

DISTURBED: Final = "~"

LEGEND: Final = (
    f"Marks: `n=20` the time limit left only 20 samples in a process; `{DISTURBED}` other processes kept at least "
    f"{DISTURBED_FROM:g} cores busy during a run, so that its times are too long, above all the p99; `3 of 5` only 3 "
    "of 5 runs have figures; `p99 of 3` only 3 processes have enough samples for a p99; `-` too few samples for this "
    "percentile, or not measured."
)


class Taken(NamedTuple):
    """The runs of one backend in one cell: those with figures, and the number of all."""

    label: str
    runs: list[Run]
    planned: int

    @property
    def marks(self) -> list[str]:
        """What holds for all its figures."""
        found = [f"{len(self.runs)} of {self.planned}"] if len(self.runs) < self.planned else []
        return [*found, *([DISTURBED] if any(run.disturbed for run in self.runs) else [])]


def taken(result: Result, mode: Mode, workload: str, players: int, labels: Sequence[str]) -> list[Taken]:
    """Return the runs of each backend that has figures there."""
    found = []
    for label in labels:
        cell = Cell(mode, workload, players, label)
        runs = runs_of(result, mode, workload, players, label)
        if runs:
            found.append(Taken(label, runs, sum(run.cell == cell for run in result.runs)))
    return found


def partly_replayed(result: Result) -> Iterator[str]:
    """Yield a sentence for each workload of events of which only some are replayed and timed."""
    for facts in result.workloads:
        replayed = {trace.steps.get("update", 0) for trace in result.traces if trace.workload == facts.name}
        if replayed and min(replayed) < facts.events:
            counts = " or ".join(f"{count:,}" for count in sorted(replayed))
            yield (
                f"**Of the {facts.events:,} events of {facts.name}, a run replays and times {counts}**; the others "
                "fill the board that is loaded, warm it up, or are left out: `--steps` replays more."
            )


def cut_mark(runs: Sequence[Run], operation: str) -> list[str]:
    """Return the fewest samples of an operation in a process, if the time limit left out some."""
    cut = [
        run.figures.operations[operation].time.samples
        for run in runs
        if isinstance(run.figures, ServiceFigures) and is_cut(run.figures, operation)
    ]
    return [f"n={min(cut):,}"] if cut else []


def marked(*marks: str) -> Value:
    """Return marks as text for a table; empty without marks."""
    return Value(", ".join(marks), ", ".join(marks) or None)


def places(result: Result, mode: Mode) -> Iterator[tuple[str, int]]:
    """Yield the workloads and sizes at which a mode was run, with or without figures, in the order of the workloads."""
    found = {(run.cell.workload, run.cell.players) for run in result.runs if run.cell.mode == mode}
    known = [facts.name for facts in result.workloads]
    names = list(dict.fromkeys([*known, *sorted(workload for workload, _ in found)]))
    yield from sorted(found, key=lambda place: (names.index(place[0]), place[1]))
