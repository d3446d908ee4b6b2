"""Waiting for locks: here, in Python, rather than inside SQLite, where Ctrl-C would not be heard."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, TypeVar

from .failures import is_busy

Result = TypeVar("Result")

_EAGER: Final = 0.25
"""Seconds for which to ask often: a busy writer leaves the lock free for moments only. Longer waits are for loads."""

_OFTEN: Final = 0.000_3
_SELDOM: Final = 0.003
"""Seconds between two attempts; drawn at random, so that two who wait get out of step."""


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
