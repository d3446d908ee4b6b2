"""The players of every program, how operations are timed, and the study's own board: `study: SortedDict`.

The board is the study's primary use case, a `SortedDict` of (-score, time) with a dict to find the keys.
"""

from __future__ import annotations

import gc
from array import array
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, zip_longest
from random import Random
from time import perf_counter_ns, time
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from sortedcontainers import SortedDict

from leaderboard_backends.comparison.figures import ProgramFigures, Timing, distribution
from leaderboard_backends.comparison.programs import Program, Setting, WrongProgramError
from leaderboard_backends.model import shorten
from leaderboard_backends.timing import preallocated
from leaderboard_backends.usage import settled_private_bytes

# ---------------------------------------------------------------------- players

BEST: Final = 1_000_000
"""The highest score that the study's own validation lets through."""


def draw_names(count: int) -> list[str]:
    """Return the names of that many players, 14 characters each."""
    return [f"player-{number:07d}" for number in range(count)]


def draw_scores(count: int, seed: int, best: int = BEST) -> array[int]:
    """Return a score from 0 to `best` for each player, all equally likely.

    In an array, no number is an object: reading one creates an object that the reader owns. Neither do any become free
    before a measurement of memory, where they would make room for what is measured, and hide its growth.
    """
    rng = Random(f"scores of the study {count} {seed} {best}")  # noqa: S311 - nothing here is a secret
    return array("q", (rng.randint(0, best) for _ in range(count)))


class Standings:
    """A plain dict of the expected state: each player's score, and the number of the update that reached it."""

    def __init__(self, count: int, seed: int) -> None:
        self.names: Final = draw_names(count)
        self._rng = Random(f"updates of the study {count} {seed}")  # noqa: S311 - nothing here is a secret
        self._updates = count
        self._loaded: Final = draw_scores(count, seed)
        reached = ((-score, number) for number, score in enumerate(self._loaded))
        self._standing = dict(zip(self.names, reached, strict=True))

    def load(self) -> Iterator[tuple[str, int]]:
        """Yield every player with the score, in the order in which the scores were reached at the start."""
        yield from zip(self.names, self._loaded, strict=True)

    def draw_player(self) -> tuple[str]:
        """Draw a player, as the arguments of a call."""
        return (self.names[self._rng.randrange(len(self.names))],)

    def draw_update(self) -> tuple[str, int]:
        """Draw a player and a score that the player does not have yet; it is the current score from now on."""
        (name,) = self.draw_player()
        old = -self._standing[name][0]
        new = (old + self._rng.randint(1, BEST)) % (BEST + 1)
        self.put(name, new)
        return name, new

    def put(self, name: str, score: int) -> None:
        """Let a player have a score from now on."""
        self._updates += 1
        self._standing[name] = (-score, self._updates)

    def order(self) -> list[str]:
        """Return all players, best first, ties in the order of reaching the score. O(n log n)."""
        return sorted(self._standing, key=self._standing.__getitem__)


def check_order(what: str, given: Sequence[object], sorted_plainly: Sequence[object]) -> None:
    """Compare a whole order with that of a plain sort; raises `WrongProgramError` at the first difference."""
    missing = object()
    for rank, (found, expected) in enumerate(zip_longest(given, sorted_plainly, fillvalue=missing), 1):
        if found != expected:
            held, right = ("nobody" if one is missing else shorten(one) for one in (found, expected))
            raise WrongProgramError(f"{what}: rank {rank} holds {held}, a plain sort says {right}")


# ---------------------------------------------------------------------- time and memory

Samples: TypeAlias = "dict[str, array[int]]"
"""Samples in nanoseconds by operation."""

MOST_SAMPLES: Final = 10_000
"""As many as a p99.9 needs, and as many as the study says it queried."""

WARM_UP_SHARE: Final = 0.05
"""Of the samples and of the time, before the turns that are measured."""

Built = TypeVar("Built")


class Operation(NamedTuple):
    """One operation: `prepare` returns the arguments of the next call, outside the time that is taken."""

    name: str
    call: Callable[..., object]
    prepare: Callable[[], tuple[Any, ...]] = tuple


