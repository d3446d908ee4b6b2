"""Chance that is the same everywhere: all draws of a trace come from `random()` of one seeded generator.

Of Python's generators, `random()` is the one method whose sequence is promised for a seed. Nothing here depends on the
last bit of a logarithm or a power either, as C libraries differ in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from random import Random
from typing import Final, TypeVar

Item = TypeVar("Item")

GAP_DIGITS: Final = 6
"""Gaps are rounded to a millionth of their mean: beyond that, logarithms may differ from machine to machine."""


class Chance:
    """A seeded source of numbers."""

    def __init__(self, seed: str) -> None:
        self.random = Random(seed).random  # noqa: S311 - nothing here is a secret
        """Return a float from 0 to under 1."""

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to under `limit`, which is at most 2^53."""
        return int(self.random() * limit)

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in another order, each order equally likely (Fisher and Yates). O(n)."""
        shuffled, random = list(items), self.random
        for last in range(len(shuffled) - 1, 0, -1):
            other = int(random() * (last + 1))
            shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
        return shuffled

    def gap(self) -> float:
        """Return an exponential gap of mean 1: the time between arrivals that know nothing of each other."""
        return round(-log(1 - self.random()), GAP_DIGITS)
