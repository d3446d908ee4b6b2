"""The tables, made from a result alone. `render` puts them on a terminal or into Markdown.

Rows stand in the order in which the backends were named. They are no ranking: what survives a crash differs by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from .operations import OPERATIONS
from .result import Cell, Comparison, OperationFigures

NONE: Final = "-"
"""Stands where there is no figure."""

MEMORY_FROM: Final = 10_000
"""Players from which on private memory divided by players is more than the grain of memory pages and arenas."""

DISTURBED_FROM: Final = 0.3
"""Cores busy elsewhere from which on a run is called disturbed."""

DISTURBED_MARK: Final = "~"

_TITLES: Final = {operation.name: operation.title for operation in OPERATIONS}
_BIG = 100.0
_SMALL = 10.0

Measure: TypeAlias = tuple[str, Callable[[OperationFigures], str]]
"""A column of the details: its heading, and how it reads."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading; figures stand on the right."""

    heading: str
    figures: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table as texts."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    note: str = ""
    detail: bool = False
    """Whether it belongs into the report alone, not on the terminal."""


def tables(result: Comparison) -> list[Table]:
    """Return every table that has rows, in reading order."""
    made = [
        *(
            table
            for players in result.settings.players
            for table in (_latency(result, players), _rates(result, players))
        ),
        _memory(result),
        _backends(result),
        _problems(result),
        _disturbances(result),
        _promises(result),
        *(_details(result, players) for players in result.settings.players),
        _traces(result),
        _circumstances(result),
    ]
    return [table for table in made if table.rows]


def _finished(result: Comparison, players: int) -> Iterator[Cell]:
    return (cell for cell in result.cells if cell.players == players and cell.status == "ok")


def _latency(result: Comparison, players: int) -> Table:
    names = list(result.settings.steps)
    return Table(
        f"Time of one operation at {players:,} players: p50 / p99 in µs",
        [Column("backend", figures=False), *(Column(_TITLES.get(name, name)) for name in names)],
        [
            [_name(cell), *(_p50_p99(cell.operations.get(name)) for name in names)]
            for cell in _finished(result, players)
        ],
        " ".join(_latency_notes(list(_finished(result, players)))),
    )


def _latency_notes(cells: Sequence[Cell]) -> Iterator[str]:
    every = [figures for cell in cells for figures in cell.operations.values()]
    if any(figures.samples < figures.planned for figures in every):
        yield "(n=…): the time limit left only so many samples."
    if any(figures.p99_us is None for figures in every):
        yield f"{NONE}: too few samples to hold this percentile."
    if any(map(_disturbed, cells)):
        yield (
            f"{DISTURBED_MARK}: other processes kept at least {DISTURBED_FROM:g} cores busy meanwhile, so that these "
            f"figures are too high, the p99 above all; run it again on a quiet machine."
        )


def _disturbed(cell: Cell) -> bool:
    return cell.cores_elsewhere is not None and cell.cores_elsewhere >= DISTURBED_FROM


def _name(cell: Cell) -> str:
    return f"{cell.backend} {DISTURBED_MARK}" if _disturbed(cell) else cell.backend


def _rates(result: Comparison, players: int) -> Table:
    names = list(result.settings.steps)
    return Table(
        f"Operations a second at {players:,} players, one client",
        [
            Column("backend", figures=False),
            *(Column(_TITLES.get(name, name)) for name in names),
            Column("players loaded"),
            Column("durability", figures=False),
        ],
        [
            [
                _name(cell),
                *(_rate(cell.operations.get(name)) for name in names),
                f"{cell.load.players_per_second:,.0f}" if cell.load else NONE,
                cell.facts.durability if cell.facts else NONE,
            ]
            for cell in _finished(result, players)
        ],
    )


def _memory(result: Comparison) -> Table:
    largest = max(result.settings.players)
    sizes = [players for players in result.settings.players if players >= MEMORY_FROM or players == largest]
    headings = ("players", "process", "server used", "server private", "on disk", "disk an update", "opening, MB")
    return Table(
        "Memory and disk: bytes a player",
        [Column("backend", figures=False), *(Column(heading) for heading in headings)],
        [_memory_row(cell) for players in sizes for cell in _finished(result, players)],
        f"A server and a file hold the names as well ({_names(result)} bytes a player); in a process they are the "
        f"caller's. Private memory is given from {MEMORY_FROM:,} players on.",
    )


def _memory_row(cell: Cell) -> list[str]:
    memory, players = cell.memory, cell.players
    if memory is None:
        return [cell.backend, f"{players:,}", *[NONE] * 6]
    settled = players >= MEMORY_FROM
    updates = cell.gate.updates_applied if cell.gate else 0
    return [
        cell.backend,
        f"{players:,}",
        _each(memory.board_bytes if settled else None, players),
        _each(memory.server_used_bytes, players),
        _each(memory.server_private_bytes if settled else None, players),
        _each(memory.disk_bytes, players),
        _each(memory.disk_bytes_of_updates, updates),
        f"{memory.opening_bytes / 1e6:.1f}",
    ]


def _backends(result: Comparison) -> Table:
    headings = ("durability", "shared", "server")
    return Table(
        "The backends",
        [
            Column("backend", figures=False),
            Column("statements"),
            Column("Lua lines"),
            *(Column(heading, figures=False) for heading in headings),
        ],
        [_backend_row(cell) for cell in _largest(result)],
        "Statements of the backend's own source, without docstrings; what all backends share is counted for none. "
        "Shared: several processes may write one board.",
    )


