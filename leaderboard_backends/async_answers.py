# generated from leaderboard_backends/answers.py
# by tools/async_faces.py: change that file, then run `make faces`
"""How an answer came about: of the storage itself, of a replica, or from memory, and how old it may be.

Whoever answers otherwise than live notes it (`answered`), whoever asked reads it (`ask`, `last_answer`), and what
decides a write asks for a live answer or none (`ask_live`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from .answers import (
    LIVE,
    Asked,
    Value,
    _wanted,
    answered,
    last_answer,
)
from .errors import BackendUnavailableError


async def ask_live(
    read: Callable[[Asked], Awaitable[Value]],
    asked: Asked,
    what: str = "the current score, which a validation rule needs,",
) -> Value:
    """Return what a read returns, and leave `last_answer` as it was.

    Raises what the read raises, and `BackendUnavailableError` for an answer that is not live all the same: of a board
    inside that has no other. `what` names in the error's text what was asked for.
    """
    before, wanted = last_answer(), _wanted.get()
    try:
        answered(LIVE)
        _wanted.set(True)
        value, answer = await read(asked), last_answer()
    finally:
        _wanted.set(wanted)
        answered(before)
    if answer.source == "live":
        return value
    raise BackendUnavailableError(
        f"{what} is {answer.source} and {answer.age:.1f} s old: nothing was written, and it is safe to repeat when the "
        "storage answers."
    )
