"""The number of players, asked in a thread of its own, so that nobody waits longer for it than is set."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock, Thread
from time import monotonic
from typing import Final


class Probe:
    """Asks a board how many players it has, once at a time: a storage that hangs keeps one thread and no more.

    `players` is the last number that was told, and `up` whether the last question was answered in time; both are
    `None` before the first.
    """

    def __init__(self, count: Callable[[], int], timeout: float) -> None:
        self._count: Final = count
        self.timeout: Final = timeout
        self.players: int | None = None
        self.up: bool | None = None
        self._lock: Final = Lock()
        self._asking: Thread | None = None

    def begin(self) -> None:
        """Ask, unless an earlier question is still open; returns at once."""
        with self._lock:
            if self._asking is None or not self._asking.is_alive():
                self._asking = Thread(target=self._ask, name="leaderboard-players", daemon=True)
                self._asking.start()

    def finish(self, deadline: float) -> None:
        """Wait for the answer until a moment of `time.monotonic`."""
        asking = self._asking
        if asking is not None:
            asking.join(max(0.0, deadline - monotonic()))
            if asking.is_alive():
                self.up = False

    def ask(self) -> int | None:
        """Return the number of players now, or where the storage does not tell it in time, the last that it told."""
        self.begin()
        self.finish(monotonic() + self.timeout)
        return self.players

    def _ask(self) -> None:
        try:
            self.players = self._count()
        except Exception:  # noqa: BLE001 - whatever keeps a storage from answering, it is not up
            self.up = False
        else:
            self.up = True
