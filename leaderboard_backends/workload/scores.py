"""Chance that is the same everywhere, and scores drawn by it: their distributions, ties, and a player's next score.

All draws of a trace come from `random()` of one seeded generator: of Python's methods, the one whose sequence is
promised for a seed. Nothing here depends on the last bit of a logarithm or a power either, as C libraries differ in it.

A score is a whole number: a draw from a continuous distribution, times a scale, rounded down. The scale is chosen so
that as many players share a score as the workload says, on average over the scores that occur.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log, sqrt
from random import Random
from statistics import NormalDist
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

from ..model import Score

Item = TypeVar("Item")

GAP_DIGITS: Final = 6
"""Gaps are rounded to a millionth of their mean: beyond that, logarithms may differ from machine to machine."""

LARGEST: Final = 2**52
"""Beyond it a climbing player starts over, so that every score and every sum is well within ±2^53."""

CLIMB: Final = 100
"""A climb is at most this part of the scale: a point at least."""

REDRAWS: Final = 8
"""Draws of a score other than the current one, before the next higher score is taken."""


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


class Distribution(NamedTuple):
    """A distribution of positive numbers."""

    draw: Callable[[Chance], float]
    density: Callable[[float], float]
    """At the quantile of a probability."""
    largest_scale: int
    """Keeps the largest draw under `LARGEST`."""


def _uniform(chance: Chance) -> float:
    return chance.random()


def _normal(chance: Chance) -> float:
    """Return the sum of 12 uniform draws: mean 6, deviation 1, normal to within a percent, by additions alone."""
    random = chance.random
    return sum(random() for _ in range(12))


def _pareto(chance: Chance) -> float:
    """Return a draw of at least 1 with a tail of exponent 2: one in 100 is above 10, one in a million above 1000."""
    return 1 / sqrt(1 - chance.random())


_NORMAL: Final = NormalDist()

DistributionName: TypeAlias = Literal["uniform", "normal", "pareto"]
ChangeName: TypeAlias = Literal["any other", "climb"]

DISTRIBUTIONS: Final[dict[DistributionName, Distribution]] = {
    "uniform": Distribution(_uniform, lambda _: 1.0, 2**40),
    "normal": Distribution(_normal, lambda part: _NORMAL.pdf(_NORMAL.inv_cdf(part)), 2**40),
    "pareto": Distribution(_pareto, lambda part: 2 * (1 - part) ** 1.5, 2**25),
}
"""By the names that a workload uses."""


def _any_other(scores: Scores, standing: Score) -> Score:
    for _ in range(REDRAWS):
        score = scores.draw()
        if score != standing:
            return score
    return standing + 1


def _climb(scores: Scores, standing: Score) -> Score:
    score = standing + 1 + scores.chance.below(scores.step)
    return score if score < LARGEST else _any_other(scores, standing)


CHANGES: Final[dict[ChangeName, Callable[[Scores, Score], Score]]] = {"any other": _any_other, "climb": _climb}
"""How a player's next score is drawn, by the names that a workload uses: it is never the current score."""


class Scores:
    """Draws scores for a number of players."""

    def __init__(
        self, distribution: DistributionName, players_per_score: float, change: ChangeName, players: int, chance: Chance
    ) -> None:
        self.chance = chance
        self._draw = DISTRIBUTIONS[distribution].draw
        self._change = CHANGES[change]
        self.scale = scale(DISTRIBUTIONS[distribution], players, players_per_score)
        self.step = max(1, int(self.scale) // CLIMB)

    def draw(self) -> int:
        """Return the score of somebody who has none yet."""
        return int(self.scale * self._draw(self.chance))

    def after(self, standing: Score) -> Score:
        """Return a player's next score, never the current one: a write that changes nothing is faster."""
        return self._change(self, standing)


QUANTILES: Final = [(number + 0.5) / 400 for number in range(400)]
"""Where a density is looked at."""

HALVINGS: Final = 60
"""Enough to find a scale among 2^40 to far more than `scale` keeps of it."""


def scale(distribution: Distribution, players: int, players_per_score: float) -> float:
    """Return the scale at which that many players share a score on average; to 4 digits, at least 1.

    A score of probability p occurs among n players with probability 1 - exp(-n p), so that the number of different
    scores is an integral over the density, and grows with the scale. Where there are less than about a hundred of them,
    that is approximate.
    """
    densities = [distribution.density(part) for part in QUANTILES]
    low, high = 1.0, float(distribution.largest_scale)
    for _ in range(HALVINGS):
        middle = sqrt(low * high)
        if _different_scores(densities, middle, players) < players / players_per_score:
            low = middle
        else:
            high = middle
    return float(f"{low:.4g}")


def _different_scores(densities: list[float], scale: float, players: int) -> float:
    each = (scale / density * (1 - exp(-players * density / scale)) for density in densities)
    return sum(each) / len(densities)
