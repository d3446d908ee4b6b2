"""The conformance gate of a run: no figure counts unless the board gave the model's answers and ended in its state.

Answers are compared as they come (`service`), with those that `traces` has for the trace; what is here compares whole
boards, after all measuring is done, and says what the first difference is. Of a board that several clients wrote at
once, all is known except who came first in some ties: each player was written by one client alone, so that score and
username are known; of two players who share a score, the one whose last change came in an earlier phase, or earlier
with the same client, must rank first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import zip_longest
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec

from ...answers import ask_live
from ...model import Entry, ScoreUpdate, shorten
from ...protocol import LeaderboardBackend
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..figures import Checked
from ..traces import after_load, answer_at, apply_change, changing

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


def check_entries(board: LeaderboardBackend, right: Iterable[Entry], says: str) -> str:
    """Compare all entries with the right ones, and return the SHA-256 of them; the text of a difference `says` which.

    Raises `WrongBoardError` at the first difference, also for an entry too many.
    """
    digest = sha256()
    encode = msgspec.json.Encoder().encode
    for rank, (given, expected) in enumerate(zip_longest(entries(board), right), 1):
        if given != expected or type(given[3]) is not type(expected[3]):
            raise WrongBoardError(f"at the end, rank {rank} holds {show(given)}, {says} {show(expected)}")
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


Phase: TypeAlias = Sequence[Sequence[int]]
"""Steps that clients ran at once: for each client, their positions in the trace."""


class Reached(NamedTuple):
    """When a player reached the score, as far as that is known."""

    phase: int
    client: int
    step: int

    def may_precede(self, other: Reached) -> bool:
        """Whether it may have been earlier: of two clients of one phase, either may."""
        if self.phase == other.phase and self.client != other.client:
            return True
        return (self.phase, self.step) < (other.phase, other.step)


def check_together(board: LeaderboardBackend, trace: Trace, phases: Sequence[Phase]) -> Checked:
    """Compare the whole board with the expected state; raises `WrongBoardError` at the first difference."""
    standing = after_load(trace)
    reached = {player: Reached(-1, 0, number) for number, player in enumerate(standing)}
    count = 0
    for number, phase in enumerate(phases):
        for client, positions in enumerate(phase):
            for position, method, arguments in changing(trace, positions):
                count += 1
                player = arguments[0]
                before = standing.get(player)
                apply_change(standing, method, arguments)
                after = standing.get(player)
                if after is not None and (before is None or before.score != after.score):
                    reached[player] = Reached(number, client, position)
    _compare(board, standing, reached)
    return Checked(answers=0, updates=count, what=CHECKED_TOGETHER)


def _compare(board: LeaderboardBackend, standing: dict[str, ScoreUpdate], reached: Mapping[str, Reached]) -> None:
    above: Entry | None = None
    for rank, entry in enumerate(entries(board), 1):
        line = standing.pop(entry.player_id, None)
        if line is None or entry != (rank, *line):
            raise WrongBoardError(
                f"at the end, rank {rank} holds {show(entry)}, which no order of the steps can produce"
            )
        if above is not None and not _in_order(above, entry, reached):
            raise WrongBoardError(
                f"at the end, {show(above)} is ranked before {show(entry)}, who reached the score first"
            )
        above = entry
    if standing:
        raise WrongBoardError(f"at the end, {len(standing)} players are missing, {next(iter(standing))!r} among them")


def _in_order(above: Entry, below: Entry, reached: Mapping[str, Reached]) -> bool:
    if above.score != below.score:
        return above.score > below.score
    return reached[above.player_id].may_precede(reached[below.player_id])
