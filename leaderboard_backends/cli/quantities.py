"""Options with sizes, rates and times as people write them: `50K`, `2000/s`, `120K/m`, `10ms`."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf
from typing import Any, Final, TypeVar

import click

from ..comparison.advice.need import DURABILITIES
from ..comparison.cost.source import MOST_PLAYERS
from ..comparison.schema import Durability
from ..errors import ConfigurationError
from ..model import shorten

Command = TypeVar("Command", bound=Callable[..., None])

_NUMBER: Final = r"(\d+(?:\.\d+)?|\.\d+)\s*"
_SIZE: Final = re.compile(_NUMBER + "([KM]?)", re.IGNORECASE)
_RATE: Final = re.compile(_NUMBER + r"([KM]?)\s*/\s*(s|sec|m|min|h)", re.IGNORECASE)
_TIME: Final = re.compile(_NUMBER + "(us|µs|μs|ms|s)", re.IGNORECASE)

_FACTOR: Final = {"": 1, "K": 1_000, "M": 1_000_000}
_SECONDS: Final = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3_600}
_MICROSECONDS: Final = {"us": 1.0, "µs": 1.0, "μs": 1.0, "ms": 1e3, "s": 1e6}


def quantity(name: str, read: Callable[[str], object], **settings: Any) -> Callable[[Command], Command]:
    """Add an option whose text is read by a function, and refused with the reader's own words."""

    def callback(context: click.Context, option: click.Parameter, text: str | None) -> object:
        try:
            return None if text is None else read(text)
        except ConfigurationError as error:
            raise click.BadParameter(str(error), context, option) from error

    return click.option(name, callback=callback, **settings)


def read_players(text: str) -> int:
    """Return a number of players: `50000`, `50K`, `1.5M`. Raises `ConfigurationError`."""
    found = _SIZE.fullmatch(text.strip())
    players = round(min(_number(found), MOST_PLAYERS + 1)) if found else 0  # inf cannot be rounded
    if not 1 <= players <= MOST_PLAYERS:
        raise ConfigurationError(f"{shorten(text)} is not a number of players: write 50000, 50K or 1M, for example.")
    return players


def read_sizes(text: str) -> tuple[int, ...]:
    """Return numbers of players, each once, smallest first: `100K,1M`. Raises `ConfigurationError`."""
    return tuple(sorted({read_players(part) for part in text.split(",")}))


def read_rate(text: str) -> float:
    """Return a rate in events per second: `2000/s`, `120K/m`, `1M/h`; 0 is allowed. Raises `ConfigurationError`."""
    found = _RATE.fullmatch(text.strip())
    rate = _number(found) / _SECONDS[found[3].lower()] if found else inf
    if rate == inf:
        raise ConfigurationError(f"{shorten(text)} is not a rate: write 2000/s, 120K/m or 1M/h, for example.")
    return rate


def read_time(text: str) -> float:
    """Return a time in microseconds: `10ms`, `500us`, `1s`. Raises `ConfigurationError`."""
    found = _TIME.fullmatch(text.strip())
    time = float(found[1]) * _MICROSECONDS[found[2].lower()] if found else 0.0
    if not 0 < time < inf:
        raise ConfigurationError(f"{shorten(text)} is not a time: write 10ms, 500us or 1s, for example.")
    return time


def read_durability(text: str) -> Durability:
    """Return a class of durability that can be asked for, by its name. Raises `ConfigurationError`, with all names."""
    chosen = " ".join(text.lower().replace("-", " ").split())
    found = next((durability for durability in DURABILITIES if durability == chosen), None)
    if found is None:
        raise ConfigurationError(f"{shorten(text)} is not a durability class: write one of {', '.join(DURABILITIES)}.")
    return found


def _number(found: re.Match[str]) -> float:
    return float(found[1]) * _FACTOR[found[2].upper()]
