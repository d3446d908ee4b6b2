"""Memory and disk: bytes per player by size, the lines through them, and what an update writes."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final

from ...numerals import duration, percent, significant, size, times, whole
from ..cost.footprint import FITTED_FROM, Bytes, memory_lines
from ..document import NOTHING, Section, Table, Value, median_of, middle_of, number
from ..measurements import Measured, Measurements
from ..named_figures import Statistic
from .plots import AS_NUMBER, Axis, Plot, bar, of_part, spans, usual
from .tables import Row, by_class, by_place, cells_by_class, head_of, marked, median_in, row_of

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
    f"Private memory is reported from {FITTED_FROM:,} players on: below, pages and the allocator decide the number. "
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
LINES: Final = (
    f"A straight line fitted to the sizes from {FITTED_FROM:,} players on, three at least, with equal weight; in the "
    "process, opening the board is part of it. Misfit: the largest deviation of a size from the line. Costs use "
    "the line beyond the largest measured size, and the measured bytes below."
)

PRIVATE: Final[dict[str, Statistic]] = {"process": "process_memory", "server": "server_memory"}
UPDATES: Final[dict[Statistic, str]] = {"disk_growth": "files grow by", "disk_written": "disk writes"}
"""The statistics of an update on disk, each with its panel of the chart."""


def memory_section(m: Measurements) -> Section:
    """Return bytes per player by size, lines of fixed cost plus bytes per player, and bytes per update."""
    cleaned = "bytes on disk" in m.result.methods  # older results have the files right after the load
    head = "backend|workload|#players|#process|#server|#server's count|#disk|#opening|#runs"
    note = GRAIN + (CLEANED if cleaned else AS_LOADED)
    by_size = cells_by_class(m, "service", head, _by_size, "Bytes per player", note)
    head = "backend|workload|#players|#updates per call|#grown|#written|#runs"
    note = (GROWN if cleaned else GROWN_AS_LOADED) + WRITTEN
    updates = cells_by_class(m, "recovery", head, _updates, "Disk: bytes per update", note)
    if not (by_size or updates):
        return Section("memory-and-disk", "Memory and disk", ["This comparison measured no memory."])
    lines = _lines(m)
    sizes = Section("memory-by-size", "Bytes per player by size", tables=by_size, detail=bool(lines))
    said = [INTRODUCTION, COUNTED.format(names=_names(m))]
    return Section("memory-and-disk", "Memory and disk", said, [*lines, *updates], sections=[sizes] if by_size else [])


def _names(m: Measurements) -> str:
    sizes = sorted({significant(trace.name_bytes_per_player) for trace in m.result.traces}, key=float)
    return f" ({'-'.join(dict.fromkeys([sizes[0], sizes[-1]]))} bytes per player)" if sizes else ""


def _by_size(one: Measured) -> Iterator[Row]:
    private = [median_of(one.values("board", statistic)) for statistic in PRIVATE.values()]
    others = [median_of(one.values("board", statistic)) for statistic in ("server_used_memory", "disk")]
    if one.cell.players < FITTED_FROM:
        private = [NOTHING] * len(private)
    yield row_of(*head_of(one), *private, *others, middle_of(one.values("board", "opening"), size), len(one.runs))


def _updates(one: Measured) -> Iterator[Row]:
    for calls, runs in one.by_amount("disk", "updates").items():
        taken = (median_of(one.values("disk", statistic, calls)) for statistic in UPDATES)
        yield row_of(*head_of(one), calls, *taken, len(runs))


def _lines(m: Measurements) -> list[Table]:
    rows = ((backend, _line(taken, backend, workload, place)) for backend, workload, place, taken in memory_lines(m))
    head = "backend|workload|where|#fixed|#bytes per player|#misfit|#sizes"
    return by_class(m, head, rows, "Fixed cost plus bytes per player", LINES)


def _line(taken: Bytes, *where: str) -> Row:
    fixed, each = number(taken.line.fixed, size), number(taken.line.each, significant)
    return row_of(*where, fixed, each, number(taken.misfit, percent), len(taken.fitted))


# ---------------------------------------------------------------------- charts


def memory_plots(m: Measurements) -> Iterator[Plot]:
    """Yield bytes per player at the largest size of each backend, and the bytes that an update writes."""
    yield from _memory_plot(m)
    found = usual(m, "recovery")
    rows = [
        bar(m, one, values, f"{calls:,} per call", group)
        for one in found
        for statistic, group in UPDATES.items()
        for calls, values in one.by_amount("disk", statistic).items()
    ]
    if rows:
        title, unit = "Bytes that an update writes", "bytes per update"
        said = (
            f"For each update, one and several per call, {whole(found[0].cell.players)} players; whiskers are 95 % "
            "intervals over processes. One per call: "
            f"{spans(of_part(rows, '1 per call'), whole, rows)}."
        )
        yield Plot("bars", "disk", title, said, m.labels, rows, Axis(unit, AS_NUMBER), unit, before={"part": "updates"})


def _memory_plot(m: Measurements) -> Iterator[Plot]:
    largest = [one for label in m.in_class_order if (one := m.largest("service", label))]
    rows = [
        bar(m, one, values, f"in the {where}", players=one.cell.players)
        for one in largest
        for where, statistic in PRIVATE.items()
        if (values := one.values("board", statistic))
    ]
    if rows:
        parts = [f"in the {where}" for where in PRIVATE]
        by_part = "; ".join(f"{part}: {spans(mine, whole, rows)}" for part in parts if (mine := of_part(rows, part)))
        at = " or ".join(whole(players) for players in sorted({row["players"] for row in rows}))
        said = (
            f"Private memory that loading the board added, without names, at the largest size with figures ({at} "
            f"players), workload {m.workload}, with 95 % intervals over processes. {by_part[:1].upper()}{by_part[1:]}."
        )
        x, before = Axis("bytes per player", AS_NUMBER), {"part": "where", "players": "players"}
        yield Plot("bars", "memory", "Memory per player", said, m.labels, rows, x, x.title, before=before)


# ---------------------------------------------------------------------- players come and go

CHURN: Final = (
    "Each step removes who has been on the board for longest and adds a player who was never there, one call each, as "
    "fast as one client can. The board has as many players at the end as after the load: what its memory is larger by "
    "is kept of those who left, or not given back. Process and server are private memory, less that before the load."
)


def churn_sections(m: Measurements) -> list[Section]:
    """Return memory after the load and after churn, where it was measured."""
    head = "backend|after|#joined|#process|#server|#by the load's|#files grew by|marks"
    found = by_place(m, "churn", lambda place: cells_by_class(m, place, head, _churn_rows))
    return [Section("churn", "Memory while players come and go", [CHURN], sections=found)] if found else []


def _churn_rows(one: Measured) -> Iterator[Row]:
    """Yield a row for the load, for half of the time and for the end."""
    process, server = one.by_amount("churn", "process_bytes"), one.by_amount("churn", "server_bytes")
    both = {at: median(used.values()) + median(server.get(at, {0: 0.0}).values()) for at, used in process.items()}
    moments = [*both]
    loaded, end = both[moments[0]], moments[-1]
    for at in dict.fromkeys((moments[0], moments[len(moments) // 2], end)):
        after = Value(duration(at) if at else "the load", at)
        joined = median_in(one.values("churn", "joined", at).values())
        taken = [median_in(values.values(), size) for values in (process[at], server.get(at, {}))]
        by = number(both[at] / loaded if at and loaded > 0 else None, times)
        grew = median_in(one.values("churn", "disk_bytes").values() if at == end and at else (), size)
        yield row_of(one.label, after, joined, *taken, by, grew, marked(one))
