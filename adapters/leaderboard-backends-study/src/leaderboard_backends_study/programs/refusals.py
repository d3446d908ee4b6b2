"""`study: read-only mode` and `study: validation`: updates that two of the study's patterns refuse or flag, counted.

They are the study's patterns as it shows them, laid over its board, and not what this library ships. Nothing is timed:
whether an update is refused, and whether reads go on meanwhile, are counted facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from leaderboard_backends.comparison.programs import Program, Setting, WrongProgramError
from leaderboard_backends.comparison.schema import ProgramFigures

from .players import BEST, Standings
from .sorted_dict import StudyBoard, load

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
    Program(
        "study: read-only mode", "Updates and reads of the study's board in read-only mode.", 10_000, run_read_only
    ),
    Program(
        "study: validation", "Scores out of range and jumps on the study's validating board.", 10_000, run_validation
    ),
)
