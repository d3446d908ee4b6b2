"""The trees of the package bintrees, which is no longer maintained, on `sortedcontainers`: only an import changes.

::

    from leaderboard_backends.migration.bintrees import FastRBTree, RBTree      # was: from bintrees import …

All classes have the public interface of bintrees 2.2: the same results, iterators that read as they go, the same
classes of errors. What differs:

- Keys must be hashable and not `None`.
- There is no tree, so that what depends on its shape is one of the possible answers: `pop_item` removes the largest
  key, and `foreach` in pre-order and post-order visits the keys as a balanced tree would.
- `copy` does not call `insert`, nor does `update` from a dict into an empty tree.

`TreeUnpickler` loads trees that bintrees has pickled. `parallel_trees` runs both libraries side by side.
"""

from __future__ import annotations

import pickle
from typing import Any, TypeVar

from .ordered_tree import OrderedTree, TreeSlice

__all__ = [
    "AVLTree",
    "BinaryTree",
    "FastAVLTree",
    "FastBinaryTree",
    "FastRBTree",
    "RBTree",
    "TreeSlice",
    "TreeUnpickler",
    "has_fast_tree_support",
]

Key = TypeVar("Key")
Value = TypeVar("Value")


class BinaryTree(OrderedTree[Key, Value]):
    """In place of `bintrees.BinaryTree`."""


class AVLTree(OrderedTree[Key, Value]):
    """In place of `bintrees.AVLTree`."""


class RBTree(OrderedTree[Key, Value]):
    """In place of `bintrees.RBTree`."""


FastBinaryTree = BinaryTree
FastAVLTree = AVLTree
FastRBTree = RBTree


def has_fast_tree_support() -> bool:
    """Whether bintrees' own compiled trees are used, which is never so."""
    return False


class TreeUnpickler(pickle.Unpickler):
    """Loads pickles in which trees of bintrees are, as the classes here: `TreeUnpickler(file).load()`.

    As with any pickle, load only what nobody else could have written: a pickle can run code.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return the class here for one of bintrees."""
        if module.partition(".")[0] == "bintrees" and name in __all__:
            return globals()[name]
        return super().find_class(module, name)
