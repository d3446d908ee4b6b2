"""What the programs of the study have in common."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import zip_longest
from typing import TypeAlias

from leaderboard_backends.comparison.programs import WrongProgramError
from leaderboard_backends.comparison.samples import distribution
from leaderboard_backends.comparison.schema import Timing
from leaderboard_backends.model import shorten

Samples: TypeAlias = "dict[str, array[int]]"
"""Samples in nanoseconds by operation."""


def timings(samples: Samples) -> list[Timing]:
    """Return the summary of each operation."""
    return [Timing(operation, distribution(taken)) for operation, taken in samples.items()]


def check_order(what: str, given: Sequence[object], sorted_plainly: Sequence[object]) -> None:
    """Compare a whole order with that of a plain sort; raises `WrongProgramError` at the first difference."""
    missing = object()
    for rank, (found, expected) in enumerate(zip_longest(given, sorted_plainly, fillvalue=missing), 1):
        if found != expected:
            held, right = ("nobody" if one is missing else shorten(one) for one in (found, expected))
            raise WrongProgramError(f"{what}: rank {rank} holds {held}, a plain sort says {right}")
