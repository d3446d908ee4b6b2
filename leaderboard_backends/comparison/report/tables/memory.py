"""Memory and disk: bytes a player by size, the lines through them, and what an update writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ...analysis.scaling import MemoryLine, memory_lines
from ...cost.footprint import TOLD_FROM
from ...document import Section, Table, Value
from ...document.numerals import percent, significant, size
from ...document.values import median_of, middle_of, number, numbers, word, words
from ...schema import DiskFigures, DrillFigures, MemoryFigures, Result, Run, ServiceFigures
from ..classes import DurabilityClass, tables_by_class
from ..marks import places, taken

INTRODUCTION: Final = (
    "What loading a board adds: private memory (USS) of this process and of the server's, after a full collection and "
    "a trim; the server's own count; and its files. **A server's board is beside the clients' processes**, which need "
    "their client library each (“opening”); a board in the process is in every process that holds one. A server and a "
    "file hold the names too{names}; in a process those are the caller's."
)
GRAIN: Final = (
    f"Private memory is told from {TOLD_FROM:,} players on: below, it is the grain of pages and of the allocator. "
)
CLEANED: Final = (
    "Disk is what the backend's own clean-up leaves: the write-ahead log of SQLite is taken up into the file, and no "
    "rewriting of a server's log is under way; a log shorter than 64 MiB is never rewritten, a file of ZODB is packed "
    "only where somebody asks for it."
)
AS_LOADED: Final = (
    "Disk is what stands right after the load: what SQLite's write-ahead log and a server's log hold twice is in it, "
    "and so bytes a player rise and fall with the size."
)
GROWN: Final = "Grown: of the files, from one clean-up to the next; none is told where they shrank. "
GROWN_AS_LOADED: Final = (
    "Grown: of the files, from the load on; none is told where they shrank, as then the log of the load was cut. "
)
WRITTEN: Final = (
    "Written: what the process that owns them sent to the disk, in whole pages of 4 KiB, as the system counts it."
)

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
    """Return bytes a player by size, lines of fixed cost plus bytes a player, and bytes an update."""
    by_size, lines, updates = _by_size(result), _lines(result), _updates(result)
    if not (by_size or updates):
        return Section("memory-and-disk", "Memory and disk", ["This comparison measured no memory."])
    sizes = Section("memory-by-size", "Bytes a player by size", tables=by_size, detail=bool(lines))
    said = INTRODUCTION.format(names=_names(result))
    return Section(
        "memory-and-disk", "Memory and disk", [said], [*lines, *updates], sections=[sizes] if by_size else []
    )


def _names(result: Result) -> str:
    sizes = sorted({significant(trace.name_bytes_per_player) for trace in result.traces}, key=float)
    between = "-".join(dict.fromkeys([sizes[0], sizes[-1]])) if sizes else ""
    return f" ({between} bytes a player)" if sizes else ""


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
    return tables_by_class(result, columns, lambda each: list(_rows(result, each)), "Bytes a player", note)


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
    columns = [*words("backend", "workload", "place"), *numbers("fixed", "bytes a player", "misfit", "sizes")]
    lines = memory_lines(result)

    def rows(each: DurabilityClass) -> list[list[Value]]:
        return [_line(line) for line in lines if line.backend in each.backends and line.line is not None]

    note = (
        f"A straight line through the sizes from {TOLD_FROM:,} players on, each of which counts alike; in the process, "
        f"opening the board is part of it. Misfit: by how much it misses the worst of them. Three are needed. Costs "
        "take the line for more players than were measured, and else the measured bytes."
    )
    return tables_by_class(result, columns, rows, "Fixed cost plus bytes a player", note)


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
    columns = [*words("backend", "workload"), *numbers("players", "updates a call", *_CALLS, "runs")]
    note = (GROWN if _is_cleaned(result) else GROWN_AS_LOADED) + WRITTEN
    return tables_by_class(result, columns, lambda each: list(_disk_rows(result, each)), "Disk: bytes an update", note)


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
