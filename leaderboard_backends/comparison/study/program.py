"""What a program of the study is: a name, the size in the study, and the function that runs it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final, TypeAlias

from ...model import shorten
from ..samples import distribution
from ..schema import Distribution, Timing

Summarise: TypeAlias = Callable[[Sequence[int]], Distribution]
"""Summarises samples in nanoseconds."""

Samples: TypeAlias = "dict[str, array[int]]"
"""Samples in nanoseconds by operation."""

SECONDS: Final = 1.0
"""Maximum time of all calls of one operation together."""


class WrongProgramError(Exception):
    """A program's answers are not those of a plain sort: it has no figures, and the text has the first difference."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Settings of a run: players, the seed that they are drawn from, seconds for each operation."""

    players: int
    seed: int = 1
    seconds: float = SECONDS
    summarise: Summarise = field(default=distribution)

    def timings(self, samples: Samples) -> list[Timing]:
        """Return the summary of each operation."""
        return [Timing(operation, self.summarise(taken)) for operation, taken in samples.items()]


@dataclass(frozen=True, slots=True)
class Findings:
    """The figures of a program."""

    timings: list[Timing]
    memory_bytes: int | None = None
    """Private memory of the process that the structure took; `None` where the program is not about one."""
    counts: dict[str, float] = field(default_factory=dict)
    """Facts by name that are no times, such as players lost to ties."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program."""

    name: str
    what: str
    """What it does and which claim it is about, in a sentence."""
    players: int
    """The size of the claim."""
    run: Callable[[Setting], Findings] = field(repr=False)


def check_order(what: str, given: Sequence[object], sorted_plainly: Sequence[object]) -> None:
    """Compare a whole order with that of a plain sort; raises `WrongProgramError` at the first difference."""
    missing = object()
    for rank, (found, expected) in enumerate(zip_longest(given, sorted_plainly, fillvalue=missing), 1):
        if found != expected:
            held, right = ("nobody" if one is missing else shorten(one) for one in (found, expected))
            raise WrongProgramError(f"{what}: rank {rank} holds {held}, a plain sort says {right}")
