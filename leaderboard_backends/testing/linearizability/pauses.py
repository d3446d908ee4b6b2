"""Threads that give way at random lines, so that what can go wrong between two lines does.

A thread switch between two given lines of Python is rare: a test may run for days without it. So each thread here
pauses now and then between two lines of whatever it runs, and lets the others go on. The idea is from O. Edelstein and
others, "Multithreaded Java program test generation", IBM Systems Journal 41 (2002).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import sleep
from types import FrameType
from typing import Final, Self

from ... import model, protocol

PAUSE: Final = 1e-6
"""Seconds; the system makes about 60 µs of it, in which another thread does a few operations."""
FIRST_RUN: Final = 16
"""The most lines that an operation runs before its first pause; `LONGER` times as many before the next, and so on."""
LONGER: Final = 4
SWITCH_INTERVAL: Final = 1e-6
"""Seconds after which Python lets another thread go on, while `quick_switches` lasts."""

_HERE: Final = str(Path(__file__).parent)
_NO_STORAGE: Final = (protocol.__file__, model.__file__)
"""Where a pause shows nothing: in the checks of values, before a board's own code begins."""


@contextmanager
def pausing(chance: Random) -> Iterator[None]:
    """Let the calling thread pause at random lines of the functions that it calls, while this lasts.

    It uses `sys.settrace`, so a debugger sees nothing of the thread meanwhile. Code that is not Python never pauses.
    """
    before = sys.gettrace()
    sys.settrace(_Pauses(chance).enter)
    try:
        yield
    finally:
        sys.settrace(before)


@contextmanager
def quick_switches() -> Iterator[None]:
    """Let Python switch threads as often as it can, while this lasts."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _Pauses:
    """Trace functions, as `sys.settrace` takes them."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._run = FIRST_RUN
        self._left = FIRST_RUN

    def enter(self, frame: FrameType, event: str, argument: object) -> Self | None:
        """Trace a function of a board.

        Not the recorder's, which begins an operation: a pause in it would blur the times. Not a lambda or a generator:
        they run so often that the pauses would all be there.
        """
        del event, argument
        code = frame.f_code
        if code.co_filename.startswith(_HERE):
            self._draw(FIRST_RUN)
            return None
        return None if code.co_filename in _NO_STORAGE or code.co_name.startswith("<") else self

    def __call__(self, frame: FrameType, event: str, argument: object) -> Self:
        """Pause, if it is time, before a line or a return."""
        del frame, event, argument
        self._left -= 1
        if self._left <= 0:
            self._draw(LONGER * self._run)
            sleep(PAUSE)
        return self

    def _draw(self, run: int) -> None:
        self._run = run
        self._left = self._chance.randint(1, run)
