"""A thread whose work a test cuts short by exceptions, as a time limit does, one after the other."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Final, Self

LOST: Final = 2.0
"""Seconds after which an interrupt is taken for lost: one that came in a finalizer goes nowhere."""


class Interruptible:
    """Repeats a piece of work until the context ends; whatever the work raises but the interrupts ends the test.

    An interrupt is sent only while the thread can catch it: after the one before was caught.
    """

    def __init__(self, interrupt: type[BaseException], work: Callable[[], object]) -> None:
        self._interrupt: Final = interrupt
        self._work: Final = work
        self._ready, self._ended = Event(), Event()
        self._thread: Final = Thread(target=self._run, daemon=True)
        self._problem: BaseException | None = None
        self.caught = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ready.wait(LOST)
        self._ended.set()
        self._thread.join(20)
        if error is None:
            assert not self._thread.is_alive(), "it hangs"
            if self._problem is not None:
                raise self._problem

    def interrupt(self, after: float) -> bool:
        """Send the next interrupt, so many seconds after the one before was caught; tell whether work goes on."""
        self._ready.wait(LOST)
        self._ready.clear()
        self._ended.wait(after)
        identity = ctypes.c_ulong(self._thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, ctypes.py_object(self._interrupt))
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._ready.set()
                while not self._ended.is_set():
                    self._work()
            except self._interrupt:
                self.caught += 1
            except BaseException as error:  # noqa: BLE001 - raised again in the test
                self._problem = error
                return
