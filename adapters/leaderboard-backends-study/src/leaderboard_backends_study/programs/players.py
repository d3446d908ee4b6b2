"""The players of every program, drawn from a seed, and the plain dict and sort that a program is compared with."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from random import Random
from typing import Final

BEST: Final = 1_000_000
"""The highest score that the study's own validation lets through."""


def draw_names(count: int) -> list[str]:
    """Return the names of that many players, 14 characters each."""
    return [f"player-{number:07d}" for number in range(count)]


def draw_scores(count: int, seed: int, best: int = BEST) -> array[int]:
    """Return a score from 0 to `best` for each player, all equally likely.

    In an array, no number is an object: reading one creates an object that the reader owns. Neither do any become free
    before a measurement of memory, where they would make room for what is measured, and hide its growth.
    """
    rng = Random(f"scores of the study {count} {seed} {best}")  # noqa: S311 - nothing here is a secret
    return array("q", (rng.randint(0, best) for _ in range(count)))


class Standings:
    """A plain dict of the expected state: each player's score, and the number of the update that reached it."""

    def __init__(self, count: int, seed: int) -> None:
        self.names: Final = draw_names(count)
        self._rng = Random(f"updates of the study {count} {seed}")  # noqa: S311 - nothing here is a secret
        self._updates = count
        self._loaded: Final = draw_scores(count, seed)
        reached = ((-score, number) for number, score in enumerate(self._loaded))
        self._standing = dict(zip(self.names, reached, strict=True))

    def load(self) -> Iterator[tuple[str, int]]:
        """Yield every player with the score, in the order in which the scores were reached at the start."""
        yield from zip(self.names, self._loaded, strict=True)

    def draw_player(self) -> tuple[str]:
        """Draw a player, as the arguments of a call."""
        return (self.names[self._rng.randrange(len(self.names))],)

    def draw_update(self) -> tuple[str, int]:
        """Draw a player and a score that the player does not have yet; it is the current score from now on."""
        (name,) = self.draw_player()
        old = -self._standing[name][0]
        new = (old + self._rng.randint(1, BEST)) % (BEST + 1)
        self.put(name, new)
        return name, new

    def put(self, name: str, score: int) -> None:
        """Let a player have a score from now on."""
        self._updates += 1
        self._standing[name] = (-score, self._updates)

    def order(self) -> list[str]:
        """Return all players, best first, ties in the order of reaching the score. O(n log n)."""
        return sorted(self._standing, key=self._standing.__getitem__)
