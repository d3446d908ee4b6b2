"""What a run of the kit is about: a factory of boards, the names of boards, and the parts that a run has."""

from __future__ import annotations

from typing import Final, Protocol
from uuid import uuid4

from ..model import Keep, Order
from ..protocol import LeaderboardBackend


class BoardFactory(Protocol):
    """What makes the boards of a run: a backend's class, for example."""

    def __call__(self, name: str, *, order: Order, keep: Keep) -> LeaderboardBackend:
        """Open a board; where the board's class declares a change feed, it takes `feed` too."""
        ...


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
    "changes",
    "threads",
    "histories",
    "processes",
    "machine",
    "scale",
)
"""The parts of the kit, each a module of `conformance`, in the order in which they run."""


def unique_name() -> str:
    """Return a board name that nobody else has."""
    return f"kit-{uuid4().hex[:16]}"
