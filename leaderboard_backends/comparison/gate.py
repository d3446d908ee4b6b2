"""The gate: no figure counts unless the board gave the model's answers and ended in the model's state.

The model is `leaderboard_backends.testing.oracle.OracleBoard`. It replays the steps that the board ran, the warm-up and
a prefix cut by the time limit included, after all measuring is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import zip_longest

import msgspec

from ..model import Entry, shorten
from ..protocol import LeaderboardBackend
from ..testing.oracle import OracleBoard
from .operations import Operation
from .replay import Section, in_short
from .result import Gate
from .trace import Trace

PAGE = 25_000
"""Entries read at once: large, as the naive board sorts anew for each page."""


class WrongBoardError(Exception):
    """The board is not what the model is; the text has the first difference."""


def check(board: LeaderboardBackend, trace: Trace, sections: Sequence[Section]) -> Gate:
    """Return what was compared; raises `WrongBoardError` at the first difference."""
    model = OracleBoard(board.order, board.keep)
    model.update_scores(zip(trace.ids, trace.usernames, trace.scores, strict=True))
    checked = sum(_check_answers(model, section) for section in sections)
    return Gate(
        state_sha256=_check_state(board, model),
        updates_applied=sum(_changes(section) for section in sections),
        answers_checked=checked,
    )


def _check_answers(model: OracleBoard, section: Section) -> int:
    """Replay a section on the model, each operation as often as the board ran it; returns how many answers agreed."""
    left = list(section.run)
    for position, (index, arguments) in enumerate(section.steps):
        if not left[index]:
            continue
        left[index] -= 1
        operation = section.operations[index]
        expected = getattr(model, operation.method)(*arguments)
        given = section.answers[position]
        if given != in_short(expected):
            raise WrongBoardError(_wrong_answer(operation, arguments, given, expected))
    return sum(section.run)


def _wrong_answer(operation: Operation, arguments: Sequence[object], given: object, expected: object) -> str:
    call = f"{operation.method}({', '.join(map(repr, arguments))})"
    if isinstance(expected, list):
        return f"{call} returned other entries than the model's {len(expected)}, the first {_show(expected[0])}"
    return f"{call} returned {shorten(given)}, the model says {shorten(expected)}"


def _check_state(board: LeaderboardBackend, model: OracleBoard) -> str:
    """Compare all entries, and that there are no more; returns the SHA-256 of them."""
    digest = sha256()
    encode = msgspec.json.Encoder().encode
    for rank, (given, expected) in enumerate(zip_longest(_entries(board, len(model)), model), 1):
        if given != expected or type(given[3]) is not type(expected[3]):
            raise WrongBoardError(f"in the end rank {rank} holds {_show(given)}, the model says {_show(expected)}")
        digest.update(encode(expected) + b"\n")
    return digest.hexdigest()


def _entries(board: LeaderboardBackend, players: int) -> Iterator[Entry]:
    for first in range(1, max(players, len(board)) + 1, PAGE):
        yield from board.get_range(first, first + PAGE - 1)


def _show(entry: Entry | None) -> str:
    return "nobody" if entry is None else f"{entry.player_id!r} ({entry.username!r}) with {entry.score!r}"


def _changes(section: Section) -> int:
    return sum(run for run, operation in zip(section.run, section.operations, strict=True) if operation.changes)
