"""Bulk loading: where the updates are more than the board, sort all once and build the trees anew."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import TypeAlias

from ...model import Score
from .bulk import build_directory, build_tree
from .keys import PLACE_BYTES, PREFIX_BYTES, pack_names, score_prefix, unpack_names
from .order import Players, Ranking, StoredBoard

_Standing: TypeAlias = tuple[bytes, int, str]
"""Prefix, when it was reached, username."""


def rebuild(stored: StoredBoard, updates: Sequence[tuple[str, str, Score]], *, best_only: bool) -> bool:
    """Apply the updates by building the board anew; returns whether that was done. O((n + m) log (n + m)).

    Left to single moves where the board has more players than there are updates, so that the memory this takes
    is in proportion to what the caller holds already.
    """
    if stored.count() > len(updates):
        return False
    standings = _standings(stored)
    descending = stored.descending
    for reached, (player_id, username, score) in enumerate(updates, len(standings)):
        prefix = score_prefix(score, descending=descending)
        old = standings.get(player_id)
        if old is not None and (old[0] == prefix or (best_only and old[0] < prefix)):
            standings[player_id] = (old[0], old[1], username)
        else:
            standings[player_id] = (prefix, reached, username)
    ordered = _ordered(standings)
    stored.replace_all(
        build_tree(Ranking, [(key, pack_names(player_id, standings[player_id][2])) for key, player_id in ordered]),
        build_tree(Players, sorted((player_id, key) for key, player_id in ordered)),
        build_directory([key for key, _ in ordered], stored.segment_keys, stored.group_segments),
    )
    return True


def _standings(stored: StoredBoard) -> dict[str, _Standing]:
    standings: dict[str, _Standing] = {}
    for reached, (key, names) in enumerate(stored.ranking.items()):
        player_id, username = unpack_names(names)
        standings[player_id] = (key[:PREFIX_BYTES], reached, username)
    return standings


def _ordered(standings: dict[str, _Standing]) -> list[tuple[bytes, str]]:
    """Return (key, player id), best first."""
    ordered: list[tuple[bytes, str]] = []
    prefix, place = b"", 0
    for player_id, standing in sorted(standings.items(), key=itemgetter(1)):
        place = place + 1 if standing[0] == prefix else 0
        prefix = standing[0]
        ordered.append((prefix + place.to_bytes(PLACE_BYTES, "big"), player_id))
    return ordered