def timings(operations: Sequence[Operation], seconds: float) -> list[Timing]:
    """Return the times of each operation; they take turns, so that what the machine does meanwhile hits all alike."""
    return [Timing(operation, distribution(taken)) for operation, taken in take_turns(operations, seconds).items()]


def take_turns(operations: Sequence[Operation], seconds: float) -> Samples:
    """Return the samples of each operation: 10,000, or fewer once its calls have taken `seconds`."""
    _turn(operations, seconds * WARM_UP_SHARE, int(MOST_SAMPLES * WARM_UP_SHARE))
    gc.collect()
    return _turn(operations, seconds, MOST_SAMPLES)


def _turn(operations: Sequence[Operation], seconds: float, most: int) -> Samples:
    samples = [preallocated(most) for _ in operations]
    left = [int(seconds * 1e9)] * len(operations)
    turn, going = 0, list(enumerate(operations))
    taken = [0] * len(operations)
    while going and turn < most:
        for place, (_, call, prepare) in going:
            arguments = prepare()
            started = perf_counter_ns()
            call(*arguments)
            took = perf_counter_ns() - started
            samples[place][turn] = took
            left[place] -= took
        turn += 1
        for place, _ in going:
            taken[place] = turn
        going = [(place, operation) for place, operation in going if left[place] > 0]
    return {operation.name: samples[place][: taken[place]] for place, operation in enumerate(operations)}


def with_growth(build: Callable[[], Built]) -> tuple[Built, int]:
    """Build something, and return it with the private memory that this process then has more (USS, trimmed)."""
    before = settled_private_bytes()
    built = build()
    return built, settled_private_bytes() - before


# ---------------------------------------------------------------------- the board

Key: TypeAlias = tuple[int, float]
"""The score, negated so that the best comes first, and the time at which it was reached."""

STUDY_BOARD: Final = "study: SortedDict"

UPDATE: Final = "update"
UPDATE_AND_RANK: Final = "update and rank"
TOP: Final = "top 100"
RANK: Final = "rank"


class StudyBoard:
    """A board as the study builds it: no lock, no checks, and keys that a clock has to keep apart."""

    def __init__(self) -> None:
        self.order: SortedDict[Key, str] = SortedDict()
        self.keys: dict[str, Key] = {}

    def update(self, player: str, score: int) -> None:
        """Move a player to a score. O(log n) in practice."""
        old = self.keys.get(player)
        if old is not None:
            del self.order[old]
        key = self.keys[player] = (-score, time())
        self.order[key] = player

    def update_and_rank(self, player: str, score: int) -> int:
        """Move a player, and return the new rank."""
        self.update(player, score)
        return self.rank(player)

    def top(self, count: int) -> list[tuple[int, str, int]]:
        """Return rank, player and score of the best. O(count)."""
        best = islice(self.order.items(), count)
        return [(rank, player, -key[0]) for rank, (key, player) in enumerate(best, 1)]

    def rank(self, player: str) -> int:
        """Return a player's rank. O(log n) in practice."""
        return self.order.index(self.keys[player]) + 1

    def check(self, standings: Standings) -> None:
        """Compare the whole order with a plain sort; raises `WrongProgramError`."""
        expected = standings.order()
        check_order("the board", list(self.order.values()), expected)
        check_order("ranks", [self.rank(player) for player in expected], range(1, len(expected) + 1))


def load(board: StudyBoard, standings: Standings) -> StudyBoard:
    """Put every player on a board, one by one: the study has no other way."""
    for player, score in standings.load():
        board.update(player, score)
    return board


def run(setting: Setting) -> ProgramFigures:
    """Load, check, time, check again. Memory is that of the board and its keys; the names were there before."""
    standings = Standings(setting.players, setting.seed)
    board, memory = with_growth(lambda: load(StudyBoard(), standings))
    board.check(standings)
    timed = timings(
        [
            Operation(UPDATE, board.update, standings.draw_update),
            Operation(UPDATE_AND_RANK, board.update_and_rank, standings.draw_update),
            Operation(TOP, board.top, lambda: (100,)),
            Operation(RANK, board.rank, standings.draw_player),
        ],
        setting.seconds,
    )
    board.check(standings)
    return ProgramFigures(timed, memory)


PROGRAMS: Final = (Program(STUDY_BOARD, 100_000, run),)
