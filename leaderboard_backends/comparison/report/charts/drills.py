"""What updates cost the disk, and how long a board takes to start and to come back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ....numerals import Write, duration, significant, whole
from ...document import Chart
from ...schema import DrillFigures, Figures, Result
from .axes import AS_NUMBER
from .bars import bars
from .panels import Frame, known_labels, number_columns
from .rows import (
    Place,
    Read,
    Reading,
    Row,
    class_names,
    figure,
    gathered,
    of_part,
    panel,
    panels_of,
    spans,
    usual_place,
)

GROWN: Final = "files grow by"
WRITTEN: Final = "disk writes"
START: Final = "to start"
RESTORE: Final = "to recover"
AS_SECONDS: Final = "format(datum.value, '~r') + ' s'"


def disk(result: Result) -> Iterator[Chart]:
    """Yield a chart of the bytes that an update writes; none where nothing is written to a disk."""
    place = usual_place(result, "drill")
    rows = [*_rows(result, place, _bytes, significant)] if place else []
    if place is None or not rows:
        return
    panels = panels_of(rows, class_names(result).values(), (GROWN, WRITTEN))
    frame = Frame(
        "disk",
        "Bytes that an update writes",
        f"For each update, one and several per call, {whole(place.players)} players; whiskers are 95 % intervals over "
        f"processes. One per call: {spans(of_part(rows, _part(1)), whole, panels)}.",
        known_labels(result),
        panels,
        (("backend", "backend"), ("panel", "panel"), ("part", "updates"), *number_columns("bytes per update")),
    )
    yield bars(frame, "bytes per update", AS_NUMBER, rows)


def recovery(result: Result) -> Iterator[Chart]:
    """Yield a chart of the seconds until the first update, and from a crash until the right answers."""
    place = usual_place(result, "drill")
    rows = [*_rows(result, place, _seconds, significant)] if place else []
    if place is None or not rows:
        return
    panels = panels_of(rows, class_names(result).values())
    frame = Frame(
        "recovery",
        "Seconds to start, and to recover from a crash",
        f"From nothing to the first acknowledged update, and from kill -9 of the process that keeps the board until it "
        f"gave correct answers again, with {whole(place.players)} players; where nothing was kept, the app loads "
        f"them again. Whiskers are 95 % intervals over processes. To "
        f"recover: {spans(of_part(rows, RESTORE), duration, panels)}.",
        known_labels(result),
        panels,
        (("backend", "backend"), ("panel", "durability"), ("part", "what"), *number_columns("seconds")),
    )
    yield bars(frame, "", AS_SECONDS, rows)


def _bytes(figures: Figures) -> Iterator[Reading]:
    for each in figures.disk if isinstance(figures, DrillFigures) else ():
        if each.updates:
            part = _part(each.size)
            if each.grown is not None:
                yield Reading(GROWN, part, each.grown / each.updates)
            if each.written_bytes is not None:
                yield Reading(WRITTEN, part, each.written_bytes / each.updates)


def _seconds(figures: Figures) -> Iterator[Reading]:
    if isinstance(figures, DrillFigures):
        yield Reading("", START, figures.start_seconds)
        yield Reading("", RESTORE, figures.restore_seconds)


def _rows(result: Result, place: Place, read: Read, write: Write) -> Iterator[Row]:
    for backend, durability in class_names(result).items():
        for (group, part), value in gathered(result, place, backend, read).items():
            short = write(value.middle)
            yield figure(panel(durability, group), backend, value, write, part=part, short=short)


def _part(size: int) -> str:
    return f"{size:,} per call"
