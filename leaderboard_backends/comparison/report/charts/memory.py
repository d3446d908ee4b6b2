"""Bytes per player: in the app's process and on the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ....numerals import significant, whole
from ...document import Chart
from ...readings import Figure
from ...schema import Result
from ...statistics import interval, runs_of, sizes_of, values
from .axes import AS_NUMBER
from .bars import bars
from .panels import Frame, known_labels, number_columns
from .rows import Row, class_names, figure, of_part, panel, panels_of, spans, usual_place

PLACES: Final = {
    "in the process": Figure("board", "process_memory"),
    "in the server": Figure("board", "server_memory"),
}


def memory(result: Result) -> Iterator[Chart]:
    """Yield a chart of bytes per player, for each backend at the largest size at which it has figures."""
    place = usual_place(result, "service")
    rows = [*_rows(result, place.workload)] if place else []
    if place is None or not rows:
        return
    panels = panels_of(rows, class_names(result).values())
    frame = Frame(
        "memory",
        "Memory per player",
        _description(place.workload, rows, panels),
        known_labels(result),
        panels,
        (
            ("backend", "backend"),
            ("panel", "durability"),
            ("part", "where"),
            ("players", "players"),
            *number_columns("bytes per player"),
        ),
    )
    yield bars(frame, "bytes per player", AS_NUMBER, rows)


def _rows(result: Result, workload: str) -> Iterator[Row]:
    for backend, durability in class_names(result).items():
        sizes = {size: runs_of(result, "service", workload, size, backend) for size in _sizes(result, workload)}
        players, runs = next(((size, runs) for size, runs in sizes.items() if runs), (0, []))
        for part, place in PLACES.items():
            found = values(runs, place.read)
            if found:
                value = interval([*found.values()])
                short = significant(value.middle)
                yield figure(panel(durability), backend, value, significant, part=part, players=players, short=short)


def _sizes(result: Result, workload: str) -> list[int]:
    """Return the largest size first."""
    return sizes_of(result, "service", workload)[::-1]


def _description(workload: str, rows: Sequence[Row], panels: Sequence[str]) -> str:
    found = {part: of_part(rows, part) for part in PLACES}
    said = "; ".join(f"{part}: {spans(found[part], whole, panels)}" for part in PLACES if found[part])
    sizes = sorted({row["players"] for row in rows})
    at = " or ".join(whole(size) for size in sizes)
    return (
        f"Private memory that loading the board added, without names, at the largest size with figures ({at} "
        f"players), workload {workload}, with 95 % intervals over processes. {said[:1].upper()}{said[1:]}."
    )
