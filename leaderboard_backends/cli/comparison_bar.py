"""The progress of a comparison, with the time left: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event, Thread
from time import monotonic
from typing import Final, Self

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ..comparison.plan import Unit, expected_seconds
from ..comparison.report.terminal import PlainConsole
from ..comparison.schema import Cell, Run

REFRESH_PER_SECOND: Final = 2
"""Of the bar: a busier one would take its time from what is measured."""

SILENCE_SECONDS: Final = 30.0
"""So often, a line says what is in work for longer than that."""


class ComparisonBar:
    """Watches a comparison. The time left goes by how long the runs so far took beside what they were expected to."""

    def __init__(self) -> None:
        self._console = PlainConsole(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[runs]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            refresh_per_second=REFRESH_PER_SECOND,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("generating the traces", total=None, runs="", left="")
        self._expected: dict[Cell, float] = {}
        self._runs = self._done = 0
        self._total = self._passed = 0.0
        self._began: float | None = None
        self._in_work = "generating the traces"
        self._since = monotonic()
        self._ended = Event()
        self._still = Thread(target=self._say_what_is_still_in_work, daemon=True)

    def __enter__(self) -> Self:
        self._bar.start()
        if not self._console.is_terminal:
            self._still.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
        self._ended.set()

    def _say_what_is_still_in_work(self) -> None:
        while not self._ended.wait(SILENCE_SECONDS):
            if (seconds := monotonic() - self._since) >= SILENCE_SECONDS:
                self._say(f"still running after {seconds:.0f} s: {self._in_work}")

    def planned(self, runs: Sequence[Unit]) -> None:
        """Take in what is left to run."""
        self._expected = expected_seconds(runs)
        self._runs, self._total = len(runs), sum(self._expected[unit.cell] for unit in runs)
        self._bar.update(self._task, total=self._total, runs=f"0 of {self._runs} runs")

    def proving(self, label: str) -> None:
        """Show which backend the kit judges, of several at once."""
        self._begin(f"conformance test of {label}")
        self._in_work = "conformance tests"

    def begins(self, cell: Cell, round_: int) -> None:
        """Show which run is in work."""
        if self._began is None:
            self._began = monotonic()
        self._begin(f"round {round_}: {shown(cell)}")

    def ends(self, run: Run) -> None:
        """Move the bar on, or print a line."""
        self._done += 1
        self._passed += self._expected[run.cell]
        self._bar.update(
            self._task, completed=self._passed, runs=f"{self._done} of {self._runs} runs", left=self._left()
        )
        status = run.status if run.status == "ok" else f"{run.status}: {run.reason}"
        self._say(f"{self._done}/{self._runs} {shown(run.cell)}: {status}, {run.seconds:.1f} s; {self._left()}")

    def _begin(self, what: str) -> None:
        self._in_work, self._since = what, monotonic()
        self._bar.update(self._task, description=what)
        self._say(what)

    def _left(self) -> str:
        """Return how long the rest will take, by the pace so far."""
        if self._began is None or not self._passed:
            return ""
        seconds = (self._total - self._passed) * (monotonic() - self._began) / self._passed
        return f"about {round(seconds)} s left" if seconds < 100 else f"about {round(seconds / 60)} min left"  # noqa: PLR2004

    def _say(self, line: str) -> None:
        if not self._console.is_terminal:
            click.echo(line, err=True)


def shown(cell: Cell) -> str:
    """Return a cell in words."""
    if cell.mode == "program":
        return cell.backend
    repeated = ", A/A run" if cell.a_a else ""
    return f"{cell.backend}{repeated}, {cell.mode}, {cell.workload}, {cell.players:,} players"
