"""How numbers are written for people: no more digits than a repeat would confirm, and units that suit them."""

from __future__ import annotations

from collections.abc import Callable
from math import floor, isfinite, log10
from typing import Final, TypeAlias

NONE: Final = "-"
"""Stands where there is no figure."""

Write: TypeAlias = Callable[[float], str]
"""Turns a number into text."""

DIGITS: Final = 3
"""Digits that count in a figure."""

_UNITS: Final = (("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
_LEAST_WHOLE_PERCENT: Final = 0.0995
_PARTS_OF_A_SECOND: Final = (("s", 1.0), ("ms", 1e-3))
_SECONDS_A_MINUTE: Final = 60
_MINUTES_AN_HOUR: Final = 60
_FINE_BELOW: Final = 1.995
_COARSE_FROM: Final = 9.95
_LEAST_WITH_TWO_PLACES: Final = 0.1
_PER: Final = (("s", 1), ("min", 60), ("h", 3_600))
_WHOLE_FROM: Final = 10
_ROUNDING: Final = 1e-9
_JUST_ONE: Final = 1 - _ROUNDING


def significant(number: float, digits: int = DIGITS) -> str:
    """Return a number with that many significant digits and thousands separated: `0.0501`, `10.7`, `99,500`."""
    if not isfinite(number):
        return NONE
    if not number:
        return "0"
    rounded = float(f"{number:.{digits - 1}e}")
    places = max(0, digits - 1 - floor(log10(abs(rounded))))
    return f"{rounded:,.{places}f}"


def whole(number: float) -> str:
    """Return a count, thousands separated."""
    return f"{number:,.0f}" if isfinite(number) else NONE


def times(ratio: float) -> str:
    """Return a ratio: `1.04x` where a few percent matter, `2.1x`, `182x`."""
    if not isfinite(ratio):
        return NONE
    if ratio < _LEAST_WITH_TWO_PLACES:
        return f"{significant(ratio, 2)}x"
    if ratio < _FINE_BELOW:
        return f"{ratio:.2f}x"
    return f"{ratio:.1f}x" if ratio < _COARSE_FROM else f"{whole(float(significant(ratio).replace(',', '')))}x"


def percent(part: float) -> str:
    """Return a fraction as percent: `20 %`, `0.5 %`."""
    if not isfinite(part):
        return NONE
    return f"{100 * part:.1f} %" if abs(part) < _LEAST_WHOLE_PERCENT else f"{100 * part:.0f} %"


def size(number: float) -> str:
    """Return bytes in the decimal unit that suits them: `312 B`, `1.21 MB`."""
    for unit, count in _UNITS:
        if abs(number) >= count:
            return f"{significant(number / count)} {unit}"
    return f"{significant(number)} B"


def duration(seconds: float) -> str:
    """Return a time as people say it: `8.2 s`, `3 min 20 s`, `1 h 5 min`."""
    if seconds < _SECONDS_A_MINUTE:
        return f"{significant(seconds, 2)} s"
    minutes, rest = divmod(round(seconds), _SECONDS_A_MINUTE)
    hours, minutes_over = divmod(minutes, _MINUTES_AN_HOUR)
    return f"{hours} h {minutes_over} min" if hours else f"{minutes} min {rest} s"


def elapsed(seconds: float, digits: int = DIGITS) -> str:
    """Return a measured time in the unit that suits it: `83.7 µs`, `8.52 ms`, `1.40 s`, `12,300 s`."""
    for unit, part in _PARTS_OF_A_SECOND:
        if abs(seconds) >= part:
            return f"{significant(seconds / part, digits)} {unit}"
    return f"{significant(seconds * 1e6, digits)} µs"


def counted(number: float, what: str, several: str = "") -> str:
    """Return a number with what it counts: `1 server`, `3 servers`, `2 processes`."""
    told = f"{number:,.0f}" if number == int(number) else f"{number:,g}"
    return f"{told} {what}" if number == 1 else f"{told} {several or what + 's'}"


def rate_words(a_second: float, what: str) -> str:
    """Return a rate as text, per second; per minute or hour where it is less than one: `2,000 updates/s`, `5 reads/h`.

    Whole from 10 on, and below with so many digits that it is not nothing.
    """
    per, seconds = next((one for one in _PER if a_second * one[1] >= _JUST_ONE), _PER[-1]) if a_second else _PER[0]
    rate = a_second * seconds
    is_whole = rate >= _WHOLE_FROM or abs(rate - round(rate)) < _ROUNDING
    number = whole(rate) if is_whole else significant(rate, 2)
    return f"{number} {what if number == '1' else what + 's'}/{per}"
