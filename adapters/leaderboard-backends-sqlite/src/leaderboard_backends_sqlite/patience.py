"""Waiting for locks, and for what a file asks SQLite to do: in Python, as inside SQLite Ctrl-C would not be heard."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from math import inf
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Final, TypeVar

from .failures import is_busy

Result = TypeVar("Result")

_EAGER: Final = 0.25
"""Seconds for which to ask often: a busy writer leaves the lock free for moments only. Longer waits are for loads."""

_OFTEN: Final = 0.000_3
_SELDOM: Final = 0.003
"""Seconds between two attempts; drawn at random, so that two who wait get out of step."""

_STEPS: Final = 50_000
"""Steps of SQLite's machine between two looks up: a millisecond or two."""


def waiting(seconds: float, attempt: Callable[[], Result]) -> Result:
    """Return what `attempt` does, trying again for so long while a lock is in its way."""
    start = monotonic()
    while True:
        try:
            return attempt()
        except sqlite3.Error as error:
            waited = monotonic() - start
            if not is_busy(error) or waited > seconds:
                raise
        pause = _OFTEN if waited < _EAGER else _SELDOM
        sleep(random.uniform(pause / 2, pause * 3 / 2))  # noqa: S311 - no secret


class Connection(sqlite3.Connection):
    """A connection whose statements a signal's exception can end, and a deadline, however long they would take."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.watch = Watch()
        looks = self.watch.look()
        next(looks)  # so that it waits within its `try`
        self.set_progress_handler(looks.__next__, _STEPS)


class Watch:
    """Looks up from a statement from time to time. Once it has seen something, the connection is of no more use."""

    def __init__(self) -> None:
        self.deadline = inf
        self.raised: BaseException | None = None

    def look(self) -> Iterator[bool]:
        """A generator: a signal that arrives inside SQLite is handled where this resumes, which is within the `try`."""
        try:
            while monotonic() < self.deadline:
                yield False
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised by `hear`; sqlite3 would drop it
            self.raised = error
        while True:
            yield True

    def hear(self, error: BaseException | None) -> None:
        """Raise what a signal raised inside SQLite in the place of the error that SQLite made of it."""
        if self.raised is not None and isinstance(error, sqlite3.OperationalError):
            raise self.raised from None


class Within:
    """Interrupts the statements of a block that take longer together.

    No generator: one that an interrupt leaves suspended comes to its end much later, on a connection that is closed.
    """

    def __init__(self, seconds: float, connection: Connection) -> None:
        self._seconds = seconds
        self._watch = connection.watch

    def __enter__(self) -> None:
        self._watch.deadline = monotonic() + self._seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.deadline = inf
        self._watch.hear(error)
