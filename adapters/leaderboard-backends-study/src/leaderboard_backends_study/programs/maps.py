"""`bintrees: RBTree`, `bintrees: AVLTree`, `sortedcontainers: SortedDict`: the same work on three ordered maps.

The study says that leaving bintrees makes operations 2 to 5 times as fast and memory a tenth. Keys and values are made
before anything is measured and are the same for all, so that memory is that of the structures alone: the reading under
which the claim has its best chance. bintrees is no longer maintained; its wheel is pure Python, and so is what is timed
(its Cython trees would have to be compiled by the user).

`study: bintrees adapter`: how much of bintrees' interface the study's adapter over `SortedDict` has. The study gives an
hour or two for an adapter, and shows two methods of it, written with `SortedDict.iloc`, which version 2 of
sortedcontainers deprecated.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count, islice
from random import Random
from typing import Any, Final, Protocol, TypeAlias

from bintrees import AVLTree, RBTree
from sortedcontainers import SortedDict

from leaderboard_backends.comparison.figures import ProgramFigures
from leaderboard_backends.comparison.programs import Program, Setting, WrongProgramError

from .board import BEST, Operation, check_order, draw_names, draw_scores, timings, with_growth

RB_TREE: Final = "bintrees: RBTree"
AVL_TREE: Final = "bintrees: AVLTree"
SORTED_DICT: Final = "sortedcontainers: SortedDict"
ADAPTER: Final = "study: bintrees adapter"

Key: TypeAlias = tuple[int, int]
"""The score, negated, and the number of the update that reached it: unique without a clock."""

INSERT: Final = "insert"
DELETE: Final = "delete"
MOVE: Final = "move"
LOOK_UP: Final = "look-up"
EXTREMES: Final = "min and max"
FIRST_10: Final = "first 10"

ALL: Final = "public methods of bintrees.RBTree"
COVERED: Final = "of them in the adapter"
DEPRECATIONS: Final = "deprecation warnings"

Extremes: TypeAlias = Callable[[Any], tuple[object, object]]
"""Calls both ends of a map; bintrees and sortedcontainers name these differently."""


class OrderedMap(Protocol):
    """What the maps have in common."""

    def __setitem__(self, key: Key, value: str, /) -> None: ...
    def __delitem__(self, key: Key, /) -> None: ...
    def __getitem__(self, key: Key, /) -> str: ...
    def items(self) -> Iterable[tuple[Key, str]]:
        """All keys with their values, in order."""
        ...


def of_tree(tree: Any) -> tuple[object, object]:
    """Return both ends of one of bintrees' maps."""
    return tree.min_item(), tree.max_item()


def of_sorted_dict(order: SortedDict[Any, Any]) -> tuple[object, object]:
    """Return both ends of sortedcontainers' map."""
    return order.peekitem(0), order.peekitem(-1)


def run(make: Callable[[], Any], extremes: Extremes, setting: Setting) -> ProgramFigures:
    """Load, check, time, check again."""
    work = Work(setting)
    order, memory = with_growth(lambda: work.load(make()))
    work.check(order)
    timed = timings(
        [
            Operation(INSERT, order.__setitem__, lambda: work.room_for_new(order)),
            Operation(DELETE, order.__delitem__, lambda: work.one_too_many(order)),
            Operation(MOVE, partial(move, order), work.draw_move),
            Operation(LOOK_UP, order.__getitem__, work.draw_key),
            Operation(EXTREMES, extremes, lambda: (order,)),
            Operation(FIRST_10, first_10, lambda: (order,)),
        ],
        setting.seconds,
    )
    work.check(order)
    return ProgramFigures(timed, memory)


def move(order: OrderedMap, old: Key, new: Key, player: str) -> None:
    """Give a player another key."""
    del order[old]
    order[new] = player


def first_10(order: OrderedMap) -> list[tuple[Key, str]]:
    """Return the ten least keys with their values."""
    return list(islice(order.items(), 10))


