"""The players and updates that every bar uses: seeded, with ties, and never an update that changes nothing."""

from __future__ import annotations

from random import Random

SCORES = 1_000_000


def load(count: int) -> list[tuple[str, str, int]]:
    """Return `count` players with 14-character ids, 12-character names and a random score each."""
    random = Random(1)
    return [(f"player-{number:07d}", f"user{number:08d}", random.randrange(SCORES)) for number in range(count)]


def trace(players: list[tuple[str, str, int]], length: int) -> list[tuple[str, str, int]]:
    """Return `length` updates of random players, each of which changes the player's score."""
    random = Random(2)
    standing: dict[str, int] = {}
    updates = []
    for _ in range(length):
        player_id, username, score = players[random.randrange(len(players))]
        old = standing.get(player_id, score)
        new = (old + random.randrange(1, SCORES)) % SCORES
        standing[player_id] = new
        updates.append((player_id, username, new))
    return updates
