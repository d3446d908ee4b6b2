"""The model's side of a trace: the answer to each step, and what the board holds in the end.

Answers come from `OracleBoard`; the end state from a dict and one sort, which share nothing with it. Reads never change
a board, so that a replay may leave reads out and still compare all the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice
from operator import itemgetter
from typing import Any, Final

import msgspec

from ...model import Entry, Score, shorten
from ...testing.oracle import OracleBoard
from .operations import OPERATIONS, Arguments
from .trace import Trace

DIGEST_SIZE: Final = 8
"""Bytes kept of an answer: one in 2^64 wrong ones would pass."""

_encode: Final = msgspec.msgpack.Encoder().encode


def answer_digest(answer: object) -> bytes:
    """Return the digest of what a call returned, the same in every process.

    Whole numbers and floats stay apart, as do `True` and 1; an entry counts as the tuple that it is. What is no plain
    data at all, and so no answer of the model, has the digest of some words.
    """
    try:
        plain = _encode(answer)
    except (TypeError, ValueError, OverflowError):
        plain = b"not plain: " + shorten(answer).encode("utf-8", "replace")
    return blake2b(plain, digest_size=DIGEST_SIZE).digest()


def model_answers(trace: Trace) -> bytes:
    """Return the digests of the model's answers, one after the other for each step. O(players) a changing step."""
    return b"".join(map(answer_digest, _answers(trace)))


def answer_at(trace: Trace, position: int) -> Any:
    """Return the model's answer to one step, by replaying all steps up to it."""
    return next(islice(_answers(trace), position, None))


def _answers(trace: Trace) -> Iterator[object]:
    board = OracleBoard()
    board.update_scores(zip(trace.ids, trace.usernames, trace.scores, strict=False))
    calls = [getattr(board, OPERATIONS[name].method) for name in trace.operations]
    for index, arguments in trace.steps:
        yield calls[index](*arguments)


_Line = tuple[str, str, Score]
_SCORE: Final = 2


def final_state(trace: Trace, changes: int) -> Iterator[Entry]:
    """Yield the entries of the board, best first, after the load and the first so many steps that change it.

    Players stand in the dict in the order in which they reached their scores, which a stable sort leaves as it is
    within a tie. O(n log n).
    """
    standing = {line[0]: line for line in zip(trace.ids, trace.usernames, trace.scores, strict=False)}
    for method, arguments in islice(_changes(trace), changes):
        _APPLY[method](standing, *arguments)
    ordered = sorted(standing.values(), key=itemgetter(_SCORE), reverse=True)
    for rank, line in enumerate(ordered, 1):
        yield Entry(rank, *line)


def _changes(trace: Trace) -> Iterator[tuple[str, Arguments]]:
    operations = [OPERATIONS[name] for name in trace.operations]
    for index, arguments in trace.steps:
        if operations[index].changes:
            yield operations[index].method, arguments


def _update(standing: dict[str, _Line], player_id: str, username: str, score: Score) -> None:
    if player_id in standing and standing[player_id][_SCORE] != score:
        del standing[player_id]
    standing[player_id] = player_id, username, score


def _increment(standing: dict[str, _Line], player_id: str, username: str, delta: Score) -> None:
    before = standing[player_id][_SCORE] if player_id in standing else 0
    _update(standing, player_id, username, before + delta)


def _remove(standing: dict[str, _Line], player_id: str) -> None:
    standing.pop(player_id, None)


_APPLY: Final[dict[str, Any]] = {
    "update_score": _update,
    "increment_score": _increment,
    "remove_player": _remove,
}
