"""Bulk loading: where the updates are at least as many as the players, sort all once and write the tables anew."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TypeAlias

from leaderboard_backends.model import Score

from .order import StoredBoard

_Standing: TypeAlias = tuple[float, int, bytes]
"""Key, the version that reached it, username."""


def rebuild(stored: StoredBoard, updates: Sequence[tuple[str, str, Score]], *, best_only: bool) -> bool:
    """Apply the updates by writing the board anew; returns whether that was done. O((n + m) log (n + m)).

    Left to single moves where the board has more players than there are updates, so that the memory this takes is in
    proportion to what the caller holds already.
    """
    if stored.counts.total() > len(updates):
        return False
    standings: dict[bytes, _Standing] = {player: (key, reached, name) for key, reached, player, name in stored.rows()}
    changes = stored.changes
    for player_id, username, score in updates:
        player, name, key = player_id.encode(), username.encode(), stored.key_of(score)
        old = standings.get(player)
        if old is None or not (old[0] == key or (best_only and old[0] < key)):
            standings[player] = (key, changes.reached(player, name, key), name)
        elif old[2] != name:
            standings[player] = (old[0], old[1], name)
            changes.note(player, name, old[0], old[1])
    ordered = sorted(standings.items(), key=itemgetter(1))
    stored.replace_all([(key, reached, player, name) for player, (key, reached, name) in ordered])
    return True
