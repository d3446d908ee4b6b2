"""The operations that are compared: each a public method of a board and a way to draw its arguments.

A new operation is one more line in `OPERATIONS`; the trace, the replay, the gate and the tables follow from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

Arguments: TypeAlias = tuple[str | int, ...]
"""What a step passes to its method."""

PLAYERS_PER_SCORE: Final = 5
"""Players that share one score on average: ties are part of every trace."""

MINIMUM_SCORES: Final = 10
"""Different scores on the smallest board."""


class Season:
    """The players of a trace, with the score each of them stands at while the steps are drawn."""

    def __init__(self, players: int, rng: Random) -> None:
        self.rng = rng
        self.different_scores = max(MINIMUM_SCORES, players // PLAYERS_PER_SCORE)
        self.ids = [f"player-{number:07d}" for number in range(players)]
        self.usernames = [_username(number) for number in range(players)]
        self.scores = [rng.randrange(self.different_scores) for _ in range(players)]

    def any_player(self) -> int:
        """Draw a player's number; all are equally likely."""
        return self.rng.randrange(len(self.ids))

    def move(self, player: int) -> int:
        """Draw the player's next score: never the standing one, all others equally likely."""
        step = self.rng.randrange(1, self.different_scores)
        self.scores[player] = (self.scores[player] + step) % self.different_scores
        return self.scores[player]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: its name in results and tables, the public method it calls, and how to draw arguments."""

    name: str
    title: str
    method: str
    draw: Callable[[Season], Arguments]
    changes: bool = False
    """Whether it changes the board, so that the model must replay exactly the steps that were run."""


def _draw_update(season: Season) -> Arguments:
    player = season.any_player()
    return season.ids[player], season.usernames[player], season.move(player)


def _draw_rank(season: Season) -> Arguments:
    return (season.ids[season.any_player()],)


def _draw_top_100(season: Season) -> Arguments:  # noqa: ARG001 - the signature of every draw
    return (100,)


def _draw_around(season: Season) -> Arguments:
    return season.ids[season.any_player()], 5


def _username(number: int) -> str:
    """Return a username; one in sixteen is not ASCII, so that encoding is part of what is measured."""
    return f"Zoë Nº{number}" if number % 16 == 0 else f"Runner{number}"


OPERATIONS: Final = (
    Operation("update", "update and rank", "update_score", _draw_update, changes=True),
    Operation("rank", "rank", "get_rank", _draw_rank),
    Operation("top_100", "top 100", "get_top_n", _draw_top_100),
    Operation("around", "around ±5", "get_around", _draw_around),
)
"""What is compared, in the order of the tables' columns."""
