"""`leaderboard conformance`: run the kit against boards given by URL, and print what passed."""

from __future__ import annotations

import sys
from typing import Final, Self

import click
from rich import box
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..errors import ConfigurationError, LeaderboardError
from ..location import Location
from ..testing.opening import url_factory
from ..testing.runner import RESULTS, Outcome, Report, run_kit
from ..testing.subject import PARTS, BoardFactory, unique_name

SHOWN_FAILURES: Final = 5
NARROWEST: Final = 80


@click.command("conformance", short_help="Prove that backends keep the contract.")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same random programs.")
@click.option(
    "--examples",
    type=click.IntRange(1, 100_000),
    default=60,
    show_default=True,
    help="Random programs under each order and keep.",
)
@click.option(
    "--part", "parts", multiple=True, type=click.Choice(PARTS), help="Run this part of the kit only; repeatable."
)
@click.option(
    "--failures",
    type=click.IntRange(0),
    default=SHOWN_FAILURES,
    show_default=True,
    help="How many failures to print in full.",
)
def conformance(urls: tuple[str, ...], seed: int, examples: int, parts: tuple[str, ...], failures: int) -> None:
    """Run every test of the contract on the backend behind each URL, and print a table of what passed.

    The kit makes boards with names of its own there (kit-…), clears them and touches no other board; a board that
    the URL names is left alone. Exit code 1 where a backend does not conform or could not be run.
    """
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, NARROWEST)
    reports = {url: _run(url, seed, examples, parts) for url in dict.fromkeys(urls)}
    for url, report in reports.items():
        _print_report(console, _shown(url), report, failures)
    if len(reports) > 1:
        console.print(_verdicts(reports))
    sys.exit(0 if all(report.verdict == "CONFORMS" for report in reports.values()) else 1)


def _run(url: str, seed: int, examples: int, parts: tuple[str, ...]) -> Report:
    try:
        make = url_factory(url)
        _try_to_open(make)
    except LeaderboardError as error:
        return Report(seed, problem=str(error))
    with _Bar(_shown(url)) as bar:
        return run_kit(make, seed=seed, examples=examples, areas=parts, progress=bar.advance)


def _try_to_open(make: BoardFactory) -> None:
    with make(unique_name(), order="descending", keep="last") as board:
        board.ping()


def _shown(url: str) -> str:
    """Return the URL without its password and its query, which may hold one."""
    try:
        return Location.parse(url)[0].shown
    except ConfigurationError:
        return url.partition("://")[0] + "://…"


def _print_report(console: Console, shown: str, report: Report, failures: int) -> None:
    console.print(Text(shown, style="bold"), soft_wrap=True)
    if report.outcomes:
        console.print(_table(report))
    for outcome in report.failures[:failures]:
        console.print(Text(f"\n{outcome.area}: {outcome.test} {outcome.result}", style="bold red"))
        console.print(Text(outcome.text), soft_wrap=True)
    if (left := len(report.failures) - failures) > 0:
        console.print(Text(f"\n{left} more failed: --failures {len(report.failures)} prints them all."))
    if report.problem:
        console.print(Text(report.problem), soft_wrap=True)
    console.print(Text(f"{shown}: {_sentence(report)}\n", style=_style(report)), soft_wrap=True)


def _sentence(report: Report) -> str:
    if report.verdict == "NOT RUN":
        return "NOT RUN"
    good = len(report.outcomes) - len(report.failures)
    return f"{report.verdict}, {good} of {len(report.outcomes)} tests passed (seed {report.seed})"


def _style(report: Report) -> str:
    return "bold green" if report.verdict == "CONFORMS" else "bold red"


def _table(report: Report) -> Table:
    areas = report.by_area()
    met = {"passed", "failed"}.union(*areas.values())
    results = [name for name in RESULTS if name in met]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_footer=True)
    table.add_column("part", footer="all")
    for name in results:
        total = sum(found[name] for found in areas.values())
        table.add_column(name, justify="right", footer=str(total))
    for area, found in areas.items():
        cells = [Text(str(found[name] or ""), style="red" if name in ("failed", "not run") else "") for name in results]
        table.add_row(Text(area), *cells)
    return table


def _verdicts(reports: dict[str, Report]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("board", overflow="fold")
    table.add_column("verdict", overflow="fold")
    for url, report in reports.items():
        table.add_row(Text(_shown(url)), Text(_sentence(report), style=_style(report)))
    return table


class _Bar:
    """Shows on a terminal how far a run has come; prints nothing elsewhere."""

    def __init__(self, shown: str) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            TextColumn("{task.completed} tests"),
            TextColumn("{task.fields[area]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(shown, total=None, area="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def advance(self, outcome: Outcome) -> None:
        """Count one more test."""
        self._bar.update(self._task, advance=1, area=outcome.area)
