"""`bintrees: RBTree`, `bintrees: AVLTree` and `sortedcontainers: SortedDict`: the same work on three ordered maps.

The study says that leaving bintrees makes operations 2 to 5 times as fast and memory a tenth. Keys and values are made
before anything is measured and are the same for all, so that memory is that of the structures alone: the reading under
which the claim has its best chance. bintrees is no longer maintained; its wheel is pure Python, and so is what is timed
(its Cython trees would have to be compiled by the user).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import count, islice
from random import Random
from typing import Any, Final, Protocol, TypeAlias

from sortedcontainers import SortedDict

from leaderboard_backends.comparison.programs import Program, Setting
from leaderboard_backends.comparison.schema import ProgramFigures
from leaderboard_backends.errors import MissingExtraError
from leaderboard_backends.installing import install_extra

from .players import BEST, draw_names, draw_scores
from .program import check_order, timings
from .turns import Operation, take_turns, with_growth

Key: TypeAlias = tuple[int, int]
"""The score, negated, and the number of the update that reached it: unique without a clock."""

INSERT: Final = "insert"
DELETE: Final = "delete"
MOVE: Final = "move"
LOOK_UP: Final = "look-up"
EXTREMES: Final = "min and max"
FIRST_10: Final = "first 10"

COMPILED: Final = "compiled"
"""1 where bintrees has its Cython trees, which are still not what is timed."""


class OrderedMap(Protocol):
    """What the maps have in common."""

    def __setitem__(self, key: Key, value: str, /) -> None: ...
    def __delitem__(self, key: Key, /) -> None: ...
    def __getitem__(self, key: Key, /) -> str: ...
    def items(self) -> Iterable[tuple[Key, str]]:
        """All keys with their values, in order."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A map, with its calls for both ends; bintrees and sortedcontainers name these differently."""

    make: Callable[[], Any]
    extremes: Callable[[Any], tuple[object, object]]
    counts: Callable[[], dict[str, float]] = dict


def sorted_dict() -> Kind:
    """Return sortedcontainers' map."""
    return Kind(SortedDict, lambda order: (order.peekitem(0), order.peekitem(-1)))


def tree(name: str) -> Kind:
    """Return one of bintrees' maps. Raises `MissingExtraError` where bintrees is not installed."""
    module = import_bintrees()
    return Kind(
        getattr(module, name),
        lambda order: (order.min_item(), order.max_item()),
        lambda: {COMPILED: float(module.has_fast_tree_support())},
    )


def import_bintrees() -> Any:
    """Import bintrees; raises `MissingExtraError` with the `pip install` line where it is not installed."""
    try:
        return import_module("bintrees")
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"this program of the study needs {error.name}, which is not installed: {install_extra('tools')}"
        ) from error


def run(choose: Callable[[], Kind], setting: Setting) -> ProgramFigures:
    """Load, check, time, check again."""
    kind, work = choose(), Work(setting)
    order, memory = with_growth(lambda: work.load(kind.make()))
    work.check(order)
    samples = take_turns(
        [
            Operation(INSERT, order.__setitem__, lambda: work.room_for_new(order)),
            Operation(DELETE, order.__delitem__, lambda: work.one_too_many(order)),
            Operation(MOVE, partial(move, order), work.draw_move),
            Operation(LOOK_UP, order.__getitem__, work.draw_key),
            Operation(EXTREMES, kind.extremes, lambda: (order,)),
            Operation(FIRST_10, first_10, lambda: (order,)),
        ],
        setting.seconds,
    )
    work.check(order)
    return ProgramFigures(timings(samples), memory, kind.counts())


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


_WHAT: Final = "Insert, delete, move, look-up, both ends and the first 10 in order: the 2 to 5 times and the tenth."

PROGRAMS: Final = (
    Program("bintrees: RBTree", _WHAT, 100_000, partial(run, partial(tree, "RBTree"))),
    Program("bintrees: AVLTree", _WHAT, 100_000, partial(run, partial(tree, "AVLTree"))),
    Program("sortedcontainers: SortedDict", _WHAT, 100_000, partial(run, sorted_dict)),
)
