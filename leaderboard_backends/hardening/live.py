"""Asking for a live answer or none: what decides a write must not come from memory, and need not be remembered."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeVar

from ..errors import BackendUnavailableError
from ..wrapper import LIVE, answered, last_answer

Asked = TypeVar("Asked")
Value = TypeVar("Value")

_wanted: Final[ContextVar[bool]] = ContextVar("live_wanted", default=False)

live_wanted: Final[Callable[[], bool]] = _wanted.get
"""Return whether the read in work is for a live answer or none; a part that remembers answers leaves it alone then."""


def ask_live(read: Callable[[Asked], Value], asked: Asked) -> Value:
    """Return what a read returns, and leave `last_answer` as it was.

    Raises what the read raises, and `BackendUnavailableError` for an answer from memory all the same: of a board inside
    that has no other.
    """
    before, wanted = last_answer(), _wanted.get()
    try:
        answered(LIVE)
        _wanted.set(True)
        value, answer = read(asked), last_answer()
    finally:
        _wanted.set(wanted)
        answered(before)
    if answer.source == "live":
        return value
    raise BackendUnavailableError(
        f"the current score, which a validation rule needs, is {answer.source} and {answer.age:.1f} s old: nothing "
        "was written, and it is safe to repeat when the storage answers."
    )