class Work:
    """The keys to load and to ask for, and a plain dict of what the map must then hold."""

    def __init__(self, setting: Setting) -> None:
        scores = draw_scores(setting.players, setting.seed)
        self._keys: list[Key] = [(-score, number) for number, score in enumerate(scores)]
        self._held = dict(zip(self._keys, draw_names(setting.players), strict=True))
        self._rng = Random(f"keys of the study {setting.players} {setting.seed}")  # noqa: S311 - nothing secret
        self._numbers = count(setting.players)

    def load(self, order: OrderedMap) -> OrderedMap:
        """Insert all keys, one by one, in the order in which they were reached."""
        for key, player in self._held.items():
            order[key] = player
        return order

    def draw_key(self) -> tuple[Key]:
        """Draw a key that the map holds."""
        return (self._keys[self._rng.randrange(len(self._keys))],)

    def draw_new(self) -> tuple[Key, str]:
        """Draw a key that the map is to hold from now on."""
        key = (-self._rng.randint(0, BEST), next(self._numbers))
        self._keys.append(key)
        self._held[key] = f"player-{key[1]:07d}"
        return key, self._held[key]

    def draw_old(self) -> tuple[Key]:
        """Draw a key that the map is to lose."""
        place = self._rng.randrange(len(self._keys))
        key, self._keys[place] = self._keys[place], self._keys[-1]
        self._keys.pop()
        del self._held[key]
        return (key,)

    def room_for_new(self, order: OrderedMap) -> tuple[Key, str]:
        """Delete a key, so that the map keeps its size, and draw a key to insert."""
        del order[self.draw_old()[0]]
        return self.draw_new()

    def one_too_many(self, order: OrderedMap) -> tuple[Key]:
        """Insert a key, so that the map keeps its size, and draw a key to delete."""
        key, player = self.draw_new()
        order[key] = player
        return self.draw_old()

    def draw_move(self) -> tuple[Key, Key, str]:
        """Draw a player's key and a new key for the player."""
        (old,) = self.draw_old()
        return old, *self.draw_new()

    def check(self, order: OrderedMap) -> None:
        """Compare all entries with those of a plain sort; raises `WrongProgramError`."""
        expected = sorted(self._held.items())
        check_order("first 10", first_10(order), expected[:10])
        check_order("the map", list(order.items()), expected)


class BintreesAdapter(SortedDict[Any, Any]):
    """A `SortedDict` with the two methods of bintrees that the study gives it."""

    def min_key(self) -> Any:
        """Return the least key."""
        return self.iloc[0]

    def max_key(self) -> Any:
        """Return the greatest key."""
        return self.iloc[-1]


def run_adapter(setting: Setting) -> ProgramFigures:
    """Ask both for their ends, and compare their public names."""
    theirs = public_names(RBTree)
    adapter = BintreesAdapter(dict.fromkeys(range(setting.players)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ends = (adapter.min_key(), adapter.max_key())
    if ends != (0, setting.players - 1):
        raise WrongProgramError(f"the adapter's ends are {ends}, not 0 and {setting.players - 1}")
    deprecations = sum(issubclass(warning.category, DeprecationWarning) for warning in caught)
    covered = len(theirs & public_names(BintreesAdapter))
    return ProgramFigures([], counts={ALL: len(theirs), COVERED: covered, DEPRECATIONS: deprecations})


def public_names(kind: type) -> set[str]:
    """Return the names of a class that a user may call."""
    return {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name, None))}


PROGRAMS: Final = (
    Program(RB_TREE, 100_000, partial(run, RBTree, of_tree)),
    Program(AVL_TREE, 100_000, partial(run, AVLTree, of_tree)),
    Program(SORTED_DICT, 100_000, partial(run, SortedDict, of_sorted_dict)),
    Program(ADAPTER, 1_000, run_adapter),
)
