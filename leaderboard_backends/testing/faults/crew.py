"""Threads of a fault test: none outlives its time unnoticed, and what one raised is raised again."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import monotonic


class Crew:
    """Threads that each run `work(number)`; a board that hangs holds up only them."""

    def __init__(self, work: Callable[[int], object], size: int) -> None:
        self._errors: list[BaseException] = []
        self._work = work
        self._threads = [Thread(target=self._run, args=(number,), daemon=True) for number in range(size)]
        for thread in self._threads:
            thread.start()

    def _run(self, number: int) -> None:
        try:
            self._work(number)
        except BaseException as error:  # noqa: BLE001 - `join` raises it
            self._errors.append(error)

    @property
    def failed(self) -> bool:
        """Whether a thread has raised."""
        return bool(self._errors)

    def join(self, seconds: float) -> None:
        """Wait for all threads; raises what one of them raised, or `AssertionError` where some still run."""
        end = monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - monotonic()))
        if self._errors:
            raise self._errors[0]
        hanging = sum(thread.is_alive() for thread in self._threads)
        assert not hanging, f"{hanging} of {len(self._threads)} threads hang in a call of the board after {seconds:g} s"
