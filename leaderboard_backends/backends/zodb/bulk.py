"""Building whole trees and counts from sorted items, bottom up: what a bulk load does instead of n moves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from BTrees.OOBTree import OOBTree

from .counts import Bounds, Counts, Directory
from .keys import FIRST_KEY

Tree = TypeVar("Tree", bound=OOBTree)


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
