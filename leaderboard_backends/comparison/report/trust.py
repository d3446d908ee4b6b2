"""How far to trust a result: its limits, noise and the machine meanwhile, and the runs that have no figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from ...numerals import counted, duration, significant, times
from ..document import Section, Table, Value, listed, number, quoted, spread
from ..measurements import Measured, Measurements
from ..named_figures import statistic_title
from ..schema import Run
from ..statistics import ENOUGH_PROCESSES, ratio
from .tables import MISTAKES, Row, filled, head_of, row_of, section, table_of, words


def trust_section(m: Measurements) -> Section:
    """Return the limits of a result, those of this result first, and mistakes that other comparisons make."""
    limits = _limits(m)
    mistakes = (row_of(wrong, here) for wrong, here in MISTAKES.items())
    wrong = table_of("How public benchmarks went wrong", "elsewhere|here", mistakes)
    return section("why-not-to-trust-this", sections=[section("limits", [wrong], points=limits[5:])], points=limits[:5])


def _limits(m: Measurements) -> list[str]:
    """Return the texts of the limits that apply to a result, those of this result alone first."""
    result, rounds = m.result, m.result.settings.rounds
    modes = {run.cell.mode for run in result.runs if run.figures is not None}
    servers = {facts.label for facts in result.backends if facts.home == "server"}
    ours = {one.label for one in m.cells.values() if one.label in servers and _knows_its_server(one)}
    elsewhere = [facts.label for facts in result.backends if facts.label in servers - ours]
    drawn = [facts.name for facts in result.workloads if not facts.events]
    slowed = sum(run.disturbed for run in result.runs)
    applies = {
        "interrupted": not result.finished,
        "processes": rounds < ENOUGH_PROCESSES,
        "noise": not any(run.cell.a_a for run in result.runs),
        "disk": result.machine.file_system in {"tmpfs", "ramfs"},
        "disturbed": slowed,
        "machine": True,
        "network": ours,
        "elsewhere": elsewhere,
        "power": "recovery" in modes,
        "synthetic": drawn,
        "rounds": True,
        "short": True,
        "clients": servers,
        "tuning": True,
    }
    figures = {
        "machine": result.machine,
        "rounds": counted(rounds, "round"),
        "processes": counted(rounds, "process", "processes"),
        "slowed": counted(slowed, "run"),
        "server": "the server " if ours else "",
        "elsewhere": quoted(elsewhere),
        "drawn": ", ".join(drawn),
        "longest": duration(max((run.seconds for run in result.runs), default=0.0)),
        "says": " Throughput says where." if "throughput" in modes else "",
    }
    return [words(f"limit-{name}", **figures) for name, holds in applies.items() if holds]


def _knows_its_server(one: Measured) -> bool:
    """Whether the server was started for the runs, beside the clients: then it was measured as well."""
    of_it = ("server_memory", "server_cores")
    started = any(one.values("restore", "processes").values())
    return started or any(figure.statistic in of_it for figure in one.figures)


# ---------------------------------------------------------------------- noise


def noise_section(m: Measurements) -> Section:
    """Return noise floors, the clock's cost and disturbed runs; the ratios of each A/A run as detail."""
    known_floors = []
    for (noise, mode, statistic), floor in sorted(m.floors.items(), key=lambda item: item[0][1:]):
        title, of_class = statistic_title(statistic), noise.title if noise else "never opened"
        known_floors.append(row_of(mode, title, of_class, number(floor.ratio, times), floor.source))
    of_classes = table_of("Noise floors", "mode|statistic|class|#floor|from", known_floors)
    ratios = (row for again in m.a_a_runs for row in _ratios(m.at(again.place, again.label), again))
    of_runs = table_of("Ratios of A/A runs", "backend|workload|#players|figure|statistic|#second / first", ratios)
    title = "Each backend against itself (A/A runs)"
    a_a = Section("a-a-runs", title, tables=filled(of_classes, of_runs), detail=True)
    runs, floors = m.result.runs, "floors" if m.a_a_runs else "no-floors"
    slowed, known = sum(run.disturbed for run in runs), sum(run.cores_elsewhere is not None for run in runs)
    said = [words(floors), words("disturbance", known=known, slowed=slowed)]
    clock = [cost for one in m.cells.values() for cost in one.values("clock", "clock").values()]
    costs = [number(part, significant) for part in (min(clock), median(clock), max(clock))] if clock else []
    head, row = "#least, µs|#median, µs|#most, µs|#runs", [row_of(*costs, len(clock))] if clock else []
    tables = filled(table_of("The cost of the clock", head, row, words("clock")), _disturbed(m))
    return Section("noise", "Noise", said, tables, sections=[a_a] if a_a.tables else [])


