"""Bulk loading: where the updates are at least as many as the players, sort all once and write the tables anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import TypeAlias

from leaderboard_backends.model import Score

from .order import Row, StoredBoard

_Standing: TypeAlias = tuple[float, int, bytes]
"""Key, when it was reached, username."""


def rebuild(stored: StoredBoard, updates: Sequence[tuple[str, str, Score]], *, best_only: bool) -> bool:
    """Apply the updates by writing the board anew; returns whether that was done. O((n + m) log (n + m)).

    Left to single moves where the board has more players than there are updates, so that the memory this takes is in
    proportion to what the caller holds already.
    """
    if stored.counts.total() > len(updates):
        return False
    standings = _standings(stored)
    for reached, (player_id, username, score) in enumerate(updates, len(standings)):
        player, name, key = player_id.encode(), username.encode(), stored.key_of(score)
        old = standings.get(player)
        if old is not None and (old[0] == key or (best_only and old[0] < key)):
            standings[player] = (old[0], old[1], name)
        else:
            standings[player] = (key, reached, name)
    stored.replace_all(list(_placed(standings)))
    return True


def _standings(stored: StoredBoard) -> dict[bytes, _Standing]:
    return {player: (key, reached, name) for reached, (key, player, name) in enumerate(stored.rows())}


def _placed(standings: dict[bytes, _Standing]) -> Iterator[Row]:
    """Yield the rows, best first, with their places in their ties."""
    tie, place = float("nan"), 0
    for player, (key, _, name) in sorted(standings.items(), key=itemgetter(1)):
        place = place + 1 if key == tie else 0
        tie = key
        yield key, place, player, name
