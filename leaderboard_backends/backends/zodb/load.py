"""Bulk loading: where the updates are more than the board, sort all once and build the trees anew."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TypeAlias

from ...changes import Change
from ...model import Score
from .bulk import build_directory, build_tree
from .keys import PLACE_BYTES, PREFIX_BYTES, pack_names, reached_of, score_of, score_prefix, unpack_names
from .order import Players, Ranking, StoredBoard

_Standing: TypeAlias = tuple[bytes, int, str]
"""Prefix, the version when it was reached, username."""


def rebuild(stored: StoredBoard, updates: Sequence[tuple[str, str, Score]], *, best_only: bool) -> bool:
    """Apply the updates by building the board anew; returns whether that was done. O((n + m) log (n + m)).

    Left to single moves where the board has more players than there are updates, so that the memory this takes
    is in proportion to what the caller holds already.
    """
    if stored.count() > len(updates):
        return False
    standings, kept = _standings(stored), stored.feed and deque[Change](maxlen=stored.feed.limit)
    descending = stored.descending
    number = before = stored.version()
    for player_id, username, score in updates:
        prefix = score_prefix(score, descending=descending)
        old = standings.get(player_id)
        if old is None or not (old[0] == prefix or (best_only and old[0] < prefix)):
            standing = (prefix, number + 1, username)
        elif old[2] != username:
            standing = (old[0], old[1], username)
        else:
            continue
        number += 1
        standings[player_id] = standing
        if kept is not None:
            key = standing[0] + standing[1].to_bytes(PLACE_BYTES, "big")
            kept.append(Change(number, player_id, username, score_of(key, descending=descending), standing[1]))
    if number > before:
        _replace(stored, standings, number)
        for change in kept or ():
            stored.feed.append(change)  # type: ignore[union-attr]  # there is one where changes were kept
    return True


def _replace(stored: StoredBoard, standings: dict[str, _Standing], version: int) -> None:
    ordered = sorted(
        (prefix + reached.to_bytes(PLACE_BYTES, "big"), player_id)
        for player_id, (prefix, reached, _) in standings.items()
    )
    stored.replace_all(
        build_tree(Ranking, [(key, pack_names(player_id, standings[player_id][2])) for key, player_id in ordered]),
        build_tree(Players, sorted((player_id, key) for key, player_id in ordered)),
        build_directory([key for key, _ in ordered], stored.segment_keys, stored.group_segments),
        version,
    )


def _standings(stored: StoredBoard) -> dict[str, _Standing]:
    standings: dict[str, _Standing] = {}
    for key, names in stored.ranking.items():
        player_id, username = unpack_names(names)
        standings[player_id] = (key[:PREFIX_BYTES], reached_of(key), username)
    return standings
