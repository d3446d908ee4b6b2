"""The number of players, asked in a thread of its own, so that nobody waits longer for it than is set."""

from __future__ import annotations

from threading import RLock, Thread
from time import monotonic
from typing import Final

from ...errors import UnsupportedOperationError
from ...forks import guard
from ...protocol import LeaderboardBackend
from ...wrapper import layers


class Probe:
    """Asks the storage inside a board how many players it has, one question at a time.

    A storage that hangs keeps one thread and no more, and is waited for once: until it answers, further questions
    are the open one, whose time is over. `players` is the last number that was told, and `up` whether the last
    question was answered in time; both are `None` before the first.
    """

    def __init__(self, board: LeaderboardBackend, timeout: float) -> None:
        self._board: Final = board
        self._timeout: Final = timeout
        self.players: int | None = None
        self.up: bool | None = None
        self._lock: Final = guard(RLock())
        self._asking: Thread | None = None
        self._deadline = 0.0

    def begin(self) -> None:
        """Ask, unless an earlier question is still open; returns at once."""
        with self._lock:
            if self._asking is None or not self._asking.is_alive():
                self._deadline = monotonic() + self._timeout
                asking = Thread(target=self._ask, name="leaderboard-players", daemon=True)
                try:
                    asking.start()
                except RuntimeError:  # the process may have no more threads
                    self.up = False
                else:
                    self._asking = asking

    def finish(self) -> None:
        """Wait for the answer as long as its time is not over."""
        with self._lock:
            asking, deadline = self._asking, self._deadline
        if asking is not None:
            asking.join(max(0.0, deadline - monotonic()))
            if asking.is_alive():
                self.up = False

    def ask(self) -> int | None:
        """Return the number of players now, or where the storage does not tell it in time, the last that it told."""
        self.begin()
        self.finish()
        return self.players

    def _ask(self) -> None:
        try:
            self.players = self._count()
        except Exception:  # noqa: BLE001 - whatever keeps a storage from answering, it is not up
            self.up = False
        else:
            self.up = True

    def _count(self) -> int | None:
        """Return the number of players, `None` of a storage that answers and does not offer it."""
        *_, storage = layers(self._board)  # anew, as a board may have moved to another one
        try:
            return len(storage)
        except UnsupportedOperationError:
            storage.ping()
            return None
