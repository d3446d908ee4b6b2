"""Scores: how they are distributed, how many players share one, and how a player gets from one to the next.

A score is a whole number: a draw from a continuous distribution, times a scale, rounded down. The scale is chosen so
that as many players share a score as the workload says, on average over the scores that occur.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

from ...model import Score
from .chance import Chance

LARGEST: Final = 2**52
"""Beyond it a climbing player starts over, so that every score and every sum is well within ±2^53."""

CLIMB: Final = 100
"""A climb is at most this part of the scale: a point at least."""

REDRAWS: Final = 8
"""Draws of a score other than the current one, before the next higher score is taken."""


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

DISTRIBUTIONS: Final = {
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


CHANGES: Final[dict[str, Callable[[Scores, Score], Score]]] = {"any other": _any_other, "climb": _climb}
"""How a player's next score is drawn, by the names that a workload uses: it is never the current score."""


class Scores:
    """Draws scores for a number of players."""

    def __init__(self, distribution: str, players_per_score: float, change: str, players: int, chance: Chance) -> None:
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
