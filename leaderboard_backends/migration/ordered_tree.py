"""`OrderedTree`: a `SortedDict` with the interface of a tree, which all classes of `bintrees` are; and its slices."""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, Final, Generic, Self, TypeVar

from sortedcontainers import SortedDict

Key = TypeVar("Key")
Value = TypeVar("Value")
Item = tuple[Key, Value]

_NONE: Final[Any] = object()


class OrderedTree(Generic[Key, Value]):
    """A map whose keys are in order. Operations on one key are O(log n)."""

    _items: SortedDict[Any, Value]

    def __init__(self, items: Any = None) -> None:
        self._items = SortedDict()
        if items is not None:
            self.update(items)

    # ------------------------------------------------------------------ one key

    def insert(self, key: Key, value: Value) -> None:
        """Set the value of a key, as `tree[key] = value`."""
        self._items[key] = value

    def remove(self, key: Key) -> None:
        """Remove a key; raises `KeyError` where it is not there."""
        try:
            del self._items[key]
        except KeyError:
            raise self._missing(key) from None

    def get_value(self, key: Key) -> Value:
        """Return the value of a key; raises `KeyError` where it is not there."""
        try:
            return self._items[key]
        except KeyError:
            raise self._missing(key) from None

    def _missing(self, key: Any) -> KeyError:
        """Return the error for a missing key; raises `TypeError` where it cannot be compared, as a search would."""
        self._items.bisect_left(key)
        return KeyError(str(key))

    def __contains__(self, key: object) -> bool:
        return key in self._items or not self._missing(key)

    def get(self, key: Key, default: Any = None) -> Any:
        """Return the value of a key, or a default."""
        try:
            return self.get_value(key)
        except KeyError:
            return default

    def set_default(self, key: Key, default: Any = None) -> Any:
        """Return the value of a key, which is set to a default where it is not there."""
        try:
            return self.get_value(key)
        except KeyError:
            self.insert(key, default)
            return default

    def pop(self, key: Key, *default: Any) -> Any:
        """Remove a key and return its value; a missing key returns the default, or raises `KeyError` without one."""
        if len(default) > 1:
            raise TypeError(f"pop takes a key and at most one default, not {1 + len(default)} arguments.")
        try:
            value = self.get_value(key)
            self.remove(key)
        except KeyError:
            if not default:
                raise
            return default[0]
        return value

    def discard(self, key: Key) -> None:
        """Remove a key if it is there."""
        try:
            self.remove(key)
        except KeyError:
            return

    def __getitem__(self, key: Any) -> Any:
        return TreeSlice(self, key.start, key.stop) if isinstance(key, slice) else self.get_value(key)

    def __setitem__(self, key: Key, value: Value) -> None:
        if isinstance(key, slice):
            raise ValueError("a slice of a tree cannot be assigned to: set its keys one by one.")  # noqa: TRY004 - theirs
        self.insert(key, value)

    def __delitem__(self, key: Any) -> None:
        if isinstance(key, slice):
            self.remove_items(self.key_slice(key.start, key.stop))
        else:
            self.remove(key)

    # ------------------------------------------------------------------ neighbours and ends

    def prev_item(self, key: Key) -> Item[Key, Value]:
        """Return the item before a key; raises `KeyError` for the smallest and for a missing key."""
        return self._neighbour(key, self._items.irange(None, key, (True, False), reverse=True), known=True)

    def succ_item(self, key: Key) -> Item[Key, Value]:
        """Return the item after a key; raises `KeyError` for the largest and for a missing key."""
        return self._neighbour(key, self._items.irange(key, None, (False, True)), known=True)

    def floor_item(self, key: Key) -> Item[Key, Value]:
        """Return the item with the largest key that is not above `key`; raises `KeyError` where there is none."""
        return self._neighbour(key, self._items.irange(None, key, reverse=True))

    def ceiling_item(self, key: Key) -> Item[Key, Value]:
        """Return the item with the smallest key that is not below `key`; raises `KeyError` where there is none."""
        return self._neighbour(key, self._items.irange(key))

    def _neighbour(self, key: Key, keys: Iterator[Key], *, known: bool = False) -> Item[Key, Value]:
        if key is None or (known and key not in self._items):  # None would be an open end
            raise self._missing(key)
        found = next(keys, _NONE)
        if found is _NONE:
            raise KeyError(str(key))
        return found, self._items[found]

    def prev_key(self, key: Key) -> Key:
        """Return the key before a key; raises as `prev_item`."""
        return self.prev_item(key)[0]

    def succ_key(self, key: Key) -> Key:
        """Return the key after a key; raises as `succ_item`."""
        return self.succ_item(key)[0]

    def floor_key(self, key: Key) -> Key:
        """Return the largest key that is not above `key`; raises as `floor_item`."""
        return self.floor_item(key)[0]

    def ceiling_key(self, key: Key) -> Key:
        """Return the smallest key that is not below `key`; raises as `ceiling_item`."""
        return self.ceiling_item(key)[0]

    def min_item(self) -> Item[Key, Value]:
        """Return the item with the smallest key; raises `ValueError` where the tree is empty."""
        return self._end(0)

    def max_item(self) -> Item[Key, Value]:
        """Return the item with the largest key; raises `ValueError` where the tree is empty."""
        return self._end(-1)

    def _end(self, index: int) -> Item[Key, Value]:
        if not self._items:
            raise ValueError("the tree is empty.")
        item: Item[Key, Value] = self._items.peekitem(index)
        return item

    def min_key(self) -> Key:
        """Return the smallest key; raises as `min_item`."""
        return self.min_item()[0]

    def max_key(self) -> Key:
        """Return the largest key; raises as `max_item`."""
        return self.max_item()[0]

    def pop_min(self) -> Item[Key, Value]:
        """Remove and return the item with the smallest key; raises as `min_item`."""
        item = self.min_item()
        self.remove(item[0])
        return item

    def pop_max(self) -> Item[Key, Value]:
        """Remove and return the item with the largest key; raises as `max_item`."""
        item = self.max_item()
        self.remove(item[0])
        return item

    def pop_item(self) -> Item[Key, Value]:
        """Remove and return some item; raises `KeyError` where the tree is empty."""
        if not self._items:
            raise KeyError("pop_item(): tree is empty")
        return self.pop_max()

    def nsmallest(self, n: int, pop: bool = False) -> list[Item[Key, Value]]:
        """Return the items with the n smallest keys, smallest first, and remove them if `pop` is true."""
        return self._first(n, self.pop_min if pop else partial(next, self._read()))

    def nlargest(self, n: int, pop: bool = False) -> list[Item[Key, Value]]:
        """Return the items with the n largest keys, largest first, and remove them if `pop` is true."""
        return self._first(n, self.pop_max if pop else partial(next, self._read(reverse=True)))

    def _first(self, n: int, take: Callable[[], Item[Key, Value]]) -> list[Item[Key, Value]]:
        return [take() for _ in range(min(len(self), n))]

    __min__ = min_item
    __max__ = max_item

    # ------------------------------------------------------------------ all keys, and ranges of them

    @property
    def count(self) -> int:
        """The number of keys."""
        return len(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def is_empty(self) -> bool:
        """Whether there are no keys."""
        return not self._items

    def iter_items(
        self,
        start_key: Key | None = None,
        end_key: Key | None = None,
        reverse: bool = False,
    ) -> Iterable[Item[Key, Value]]:
        """Return an iterator over the items with `start_key <= key < end_key`; an empty list for an empty tree."""
        return self._read(start_key, end_key, reverse=reverse) if self._items else []

    item_slice = iter_items

    def _read(self, start: Any = None, end: Any = None, *, reverse: bool = False) -> Iterator[Item[Key, Value]]:
        for key in self._items.irange(start, end, (True, False), reverse=reverse):
            yield key, self._items[key]

    def key_slice(self, start_key: Key | None, end_key: Key | None, reverse: bool = False) -> Iterator[Key]:
        """Return an iterator over the keys of a range."""
        return (key for key, _ in self.iter_items(start_key, end_key, reverse))

    def value_slice(self, start_key: Key | None, end_key: Key | None, reverse: bool = False) -> Iterator[Value]:
        """Return an iterator over the values of a range of keys."""
        return (value for _, value in self.iter_items(start_key, end_key, reverse))

    def items(self, reverse: bool = False) -> Iterable[Item[Key, Value]]:
        """Return an iterator over the items, by ascending or descending key; an empty list for an empty tree."""
        return self.iter_items(reverse=reverse)

    def keys(self, reverse: bool = False) -> Iterator[Key]:
        """Return an iterator over the keys, ascending or descending."""
        return self.key_slice(None, None, reverse)

    def values(self, reverse: bool = False) -> Iterator[Value]:
        """Return an iterator over the values, by ascending or descending key."""
        return self.value_slice(None, None, reverse)

    __iter__ = keys

    def __reversed__(self) -> Iterator[Key]:
        return self.keys(reverse=True)

    def foreach(self, func: Callable[[Key, Value], Any], order: int = 0) -> None:
        """Call a function with each key and value: in ascending order (0), pre-order (-1) or post-order (1)."""
        keys = list(self._items)
        for key in keys if order == 0 else _depth_first(keys, 0, len(keys), order):
            func(key, self._items[key])

    def update(self, *others: Any) -> None:
        """Set the items of mappings, or of iterables of keys and values."""
        for other in others:
            if isinstance(other, dict) and not self._items:
                try:
                    self._items = SortedDict(other)
                except TypeError:  # keys that cannot be compared: those before stay, as one by one
                    pass
                else:
                    continue
            try:
                pairs = other.items()
            except AttributeError:
                pairs = iter(other)
            for key, value in pairs:
                self.insert(key, value)

    def remove_items(self, keys: Iterable[Key]) -> None:
        """Remove keys; raises `KeyError` at the first that is not there."""
        for key in tuple(keys):
            self.remove(key)

    def clear(self) -> None:
        """Remove all keys."""
        self._items = SortedDict()

    @classmethod
    def from_keys(cls, iterable: Iterable[Key], value: Any = None) -> Self:
        """Return a tree with these keys, all with one value."""
        return cls((key, value) for key in iterable)

    @classmethod
    def fromkeys(cls, iterable: Iterable[Key], value: Any = None) -> Self:
        """Return what `from_keys` does; the name is that of a dict."""
        return cls.from_keys(iterable, value)

    def copy(self) -> Self:
        """Return a tree with the same keys and values."""
        tree = type(self)()
        tree._items = self._items.copy()  # noqa: SLF001 - one of us
        return tree

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        tree = type(self)()
        memo[id(self)] = tree
        for key, value in self._items.items():
            tree.insert(key, deepcopy(value, memo))
        return tree

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self),), self.__getstate__()  # type: ignore[attr-defined]  # not in the stubs

    def __getstate__(self) -> dict[Key, Value]:
        return dict(self._items)

    def __setstate__(self, state: dict[Key, Value]) -> None:
        self._items = SortedDict()
        self.update(state)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({{{', '.join(f'{key!r}: {value!r}' for key, value in self.items())}}})"

    # ------------------------------------------------------------------ sets of keys

    def _of_keys(self, keys: Iterable[Key], *others: Any) -> Self:
        """Return a tree of keys with the value of the first tree that has each."""
        return type(self)((key, next(tree[key] for tree in (self, *others) if key in tree)) for key in keys)

    def intersection(self, *trees: Any) -> Self:
        """Return a tree of the keys that all trees have, with the values of this one."""
        return self._of_keys(frozenset(self.keys()).intersection(*_sets(trees)))

    def union(self, *trees: Any) -> Self:
        """Return a tree of the keys that any of the trees has, with the value of the first that has it."""
        return self._of_keys(frozenset(self.keys()).union(*_sets(trees)), *trees)

    def difference(self, *trees: Any) -> Self:
        """Return a tree of the keys that none of the other trees has."""
        return self._of_keys(frozenset(self.keys()).difference(*_sets(trees)))

    def symmetric_difference(self, tree: Any) -> Self:
        """Return a tree of the keys that one of both trees has, and not the other."""
        return self._of_keys(frozenset(self.keys()).symmetric_difference(*_sets([tree])), tree)

    def is_subset(self, tree: Any) -> bool:
        """Whether the other tree has all keys of this one."""
        return frozenset(self.keys()).issubset(*_sets([tree]))

    def is_superset(self, tree: Any) -> bool:
        """Whether this tree has all keys of the other one."""
        return frozenset(self.keys()).issuperset(*_sets([tree]))

    def is_disjoint(self, tree: Any) -> bool:
        """Whether no key is in both trees."""
        return frozenset(self.keys()).isdisjoint(*_sets([tree]))

    def __and__(self, other: Any) -> Self:
        return self.intersection(other)

    def __or__(self, other: Any) -> Self:
        return self.union(other)

    def __sub__(self, other: Any) -> Self:
        return self.difference(other)

    def __xor__(self, other: Any) -> Self:
        return self.symmetric_difference(other)

    setdefault = set_default
    popitem = pop_item
    issubset = is_subset
    issuperset = is_superset
    isdisjoint = is_disjoint


