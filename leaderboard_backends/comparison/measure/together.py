"""The gate for boards that several clients wrote at once: all is known except who came first in some ties.

Each player was written by one client alone, so that score and username are known. Of two players who share a score,
the one whose last change came in an earlier phase, or earlier with the same client, must rank first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...model import Entry, Score
from ...protocol import LeaderboardBackend
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..schema import Checked
from .gate import WrongBoardError, entries, show

CHECKED: Final = (
    "each player's username and score at the end, and ties if the steps decide them; answers are checked in other runs"
)


class Phase(NamedTuple):
    """Steps that clients ran at once: for each client, its positions in the trace, and how many of them it ran."""

    parts: Sequence[Sequence[int]]
    run: Sequence[int]


class Reached(NamedTuple):
    """When a player reached the score, as far as that is known."""

    phase: int
    client: int
    step: int

    def before(self, other: Reached) -> bool | None:
        """Whether it was earlier; `None` where that is not known."""
        if self.phase != other.phase:
            return self.phase < other.phase
        return self.step < other.step if self.client == other.client else None


class _Standing(NamedTuple):
    username: str
    score: Score
    reached: Reached


def check_together(board: LeaderboardBackend, trace: Trace, phases: Sequence[Phase]) -> Checked:
    """Compare the whole board with the expected state; raises `WrongBoardError` at the first difference."""
    standings = _loaded(trace)
    changes = 0
    for number, phase in enumerate(phases):
        for client, (positions, run) in enumerate(zip(phase.parts, phase.run, strict=True)):
            for position in positions[:run]:
                changes += _apply(standings, trace, position, Reached(number, client, position))
    _compare(board, standings)
    return Checked(answers=0, updates=changes, what=CHECKED)


def _loaded(trace: Trace) -> dict[str, _Standing]:
    names = zip(trace.ids, trace.usernames, trace.scores, strict=False)
    return {
        player: _Standing(username, score, Reached(-1, 0, number))
        for number, (player, username, score) in enumerate(names)
    }


def _apply(standings: dict[str, _Standing], trace: Trace, position: int, reached: Reached) -> bool:
    """Apply one step; returns whether it changes the board."""
    index, arguments = trace.steps[position]
    operation = OPERATIONS[trace.operations[index]]
    if not operation.changes:
        return False
    if operation.method == "remove_player":
        standings.pop(arguments[0], None)
        return True
    player, username, score = arguments
    before = standings.get(player)
    if operation.method == "increment_score" and before is not None:
        score += before.score
    stays = before is not None and before.score == score
    standings[player] = _Standing(username, score, before.reached if before is not None and stays else reached)
    return True


def _compare(board: LeaderboardBackend, standings: dict[str, _Standing]) -> None:
    above: tuple[Entry, _Standing] | None = None
    for rank, entry in enumerate(entries(board), 1):
        standing = standings.pop(entry.player_id, None)
        if standing is None or entry != (rank, entry.player_id, standing.username, standing.score):
            raise WrongBoardError(
                f"at the end, rank {rank} holds {show(entry)}, which no order of the steps can produce"
            )
        if above is not None and not _in_order(above, (entry, standing)):
            raise WrongBoardError(
                f"at the end, {show(above[0])} is ranked before {show(entry)}, who reached the score first"
            )
        above = entry, standing
    if standings:
        raise WrongBoardError(f"at the end, {len(standings)} players are missing, {next(iter(standings))!r} among them")


def _in_order(above: tuple[Entry, _Standing], below: tuple[Entry, _Standing]) -> bool:
    if above[0].score != below[0].score:
        return above[0].score > below[0].score
    return above[1].reached.before(below[1].reached) is not False
