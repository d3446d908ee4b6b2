"""Crash recovery: start, kill -9 during updates, restore; and what else it takes to operate each board."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final, NamedTuple

from ...numerals import NONE, duration
from ..document import Section, Value, listed, median_of, middle_of, number
from ..measurements import Measured, Measurements
from ..schema import BackendFacts, Durability
from .plots import AS_SECONDS, Plot, bar, of_part, plot, spans, usual
from .tables import Row, cells_by_class, head_of, marked, row_of, section, table_of, words


def recovery_section(m: Measurements) -> Section:
    """Return what starting, a crash and coming back took, and what was lost."""
    head = "backend|workload|#players|#start, s|#load, s|#restore, s|by|#lost|#processes|#ports|#runs|marks"
    tables = cells_by_class(m, "recovery", head, _rows, note=words("recovery-columns"))
    return section("crash-recovery", tables)


def _rows(one: Measured) -> Iterator[Row]:
    took = [middle_of(one.values(what, "seconds")) for what in ("start", "load")]
    by = dict.fromkeys("reload" if reloaded else "restart" for reloaded in one.values("restore", "reloaded").values())
    lost, acknowledged = (int(sum(one.values("restore", what).values())) for what in ("lost", "acknowledged"))
    restored = median_of(one.values("restore", "seconds"))
    to_run = (max(one.values("restore", what).values()) for what in ("processes", "ports"))
    gone = Value(f"{lost:,} of {acknowledged:,}", lost)
    yield row_of(*head_of(one), *took, restored, " or ".join(by), gone, *to_run, len(one.runs), marked(one))


def recovery_plots(m: Measurements) -> Iterator[Plot]:
    """Yield the seconds until the first update, and from a crash until the right answers."""
    found, parts = usual(m, "recovery"), {"start": "to start", "restore": "to recover"}
    rows = [bar(m, one, one.values(what, "seconds"), part) for one in found for what, part in parts.items()]
    if rows:
        to_recover = spans(of_part(rows, parts["restore"]), duration, rows)
        yield plot(m, "recovery", rows, AS_SECONDS, place=found[0].place, spans=to_recover)


# ---------------------------------------------------------------------- what it takes to operate

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
    def is_measured(self) -> bool:
        """Whether crash recovery was measured."""
        return self.processes is not None


def operations(m: Measurements) -> list[Operation]:
    """Return what operating each board of a result takes, in the order of the result, without boards never opened."""
    known = [facts for label in m.result.settings.backends if (facts := m.result.facts(label)) is not None]
    return [operation(facts, m.largest("recovery", facts.label)) for facts in known]


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


def operations_section(m: Measurements) -> Section:
    """Return what operating each board takes: running and restoring, measured; set-up and monitoring, stated."""
    every = operations(m)
    head = "backend|durability|#processes|#ports|#start|#players|#restore|by|updates lost"
    note = "" if all(one.is_measured for one in every) else f"{NONE}: no crash was measured."
    by = {"load": "loading again", "restart": "a restart"}
    rows = []
    for one in every:
        start, restore = number(one.start_seconds, duration), number(one.restore_seconds, duration)
        gone = NONE if one.lost is None else f"{one.lost:,} of {one.acknowledged:,}"
        lost, restored_by = Value(gone, one.lost, "bad" if one.lost else ""), by.get(one.restored_by, one.restored_by)
        to_run = one.processes, one.ports, start, one.players
        rows.append(row_of(one.label, one.durability, *to_run, restore, restored_by, lost))
    running = table_of("To run, and to recover", head, rows, note)
    stated = (row_of(one.label, len(one.setup) or None, listed(one.setup), listed(one.watch)) for one in every)
    head = "backend|#set-up steps|set-up|what can be monitored"
    note = "From the file that describes each backend: not measured, and no verdict depends on it."
    setting_up = table_of(f"To set up, and to monitor: {STATED}", head, stated, note)
    return section("operations", [running, setting_up])
