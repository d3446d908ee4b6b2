"""Runs without figures, with their reasons: wrong answers come first, and every requested run is listed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ..document import Section, Table, Value, columns, listed, number, quoted, word
from ..measurements import Measurements
from ..schema import Result, Run
from .by_class import Row

ORDER: Final = ("wrong", "failed", "timed out", "unavailable", "not run", "ok")
"""Order of the table: from faults of the backend to causes outside of it."""

NO_FIGURES: Final = "it has no figures, although its status is ok"


class Reason(NamedTuple):
    """Why runs of one backend have no figures."""

    status: str
    backend: str
    text: str


def missing_section(m: Measurements) -> Section:
    """Return every run without figures, grouped by status, backend and reason, and what runs noted."""
    result, without = m.result, sum(map(_lacks_figures, m.result.runs))
    said = [f"{without:,} of {len(result.runs):,} runs have no figures." if without else "Every run has figures."]
    if not result.finished:
        said.append("**The comparison was interrupted**: runs that were not reached are listed here.")
    run = {cell.backend for cell in m.cells}
    if never := [label for label in m.labels if label not in run]:
        said.append(f"Asked for, but never run: {quoted(never)}.")
    return Section("without-figures", "Without figures", said, [*_without_figures(result), *_notes(result)])


def _lacks_figures(run: Run) -> bool:
    return run.status != "ok" or run.figures is None


def _without_figures(result: Result) -> Iterator[Table]:
    grouped: dict[Reason, list[Run]] = {}
    for run in filter(_lacks_figures, result.runs):
        text = run.reason or (NO_FIGURES if run.status == "ok" else "")
        grouped.setdefault(Reason(run.status, run.cell.backend, text), []).append(run)
    order = sorted(grouped, key=lambda reason: ORDER.index(reason.status))
    if order:
        rows = [_row(reason, grouped[reason]) for reason in order]
        yield Table("Runs without figures", columns("status", "backend", "#runs", "where", "reason"), rows)


def _row(reason: Reason, runs: Sequence[Run]) -> Row:
    return [
        Value(reason.status, f"{ORDER.index(reason.status)}", "bad" if reason.status == "wrong" else ""),
        word(reason.backend),
        number(len(runs)),
        listed(_where(runs)),
        word(reason.text),
    ]


def _where(runs: Sequence[Run]) -> Iterator[str]:
    """Yield what the runs were runs of, sizes together."""
    sizes: dict[str, set[int]] = {}
    for cell in (run.cell for run in runs):
        where = f"{cell.mode}{' (A/A)' if cell.a_a else ''}:{f' {cell.workload}' if cell.workload else ''}"
        sizes.setdefault(where, set()).add(cell.players)
    for where, players in sizes.items():
        yield f"{where} {', '.join(f'{size:,}' for size in sorted(players))}"


def _notes(result: Result) -> Iterator[Table]:
    counted = Counter((run.cell.backend, note) for run in result.runs for note in run.notes)
    if counted:
        rows = [[word(backend), number(runs), word(note)] for (backend, note), runs in counted.items()]
        yield Table("Notes of runs", columns("backend", "#runs", "note"), rows)
