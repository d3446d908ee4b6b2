"""The study's hardening patterns as it shows them, laid over its board, and not what this library ships.

`study: rate limit` and `study: cached top 100` are timed. `study: read-only mode` and `study: validation` are counted:
whether an update is refused or flagged, and whether reads go on meanwhile, are facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from math import inf
from time import time
from typing import Final

from leaderboard_backends.comparison.figures import ProgramFigures
from leaderboard_backends.comparison.programs import Program, Setting, WrongProgramError

from .board import BEST, TOP, UPDATE, Operation, Standings, StudyBoard, load, timings, with_growth

RATE_LIMIT: Final = "study: rate limit"
CACHED_TOP_100: Final = "study: cached top 100"
READ_ONLY_MODE: Final = "study: read-only mode"
VALIDATION: Final = "study: validation"

# ---------------------------------------------------------------------- rate limit, cached top

A_MINUTE: Final = 60.0
MOST_A_MINUTE: Final = 60
FRESH: Final = 1.0
"""Seconds for which a cached top is served."""

LIMITED: Final = "update, rate limited"
LIMITED_60TH: Final = "update, rate limited, a player's 60th in a minute"
PASSED: Final = "passed of 100 updates at once"
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
    timed = timings(
        [
            Operation(UPDATE, free.update, free_standings.draw_update),
            Operation(LIMITED, board.update, lambda: _relieved(board, standings)),
            Operation(LIMITED_60TH, board.update, lambda: _nearly_used_up(board, standings)),
        ],
        setting.seconds,
    )
    free.check(free_standings)
    board.check(standings)
    return ProgramFigures(timed, memory, {PASSED: _passed(board, standings.names[0])})


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
    timed = timings(
        [Operation(TOP, board.top, lambda: (100,)), Operation(CACHED_TOP, board.cached_top, lambda: (100,))],
        setting.seconds,
    )
    return ProgramFigures(timed, memory, _left_out(board, standings.names[-1]))


def _left_out(board: CachedBoard, player: str) -> dict[str, float]:
    """Count what is missing from the cache, with the clock stopped."""
    now = time()
    board.clock = lambda: now
    given = len(board.cached_top(200))
    board.update(player, BEST + 1)
    stale = board.cached_top(1) != board.top(1)
    return {GIVEN: given, STALE: float(stale)}


# ---------------------------------------------------------------------- read-only mode, validation

TRIED: Final = 100
"""Updates, and as many reads of each kind."""

ENDS: Final = 2
"""Of the range of scores."""

MOST_AT_ONCE: Final = 1_000
"""Points beyond which the study flags a change."""

READ_ONLY_REFUSED: Final = "updates refused of 100 in read-only mode"
READS_RIGHT: Final = "reads right of 200 in read-only mode"
TAKEN_AGAIN: Final = "updates taken of 100 after read-only mode"

OUT_REFUSED: Final = "updates refused of 100 with a score out of range"
EDGES_TAKEN: Final = "updates taken of 2 at the ends of the range"
JUMPS_FLAGGED: Final = "updates flagged of 100 by 1,001 points"
STEPS_FLAGGED: Final = "updates flagged of 100 by 1,000 points"
FIRST_FLAGGED: Final = "new players flagged of 100 with 1,001 points"


class DegradableBoard(StudyBoard):
    """Refuses updates while a switch is on, as the study's `DegradableLeaderboard` does."""

    def __init__(self) -> None:
        super().__init__()
        self.read_only = False

    def update(self, player: str, score: int) -> None:
        """Move a player, or refuse."""
        if self.read_only:
            raise ValueError("Leaderboard in read-only mode")
        super().update(player, score)


class ValidatingBoard(StudyBoard):
    """Refuses scores out of range, and flags large changes, as the study's example of data validation does."""

    def __init__(self) -> None:
        super().__init__()
        self.flagged: Final[list[str]] = []

    def score(self, player: str) -> int | None:
        """Return a player's score."""
        key = self.keys.get(player)
        return None if key is None else -key[0]

    def update(self, player: str, score: int) -> None:
        """Move a player, or refuse; a new player counts as coming from 0."""
        if not (0 <= score <= BEST):
            raise ValueError(f"Invalid score: {score}")
        if abs(score - (self.score(player) or 0)) > MOST_AT_ONCE:
            self.flagged.append(player)
        super().update(player, score)


def refused(board: StudyBoard, updates: Iterable[tuple[str, int]]) -> int:
    """Apply updates, and return how many were refused."""
    count = 0
    for player, score in updates:
        try:
            board.update(player, score)
        except ValueError:
            count += 1
    return count


def run_read_only(setting: Setting) -> ProgramFigures:
    """Try updates and reads with the switch on, and updates after it is off again.

    The last check finds a refused update that was applied all the same.
    """
    standings = Standings(setting.players, setting.seed)
    board = DegradableBoard()
    load(board, standings)
    board.check(standings)
    board.read_only = True
    tried = [(*standings.draw_player(), BEST) for _ in range(TRIED)]
    counts: dict[str, float] = {READ_ONLY_REFUSED: refused(board, tried)}
    counts[READS_RIGHT] = right_reads(board, standings)
    board.read_only = False
    counts[TAKEN_AGAIN] = TRIED - refused(board, (standings.draw_update() for _ in range(TRIED)))
    board.check(standings)
    return ProgramFigures([], counts=counts)


def right_reads(board: StudyBoard, standings: Standings) -> int:
    """Return how many of 100 ranks and 100 tops are those of a plain sort."""
    order = standings.order()
    places = [number % len(order) for number in range(TRIED)]
    ranks = sum(board.rank(order[place]) == place + 1 for place in places)
    tops = sum([name for _, name, _ in board.top(count)] == order[:count] for count in range(1, TRIED + 1))
    return ranks + tops


def run_validation(setting: Setting) -> ProgramFigures:
    """Count what is refused and what is flagged, of updates made for the purpose."""
    standings = Standings(setting.players, setting.seed)
    board = ValidatingBoard()
    load(board, standings)
    board.check(standings)
    out = [
        (f"player-{number:07d}", score) for number in range(TRIED // 2) for score in (-1 - number, BEST + 1 + number)
    ]
    counts: dict[str, float] = {
        OUT_REFUSED: refused(board, out),
        EDGES_TAKEN: ENDS - refused(board, [("lowest", 0), ("highest", BEST)]),
        JUMPS_FLAGGED: _flagged(board, lambda name: [(name, 0), (name, MOST_AT_ONCE + 1)]),
        STEPS_FLAGGED: _flagged(board, lambda name: [(name, 0), (name, MOST_AT_ONCE)]),
        FIRST_FLAGGED: _flagged(board, lambda name: [(name, MOST_AT_ONCE + 1)]),
    }
    if not {"lowest", "highest"} <= board.keys.keys():
        raise WrongProgramError("a score at an end of the range was refused")
    return ProgramFigures([], counts=counts)


def _flagged(board: ValidatingBoard, updates: Callable[[str], list[tuple[str, int]]]) -> int:
    """Return how often the last of each new player's updates is flagged."""
    count = 0
    for number in range(TRIED):
        name = f"new-{len(board.keys)}-{number}"
        *before, last = updates(name)
        refused(board, before)
        known = len(board.flagged)
        refused(board, [last])
        count += len(board.flagged) - known
    return count


PROGRAMS: Final = (
    Program(RATE_LIMIT, 100_000, run_rate_limit),
    Program(CACHED_TOP_100, 100_000, run_cached_top),
    Program(READ_ONLY_MODE, 10_000, run_read_only),
    Program(VALIDATION, 10_000, run_validation),
)
