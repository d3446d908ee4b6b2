"""Bulk loading: where the updates are more than the board, sort all once and build trees and counts anew, bottom up."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, TypeAlias, TypeVar

from BTrees.OOBTree import OOBTree

from ...changes import Change
from ...model import Score
from .counts import Bounds, Counts, Directory
from .keys import FIRST_KEY, PLACE_BYTES, PREFIX_BYTES, pack_names, reached_of, score_of, score_prefix, unpack_names
from .order import Players, Ranking, StoredBoard

Tree = TypeVar("Tree", bound=OOBTree)

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


def build_tree(kind: type[Tree], items: Sequence[tuple[Any, Any]]) -> Tree:
    """Return a tree of these items, which are sorted by a unique key; nodes are filled to three quarters. O(n)."""
    tree: Tree = kind()
    nodes = _leaves(kind._bucket_type, items, kind.max_leaf_size * 3 // 4)  # noqa: SLF001 - BTrees' name
    if len(nodes) <= 1:
        tree.update(items)
        return tree
    width = kind.max_internal_size * 3 // 4
    while len(nodes) > width:
        nodes = [_parent(kind(), nodes[at : at + width]) for at in range(0, len(nodes), width)]
    return _parent(tree, nodes)[2]  # type: ignore[no-any-return]  # BTrees ships no types


def build_directory(keys: Sequence[bytes], segment_keys: int, group_segments: int) -> Directory:
    """Return the counts of these sorted keys; segments and groups are filled to three quarters. O(n)."""
    size, width = max(1, segment_keys * 3 // 4), max(1, group_segments * 3 // 4)
    starts = [FIRST_KEY, *keys[size::size]]
    values = [min(size, len(keys) - at) for at in range(0, len(keys), size)] or [0]
    groups = range(0, len(starts), width)
    return Directory(
        [Bounds(starts[at : at + width]) for at in groups],
        [Counts(values[at : at + width]) for at in groups],
    )


def _leaves(kind: type[Any], items: Sequence[tuple[Any, Any]], size: int) -> list[tuple[Any, Any, Any]]:
    """Return (first key, leaf, leaf) of each leaf, made from the last to the first, as each refers to the next."""
    nodes: list[tuple[Any, Any, Any]] = []
    following: tuple[Any, ...] = ()
    for at in reversed(range(0, len(items), size)):
        leaf = kind()
        part = items[at : at + size]
        leaf.__setstate__((tuple(text for item in part for text in item), *following))
        following = (leaf,)
        nodes.append((part[0][0], leaf, leaf))
    nodes.reverse()
    return nodes


def _parent(tree: Any, nodes: Sequence[tuple[Any, Any, Any]]) -> tuple[Any, Any, Any]:
    """Return (first key, first leaf, tree) of a tree whose children these nodes are."""
    children: list[Any] = [nodes[0][2]]
    for first_key, _, node in nodes[1:]:
        children += (first_key, node)
    tree.__setstate__((tuple(children), nodes[0][1]))
    return nodes[0][0], nodes[0][1], tree
