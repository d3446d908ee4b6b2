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
from ..schema import Result, Run
from ..statistics import ENOUGH_PROCESSES, ratio
from .tables import DISTURBED, MISTAKES, Row, filled, head_of, row_of, table_of, words


def trust_section(m: Measurements) -> Section:
    """Return the limits of a result, those of this result first, and mistakes that other comparisons make."""
    limits = [*_of_this_result(m.result), *_of_all(m)]
    shown, others = limits[:5], limits[5:]
    mistakes = (row_of(wrong, here) for wrong, here in MISTAKES.items())
    wrong = table_of("How public benchmarks went wrong", "elsewhere|here", mistakes)
    title = "Further limits, and how public benchmarks went wrong"
    further = Section("limits", title, tables=[wrong], points=others, detail=True)
    said = ["Before a decision that costs money, run it on your own machine with your own events."]
    name = "why-not-to-trust-this"
    return Section(name, "Why not to trust this", said, points=shown, sections=[further])


def _of_this_result(result: Result) -> Iterator[str]:
    if not result.finished:
        yield "**Interrupted**: what is missing may be what you need."
    if result.settings.rounds < ENOUGH_PROCESSES:
        yield words("limit-processes", rounds=counted(result.settings.rounds, "round"))
    if not any(run.cell.a_a for run in result.runs):
        yield "**Noise not known**: no backend was run a second time to compare it with itself (A/A)."
    if result.machine.file_system in {"tmpfs", "ramfs"}:
        yield f"**No disk**: the files were on {result.machine.file_system}, so that waiting for the disk cost nothing."
    disturbed = sum(run.disturbed for run in result.runs)
    if disturbed:
        yield f"**Disturbed**: other processes slowed {counted(disturbed, 'run')} down, marked `{DISTURBED}`."


def _of_all(m: Measurements) -> Iterator[str]:
    result = m.result
    modes = {run.cell.mode for run in result.runs if run.figures is not None}
    servers = {facts.label for facts in result.backends if facts.home == "server"}
    ours = {one.label for one in m.cells.values() if one.label in servers and _knows_its_server(one)}
    yield words("limit-machine", machine=result.machine, server="the server " if ours else "")
    if ours:
        yield "**No network**: servers were reached over local sockets; a network adds its latency to each operation."
    if given := [facts.label for facts in result.backends if facts.label in servers - ours]:
        yield f"**Servers elsewhere**: where the server of {quoted(given)} ran, and what else it did, is not known."
    if "recovery" in modes:
        yield "**No power was cut**: what it takes is as settings promise. A crash here is a `kill -9` of one process."
    drawn = [facts.name for facts in result.workloads if not facts.events]
    if drawn:
        yield f"**Synthetic players** ({', '.join(drawn)}): real ones follow no distribution. Replay your own events."
    yield words("limit-rounds", processes=counted(result.settings.rounds, "process", "processes"))
    longest = max((run.seconds for run in result.runs), default=0.0)
    yield words("limit-short", longest=duration(longest))
    if servers:
        says = " Throughput says where." if "throughput" in modes else ""
        yield f"**Python clients**, one interpreter each: a fast server waits for them.{says}"
    yield "**Our tuning**: somebody who knows a storage better may get more out of it than its listed settings do."


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
