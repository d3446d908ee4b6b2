"""What somebody needs of a board, and how people write sizes, rates and times: `50K`, `2000/s`, `120K/m`, `10ms`."""

from __future__ import annotations

import re
from typing import Final, cast, get_args

import msgspec

from ...errors import ConfigurationError
from ...model import shorten
from ...numerals import counted, elapsed, significant, whole
from ..cost.source import MOST_PLAYERS
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

_NUMBER: Final = r"(\d+(?:\.\d+)?|\.\d+)\s*([KM]?)"
_SIZE: Final = re.compile(_NUMBER, re.IGNORECASE)
_RATE: Final = re.compile(_NUMBER + r"\s*/\s*(s|sec|m|min|h)", re.IGNORECASE)
_TIME: Final = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(us|µs|μs|ms|s)", re.IGNORECASE)

_FACTOR: Final = {"": 1, "K": 1_000, "M": 1_000_000}
_SECONDS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3_600}
_MICROSECONDS: Final = {"us": 1.0, "µs": 1.0, "μs": 1.0, "ms": 1e3, "s": 1e6}

_PER: Final = (("s", 1), ("min", 60), ("h", 3_600))
_WHOLE_FROM: Final = 10
_ROUNDING: Final = 1e-9
_JUST_ONE: Final = 1 - _ROUNDING


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


def rate_words(a_second: float, what: str) -> str:
    """Return a rate as text, per second; per minute or hour where it is less than one: `2,000 updates/s`, `5 reads/h`.

    Whole from 10 on, and below with so many digits that it is not nothing.
    """
    per, seconds = next((one for one in _PER if a_second * one[1] >= _JUST_ONE), _PER[-1]) if a_second else _PER[0]
    rate = a_second * seconds
    is_whole = rate >= _WHOLE_FROM or abs(rate - round(rate)) < _ROUNDING
    number = whole(rate) if is_whole else significant(rate, 2)
    return f"{number} {what if number == '1' else what + 's'}/{per}"


def time_words(microseconds: float) -> str:
    """Return a time in the unit that suits it: `19.4 µs`, `1.10 ms`."""
    return elapsed(microseconds / 1e6)


# ---------------------------------------------------------------------- as people write it


def read_players(text: str) -> int:
    """Return a number of players: `50000`, `50K`, `1.5M`. Raises `ConfigurationError`."""
    found = _SIZE.fullmatch(text.strip())
    players = round(_number(found)) if found else 0
    if not 1 <= players <= MOST_PLAYERS:
        raise ConfigurationError(f"{shorten(text)} is not a number of players: write 50000, 50K or 1M, for example.")
    return players


def read_sizes(text: str) -> tuple[int, ...]:
    """Return numbers of players, each once, smallest first: `100K,1M`. Raises `ConfigurationError`."""
    return tuple(sorted({read_players(part) for part in text.split(",")}))


def read_rate(text: str) -> float:
    """Return a rate in events per second: `2000/s`, `120K/m`, `1M/h`; 0 is allowed. Raises `ConfigurationError`."""
    found = _RATE.fullmatch(text.strip())
    if not found:
        raise ConfigurationError(f"{shorten(text)} is no rate: write 2000/s, 120K/m or 1M/h, for example.")
    return _number(found) / _SECONDS[found[3].lower()]


def read_time(text: str) -> float:
    """Return a time in microseconds: `10ms`, `500us`, `1s`. Raises `ConfigurationError`."""
    found = _TIME.fullmatch(text.strip())
    time = float(found[1]) * _MICROSECONDS[found[2].lower()] if found else 0.0
    if not time:
        raise ConfigurationError(f"{shorten(text)} is no time: write 10ms, 500us or 1s, for example.")
    return time


def read_durability(text: str) -> Durability:
    """Return a class of durability by its name. Raises `ConfigurationError`, with the names that there are."""
    known = get_args(Durability)
    chosen = " ".join(text.lower().replace("-", " ").split())
    if chosen not in known:
        raise ConfigurationError(f"{shorten(text)} is no durability: write one of {', '.join(known)}.")
    return cast("Durability", chosen)


def _number(found: re.Match[str]) -> float:
    return float(found[1]) * _FACTOR[found[2].upper()]
