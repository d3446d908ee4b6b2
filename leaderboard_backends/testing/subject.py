"""What a run of the kit is about: a factory of boards, and how hard the run tries.

Nothing here imports the kit: its modules must be imported by pytest, which then shows the values of a failing assert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol
from uuid import uuid4

import pytest

from ..model import Keep, Order
from ..protocol import LeaderboardBackend


class BoardFactory(Protocol):
    """What makes the boards of a run: a backend's class, for example."""

    def __call__(self, name: str, *, order: Order, keep: Keep) -> LeaderboardBackend:
        """Open a board."""
        ...


@dataclass(frozen=True, slots=True)
class Subject:
    """What a run is about, and how hard it tries."""

    make: BoardFactory
    seed: int
    examples: int


PARTS: Final = (
    "life",
    "values",
    "updates",
    "order",
    "increments",
    "bulk",
    "removal",
    "lookups",
    "ranges",
    "scores",
    "iteration",
    "texts",
    "isolation",
    "capabilities",
    "threads",
    "machine",
)
"""The parts of the kit, each a module of `conformance`, in the order in which they run."""

SUBJECT = pytest.StashKey[Subject]()


def unique_name() -> str:
    """Return a board name that nobody else has."""
    return f"kit-{uuid4().hex[:16]}"
