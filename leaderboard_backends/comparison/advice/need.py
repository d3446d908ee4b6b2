"""What somebody needs of a board."""

from __future__ import annotations

from typing import Final

import msgspec

from ..cost.bill import counted
from ..document.numerals import elapsed, whole
from ..schema import Durability

DURABILITIES: Final[tuple[Durability, ...]] = ("memory only", "everysec", "every commit")
"""The least durable first: each keeps what those before it keep."""


class Need(msgspec.Struct, frozen=True):
    """Players, load, app processes, and what must hold; rates are of all players together, a second."""

    players: int
    updates: float
    reads: float = 0.0
    servers: int = 1
    """App servers."""
    workers: int = 1
    """App processes on each."""
    durability: Durability = "memory only"
    """The least that a power cut may leave of acknowledged updates."""
    p99_us: float | None = None
    """The longest that one operation in a hundred may take."""

    @property
    def processes(self) -> int:
        """App processes that use the board."""
        return self.servers * self.workers

    @property
    def words(self) -> str:
        """The need in a line."""
        said = [
            f"{self.players:,} players",
            f"{whole(self.updates)} updates/s",
            f"{whole(self.reads)} reads/s",
            f"{counted(self.servers, 'server')} with {counted(self.workers, 'worker')}"
            + (" each" if self.servers > 1 else ""),
            self.durability if self.durability != "memory only" else "nothing need survive a power cut",
        ]
        return ", ".join([*said, *([f"p99 {time_words(self.p99_us)} at most"] if self.p99_us else [])])

    def changed(self, **values: object) -> Need:
        """Return the need with other values."""
        return msgspec.structs.replace(self, **values)


def covers(offered: Durability, asked: Durability) -> bool:
    """Whether a class of durability keeps what another one asks for."""
    return DURABILITIES.index(offered) >= DURABILITIES.index(asked)


def time_words(microseconds: float) -> str:
    """Return a time in the unit that suits it: `19.4 µs`, `1.10 ms`."""
    return elapsed(microseconds / 1e6)
