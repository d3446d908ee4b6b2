"""Waiting for locks, and for what a file asks SQLite to do: in Python, as inside SQLite Ctrl-C would not be heard."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from types import TracebackType
from typing import Final, TypeVar

from .failures import is_busy

Result = TypeVar("Result")

_EAGER: Final = 0.25
"""Seconds for which to ask often: a busy writer leaves the lock free for moments only. Longer waits are for loads."""

_OFTEN: Final = 0.000_3
_SELDOM: Final = 0.003
"""Seconds between two attempts; drawn at random, so that two who wait get out of step."""

_STEPS: Final = 1_000
"""Steps of SQLite's machine between two looks at the clock."""


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


class Within:
    """Interrupts the statements of a block that take longer together, and lets a signal's exception through them.

    No generator: one that an interrupt leaves suspended comes to its end much later, on a connection that is closed.
    """

    def __init__(self, seconds: float, connection: sqlite3.Connection) -> None:
        self._end = monotonic() + seconds
        self._connection = connection
        self._raised: BaseException | None = None

    def __enter__(self) -> None:
        self._connection.set_progress_handler(self._look().__next__, _STEPS)

    def _look(self) -> Iterator[bool]:
        """A generator: a signal that arrives inside SQLite is handled where this resumes, which is within the `try`."""
        try:
            while monotonic() < self._end:
                yield False
        except GeneratorExit:
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised below; sqlite3 would drop it
            self._raised = error
        while True:
            yield True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.set_progress_handler(None, 0)
        if self._raised is not None and isinstance(error, sqlite3.OperationalError):
            raise self._raised from None
