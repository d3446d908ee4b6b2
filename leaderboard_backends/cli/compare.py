"""`leaderboard compare`: prove each backend right, measure it, and print the tables."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from types import FrameType
from typing import Final, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..comparison.operations import OPERATIONS
from ..comparison.render import REPORT_FILE, RESULT_FILE, print_tables, write_report
from ..comparison.result import Cell, Comparison
from ..comparison.run import Plan, effort
from ..comparison.run import compare as run_comparison
from ..comparison.targets import find_targets
from ..errors import ConfigurationError
from .group import INTERRUPTED

DEFAULT_PLAYERS: Final = "1000,10000,100000"
DEFAULT_STEPS: Final = 2000
DEFAULT_TIME_LIMIT: Final = 2.0
REFRESH_PER_SECOND: Final = 2
"""Of the progress bar: a busier one would take its time from what is measured."""

LONGEST_TIME_LIMIT: Final = 3600.0
MOST_PLAYERS: Final = 10_000_000


def _read_players(context: click.Context, option: click.Parameter, text: str) -> tuple[int, ...]:
    """Return the numbers of players, each once, smallest first."""
    try:
        numbers = sorted({int(number) for number in text.split(",")})
    except ValueError:
        numbers = []
    if not numbers or not 1 <= numbers[0] <= numbers[-1] <= MOST_PLAYERS:
        raise click.BadParameter(
            f"{text!r} is no list of players: give whole numbers from 1 to {MOST_PLAYERS:,}, separated by commas, for "
            f"example {DEFAULT_PLAYERS}.",
            context,
            option,
        )
    return tuple(numbers)


def _refuse_nan(context: click.Context, option: click.Parameter, value: float) -> float:
    if isnan(value):
        raise click.BadParameter("nan is no number of seconds.", context, option)
    return value


@click.command("compare", short_help="Compare backends: prove each right, then measure it.")
@click.argument("backends", nargs=-1, metavar="[BACKEND]...")
@click.option(
    "--players",
    callback=_read_players,
    default=DEFAULT_PLAYERS,
    show_default=True,
    metavar="N,N,...",
    help="Sizes of the board.",
)
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder for result.json and report.md.")
@click.option("--seed", type=int, default=1, show_default=True, help="Same seed, same trace.")
@click.option(
    "--updates",
    type=click.IntRange(1, 1_000_000),
    default=DEFAULT_STEPS,
    show_default=True,
    help="Measured updates, and as many of each other operation.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(0, LONGEST_TIME_LIMIT, min_open=True),
    callback=_refuse_nan,
    default=DEFAULT_TIME_LIMIT,
    show_default=True,
    help="Seconds for each operation of a backend at a size; the rest of its steps is left out.",
)
def compare(
    backends: tuple[str, ...], players: tuple[int, ...], out: Path | None, seed: int, updates: int, time_limit: float
) -> None:
    """Replay one trace on each BACKEND at each size, in a process of its own, and compare what it costs.

    A BACKEND is the URL of a board's storage (redis://host:6379/0), on which a board with a name of its own is used
    and cleared again; module:Class for a class of yours that takes a board's name; or one that is made ready for each
    run. Those are all compared where none is named: naive, memory, valkey (a real server), valkey-fsync (the same,
    waiting for the disk at each write), zodb (a file), zodb+memory, and what installed plug-ins offer. fakeredis is
    left out unless named: it stands in for a server in unit tests, and its speed says nothing about one.

    Before any figure counts, all answers and the end state are compared with an independent model. Exit code 1 where a
    backend was wrong or failed, or none could run.
    """
    try:
        targets = find_targets(backends)
    except ConfigurationError as error:
        raise click.UsageError(str(error)) from error
    if out is not None:
        _prepare(out)
    plan = Plan(targets, players, {operation.name: updates for operation in OPERATIONS}, seed, time_limit)
    with _termination_as_interrupt(), _Progress(plan) as progress:
        result = run_comparison(plan, progress)
    _publish(result, out)
    sys.exit(_exit_code(result))


def _prepare(out: Path) -> None:
    """Fail before the run, not after it, where the folder cannot be written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise click.ClickException(f"--out {out} cannot be written: {error.strerror}.") from error


def _publish(result: Comparison, out: Path | None) -> None:
    print_tables(result, Console())
    if out is not None:
        write_report(result, out)
    done = sum(cell.status == "ok" for cell in result.cells)
    click.echo(
        f"{done} of {len(result.cells)} runs have figures, in {result.seconds:.0f} s. "
        + (
            f"Written: {out / RESULT_FILE}, {out / REPORT_FILE}." if out else "Nothing was written: --out DIR keeps it."
        ),
        err=True,
    )
    if not result.finished:
        click.echo("Interrupted: the tables have what was finished.", err=True)


def _exit_code(result: Comparison) -> int:
    if not result.finished:
        return INTERRUPTED
    states = {cell.status for cell in result.cells}
    return 1 if states & {"wrong", "failed", "timed out"} or "ok" not in states else 0


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM as Ctrl-C, so that whoever ends the command leaves no worker and no server behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Progress:
    """A bar with the time left on a terminal; elsewhere a line for each finished run."""

    def __init__(self, plan: Plan) -> None:
        self._console = Console(stderr=True)
        self._runs = len(plan.targets) * len(plan.players)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[runs]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self._console,
            refresh_per_second=REFRESH_PER_SECOND,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._done = 0
        total = sum(map(effort, plan.players)) * len(plan.targets)
        self._task = self._bar.add_task("drawing the traces", total=total, runs=f"0 of {self._runs}")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def begins(self, label: str, players: int) -> None:
        """Show which run is in work."""
        self._bar.update(self._task, description=f"{label}, {players:,} players")

    def ends(self, cell: Cell) -> None:
        """Move the bar on, or print a line."""
        self._done += 1
        self._bar.update(self._task, advance=effort(cell.players), runs=f"{self._done} of {self._runs}")
        if not self._console.is_terminal:
            run = f"{self._done}/{self._runs} {cell.backend}, {cell.players:,} players"
            click.echo(f"{run}: {cell.status}, {cell.seconds:.1f} s", err=True)
