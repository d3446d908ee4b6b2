"""`ParallelTrees`: trees of bintrees and of what takes their place get the same calls, and what differs is reported.

It takes a class of bintrees, so that nothing here needs that library::

    RBTree = ParallelTrees(bintrees.RBTree)     # in place of the class, wherever the code makes trees
    RBTree.report().differing
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final

from .bintrees import AVLTree, BinaryTree, RBTree
from .parallel import ParallelRun
from .tally import Tally, TallyReport


class _ParallelTree(ParallelRun[Any, Any]):
    """Trees of both libraries, kept the same where the answer depends on the shape of a tree."""

    def pop_item(self) -> Any:
        """Remove some item of the old tree, and the same from the new one."""
        popped: list[Any] = []

        def of_old() -> Any:
            popped.append(self.old.pop_item())
            return popped[0]

        def of_new() -> Any:
            return (popped[0][0], self.new.pop(popped[0][0])) if popped else self.new.pop_item()

        return self._compared("pop_item", (), of_old, of_new)

    popitem = pop_item

    def foreach(self, func: Callable[[Any, Any], Any], order: int = 0) -> None:
        """Call a function once for each item, in the order of the old tree."""

        def visited(tree: Any) -> Any:
            found: list[Any] = []
            tree.foreach(lambda key, value: found.append((key, value)), order)
            return _Visited(found) if order else found

        for key, value in self._compared("foreach", (order,), partial(visited, self.old), partial(visited, self.new)):
            func(key, value)


class _Visited(list[Any]):
    """Items in the order of some tree: the same if another tree has the same ones."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Visited) and sorted(self, key=itemgetter(0)) == sorted(other, key=itemgetter(0))

    __hash__ = None  # a list has none either


class ParallelTrees:
    """Takes the place of a class of bintrees while both libraries run: `RBTree = ParallelTrees(bintrees.RBTree)`.

    Each tree that it makes is a `ParallelRun` of a tree of both, and answers as bintrees does. `report` covers all.
    Raises `KeyError` for a class whose name none of the trees here has.
    """

    def __init__(self, old: type[Any]) -> None:
        self._old: Final = old
        self._new: Final[type[Any]] = {each.__name__: each for each in (BinaryTree, AVLTree, RBTree)}[
            old.__name__.removeprefix("Fast")
        ]
        self._tally: Final = Tally()

    def __call__(self, items: Any = None) -> ParallelRun[Any, Any]:
        """Make a tree of both libraries."""
        old, new = items, items
        if isinstance(items, ParallelRun):
            old, new = items.old, items.new
        elif not isinstance(items, Mapping | Sequence) and not hasattr(items, "items") and items is not None:
            old = new = list(items)  # which can be read only once
        return _ParallelTree(self._old(old), self._new(new), tally=self._tally)

    def from_keys(self, iterable: Iterable[Any], value: Any = None) -> ParallelRun[Any, Any]:
        """Make a tree of both libraries with these keys, all with one value."""
        return self([(key, value) for key in iterable])

    fromkeys = from_keys

    def report(self) -> TallyReport:
        """Return what was compared so far; `first` is bintrees, `second` what takes its place."""
        return self._tally.report()
