"""The operations that are compared: each a public method of a board and a way to draw its arguments.

A new operation is one more line in `OPERATIONS`: workloads may then use it, and traces, runs and tables follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from .population import Population

Arguments: TypeAlias = tuple[Any, ...]
"""What a step passes to its method: texts, numbers and lists of ids."""

RADIUS: Final = 5
FRIENDS: Final = 50
PAGE: Final = 50
LIMIT: Final = 100


def _always(_: Population) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its name in workloads and results, its title in tables, the public method that it calls."""

    name: str
    title: str
    method: str
    draw: Callable[[Population], Arguments]
    changes: bool = False
    """Whether it changes the board, so that the model must follow."""
    possible: Callable[[Population], bool] = _always
    """Whether there is a player for it."""
    after: str = ""
    """The operation that makes it possible."""


def _absent(population: Population) -> bool:
    return population.members.absent > 0


def _on_board(population: Population) -> bool:
    return population.members.on_board > 0


def _reader(population: Population) -> Arguments:
    return (population.reader(),)


def _page(population: Population) -> Arguments:
    """Draw a page that begins at any rank there is: a deep one, mostly."""
    first = 1 + population.chance.below(max(1, population.members.on_board))
    return first, first + PAGE - 1


def _range(population: Population) -> Arguments:
    """Draw a range from one player's score to another's."""
    low, high = sorted((population.score(), population.score()))
    return low, high


def _change(
    name: str,
    title: str,
    method: str,
    draw: Callable[[Population], Arguments],
    possible: Callable[[Population], bool] = _on_board,
    after: str = "join",
) -> Operation:
    return Operation(name, title, method, draw, changes=True, possible=possible, after=after)


_TABLE: Final = (
    _change("update", "update and rank", "update_score", lambda players: players.update()),
    _change("increment", "increment and entry", "increment_score", lambda players: players.increment()),
    _change("join", "join and rank", "update_score", lambda players: players.join(), _absent, "leave"),
    _change("leave", "leave", "remove_player", lambda players: (players.leave(),)),
    Operation("rank", "rank", "get_rank", _reader),
    Operation("entry", "entry", "get_entry", _reader),
    Operation("percentile", "percentile", "get_percentile", _reader),
    Operation("top_10", "top 10", "get_top_n", lambda _: (10,)),
    Operation("top_100", "top 100", "get_top_n", lambda _: (100,)),
    Operation("around", f"around ±{RADIUS}", "get_around", lambda players: (players.reader(), RADIUS)),
    Operation("friends", f"{FRIENDS} friends", "get_entries", lambda players: (players.readers(FRIENDS),)),
    Operation("page", f"page of {PAGE} at any depth", "get_range", _page),
    Operation("by_score", f"by score, first {LIMIT}", "get_by_score", lambda players: (*_range(players), LIMIT)),
    Operation("count", "count by score", "count_by_score", _range),
)

OPERATIONS: Final[Mapping[str, Operation]] = {operation.name: operation for operation in _TABLE}
"""By name, in the order of the tables' columns: those that change the board first."""
