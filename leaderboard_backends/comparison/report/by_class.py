"""Tables by what a power cut leaves of a backend's updates, which are never mixed, and the marks of their rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from ..document import Column, Table, Value, number, table, word
from ..measurements import Measured, Measurements, Place
from ..schema import DISTURBED_FROM, Durability, Mode

TITLES: Final[dict[Durability, str]] = {
    "memory only": "memory only: a power cut takes everything",
    "everysec": "everysec: a power cut takes about the last second",
    "every commit": "every commit: each update waits for the disk",
    "not known": "durability not known",
}
"""The title of each class above its table, the least durable first; what could not be opened is in the last."""

DISTURBED: Final = "~"

MARKS: Final = (
    f"Marks: `n=20` the time limit left only 20 samples in a process; `{DISTURBED}` other processes kept at least "
    f"{DISTURBED_FROM:g} cores busy during a run, so that its times are too long, above all the p99; `3 of 5` only 3 "
    "of 5 runs have figures; `p99 of 3` only 3 processes have enough samples for a p99; `-` too few samples for this "
    "percentile, or not measured."
)

Row: TypeAlias = Sequence[Value]


def by_class(
    m: Measurements, head: Sequence[Column], rows: Callable[[list[str]], Sequence[Row]], title: str = "", note: str = ""
) -> list[Table]:
    """Return one table per class whose backends have rows, without empty columns; a note follows the last one."""
    made = [(name, found) for name, labels in m.classes.items() if (found := rows(labels))]
    return [
        table(class_title(name, title), head, found, note if place == len(made) else "")
        for place, (name, found) in enumerate(made, 1)
    ]


def cells_by_class(
    m: Measurements,
    mode: Mode,
    head: Sequence[Column],
    rows: Callable[[Measured], Iterable[Row]],
    title: str = "",
    note: str = "",
    place: Place | None = None,
) -> list[Table]:
    """Return one table per class, with the rows of each backend with figures in a mode, of one place or of all."""

    def of_class(labels: list[str]) -> list[Row]:
        return [row for one in m.measured(mode, labels, place) for row in rows(one)]

    return by_class(m, head, of_class, title, note)


def class_title(name: Durability, title: str = "") -> str:
    """Return a table's title that says which class it is of."""
    said = TITLES[name]
    return f"{title}; {said}" if title else said[:1].upper() + said[1:]


def head_of(one: Measured) -> list[Value]:
    """Return the first values of a row: backend, workload and players."""
    return [word(one.label), word(one.cell.workload), number(one.cell.players)]


def marked(one: Measured, *more: str) -> Value:
    """Return the marks of a row: not from all processes, or disturbed, and more; empty without marks."""
    missing = [f"{len(one.runs)} of {len(one.every)}"] if len(one.runs) < len(one.every) else []
    text = ", ".join([*missing, *([DISTURBED] if one.disturbed else []), *more])
    return Value(text, text or None)


def partly_replayed(m: Measurements) -> Iterator[str]:
    """Yield a sentence for each workload of events of which only some are replayed and timed."""
    for facts in m.result.workloads:
        replayed = {trace.steps.get("update", 0) for trace in m.result.traces if trace.workload == facts.name}
        if replayed and min(replayed) < facts.events:
            counts = " or ".join(f"{count:,}" for count in sorted(replayed))
            yield (
                f"**Of the {facts.events:,} events of {facts.name}, a run replays and times {counts}**; the others "
                "fill the board that is loaded, warm it up, or are left out: `--steps` replays more."
            )
