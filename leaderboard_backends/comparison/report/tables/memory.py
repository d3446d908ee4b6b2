"""Memory and disk: bytes per player by size, the lines through them, and what an update writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ....numerals import percent, significant, size
from ...analysis.scaling import MemoryLine, memory_lines
from ...cost.footprint import TOLD_FROM
from ...document import Section, Table, Value, median_of, middle_of, number, numbers, word, words
from ...schema import DiskFigures, DrillFigures, MemoryFigures, Result, Run, ServiceFigures
from ..classes import DurabilityClass, tables_by_class
from ..marks import places, taken

INTRODUCTION: Final = (
    "What loading a board adds per player: private memory (USS) of the app's process and of the server's, and bytes on "
    "disk. **A server's board exists once**, beside the app's processes; a board in the process exists in every "
    "process that opens one."
)
COUNTED: Final = (
    "Private memory is read after a full garbage collection and a trim. Opening: what the client library takes in each "
    "process. Server's count: what the server itself reports. A server and a file hold the players' names too{names}; "
    "in a process, those belong to the caller."
)
GRAIN: Final = (
    f"Private memory is reported from {TOLD_FROM:,} players on: below, pages and the allocator decide the number. "
)
CLEANED: Final = (
    "Disk is counted after the backend's own clean-up: SQLite's write-ahead log is merged into its file, and no "
    "rewrite of a server's log is under way. A log shorter than 64 MiB is never rewritten, and a ZODB file is packed "
    "only on request."
)
AS_LOADED: Final = (
    "Disk is counted right after the load, with what SQLite's write-ahead log and a server's log hold twice, so that "
    "bytes per player rise and fall with the size."
)
GROWN: Final = "Grown: growth of the files from one clean-up to the next; none is reported where they shrank. "
GROWN_AS_LOADED: Final = (
    "Grown: growth of the files after the load; none is reported where they shrank, as the log of the load was cut. "
)
WRITTEN: Final = "Written: what the owning process wrote to disk, in whole pages of 4 KiB, as the system counts it."

_PRIVATE: Final[dict[str, Callable[[MemoryFigures], int | None]]] = {
    "process": lambda memory: memory.board_bytes,
    "server": lambda memory: memory.server_private_bytes,
}
_COUNTED: Final[dict[str, Callable[[MemoryFigures], int | None]]] = {
    "server's count": lambda memory: memory.server_used_bytes,
    "disk": lambda memory: memory.disk_bytes,
}
_CALLS: Final[dict[str, Callable[[DiskFigures], int | None]]] = {
    "grown": lambda disk: disk.grown,
    "written": lambda disk: disk.written_bytes,
}


def memory_section(result: Result) -> Section:
    """Return bytes per player by size, lines of fixed cost plus bytes per player, and bytes per update."""
    by_size, lines, updates = _by_size(result), _lines(result), _updates(result)
    if not (by_size or updates):
        return Section("memory-and-disk", "Memory and disk", ["This comparison measured no memory."])
    sizes = Section("memory-by-size", "Bytes per player by size", tables=by_size, detail=bool(lines))
    said = [INTRODUCTION, COUNTED.format(names=_names(result))]
    return Section("memory-and-disk", "Memory and disk", said, [*lines, *updates], sections=[sizes] if by_size else [])


def _names(result: Result) -> str:
    sizes = sorted({significant(trace.name_bytes_per_player) for trace in result.traces}, key=float)
    between = "-".join(dict.fromkeys([sizes[0], sizes[-1]])) if sizes else ""
    return f" ({between} bytes per player)" if sizes else ""


# ---------------------------------------------------------------------- by size


def _is_cleaned(result: Result) -> bool:
    """Whether the files were counted after the backends' own clean-up; older results have them right after the load."""
    return "bytes on disk" in result.methods


def _by_size(result: Result) -> list[Table]:
    columns = [
        *words("backend", "workload"),
        *numbers("players", *_PRIVATE, *_COUNTED, "opening", "runs"),
    ]
    note = GRAIN + (CLEANED if _is_cleaned(result) else AS_LOADED)
    return tables_by_class(result, columns, lambda each: list(_rows(result, each)), "Bytes per player", note)


def _rows(result: Result, each: DurabilityClass) -> Iterator[list[Value]]:
    for label in each.backends:
        for workload, players in places(result, "service"):
            for one in taken(result, "service", workload, players, [label]):
                memory = [run.figures.memory for run in one.runs if isinstance(run.figures, ServiceFigures)]
                private = memory if players >= TOLD_FROM else []
                yield [
                    word(label),
                    word(workload),
                    number(players),
                    *(_each(private, read, players) for read in _PRIVATE.values()),
                    *(_each(memory, read, players) for read in _COUNTED.values()),
                    middle_of([of.opening_bytes for of in memory], size),
                    number(len(memory)),
                ]


def _each(memory: Sequence[MemoryFigures], read: Callable[[MemoryFigures], int | None], players: int) -> Value:
    return median_of([grown / players for of in memory if (grown := read(of)) is not None and players])


# ---------------------------------------------------------------------- lines


def _lines(result: Result) -> list[Table]:
    columns = [*words("backend", "workload", "where"), *numbers("fixed", "bytes per player", "misfit", "sizes")]
    lines = memory_lines(result)

    def rows(each: DurabilityClass) -> list[list[Value]]:
        return [_line(line) for line in lines if line.backend in each.backends and line.line is not None]

    note = (
        f"A straight line fitted to the sizes from {TOLD_FROM:,} players on, three at least, with equal weight; in the "
        "process, opening the board is part of it. Misfit: the largest deviation of a size from the line. Costs use "
        "the line beyond the largest measured size, and the measured bytes below."
    )
    return tables_by_class(result, columns, rows, "Fixed cost plus bytes per player", note)


def _line(found: MemoryLine) -> list[Value]:
    return [
        word(found.backend),
        word(found.workload),
        word(found.place),
        number(found.line and found.line.fixed, size),
        number(found.line and found.line.each, significant),
        number(found.misfit, percent),
        number(len(found.fitted)),
    ]


# ---------------------------------------------------------------------- updates


def _updates(result: Result) -> list[Table]:
    columns = [*words("backend", "workload"), *numbers("players", "updates per call", *_CALLS, "runs")]
    note = (GROWN if _is_cleaned(result) else GROWN_AS_LOADED) + WRITTEN
    return tables_by_class(result, columns, lambda each: list(_disk_rows(result, each)), "Disk: bytes per update", note)


def _disk_rows(result: Result, each: DurabilityClass) -> Iterator[list[Value]]:
    for label in each.backends:
        for workload, players in places(result, "drill"):
            for one in taken(result, "drill", workload, players, [label]):
                for calls, disk in sorted(_by_calls(one.runs).items()):
                    grown = (_an_update(disk, read) for read in _CALLS.values())
                    place = [word(label), word(workload), number(players)]
                    yield [*place, number(calls), *grown, number(len(disk))]


def _by_calls(runs: Sequence[Run]) -> dict[int, list[DiskFigures]]:
    found: dict[int, list[DiskFigures]] = {}
    for run in runs:
        for disk in run.figures.disk if isinstance(run.figures, DrillFigures) else ():
            found.setdefault(disk.size, []).append(disk)
    return found


def _an_update(disk: Sequence[DiskFigures], read: Callable[[DiskFigures], int | None]) -> Value:
    return median_of([size / one.updates for one in disk if (size := read(one)) is not None and one.updates])
