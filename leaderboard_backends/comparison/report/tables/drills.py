"""Crash recovery: start from nothing, kill -9 of the process with the data during updates, and restore."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ...document import Section, Value, median_of, middle_of, number, numbers, word, words
from ...schema import DrillFigures, Result
from ..classes import DurabilityClass, tables_by_class
from ..marks import marked, places, taken

INTRODUCTION: Final = (
    "The server, or the process that has the board open, is killed by `kill -9` during updates. Restore: the time "
    "until another process, already running, gets correct answers again. Where the storage kept nothing, the app loads "
    "all players again from its own records, and that time is included."
)
NO_POWER_CUT: Final = (
    "**A kill -9 is not a power cut**: the system still writes what the process had handed over. A backend that may "
    "lose its last second in a power cut can lose nothing here."
)
COUNTED: Final = (
    "By: what restored the board, a restart or the app's reload. Lost: acknowledged updates that were gone after the "
    "kill, over all runs. Processes and ports: what has to run and to be open in addition to the app."
)
_BY: Final = {"restart": "restart", "load": "reload"}


def drills_section(result: Result) -> Section:
    """Return what starting, a crash and coming back took, and what was lost."""
    columns = [
        *words("backend", "workload"),
        *numbers("players", "start, s", "load, s", "restore, s"),
        *words("by"),
        *numbers("lost", "processes", "ports", "runs"),
        *words("marks"),
    ]
    tables = tables_by_class(result, columns, lambda each: list(_rows(result, each)), note=COUNTED)
    said = [INTRODUCTION, NO_POWER_CUT] if tables else ["This comparison measured no crash recovery."]
    return Section("crash-recovery", "Crash recovery", said, tables)


def _rows(result: Result, each: DurabilityClass) -> Iterator[list[Value]]:
    for label in each.backends:
        for workload, players in places(result, "drill"):
            for one in taken(result, "drill", workload, players, [label]):
                drills = [run.figures for run in one.runs if isinstance(run.figures, DrillFigures)]
                yield [word(label), word(workload), number(players), *_drills(drills), marked(*one.marks)]


def _drills(drills: Sequence[DrillFigures]) -> Iterator[Value]:
    yield middle_of([drill.start_seconds for drill in drills])
    yield middle_of([drill.load_seconds for drill in drills])
    yield median_of([drill.restore_seconds for drill in drills])
    yield word(" or ".join(dict.fromkeys(_BY[drill.restored_by] for drill in drills)))
    lost, acknowledged = (sum(getattr(drill, name) for drill in drills) for name in ("lost", "acknowledged"))
    yield Value(f"{lost:,} of {acknowledged:,}", lost)
    yield number(max(drill.processes for drill in drills))
    yield number(max(drill.ports for drill in drills))
    yield number(len(drills))
