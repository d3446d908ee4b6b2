"""A limit on the time of a test: a board that hangs fails the test it hangs in, and the run goes on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Final

import pytest

AGAIN: Final = 1.0
"""Seconds after which a limit that was held up is raised again."""


class Clock:
    """What a limit came to."""

    expired = False
    """Whether the time was over before what it limits had ended."""


@contextmanager
def limited(seconds: float, what: str = "the test") -> Iterator[Clock]:
    """Fail the test in the main thread, wherever it is, where what is inside takes longer.

    Pytest's own exception does it, which no `except Exception` holds up, each second until it comes through.

    By the timer of the process, which interrupts waits for locks and sockets too. Does nothing in other threads, on
    systems without it, and where somebody else's timer ends sooner.
    """
    clock = Clock()
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not usable or 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= seconds:
        yield clock
        return

    def expire(number: int, frame: FrameType | None) -> None:
        del number, frame
        clock.expired = True
        pytest.fail(f"{what} did not end within {seconds:g} s: a call of the board hangs or is too slow")

    handler = signal.signal(signal.SIGALRM, expire)
    begun = monotonic()
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield clock
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(0.001, left - (monotonic() - begun)), interval)
