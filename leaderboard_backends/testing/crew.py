"""Threads of a test: none outlives its time unnoticed, and what one raised is raised again."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from threading import Barrier, Thread
from time import monotonic
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Crew(Generic[Result]):
    """Threads that each run one task, all from one moment on; a board that hangs holds up only them."""

    def __init__(self, tasks: Sequence[Callable[[], Result]]) -> None:
        self._errors: list[BaseException] = []
        self._results: dict[int, Result] = {}
        self._start = Barrier(len(tasks))
        self._threads = [
            Thread(target=self._run, args=(number, task), daemon=True) for number, task in enumerate(tasks)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int, task: Callable[[], Result]) -> None:
        try:
            self._start.wait()
            self._results[number] = task()
        except BaseException as error:  # noqa: BLE001 - `join` raises it
            self._errors.append(error)

    @property
    def failed(self) -> bool:
        """Whether a thread has raised."""
        return bool(self._errors)

    def join(self, seconds: float) -> list[Result]:
        """Wait for all threads and return what each returned, in the order of the tasks.

        Raises what one of them raised, or `AssertionError`, with what they are at, where some still run then.
        """
        end = monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - monotonic()))
        if self._errors:
            raise self._errors[0]
        if hanging := [thread for thread in self._threads if thread.is_alive()]:
            raise AssertionError(
                f"{len(hanging)} of {len(self._threads)} threads still hang in a call of the board after {seconds:g} "
                f"s. They are at:\n{_stacks(hanging)}"
            )
        return [self._results[number] for number in range(len(self._threads))]


def _stacks(threads: Sequence[Thread]) -> str:
    """Return where each thread is."""
    frames = sys._current_frames()  # noqa: SLF001 - the documented way to see what another thread is at
    found = (frames.get(thread.ident or 0) for thread in threads)
    return "\n".join("".join(traceback.format_stack(frame)) for frame in found if frame is not None)
