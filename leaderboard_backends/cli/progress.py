"""The line that shows on a terminal how far a run of the kit has come."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from ..testing.report import Outcome


class TestBar:
    """Counts the tests on a terminal's stderr; prints nothing elsewhere."""

    __test__ = False

    def __init__(self, shown: str) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            TextColumn("{task.completed} tests"),
            TextColumn("{task.fields[part]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._bar.add_task(shown, total=None, part="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def advance(self, outcome: Outcome) -> None:
        """Count one more test."""
        self._bar.update(self._task, advance=1, part=outcome.part)
