"""What a workload file may say, and what holds where it says nothing."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import msgspec

SCHEMA_VERSION: Final = 1
LARGEST_SIZE: Final = 10_000_000
LARGEST_BLOCK: Final = 1000
"""The largest number of steps in a block with the exact mix; the smallest share is one step of it."""


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is on the board before the first step."""

    share: float | None = None
    """Share of the players on the board at first, by default all; share of the events to load, by default half."""
    scores: str = "drawn"
    """`drawn` from the distribution, or `tied`: all at 0, as at the start of a season."""


class ScoreForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How scores are drawn."""

    distribution: str = "uniform"
    players_per_score: float = 5.0
    """Players who share a score that occurs, on average; 1: hardly any ties."""
    change: str = "any other"
    """The next score of a player: `any other` of the distribution, or a `climb` by up to a hundredth of its spread."""


class PlayerForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which players the steps name."""

    popularity: str = "uniform"
    """`uniform`, or `zipf`: the k-th most popular player with a weight of `k ** -exponent`."""
    exponent: float = 1.0


class Arrival(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When steps come, in runs that measure response time."""

    process: str = "poisson"
    """`poisson`: independent of one another; `regular`: at equal distances."""
    rates: tuple[float, ...] = (500.0, 2000.0, 5000.0)
    """Operations per second."""


class Workload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A workload file. With `events`, the path of a CSV beside it, updates are events that happened."""

    schema_version: int
    mix: dict[str, float]
    """The share of each operation among the steps, in any unit."""
    name: str = ""
    title: str = ""
    sizes: tuple[int, ...] = (100, 1_000, 10_000, 100_000, 1_000_000)
    """Numbers of players that a full comparison takes."""
    load: Load = Load()
    scores: ScoreForm = ScoreForm()
    players: PlayerForm = PlayerForm()
    arrival: Arrival = Arrival()
    events: str | None = None

    @property
    def loaded_share(self) -> float:
        """The part of the players, or of the events, that is loaded."""
        if self.load.share is not None:
            return self.load.share
        return 1.0 if self.events is None else 0.5

    def shares(self) -> dict[str, Fraction]:
        """Return the mix as parts of 1, exact as they are written, without what has no share."""
        parts = {name: Fraction(str(share)) for name, share in self.mix.items() if share}
        whole = sum(parts.values())
        return {name: part / whole for name, part in parts.items()}