def _ratios(first: Measured, again: Measured) -> Iterator[Row]:
    for figure, other in again.figures.items():
        one = first.figures.get(figure, {})
        if figure.judged and one and min(*one.values(), *other.values()) > 0:
            by = ratio(other, one)
            said = Value(spread(by, lambda by: f"{by:.2f}"), by.middle)
            yield row_of(*head_of(again), figure.title, statistic_title(figure.statistic), said)


def _disturbed(m: Measurements) -> Table:
    rows = []
    for one in m.cells.values():
        if cores := [run.cores_elsewhere or 0.0 for run in one.every if run.disturbed]:
            mode = f"{one.cell.mode} (again)" if one.cell.a_a else one.cell.mode
            most = number(max(cores), significant)
            rows.append(row_of(one.label, mode, one.cell.workload, one.cell.players, len(cores), most))
    return table_of("Disturbed runs", "backend|mode|workload|#players|#runs|#most cores elsewhere", rows)


# ---------------------------------------------------------------------- runs without figures

ORDER: Final = ("wrong", "failed", "timed out", "unavailable", "not run", "ok")
"""Order of the table: from faults of the backend to causes outside of it."""

_MOST_OF_A_REASON: Final = 500
"""Characters of it in the table; the log of a server that did not start is longer."""


def missing_section(m: Measurements) -> Section:
    """Return every run without figures, grouped by status, backend and reason, and what runs noted."""
    result, without = m.result, [run for run in m.result.runs if run.status != "ok" or run.figures is None]
    said = [f"{len(without):,} of {len(result.runs):,} runs have no figures." if without else "Every run has figures."]
    if not result.finished:
        said.append("**The comparison was interrupted**: runs that were not reached are listed here.")
    ever = {cell.backend for cell in m.cells}
    if never := [label for label in m.labels if label not in ever]:
        said.append(f"Asked for, but never run: {quoted(never)}.")
    grouped: dict[tuple[str, str, str], list[Run]] = {}
    for run in without:
        reason = run.reason or ("it has no figures, although its status is ok" if run.status == "ok" else "")
        grouped.setdefault((run.status, run.cell.backend, reason), []).append(run)
    rows = []
    for (status, backend, reason), runs in sorted(grouped.items(), key=lambda item: ORDER.index(item[0][0])):
        outcome = Value(status, f"{ORDER.index(status)}", "bad" if status == "wrong" else "")
        rest = "… (all of it: in the result)" if len(reason) > _MOST_OF_A_REASON else ""
        rows.append(row_of(outcome, backend, len(runs), listed(_where(runs)), reason[:_MOST_OF_A_REASON] + rest))
    noted = Counter((run.cell.backend, note) for run in result.runs for note in run.notes).items()
    tables = filled(
        table_of("Runs without figures", "status|backend|#runs|where|reason", rows),
        table_of("Notes of runs", "backend|#runs|note", (row_of(name, runs, note) for (name, note), runs in noted)),
    )
    return Section("without-figures", "Without figures", said, tables)


def _where(runs: Sequence[Run]) -> Iterator[str]:
    """Yield what the runs were runs of, sizes together."""
    sizes: dict[str, set[int]] = {}
    for cell in (run.cell for run in runs):
        where = f"{cell.mode}{' (A/A)' if cell.a_a else ''}:{f' {cell.workload}' if cell.workload else ''}"
        sizes.setdefault(where, set()).add(cell.players)
    for where, players in sizes.items():
        yield f"{where} {', '.join(f'{size:,}' for size in sorted(players))}"
