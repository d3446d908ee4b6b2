"""Boards to copy: heavy ties, odd names, extreme scores; and a storage that fails in the middle of a batch."""

from __future__ import annotations

import random
from collections.abc import Sequence

from leaderboard_backends import LeaderboardBackend, Score, WriteOutcomeUnknownError
from leaderboard_backends.delegating import DelegatingLeaderboard

Row = tuple[str, str, Score]

ODD: list[Row] = [
    ("Ada", "", 0),
    ("ada", "ada", 0),
    ("ADA", "ADA", 0.5),
    ("e\u0301", "decomposed", 7),
    ("\u00e9", "composed", 7),
    ("\u202eright to left\n", "\x1b[31mred", 7),
    ("😀" * 32, "😀" * 32, 7),
    ("x" * 128, "y" * 128, -7),
    ("most", "", 2**53),
    ("least", "", -(2**53)),
    ("largest", "", 1.7976931348623157e308),
    ("smallest", "", 5e-324),
    ("minus smallest", "", -5e-324),
    ("third", "", 1 / 3),
]


def rows(players: int, scores: int, seed: int = 1) -> list[Row]:
    """Return as many players in random order of their first scores, so that their ids say nothing of their ties."""
    chance = random.Random(seed)
    numbers = list(range(players))
    chance.shuffle(numbers)
    return [(f"player-{number}", f"Näme {number}", chance.randrange(scores)) for number in numbers]


def content(board: LeaderboardBackend) -> list[tuple[object, ...]]:
    """Return all of a board, best first, ranks included."""
    return [tuple(entry) for entry in board]


def shake(board: LeaderboardBackend, chance: random.Random, steps: int, players: int = 40) -> None:
    """Write to a board whatever can be written: few scores, so that nearly all are tied; seldom all at once."""
    for _ in range(steps):
        player = f"player-{chance.randrange(players)}"
        kind = chance.random()
        if kind < 0.5:
            board.update_score(player, f"name {chance.randrange(3)}", chance.randrange(4))
        elif kind < 0.65:
            board.increment_score(player, "sum", chance.choice([-1, 0, 0.5, 1]))
        elif kind < 0.8:
            many = [(f"player-{chance.randrange(players)}", "", chance.randrange(4)) for _ in range(12)]
            board.update_scores(many)
        elif kind < 0.97:
            board.remove_player(player)
        else:
            board.clear()


class TearingBoard(DelegatingLeaderboard):
    """Applies a random part of its n-th batch, in order, and says that it does not know; as a board over shards may."""

    def __init__(self, inner: LeaderboardBackend, torn: int, chance: random.Random) -> None:
        super().__init__(inner)
        self._left = torn
        self._chance = chance

    def _update_scores(self, updates: Sequence[Row]) -> None:
        self._left -= 1
        if self._left >= 0:
            self.inner.update_scores(updates)
            return
        share = self._chance.choice([0.0, 0.1, 0.5, 1.0])
        self.inner.update_scores([row for row in updates if self._chance.random() < share])
        raise WriteOutcomeUnknownError("the connection was lost.")