def _sets(trees: Iterable[Any]) -> list[frozenset[Any]]:
    return [frozenset(tree.keys()) for tree in trees]


def _depth_first(keys: Sequence[Key], low: int, high: int, order: int) -> Iterator[Key]:
    """Yield keys as a balanced tree has them in pre-order (-1) or post-order (1); none for another order."""
    if low < high:
        middle = (low + high) // 2
        if order == -1:
            yield keys[middle]
        yield from _depth_first(keys, low, middle, order)
        yield from _depth_first(keys, middle + 1, high, order)
        if order == 1:
            yield keys[middle]


class TreeSlice(Generic[Key, Value]):
    """The part of a tree with `start <= key < stop`, as it is at each moment; `None` is an open end."""

    __slots__ = ("_start", "_stop", "_tree")

    def __init__(self, tree: OrderedTree[Key, Value], start: Key | None, stop: Key | None) -> None:
        self._tree = tree
        self._start: Any = start
        self._stop: Any = stop

    def __contains__(self, key: Any) -> bool:
        return self._is_within(key) and key in self._tree

    def _is_within(self, key: Any) -> bool:
        return not ((self._start is not None and key < self._start) or (self._stop is not None and key >= self._stop))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, slice):
            starts = [each for each in (self._start, key.start) if each is not None]
            stops = [each for each in (self._stop, key.stop) if each is not None]
            return TreeSlice(self._tree, max(starts, default=None), min(stops, default=None))
        if not self._is_within(key):
            raise KeyError(key)
        return self._tree[key]

    def keys(self) -> Iterator[Key]:
        """Return an iterator over the keys, ascending."""
        return self._tree.key_slice(self._start, self._stop)

    def values(self) -> Iterator[Value]:
        """Return an iterator over the values, by ascending key."""
        return self._tree.value_slice(self._start, self._stop)

    def items(self) -> Iterable[Item[Key, Value]]:
        """Return an iterator over the items, by ascending key; an empty list for an empty tree."""
        return self._tree.iter_items(self._start, self._stop)

    __iter__ = keys

    def __repr__(self) -> str:
        shown = ", ".join(f"{key!r}: {value!r}" for key, value in self.items())
        return f"{type(self._tree).__name__}({{{shown}}})"
