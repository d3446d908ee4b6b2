"""Waiting for locks, and for what a file asks SQLite to do: in Python, as inside SQLite Ctrl-C would not be heard."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
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


@contextmanager
def within(seconds: float, connection: sqlite3.Connection) -> Iterator[None]:
    """Interrupt the statements of a block that take longer together, and let a signal's exception through them."""
    raised: list[BaseException] = []

    def look() -> Iterator[bool]:
        """A generator, as a signal that arrives inside SQLite is handled where it resumes: within the `try`."""
        end = monotonic() + seconds
        try:
            while monotonic() < end:
                yield False
        except BaseException as error:  # noqa: BLE001 - it is raised below; sqlite3 would drop it
            raised.append(error)
        while True:
            yield True

    connection.set_progress_handler(look().__next__, _STEPS)
    try:
        yield
    except sqlite3.OperationalError:
        if raised:
            raise raised[0] from None
        raise
    finally:
        connection.set_progress_handler(None, 0)
