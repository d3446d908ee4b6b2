"""The gate: no figure counts unless the board gave the model's answers and ended in the model's state.

Answers are compared as they come (`replay`), with those that `workload.model` drew for the trace; what is here compares
whole boards, after all measuring is done, and says what the first difference is.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import zip_longest
from typing import Final

import msgspec

from ...answers import ask_live
from ...model import Entry, shorten
from ...protocol import LeaderboardBackend
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..traces import answer_at, final_state
from .replay import WrongAnswerError

LEAST_PAGE: Final = 25_000
MOST_PAGES: Final = 8
"""Number of pages in which a whole board is read: few, because the naive board sorts for each page."""


class WrongBoardError(Exception):
    """The board is not what the model is; the text has the first difference."""


def explain(trace: Trace, wrong: WrongAnswerError) -> WrongBoardError:
    """Return the error with a wrong answer and the model's, which is computed again up to that step."""
    index, arguments = trace.steps[wrong.position]
    operation = OPERATIONS[trace.operations[index]]
    call = f"{operation.method}({', '.join(map(repr, arguments))})"
    expected = answer_at(trace, wrong.position)
    if isinstance(expected, list) and isinstance(wrong.given, list):
        pairs = zip_longest(wrong.given, expected)
        given, right = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
        return WrongBoardError(f"{call} returned {show(given)}, where the model has {show(right)}")
    return WrongBoardError(f"{call} returned {shorten(wrong.given)}, the model says {shorten(expected)}")


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
