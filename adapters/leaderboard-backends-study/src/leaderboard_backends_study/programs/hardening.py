"""`study: rate limit` and `study: cached top 100`: two of the study's hardening patterns, laid over its board.

They are the study's patterns, measured as it shows them, and not what this library ships.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from math import inf
from time import time
from typing import Final

from leaderboard_backends.comparison.programs import Program, Setting
from leaderboard_backends.comparison.schema import ProgramFigures

from .players import BEST, Standings
from .program import timings
from .sorted_dict import StudyBoard, load
from .turns import Operation, take_turns, with_growth

A_MINUTE: Final = 60.0
MOST_A_MINUTE: Final = 60
FRESH: Final = 1.0
"""Seconds for which a cached top is served."""

UPDATE: Final = "update"
LIMITED: Final = "update, rate limited"
LIMITED_60TH: Final = "update, rate limited, a player's 60th in a minute"
PASSED: Final = "passed of 100 updates at once"
TOP: Final = "top 100"
CACHED_TOP: Final = "top 100, cached"
GIVEN: Final = "entries given of 200 asked for"
STALE: Final = "new best player missing from the cached top"


class TooManyUpdatesError(Exception):
    """A player has used up the updates of this minute."""


class RateLimitedBoard(StudyBoard):
    """Keeps the times of each player's updates, and limits their number in any minute."""

    def __init__(self) -> None:
        super().__init__()
        self.times: defaultdict[str, list[float]] = defaultdict(list)

    def update(self, player: str, score: int) -> None:
        """Forget times of over a minute ago, then refuse or go on. O(updates in the minute) more than without."""
        now = time()
        recent = [then for then in self.times[player] if now - then < A_MINUTE]
        self.times[player] = recent
        if len(recent) >= MOST_A_MINUTE:
            raise TooManyUpdatesError(player)
        recent.append(now)
        super().update(player, score)


class CachedBoard(StudyBoard):
    """Serves the top 100 as it was at most a second ago."""

    def __init__(self) -> None:
        super().__init__()
        self.clock: Callable[[], float] = time
        self._top: list[tuple[int, str, int]] = []
        self._taken = -inf

    def cached_top(self, count: int) -> list[tuple[int, str, int]]:
        """Return the best, at most a hundred even for a larger `count`, as in the study's code."""
        if self.clock() - self._taken >= FRESH:
            self._top = self.top(100)
            self._taken = self.clock()
        return self._top[:count]


def run_rate_limit(setting: Setting) -> ProgramFigures:
    """Time updates of random players with and without the limit, and of a player close to the limit."""
    free_standings, standings = (Standings(setting.players, setting.seed) for _ in range(2))
    free, board = load(StudyBoard(), free_standings), RateLimitedBoard()
    memory = with_growth(lambda: load(board, standings))[1]
    samples = take_turns(
        [
            Operation(UPDATE, free.update, free_standings.draw_update),
            Operation(LIMITED, board.update, lambda: _relieved(board, standings)),
            Operation(LIMITED_60TH, board.update, lambda: _nearly_used_up(board, standings)),
        ],
        setting.seconds,
    )
    free.check(free_standings)
    board.check(standings)
    return ProgramFigures(timings(samples), memory, {PASSED: _passed(board, standings.names[0])})


def _relieved(board: RateLimitedBoard, standings: Standings) -> tuple[str, int]:
    """Draw an update of a player below the limit; one at the limit is reset first."""
    player, score = standings.draw_update()
    if len(board.times[player]) >= MOST_A_MINUTE:
        board.times[player].clear()
    return player, score


def _nearly_used_up(board: RateLimitedBoard, standings: Standings) -> tuple[str, int]:
    """Draw an update of a player who may make only one more in this minute."""
    player, score = standings.draw_update()
    board.times[player] = [time()] * (MOST_A_MINUTE - 1)
    return player, score


def _passed(board: RateLimitedBoard, player: str) -> int:
    board.times[player].clear()
    for number in range(100):
        try:
            board.update(player, number)
        except TooManyUpdatesError:
            return number
    return 100


def run_cached_top(setting: Setting) -> ProgramFigures:
    """Time the top 100 with and without the cache, and count what the cache leaves out."""
    standings = Standings(setting.players, setting.seed)
    board = CachedBoard()
    memory = with_growth(lambda: load(board, standings))[1]
    board.check(standings)
    samples = take_turns(
        [Operation(TOP, board.top, lambda: (100,)), Operation(CACHED_TOP, board.cached_top, lambda: (100,))],
        setting.seconds,
    )
    return ProgramFigures(timings(samples), memory, _left_out(board, standings.names[-1]))


def _left_out(board: CachedBoard, player: str) -> dict[str, float]:
    """Count what is missing from the cache, with the clock stopped."""
    now = time()
    board.clock = lambda: now
    given = len(board.cached_top(200))
    board.update(player, BEST + 1)
    stale = board.cached_top(1) != board.top(1)
    return {GIVEN: given, STALE: float(stale)}


PROGRAMS: Final = (
    Program(
        "study: rate limit", "Updates with the study's limit of 60 per minute, and without.", 100_000, run_rate_limit
    ),
    Program(
        "study: cached top 100", "The study's top 100 of at most a second ago, and a live one.", 100_000, run_cached_top
    ),
)