def _promises(result: Comparison) -> Table:
    return Table(
        "What the backends promise",
        [Column("backend", figures=False), Column("survives", figures=False), Column("shipped by", figures=False)],
        [[cell.backend, cell.facts.survives, cell.facts.distribution] for cell in _largest(result) if cell.facts],
        detail=True,
    )


def _largest(result: Comparison) -> Iterator[Cell]:
    """Return each backend's cell of the largest size that has facts."""
    for backend in result.settings.backends:
        known = [cell for cell in result.cells if cell.backend == backend and cell.facts]
        if known:
            yield max(known, key=lambda cell: cell.players)


def _backend_row(cell: Cell) -> list[str]:
    facts, code = cell.facts, cell.code
    statements, lua = (f"{code.statements:,}", f"{code.lua_lines:,}") if code else (NONE, NONE)
    if facts is None:
        return [cell.backend, statements, lua, *[NONE] * 3]
    return [cell.backend, statements, lua, facts.durability, "yes" if facts.shared else "no", facts.server or NONE]


def _problems(result: Comparison) -> Table:
    return Table(
        "Without figures",
        [
            Column("backend", figures=False),
            Column("players"),
            Column("status", figures=False),
            Column("reason", figures=False),
        ],
        [
            [cell.backend, f"{cell.players:,}", cell.status, cell.reason or NONE]
            for cell in result.cells
            if cell.status != "ok"
        ],
    )


def _disturbances(result: Comparison) -> Table:
    return Table(
        "Disturbed runs",
        [Column("backend", figures=False), Column("players"), Column("cores that others used")],
        [
            [cell.backend, f"{cell.players:,}", f"{cell.cores_elsewhere:.1f}"]
            for cell in result.cells
            if _disturbed(cell)
        ],
        "Other processes were at work while these were measured.",
        detail=True,
    )


_MEASURES: Final[tuple[Measure, ...]] = (
    ("samples", lambda figures: f"{figures.samples:,}"),
    ("of", lambda figures: f"{figures.planned:,}"),
    ("average", lambda figures: _us(figures.average_us)),
    ("p50", lambda figures: _us(figures.p50_us)),
    ("p95", lambda figures: _us(figures.p95_us)),
    ("p99", lambda figures: _us(figures.p99_us)),
    ("slowest", lambda figures: _us(figures.maximum_us)),
    ("a second", lambda figures: _number(figures.per_second)),
)


def _details(result: Comparison, players: int) -> Table:
    return Table(
        f"Every figure at {players:,} players: times in µs",
        [
            Column("backend", figures=False),
            Column("operation", figures=False),
            *(Column(heading) for heading, _ in _MEASURES),
        ],
        [
            [cell.backend, _TITLES.get(name, name), *(read(figures) for _, read in _MEASURES)]
            for cell in _finished(result, players)
            for name, figures in cell.operations.items()
        ],
        detail=True,
    )


def _traces(result: Comparison) -> Table:
    return Table(
        "The traces",
        [
            Column("players"),
            Column("steps"),
            Column("warm-up"),
            Column("scores"),
            Column("tied"),
            Column("SHA-256", figures=False),
        ],
        [
            [
                f"{trace.players:,}",
                f"{sum(trace.steps.values()):,}",
                f"{trace.warm_up_steps:,}",
                f"{trace.different_scores:,}",
                f"{trace.tied_share:.0%}",
                trace.sha256,
            ]
            for trace in result.traces
        ],
        "Tied: players who share their score when the board is loaded. No update repeats the standing score.",
        detail=True,
    )


def _circumstances(result: Comparison) -> Table:
    where = result.machine
    loads = " → ".join(
        " ".join(f"{load:.2f}" for load in loads) for loads in (where.load_average_before, where.load_average_after)
    )
    facts = {
        "processor": f"{where.cpu}, {where.cores} cores",
        "memory": f"{where.memory_bytes / 2**30:.1f} GiB",
        "system": where.system,
        "file system": where.file_system,
        "load average": loads,
        "seed": str(result.settings.seed),
        "time limit": f"{result.settings.time_limit:g} s for each operation",
        "started": result.started,
        "took": f"{result.seconds:.0f} s{'' if result.finished else ', interrupted'}",
        "versions": ", ".join(f"{name} {number}" for name, number in result.versions.items()),
    }
    columns = [Column("what", figures=False), Column("value", figures=False)]
    return Table("The circumstances", columns, [[name, value] for name, value in facts.items()], detail=True)


def _p50_p99(figures: OperationFigures | None) -> str:
    if figures is None:
        return NONE
    cut = f" (n={figures.samples:,})" if figures.samples < figures.planned else ""
    return f"{_us(figures.p50_us)} / {_us(figures.p99_us)}{cut}"


def _rate(figures: OperationFigures | None) -> str:
    return NONE if figures is None else _number(figures.per_second)


def _us(value: float | None) -> str:
    return NONE if value is None else _number(value)


def _number(value: float) -> str:
    """Return three significant digits or so: enough to compare, no more than a repeat would confirm."""
    if value >= _BIG:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= _SMALL else f"{value:.2f}"


def _each(total: int | None, count: int) -> str:
    return NONE if total is None or not count else f"{total / count:,.0f}"


def _names(result: Comparison) -> str:
    return f"{result.traces[-1].name_bytes_per_player:.0f}" if result.traces else NONE
