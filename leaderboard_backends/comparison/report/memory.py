"""Memory and disk: bytes per player by size, the lines through them, and what an update writes."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Final

from ...numerals import duration, percent, significant, size, times, whole
from ..cost.footprint import FITTED_FROM, memory_lines
from ..document import NOTHING, Section, Value, median_of, middle_of, number
from ..measurements import Measured, Measurements
from ..named_figures import Statistic
from .plots import AS_NUMBER, Plot, bar, of_part, plot, spans, usual
from .tables import Row, by_class, by_place, cells_by_class, head_of, marked, median_in, row_of, section, words

PRIVATE: Final[dict[str, Statistic]] = {"process": "process_memory", "server": "server_memory"}
UPDATES: Final[dict[Statistic, str]] = {"disk_growth": "files grow by", "disk_written": "disk writes"}
"""The statistics of an update on disk, each with its panel of the chart."""


def memory_section(m: Measurements) -> Section:
    """Return bytes per player by size, lines of fixed cost plus bytes per player, and bytes per update."""
    when = "cleaned" if "bytes on disk" in m.result.methods else "as-loaded"  # that of older results
    head = "backend|workload|#players|#process|#server|#server's count|#disk|#opening|#runs"
    note = f"{words('grain')} {words(f'disk-{when}')}"
    by_size = cells_by_class(m, "service", head, _by_size, "Bytes per player", note)
    head = "backend|workload|#players|#updates per call|#grown|#written|#runs"
    note = f"{words(f'grown-{when}')} {words('written')}"
    updates = cells_by_class(m, "recovery", head, _updates, "Disk: bytes per update", note)
    head, rows = "backend|workload|where|#fixed|#bytes per player|#misfit|#sizes", list[tuple[str, Row]]()
    for backend, workload, place, taken in memory_lines(m):
        line = number(taken.line.fixed, size), number(taken.line.each, significant), number(taken.misfit, percent)
        rows.append((backend, row_of(backend, workload, place, *line, len(taken.fitted))))
    lines = by_class(m, head, rows, "Fixed cost plus bytes per player", words("lines"))
    sizes = Section("memory-by-size", "Bytes per player by size", tables=by_size, detail=bool(lines))
    each = sorted({significant(trace.name_bytes_per_player) for trace in m.result.traces}, key=float)
    names = f" ({'-'.join(dict.fromkeys([each[0], each[-1]]))} bytes per player)" if each else ""
    return section("memory-and-disk", [*lines, *updates], [sizes] if by_size else [], names=names)


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


def memory_plots(m: Measurements) -> Iterator[Plot]:
    """Yield bytes per player at the largest size of each backend, and the bytes that an update writes."""
    largest = [one for label in m.in_class_order if (one := m.largest("service", label))]
    rows = [
        bar(m, one, values, f"in the {where}", players=one.cell.players)
        for one in largest
        for where, statistic in PRIVATE.items()
        if (values := one.values("board", statistic))
    ]
    if rows:
        parts = {f"in the {where}": of_part(rows, f"in the {where}") for where in PRIVATE}
        by_part = "; ".join(f"{part}: {spans(mine, whole, rows)}" for part, mine in parts.items() if mine)
        at = " or ".join(whole(players) for players in sorted({row["players"] for row in rows}))
        said = f"{by_part[:1].upper()}{by_part[1:]}"
        yield plot(m, "memory", rows, AS_NUMBER, sizes=at, workload=m.workload, parts=said)
    found = usual(m, "recovery")
    rows = [
        bar(m, one, values, f"{calls:,} per call", group)
        for one in found
        for statistic, group in UPDATES.items()
        for calls, values in one.by_amount("disk", statistic).items()
    ]
    if rows:
        one_per_call = spans(of_part(rows, "1 per call"), whole, rows)
        yield plot(m, "disk", rows, AS_NUMBER, place=found[0].place, spans=one_per_call)


def churn_sections(m: Measurements) -> list[Section]:
    """Return memory after the load and after churn, where it was measured."""
    head = "backend|after|#joined|#process|#server|#ratio to the load|#files grew by|marks"
    found = by_place(m, "churn", lambda place: cells_by_class(m, place, head, _churn_rows))
    return [section("churn", sections=found)] if found else []


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
