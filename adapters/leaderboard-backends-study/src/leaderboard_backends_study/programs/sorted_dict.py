"""`study: SortedDict`: the study's primary use case, a `SortedDict` of (-score, time) with a dict to find the keys."""

from __future__ import annotations

from itertools import islice
from time import time
from typing import Final, TypeAlias

from sortedcontainers import SortedDict

from leaderboard_backends.comparison.programs import Program, Setting
from leaderboard_backends.comparison.schema import ProgramFigures

from .players import Standings
from .program import check_order, timings
from .turns import Operation, take_turns, with_growth

Key: TypeAlias = tuple[int, float]
"""The score, negated so that the best comes first, and the time at which it was reached."""

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
    samples = take_turns(
        [
            Operation(UPDATE, board.update, standings.draw_update),
            Operation(UPDATE_AND_RANK, board.update_and_rank, standings.draw_update),
            Operation(TOP, board.top, lambda: (100,)),
            Operation(RANK, board.rank, standings.draw_player),
        ],
        setting.seconds,
    )
    board.check(standings)
    return ProgramFigures(timings(samples), memory)


PROGRAMS: Final = (
    Program(
        "study: SortedDict",
        "The study's board: a SortedDict of (-score, time), and a dict from a player to the key.",
        100_000,
        run,
    ),
)
