"""The conformance gate of a run: no figure counts unless the board gave the model's answers and ended in its state.

Answers are compared as they come (`service`), with those that `traces` has for the trace; what is here compares whole
boards, after all measuring is done, and says what the first difference is. Of a board that several clients wrote at
once, all is known except who came first in some ties: each player was written by one client alone, so that score and
username are known; of two players who share a score, the one whose last change came in an earlier phase, or earlier
with the same client, must rank first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import zip_longest
from typing import Any, Final, NamedTuple

import msgspec

from ...answers import ask_live
from ...model import Entry, Score, shorten
from ...protocol import LeaderboardBackend
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..figures import Checked
from ..traces import answer_at, final_state

LEAST_PAGE: Final = 25_000
MOST_PAGES: Final = 8
"""Number of pages in which a whole board is read: few, because the naive board sorts for each page."""

CHECKED_TOGETHER: Final = (
    "each player's username and score at the end, and ties if the steps decide them; answers are checked in other runs"
)


class WrongBoardError(Exception):
    """The board is not what the model is; the text has the first difference."""


def wrong_answer(trace: Trace, position: int, answer: Any) -> WrongBoardError:
    """Return the error with the wrong answer to a step and the model's, which is computed again up to that step."""
    index, arguments = trace.steps[position]
    operation = OPERATIONS[trace.operations[index]]
    call = f"{operation.method}({', '.join(map(repr, arguments))})"
    expected = answer_at(trace, position)
    if isinstance(expected, list) and isinstance(answer, list):
        pairs = zip_longest(answer, expected)
        given, right = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
        return WrongBoardError(f"{call} returned {show(given)}, where the model has {show(right)}")
    return WrongBoardError(f"{call} returned {shorten(answer)}, the model says {shorten(expected)}")


def check_state(board: LeaderboardBackend, trace: Trace, changes: int) -> str:
    """Compare all entries with the model's after so many changing steps, and return the SHA-256 of them.

    Raises `WrongBoardError` at the first difference, also for an entry too many.
    """
    digest = sha256()
    encode = msgspec.json.Encoder().encode
    for rank, (given, expected) in enumerate(zip_longest(entries(board), final_state(trace, changes)), 1):
        if given != expected or type(given[3]) is not type(expected[3]):
            raise WrongBoardError(f"at the end, rank {rank} holds {show(given)}, the model says {show(expected)}")
        digest.update(encode(expected) + b"\n")
    return digest.hexdigest()


def entries(board: LeaderboardBackend) -> Iterator[Entry]:
    """Yield all entries of a board, in few pages, from its storage: other processes may have written to it just now."""
    players = ask_live(len, board)
    page = max(LEAST_PAGE, -(-players // MOST_PAGES))
    for first in range(1, players + 1, page):
        yield from ask_live(lambda first: board.get_range(first, first + page - 1), first)


def show(entry: object) -> str:
    """Return an entry as text."""
    if isinstance(entry, Entry):
        return f"{entry.player_id!r} ({entry.username!r}) with {entry.score!r} at rank {entry.rank}"
    return "nobody" if entry is None else shorten(entry)


# ---------------------------------------------------------------------- several clients


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
    return Checked(answers=0, updates=changes, what=CHECKED_TOGETHER)


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
