"""Crash recovery: start from nothing, kill -9 of the process with the data during updates, and restore."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...numerals import duration, whole
from ..document import Section, Value, columns, median_of, middle_of, number, word
from ..measurements import Measured, Measurements
from ..statistics import interval
from .by_class import Row, cells_by_class, head_of, marked
from .plots import AS_SECONDS, Axis, Plot, bar, of_part, panels_of, plot, spans

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
START: Final = "to start"
RESTORE: Final = "to recover"


def recovery_section(m: Measurements) -> Section:
    """Return what starting, a crash and coming back took, and what was lost."""
    head = columns(
        *("backend", "workload", "#players", "#start, s", "#load, s", "#restore, s", "by", "#lost", "#processes"),
        *("#ports", "#runs", "marks"),
    )
    tables = cells_by_class(m, "recovery", head, _rows, note=COUNTED)
    said = [INTRODUCTION, NO_POWER_CUT] if tables else ["This comparison measured no crash recovery."]
    return Section("crash-recovery", "Crash recovery", said, tables)


def _rows(one: Measured) -> Iterator[Row]:
    lost, acknowledged = (int(sum(one.values("restore", what).values())) for what in ("lost", "acknowledged"))
    by = dict.fromkeys("reload" if reloaded else "restart" for reloaded in one.values("restore", "reloaded").values())
    yield [
        *head_of(one),
        middle_of(one.values("start", "seconds")),
        middle_of(one.values("load", "seconds")),
        median_of(one.values("restore", "seconds")),
        word(" or ".join(by)),
        Value(f"{lost:,} of {acknowledged:,}", lost),
        *(number(max(one.values("restore", what).values())) for what in ("processes", "ports")),
        number(len(one.runs)),
        marked(one),
    ]


def recovery_plots(m: Measurements) -> Iterator[Plot]:
    """Yield the seconds until the first update, and from a crash until the right answers."""
    place = m.usual("recovery")
    rows = [
        bar(m.durability(one.label), one.label, interval([*one.values(what, "seconds").values()]), part)
        for one in (m.measured("recovery", m.in_class_order, place) if place else ())
        for what, part in (("start", START), ("restore", RESTORE))
    ]
    if place is not None and rows:
        yield plot(
            m,
            "bars",
            "recovery",
            "Seconds to start, and to recover from a crash",
            f"From nothing to the first acknowledged update, and from kill -9 of the process that keeps the board "
            f"until it gave correct answers again, with {whole(place.players)} players; where nothing was kept, the "
            f"app loads them again. Whiskers are 95 % intervals over processes. To recover: "
            f"{spans(of_part(rows, RESTORE), duration, panels_of(rows))}.",
            rows,
            x=Axis("", AS_SECONDS),
            number="seconds",
            before={"part": "what"},
        )
