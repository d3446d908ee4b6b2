"""Reports of the kit on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..testing.documents import HEADINGS, sentence
from ..testing.report import RESULTS, Report


def print_report(console: Console, report: Report, failures: int) -> None:
    """Print one report: what was tested, the table, figures, shortfalls, and as many failures in full."""
    _print_head(console, report)
    if report.outcomes:
        console.print(_table(report))
    for outcome in report.outcomes:
        if outcome.figures:
            console.print(Text(outcome.figures), soft_wrap=True)
    for outcome in report.deviations:
        stated = f"{outcome.part}: {outcome.test}: {outcome.result}: {outcome.reason}"
        console.print(Text(stated, style="yellow"), soft_wrap=True)
    _print_failures(console, report, failures)
    if report.problem:
        console.print(Text(report.problem), soft_wrap=True)
    console.print(Text(f"{report.subject}: {sentence(report)}\n", style=_style(report)), soft_wrap=True)


def _print_head(console: Console, report: Report) -> None:
    console.print(Text(report.subject, style="bold"), soft_wrap=True)
    promises, versions = report.promises, report.versions
    if promises is not None and versions is not None:
        tested = f"{promises.distribution}, {promises.storage or 'Python objects'}"
        console.print(Text(f"{tested}; contract {versions.contract}, kit {versions.kit}", style="dim"), soft_wrap=True)


def _print_failures(console: Console, report: Report, most: int) -> None:
    for outcome in report.failures[:most]:
        console.print(Text(f"\n{outcome.part}: {outcome.test} {outcome.result}", style="bold red"))
        console.print(Text(outcome.text), soft_wrap=True)
    if (left := len(report.failures) - most) > 0:
        console.print(Text(f"\n{left} more failed: --failures {len(report.failures)} prints them all."))


def _style(report: Report) -> str:
    return "bold green" if report.good else "bold yellow" if report.verdict == "PASSED IN PART" else "bold red"


def _table(report: Report) -> Table:
    parts = report.by_part()
    met = {"passed", "failed"}.union(*parts.values())
    results = [name for name in RESULTS if name in met]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    table.add_column("part", footer="all")
    for name in results:
        table.add_column(HEADINGS[name], justify="right", footer=str(report.counts()[name]))
    for part, found in parts.items():
        cells = [Text(str(found[name] or ""), style="red" if name in ("failed", "not run") else "") for name in results]
        table.add_row(Text(part), *cells)
    return table


def print_verdicts(console: Console, reports: Sequence[Report]) -> None:
    """Print the verdict on each subject, one a line."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("target", overflow="fold")
    table.add_column("verdict", overflow="fold")
    for report in reports:
        table.add_row(Text(report.subject), Text(sentence(report), style=_style(report)))
    console.print(table)
