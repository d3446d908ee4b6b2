"""Runs without figures, with their reasons: wrong answers come first, and every requested run is listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from ...document import Section, Table, Value, listed, number, numbers, quoted, word, words
from ...schema import Cell, Result, Run
from ..classes import labels

ORDER: Final = ("wrong", "failed", "timed out", "unavailable", "not run", "ok")
"""Order of the table: from faults of the backend to causes outside of it."""

NO_FIGURES: Final = "it has no figures, although its status is ok"


class Reason(NamedTuple):
    """Why runs of one backend have no figures."""

    status: str
    backend: str
    text: str


def missing_section(result: Result) -> Section:
    """Return every run without figures, grouped by status, backend and reason, and what runs noted."""
    tables = [*_without_figures(result), *_notes(result)]
    without = sum(map(_lacks_figures, result.runs))
    said = [f"{without:,} of {len(result.runs):,} runs have no figures." if without else "Every run has figures."]
    said += (
        [] if result.finished else ["**The comparison was interrupted**: runs that were not reached are listed here."]
    )
    never = _never_run(result)
    said += [f"Asked for, but never run: {quoted(never)}."] if never else []
    return Section("without-figures", "Without figures", said, tables)


def _lacks_figures(run: Run) -> bool:
    return run.status != "ok" or run.figures is None


def _never_run(result: Result) -> list[str]:
    run = {run.cell.backend for run in result.runs}
    return [label for label in labels(result) if label not in run]


def _without_figures(result: Result) -> Iterator[Table]:
    grouped: dict[Reason, list[Run]] = {}
    for run in filter(_lacks_figures, result.runs):
        text = run.reason or (NO_FIGURES if run.status == "ok" else "")
        grouped.setdefault(Reason(run.status, run.cell.backend, text), []).append(run)
    order = sorted(grouped, key=lambda reason: ORDER.index(reason.status))
    if order:
        columns = [*words("status", "backend"), *numbers("runs"), *words("where", "reason")]
        yield Table("Runs without figures", columns, [_row(reason, grouped[reason]) for reason in order])


def _row(reason: Reason, runs: list[Run]) -> list[Value]:
    return [
        Value(reason.status, f"{ORDER.index(reason.status)}", "bad" if reason.status == "wrong" else ""),
        word(reason.backend),
        number(len(runs)),
        listed(_where(runs)),
        word(reason.text),
    ]


def _where(runs: list[Run]) -> Iterator[str]:
    """Yield what the runs were runs of, sizes together."""
    sizes: dict[Cell, list[int]] = {}
    for run in runs:
        cell = run.cell
        found = sizes.setdefault(Cell(cell.mode, cell.workload, 0, "", cell.twin), [])
        if cell.players not in found:
            found.append(cell.players)
    for cell, players in sizes.items():
        again = " (A/A)" if cell.twin else ""
        workload = f" {cell.workload}" if cell.workload else ""
        yield f"{cell.mode}{again}:{workload} {', '.join(f'{size:,}' for size in sorted(players))}"


def _notes(result: Result) -> Iterator[Table]:
    grouped: dict[tuple[str, str], int] = {}
    for run in result.runs:
        for note in run.notes:
            grouped[run.cell.backend, note] = grouped.get((run.cell.backend, note), 0) + 1
    if grouped:
        rows = [[word(backend), number(runs), word(note)] for (backend, note), runs in grouped.items()]
        yield Table("Notes of runs", [*words("backend"), *numbers("runs"), *words("note")], rows)
