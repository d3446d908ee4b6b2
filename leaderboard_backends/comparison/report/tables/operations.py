"""What it takes to operate each board: measured by crash recovery, and stated in the file of its backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final, NamedTuple

from ....numerals import NONE, duration
from ...document import Section, Table, Value, listed, number, numbers, word, words
from ...schema import BackendFacts, DrillFigures, Durability, Result

STATED: Final = "stated, not measured"
"""Marks the lists in a backend's file, which we wrote: steps to set it up, and what can be monitored."""

_DRILL: Final = (
    "Processes: those in addition to the app's own. Start: from nothing to the first acknowledged update. Restore: "
    "from a `kill -9` during updates until answers are correct again, median over the runs; where the storage kept "
    "nothing, the app loads all players again. A kill is not a power cut: durability says what that leaves."
)


class Operation(NamedTuple):
    """What operating one board takes; `None` where crash recovery was not measured."""

    label: str
    durability: Durability
    setup: tuple[str, ...]
    watch: tuple[str, ...]
    processes: int | None = None
    """To run in addition to the app's own."""
    ports: int | None = None
    players: int | None = None
    """On the board during crash recovery."""
    start_seconds: float | None = None
    restore_seconds: float | None = None
    restored_by: str = ""
    lost: int | None = None
    acknowledged: int | None = None

    @property
    def is_measured(self) -> bool:
        """Whether crash recovery was measured."""
        return self.processes is not None


def operations(result: Result) -> list[Operation]:
    """Return what operating each board of a result takes, in the order of the result, without boards never opened."""
    known = [facts for label in result.settings.backends if (facts := result.facts(label)) is not None]
    return [operation(result, facts) for facts in known]


def operation(result: Result, facts: BackendFacts) -> Operation:
    """Return what operating a board takes: the lists of its file, and the medians of its crash-recovery runs."""
    stated = Operation(facts.label, facts.durability, tuple(facts.sheet.setup), tuple(facts.sheet.watch))
    players, drills = recoveries(result, facts.label)
    if not drills:
        return stated
    return stated._replace(
        processes=max(drill.processes for drill in drills),
        ports=max(drill.ports for drill in drills),
        players=players,
        start_seconds=median(drill.start_seconds for drill in drills),
        restore_seconds=median(drill.restore_seconds for drill in drills),
        restored_by=" or ".join(dict.fromkeys(drill.restored_by for drill in drills)),
        lost=sum(drill.lost for drill in drills),
        acknowledged=sum(drill.acknowledged for drill in drills),
    )


def recoveries(result: Result, label: str) -> tuple[int, list[DrillFigures]]:
    """Return the most players with which crash recovery of a board was measured, and its figures there.

    They are of one workload, the first; 0 and no figures where it was not measured.
    """
    found = [
        (run.cell, run.figures)
        for run in result.runs
        if isinstance(run.figures, DrillFigures) and run.cell.backend == label and not run.cell.twin
    ]
    of_first = [(cell.players, figures) for cell, figures in found if cell.workload == found[0][0].workload]
    most = max((players for players, _ in of_first), default=0)
    return most, [figures for players, figures in of_first if players == most]


def operations_section(result: Result) -> Section:
    """Return what operating each board takes: running and restoring, measured; set-up and monitoring, stated."""
    every = operations(result)
    return Section(
        name="operations",
        title="What it takes to operate",
        paragraphs=[_DRILL],
        tables=[_running(every), _setting_up(every)],
    )


def _running(every: Sequence[Operation]) -> Table:
    return Table(
        "To run, and to recover",
        [
            *words("backend", "durability"),
            *numbers("processes", "ports", "start", "players", "restore"),
            *words("by", "updates lost"),
        ],
        [list(_running_row(one)) for one in every],
        "" if all(one.is_measured for one in every) else f"{NONE}: no crash was measured.",
    )


def _running_row(one: Operation) -> Iterator[Value]:
    yield from (Value(one.label), Value(one.durability))
    yield from (number(one.processes), number(one.ports))
    yield from (number(one.start_seconds, duration), number(one.players), number(one.restore_seconds, duration))
    yield word({"load": "loading again", "restart": "a restart"}.get(one.restored_by, one.restored_by))
    lost = "" if one.lost is None else f"{one.lost:,} of {one.acknowledged:,}"
    yield Value(lost or NONE, one.lost, tone="bad" if one.lost else "")


def _setting_up(every: Sequence[Operation]) -> Table:
    return Table(
        f"To set up, and to monitor: {STATED}",
        [*words("backend"), *numbers("set-up steps"), *words("set-up", "what can be monitored")],
        [[Value(one.label), _steps(one), listed(one.setup), listed(one.watch)] for one in every],
        "From the file that describes each backend: not measured, and no verdict depends on it.",
    )


def _steps(one: Operation) -> Value:
    return Value(f"{len(one.setup)}" if one.setup else NONE, len(one.setup) or None)
