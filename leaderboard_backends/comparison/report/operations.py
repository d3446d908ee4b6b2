"""What it takes to operate each board: measured by crash recovery, and stated in the file of its backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final, NamedTuple

from ...numerals import NONE, duration
from ..document import Section, Table, Value, columns, listed, number, word
from ..measurements import Measured, Measurements
from ..schema import BackendFacts, Durability

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


def operations(m: Measurements) -> list[Operation]:
    """Return what operating each board of a result takes, in the order of the result, without boards never opened."""
    known = [facts for label in m.result.settings.backends if (facts := m.result.facts(label)) is not None]
    return [operation(facts, recovery(m, facts.label)) for facts in known]


def operation(facts: BackendFacts, one: Measured | None) -> Operation:
    """Return what operating a board takes: the lists of its file, and the medians of its crash-recovery runs."""
    stated = Operation(facts.label, facts.durability, tuple(facts.metadata.setup), tuple(facts.metadata.watch))
    if one is None:
        return stated
    processes, ports, lost, acknowledged, reloaded = (
        [*map(int, one.values("restore", what).values())]
        for what in ("processes", "ports", "lost", "acknowledged", "reloaded")
    )
    return stated._replace(
        processes=max(processes),
        ports=max(ports),
        players=one.cell.players,
        start_seconds=median(one.values("start", "seconds").values()),
        restore_seconds=median(one.values("restore", "seconds").values()),
        restored_by=" or ".join(dict.fromkeys("load" if by_load else "restart" for by_load in reloaded)),
        lost=sum(lost),
        acknowledged=sum(acknowledged),
    )


def recovery(m: Measurements, label: str) -> Measured | None:
    """Return crash recovery of a board at its largest size; `None` where it was not measured."""
    by_size = m.by_size("recovery", label)
    return by_size[max(by_size)] if by_size else None


def operations_section(m: Measurements) -> Section:
    """Return what operating each board takes: running and restoring, measured; set-up and monitoring, stated."""
    every = operations(m)
    return Section(
        name="operations",
        title="What it takes to operate",
        paragraphs=[_DRILL],
        tables=[_running(every), _setting_up(every)],
    )


def _running(every: Sequence[Operation]) -> Table:
    return Table(
        "To run, and to recover",
        columns(
            *("backend", "durability", "#processes", "#ports", "#start", "#players", "#restore", "by", "updates lost")
        ),
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
        columns("backend", "#set-up steps", "set-up", "what can be monitored"),
        [[Value(one.label), _steps(one), listed(one.setup), listed(one.watch)] for one in every],
        "From the file that describes each backend: not measured, and no verdict depends on it.",
    )


def _steps(one: Operation) -> Value:
    return Value(f"{len(one.setup)}" if one.setup else NONE, len(one.setup) or None)
