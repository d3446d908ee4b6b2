"""One task works, and others that need the same wait for it, as `single_flight` has it for threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

from ...errors import BackendUnavailableError

Value = TypeVar("Value")


class _Flight(Generic[Value]):
    def __init__(self) -> None:
        self.began = monotonic()
        self.ended = asyncio.Event()
        self.joined = 0
        """How many calls have come to wait."""
        self.values: list[Value] = []
        self.error: BackendUnavailableError | None = None


class AsyncSingleFlight(Generic[Value]):
    """Runs one piece of work at a time; who comes meanwhile shares how it ends, also that the storage is down."""

    def __init__(self) -> None:
        self._flight: _Flight[Value] | None = None

    @property
    def busy(self) -> bool:
        """Whether a task is at work."""
        return self._flight is not None

    async def run(self, work: Callable[[], Awaitable[Value]], patience: float | None = None) -> tuple[Value, bool]:
        """Return what the work returns, and whether this call did it.

        A call that waited raises `BackendUnavailableError` where the work did, and where the work has gone on for
        `patience` seconds; after any other error of the task at work, or where that is cancelled, it does the work
        itself.
        """
        while (flight := self._flight) is not None:
            flight.joined += 1
            left = None if patience is None else flight.began + patience - monotonic()
            try:
                async with asyncio.timeout(left):
                    await flight.ended.wait()
            except TimeoutError:
                text = f"the storage has not answered another call for {patience:g} s."
                raise BackendUnavailableError(text) from None
            if flight.error is not None:
                raise BackendUnavailableError(*flight.error.args) from flight.error
            if flight.values:
                return flight.values[0], False
        return await self._do(work), True

    async def _do(self, work: Callable[[], Awaitable[Value]]) -> Value:
        self._flight = mine = _Flight[Value]()
        try:
            value = await work()
            mine.values.append(value)
        except BackendUnavailableError as error:
            mine.error = error
            raise
        finally:
            self._flight = None
            mine.ended.set()
        return value
