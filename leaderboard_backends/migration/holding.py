"""`Holder`: which process moves a board that lives in its memory, as the record in the other storage knows it.

Processes of one configuration each have a board of their own under that name, and one order of the command line would
move all of them into one target. So a process claims the migration when it opens the board, and gives signs of life; a
second one is refused. Of two that claim it at once, the one that wrote last has it, and the other one refuses writes as
soon as it sees that. The claim of a process that was killed is free once nothing is heard of it for `SILENCE` seconds,
by the clock of who listens.

A board in memory is gone with its process, fences included. So the record also has the history of the board with which
the migration began: the next process tells by it that its board is another one (`is_stranger`).
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from secrets import token_hex
from threading import Event, Thread
from time import monotonic
from typing import Any, Final

from ..errors import BackendUnavailableError, ConfigurationError, LeaderboardError
from ..model import visible
from ..wrapper import start_thread
from .fences import Side
from .record import Record

logger = logging.getLogger("leaderboard_backends")

GONE: Final = (
    "this migration began with a board in the memory of a process that has ended, and this process has another one, "
    "which would take the place of what was copied. To give the migration up, and have the board of this process go "
    "on: leaderboard migrate finish (--delete removes what was copied)."
)
BEAT: Final = 1.0
"""Seconds between two signs of life."""
SILENCE: Final = 5.0
"""Seconds without one after which a process is taken for gone."""
_SETTLING: Final = 0.2
"""Seconds for who claims at the same time to write, too."""
_LOOK: Final = 0.1
"""Seconds between two looks for a sign of life."""


class Holder:
    """The claim of this process to a migration; `close` gives it up. Raises `ConfigurationError` where another has it.

    `side` is that of the board in this process's memory, `history` its own. Raises what the record's storage raises,
    and `BackendUnavailableError` where the process may have no more threads.
    """

    def __init__(self, name: str, open_record: Callable[[], Record], side: Side, history: str) -> None:
        self.side: Final = side
        self.history: Final = history
        self.displaced = ""
        """Why this process has the claim no more, as another one has taken it; empty while it has it."""
        self._name: Final = name
        self._open_record: Final = open_record
        self._id: Final = token_hex(8)
        self._beats = 0
        self._closed: Final = Event()
        self._thread: Final = Thread(target=self._run, name=f"leaderboard-holder-{name}", daemon=True)
        with closing(open_record()) as record:
            self.begun_with: str | None = self._claim(record)
            """History of the board with which the migration began; `None` before that."""
            try:
                start_thread(self._thread)
            except BackendUnavailableError:
                self._give_up(record)
                raise

    @property
    def is_stranger(self) -> bool:
        """Whether the migration began with another board, which is gone."""
        return self.begun_with not in (None, self.history)

    def begin(self, record: Record) -> None:
        """Note that the migration begins with the board of this process."""
        self.begun_with = self.history
        self._write(record)

    def close(self) -> None:
        """Give the claim up, unless the record is gone with the migration's end; what it began with stays noted."""
        if self._thread.is_alive():  # not in a forked child, where it may have been inside the event
            self._closed.set()
            self._thread.join(SILENCE)

    # ------------------------------------------------------------------ the claim

    def _claim(self, record: Record) -> str | None:
        """Write the claim, and return with what the migration began. Raises `ConfigurationError`."""
        known = record.read("holder")
        if known.get("id") and self._lives(record, known):
            raise ConfigurationError(self._refusal(known))
        self.begun_with = known.get("begun_with")
        self._write(record)
        time.sleep(_SETTLING)  # no storage here compares and sets a record
        if (now := record.read("holder")).get("id", self._id) != self._id:
            raise ConfigurationError(self._refusal(now))
        return self.begun_with

    def _refusal(self, known: Mapping[str, Any]) -> str:
        return (
            f"{known['who']} has a board {self._name!r} in its memory, too, and moves it by the same table migration: "
            "a board in memory moves out of (or into) one process. Give the table to that process alone; if it was "
            f"killed just now, try again after {SILENCE:g} s."
        )

    def _lives(self, record: Record, known: Mapping[str, Any]) -> bool:
        """Whether whoever has the claim gives a sign of life."""
        until = monotonic() + SILENCE
        while monotonic() < until:
            time.sleep(_LOOK)  # no storage tells when a record changes
            now = record.read("holder")
            if not now.get("id"):
                return False
            if (now["id"], now["beat"]) != (known["id"], known["beat"]):
                return True
        return False

    def _give_up(self, record: Record) -> None:
        if record.read("holder").get("id") == self._id:
            record.write("holder", {"begun_with": self.begun_with})

    def _write(self, record: Record) -> None:
        self._beats += 1
        who = f"process {os.getpid()} on {visible(socket.gethostname())}"
        record.write("holder", {"id": self._id, "who": who, "beat": self._beats, "begun_with": self.begun_with})

    # ------------------------------------------------------------------ signs of life

    def _run(self) -> None:
        while not self._closed.is_set() and not self.displaced:
            try:
                with closing(self._open_record()) as record:
                    self._beat(record)
            except LeaderboardError:  # of the storage, which is tried again
                self._closed.wait(BEAT)

    def _beat(self, record: Record) -> None:
        """Give signs of life until the end, or until another process has the claim."""
        while not self._closed.wait(BEAT):
            known = record.read("holder")
            if known.get("id", self._id) != self._id:
                self.displaced = self._refusal(known)
                logger.error("this process moves its board no more, and refuses writes to it: %s", self.displaced)
                return
            self._write(record)
        self._give_up(record)
