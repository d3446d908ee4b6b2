"""The types of options of several commands."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

import click

from ..location import MOST_SECONDS
from ..model import shorten

STREAM: Final = "-"
"""What stands for a standard stream instead of a file."""
MOST: Final = 1_000_000_000
"""The most of anything that is counted here: products of a few of them are numbers that a float holds."""


class OutputPath(click.Path):
    """A file or folder that is written. `-` is stdout with `allow_dash`, and else refused: nobody means a file."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; fails for `-` where stdout cannot stand for it."""
        if value == STREAM and not self.allow_dash:
            kind = "a file" if self.file_okay else "a folder"
            self.fail(f"- is stdout, and this needs {kind}: name one (./- if it is called that).", param, ctx)
        return super().convert(value, param, ctx)


class FiniteRange(click.FloatRange):
    """A range of numbers, in which is neither `nan`, which passes every comparison with an end, nor `inf`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; fails for what is none, not finite, or out of the range."""
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class WholeRange(click.IntRange):
    """A range of whole numbers whose help names no end; what no computation takes is refused all the same."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; fails for what is none, out of the range, or above `MOST`."""
        number: int = super().convert(value, param, ctx)
        if number > MOST:
            self.fail(f"{shorten(value)} is above {MOST}.", param, ctx)
        return number


class Seconds(FiniteRange):
    """A time whose help names no end; one that no timer takes is refused all the same."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number; fails as that of a range, and above what clocks and timers take."""
        number = super().convert(value, param, ctx)
        if number > MOST_SECONDS:
            self.fail(f"{shorten(value)} is above {MOST_SECONDS} seconds.", param, ctx)
        return number
