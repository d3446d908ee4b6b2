"""What somebody needs of a board, in numbers and in words."""

from __future__ import annotations

from typing import Final

import msgspec

from ...numerals import counted, elapsed, rate_words
from ..schema import Durability

DURABILITIES: Final[tuple[Durability, ...]] = ("memory only", "everysec", "every commit")
"""What can be asked for, the least durable first: each keeps what those before it keep."""

LOST: Final[dict[Durability, str]] = {
    "memory only": "all",
    "everysec": "about 1 s",
    "every commit": "nothing",
    "not known": "not known",
}
"""What a power cut takes of acknowledged updates."""

_KEEPS: Final[dict[Durability, str]] = {
    "memory only": "data may be lost in a power cut",
    "everysec": "a power cut may take about 1 s",
    "every commit": "durable",
    "not known": "durability not known",
}


class Need(msgspec.Struct, frozen=True):
    """Players, load, app processes, and what must hold; rates are per second, of all players together."""

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
            rate_words(self.updates, "update"),
            rate_words(self.reads, "read"),
            f"{counted(self.servers, 'server')} with {counted(self.workers, 'worker')}"
            + (" each" if self.servers > 1 else ""),
            _KEEPS[self.durability],
        ]
        return ", ".join([*said, *([f"p99 {time_words(self.p99_us)} at most"] if self.p99_us else [])])

    @property
    def deployment(self) -> Need:
        """What of it decides on costs: neither reads, nor what must hold."""
        return self.changed(reads=0.0, durability="memory only", p99_us=None)

    def changed(self, **values: object) -> Need:
        """Return the need with other values."""
        return msgspec.structs.replace(self, **values)


def covers(offered: Durability, asked: Durability) -> bool:
    """Whether a class of durability keeps what another one asks for."""
    return asked == DURABILITIES[0] or offered in DURABILITIES[DURABILITIES.index(asked) :]


def time_words(microseconds: float) -> str:
    """Return a time in the unit that suits it: `19.4 µs`, `1.10 ms`."""
    return elapsed(microseconds / 1e6)
