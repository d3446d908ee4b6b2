"""How an answer came about: of the storage itself, of a replica, or from memory, and how old it may be.

Whoever answers otherwise than live notes it (`answered`), whoever asked reads it (`ask`, `last_answer`), and what
decides a write asks for a live answer or none (`ask_live`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, Literal, NamedTuple, ParamSpec, TypeVar

from .errors import BackendUnavailableError

Source = Literal["live", "replica", "cached", "stale", "approximate"]
"""How an answer came about.

`live`: the storage was asked. `replica`: a copy was asked, within the age that was set. `cached`: from memory, within
the age that was set. `stale`: from memory, as the storage did not answer. `approximate`: within a stated error.
"""

Parameters = ParamSpec("Parameters")
Asked = TypeVar("Asked")
Value = TypeVar("Value")


class Answer(NamedTuple):
    """How an answer came about, and how old it is at most, in seconds; a live one has the age 0."""

    source: Source
    age: float


LIVE: Final = Answer("live", 0.0)

_answer: Final[ContextVar[Answer]] = ContextVar("answer", default=LIVE)
_wanted: Final[ContextVar[bool]] = ContextVar("live_wanted", default=False)

live_wanted: Final[Callable[[], bool]] = _wanted.get
"""Return whether the read in work is for a live answer or none; what answers otherwise leaves it alone then."""


def last_answer() -> Answer:
    """Return how the last read of this thread or task was answered.

    A board that always asks its storage notes nothing: its answers are live. What is read in `asyncio.to_thread` is
    noted there, and not in the task that waits: use `await asyncio.to_thread(ask, board.get_rank, "ada")`.
    """
    return _answer.get()


def answered(answer: Answer) -> None:
    """Note how a read was answered; for boards and wrappers."""
    _answer.set(answer)


def ask(
    read: Callable[Parameters, Value], *arguments: Parameters.args, **options: Parameters.kwargs
) -> tuple[Value, Answer]:
    """Return what a read returns, and how that answer came about: `ask(board.get_top_n, 10)`."""
    _answer.set(LIVE)
    return read(*arguments, **options), _answer.get()


def ask_live(read: Callable[[Asked], Value], asked: Asked) -> Value:
    """Return what a read returns, and leave `last_answer` as it was.

    Raises what the read raises, and `BackendUnavailableError` for an answer that is not live all the same: of a board
    inside that has no other.
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
