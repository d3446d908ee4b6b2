"""Random programs for histories: what each thread or process of a round does.

A round has few players, few scores, so that ties are everywhere, and only some kinds of operations, other ones in each
round: what goes wrong between two kinds shows where there are few others. That is "swarm testing", by A. Groce and
others, International Symposium on Software Testing and Analysis 2012.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from ...errors import WriteConflictError
from ...model import Keep, Order, Score
from .history import Recorder
from .sequential import READS, WRITES, State

PLAYERS: Final = ("ada", "bob", "eve", "zoe")
COMMON: Final = ("update_score",)
"""What every round has."""
WRITING: Final = (0.3, 0.6, 0.8)
"""The part of the operations that write, in one round or another."""

Call: TypeAlias = tuple[str, tuple[object, ...]]
"""An operation and its arguments."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """What the arguments of one call are drawn from."""

    chance: Random
    players: tuple[str, ...]
    username: str
    lowest: Score
    sign: int

    def player(self) -> str:
        return self.chance.choice(self.players)

    def score(self) -> Score:
        return self.lowest + self.sign * self.chance.randrange(3)

    def update(self) -> tuple[str, str, Score]:
        return self.player(), self.username, self.score()

    def several(self) -> list[str]:
        return self.chance.sample(self.players, len(self.players))

    def batch(self) -> list[tuple[str, str, Score]]:
        return [(player_id, self.username, self.score()) for player_id in self.several()]

    def ranks(self) -> tuple[int, int]:
        first = self.chance.randint(1, 2)
        return first, first + self.chance.randrange(3)

    def bounds(self) -> tuple[Score, Score]:
        first, last = sorted((self.score(), self.score()))
        return first, last


ARGUMENTS: Final[Mapping[str, Callable[[_Moment], tuple[object, ...]]]] = {
    "update_score": lambda now: now.update(),
    "increment_score": lambda now: (now.player(), now.username, now.chance.choice((1, 1, -1))),
    "update_scores": lambda now: (now.batch(),),
    "remove_player": lambda now: (now.player(),),
    "clear": lambda _: (),
    "get_score": lambda now: (now.player(),),
    "get_rank": lambda now: (now.player(),),
    "get_entry": lambda now: (now.player(),),
    "get_entries": lambda now: (now.several(),),
    "get_percentile": lambda now: (now.player(),),
    "get_top_n": lambda now: (now.chance.randint(1, len(PLAYERS)),),
    "get_range": lambda now: now.ranks(),
    "get_around": lambda now: (now.player(), 1),
    "get_by_score": lambda now: now.bounds(),
    "count_by_score": lambda now: now.bounds(),
    "__len__": lambda _: (),
    "__contains__": lambda now: (now.player(),),
}
"""The operations of programs, each with what draws its arguments."""


def random_programs(
    chance: Random,
    state: State,
    *,
    order: Order,
    keep: Keep,
    unsupported: Collection[str] = (),
    programs: int = 4,
    length: int = 7,
) -> list[list[Call]]:
    """Return one program for each thread, to be run together on a board that is in `state`.

    Each write has a username of its own. With `keep="best"`, scores go on from the best of the state, so that they are
    not all ignored. Operations that the board does not support never come.
    """
    writes = [call for call in WRITES if call not in unsupported]
    reads = [call for call in READS if call not in unsupported]
    kinds = [chance.sample(calls, min(len(calls), chance.randint(1, 3))) for calls in (writes, reads)]
    kinds[0] += [call for call in COMMON if call in writes]
    players = PLAYERS[: chance.choice((1, 2, len(PLAYERS)))]
    writing = chance.choice(WRITING)
    climbs = keep == "best"
    lowest = state[0].score if climbs and state else 0
    sign = 1 if order == "descending" else -1

    def draw(thread: int, step: int) -> Call:
        wanted, others = kinds if chance.random() < writing else reversed(kinds)
        call = chance.choice(wanted or others)
        reached = lowest + sign * (step // 2) if climbs else lowest
        return call, ARGUMENTS[call](_Moment(chance, players, f"{thread}.{step}", reached, sign))

    return [[draw(thread, step) for step in range(length)] for thread in range(programs)]


def perform(recorder: Recorder, program: Iterable[Call]) -> None:
    """Make the calls of a program; one that lost against other writers is left out, any other error is raised."""
    for call, arguments in program:
        with suppress(WriteConflictError):
            recorder.call(call, *arguments)
