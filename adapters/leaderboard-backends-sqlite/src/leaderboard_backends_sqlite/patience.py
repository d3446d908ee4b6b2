"""Waiting for locks: here, in Python, rather than inside SQLite, where Ctrl-C would not be heard."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, TypeVar

from .failures import is_busy

Result = TypeVar("Result")

_SHORTEST: Final = 0.000_2
_LONGEST: Final = 0.01
"""Seconds; the pauses grow from one to the other, at random, so that two who wait get out of step."""


def waiting(seconds: float, attempt: Callable[[], Result]) -> Result:
    """Return what `attempt` does, trying again for so long while a lock is in its way."""
    end = monotonic() + seconds
    pause = _SHORTEST
    while True:
        try:
            return attempt()
        except sqlite3.Error as error:
            if not is_busy(error) or monotonic() > end:
                raise
        sleep(random.uniform(pause / 2, pause))  # noqa: S311 - no secret
        pause = min(_LONGEST, 2 * pause)
