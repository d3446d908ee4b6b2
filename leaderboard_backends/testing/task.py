"""What the runner asks of the kit: which boards to make, with which seed, and how hard to try.

Nothing here imports the kit: its modules must be imported by pytest, which then shows the values of a failing assert.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import pytest

from ..config import open_leaderboard
from ..protocol import LeaderboardBackend
from .subject import BoardFactory
from .trials import Trial

SCALED: Final = ("examples", "histories", "bulk")
"""The numbers of the kit's classes that a thorough run multiplies."""


@dataclass(frozen=True, slots=True)
class Task:
    """One run. `make` is `None` where an author's own class makes the boards; `trial` is what faults may harm."""

    seed: int
    make: BoardFactory | None = None
    trial: Trial | None = None
    examples: int | None = None
    scale: int = 1
    players: int | None = None
    """How many players a large board has; `None` for what the class says."""
    time_limit: float | None = None
    """Seconds for each test; `None` for what its class says, longer in a thorough run."""
    open_board: Callable[..., LeaderboardBackend] = open_leaderboard
    """Opens the boards of fault tests by their URLs."""

    def prepare(self, test: object) -> None:
        """Set the seed and the efforts on a test's object."""
        numbers = {name: getattr(type(test), name, None) for name in SCALED} | {"seed": self.seed}
        numbers |= {name: given for name in ("examples", "players") if (given := getattr(self, name)) is not None}
        for name, number in numbers.items():
            if number is not None:
                setattr(test, name, number * self.scale if name in SCALED else number)
        setattr(test, "time_limit", self.limit(type(test)))  # noqa: B010 - as the numbers before it

    def limit(self, kit: type) -> float:
        """Return the seconds that a test of a class may take, and what is before and after it."""
        if self.time_limit is not None:
            return self.time_limit
        seconds: float = getattr(kit, "time_limit", 0.0)
        return seconds * self.scale


TASK = pytest.StashKey[Task]()
