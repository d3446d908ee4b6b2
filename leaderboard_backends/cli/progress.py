"""The progress of a long command, on stderr: one updated line on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final, Self

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ..comparison.report.terminal import PlainConsole
from ..errors import BoardMismatchError, LeaderboardError, WriteOutcomeUnknownError
from ..numerals import duration, whole
from ..testing.report import Outcome, Step

EVERY: Final = 10.0
"""Seconds from one line to the next where stderr is no terminal."""
DRAWN: Final = 0.1
"""Seconds after which the line on a terminal is drawn anew."""


class TestBar:
    """Counts the tests of a target, and names the one that runs."""

    __test__ = False

    def __init__(self, shown: str) -> None:
        self._shown = shown
        self._tests = 0
        self._step = ""
        self._begun = self._last = monotonic()
        console = PlainConsole(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            TextColumn("{task.completed} tests"),
            TextColumn("{task.fields[step]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            auto_refresh=False,  # which needs a thread, and this process forks
            disable=not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(shown, total=None, step="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def hear(self, news: Step | Outcome | None) -> None:
        """Take in what a run has come to; `None` says that time has passed."""
        if isinstance(news, Outcome):
            self._tests += 1
        elif news is not None:
            self._step = f"{news.part}: {news.test}" if news.test else news.doing
        if self._bar.disable:
            self._print()
        elif monotonic() - self._last >= DRAWN:
            self._last = monotonic()
            self._bar.update(self._task, completed=self._tests, step=self._step)
            self._bar.refresh()

    def _print(self) -> None:
        now = monotonic()
        if now - self._last >= EVERY:
            self._last = now
            click.echo(f"{self._shown}: {self._tests} tests in {now - self._begun:.0f} s, at {self._step}", err=True)


def _may_have_written(error: BaseException) -> bool:
    """Whether what was under way when this was raised may have been written."""
    return not isinstance(error, LeaderboardError) or isinstance(error, WriteOutcomeUnknownError)


class PlayerBar:
    """Counts the players of a board that are done, and says how long the others will take at the present pace.

    `total` is `None` where nobody knows how many there are.
    """

    def __init__(self, doing: str, total: int | None) -> None:
        self._doing = doing
        self._total = total
        self.players = 0
        """How many are done."""
        self.seconds = 0.0
        """How long it took, once it is over."""
        self._began = self._last = monotonic()
        self._before = 0
        console = PlainConsole(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[done]}", markup=False),
            TimeElapsedColumn(),
            *([] if total is None else [TimeRemainingColumn(), TextColumn("left")]),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(doing, total=total, done="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.seconds = monotonic() - self._began
        self._bar.stop()

    def hear(self, players: int) -> None:
        """Take in how many players are done."""
        self.players = players
        done = (
            f"{whole(players)} players" if self._total is None else f"{whole(players)} of {whole(self._total)} players"
        )
        if not self._bar.disable:
            self._bar.update(self._task, completed=players, done=done)
            return
        now = monotonic()
        if now - self._last >= EVERY:
            pace = (players - self._before) / (now - self._last)
            rest = 0 if self._total is None else self._total - players
            left = f", about {duration(rest / pace)} left" if pace > 0 and rest > 0 else ""
            click.echo(f"{self._doing}: {done}, {whole(pace)} per second{left}", err=True)
            self._last, self._before = now, players


@contextmanager
def saying_how_far(bar: PlayerBar, reached: Callable[[int], str]) -> Iterator[PlayerBar]:
    """Show the progress; where something ends the work early, say what was `reached`, of the players that are done."""
    try:
        with bar:
            yield bar
    except BoardMismatchError:
        raise
    except BaseException as error:
        if bar.players or _may_have_written(error):
            click.echo(reached(bar.players), err=True)
        raise
