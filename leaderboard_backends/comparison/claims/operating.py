"""What it takes to operate each board: measured by crash recovery, and stated in the file of its backend."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median
from typing import Final, NamedTuple

from ...numerals import counted, duration
from ..schema import BackendFacts, Durability, Result
from .evidence import Evidence, missing
from .findings import NotMeasuredError

STATED: Final = "stated, not measured"
"""Marks the lists in a backend's file, which we wrote: steps to set it up, and what can be monitored."""


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
    def drilled(self) -> bool:
        """Whether crash recovery was measured."""
        return self.processes is not None


def operations(result: Result) -> list[Operation]:
    """Return what operating each board of a result takes, in the order of the result, without boards never opened."""
    found = Evidence(result)
    known = [facts for label in result.settings.backends if (facts := result.facts(label)) is not None]
    return [operation(found, facts) for facts in known]


def operation(found: Evidence, facts: BackendFacts) -> Operation:
    """Return what operating a board takes: the lists of its file, and the medians of its crash-recovery runs."""
    sheet = facts.sheet
    bare = Operation(facts.label, facts.durability, tuple(sheet.setup), tuple(sheet.watch))
    try:
        drills = found.drills(facts.label)
    except NotMeasuredError:
        return bare
    lost, acknowledged = found.lost(facts.label)
    return bare._replace(
        processes=max(drill.processes for drill in drills),
        ports=max(drill.ports for drill in drills),
        players=found.drilled_players(facts.label),
        start_seconds=median(drill.start_seconds for drill in drills),
        restore_seconds=median(drill.restore_seconds for drill in drills),
        restored_by=" or ".join(dict.fromkeys(drill.restored_by for drill in drills)),
        lost=lost,
        acknowledged=acknowledged,
    )


def drilled(found: Evidence, label: str) -> Operation:
    """Return what operating a board takes; raises `NotMeasuredError` where crash recovery was not measured."""
    one = operation(found, found.facts(label))
    return one if one.drilled else missing(f"crash recovery of {label}")


def running(one: Operation) -> str:
    """Return what there is to run and to set up, as text."""
    start = "" if one.start_seconds is None else f", {duration(one.start_seconds)} to start"
    to_run = [counted(one.processes or 0, "process", "processes"), counted(one.ports or 0, "port")]
    return f"{', '.join(to_run)}{start}, {counted(len(one.setup), 'set-up step')} ({STATED})"


def in_short(every: Iterable[Operation]) -> str:
    """Return what there is to run and to set up for several boards, as short text."""
    boards = list(every)
    to_run = ", ".join(f"{one.label} {one.processes}/{one.ports}" for one in boards)
    steps = ", ".join(f"{one.label} {len(one.setup)}" for one in boards)
    return f"processes/ports: {to_run}; set-up steps ({STATED}): {steps}"
