"""How an answer came about: of the storage itself, of a replica, or from memory, and how old it may be.

Whoever answers otherwise than live notes it (`answered`), whoever asked reads it (`ask`, `last_answer`), and what
decides a write asks for a live answer or none (`ask_live`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from inspect import iscoroutinefunction
from typing import Final, Literal, NamedTuple, ParamSpec, TypeVar

from .errors import BackendUnavailableError, InvalidArgumentTypeError
from .model import shorten

Source = Literal["live", "replica", "cached", "stale", "approximate", "partial"]
"""How an answer came about.

`live`: the storage was asked. `replica`: a copy was asked, within the age that was set. `cached`: from memory, within
the age that was set. `stale`: from memory, as the storage did not answer. `approximate`: within a stated error.
`partial`: without the shards that did not answer.
"""

Parameters = ParamSpec("Parameters")
Asked = TypeVar("Asked")
Value = TypeVar("Value")


class Coverage(NamedTuple):
    """How much of a board over several shards a partial answer is made of."""

    answered: int
    """How many shards answered."""
    missing: tuple[int, ...]
    """The numbers of those that did not."""
    lowest_rank: int | None = None
    """The rank as the shards that answered have it, where the answer is about one player: it is no better than that."""
    highest_rank: int | None = None
    """The same rank if all players of the missing shards were before, as many as those held when last heard of."""


class Answer(NamedTuple):
    """How an answer came about, and how old it is at most, in seconds; a live one has the age 0."""

    source: Source
    age: float
    coverage: Coverage | None = None
    """What a partial answer is made of."""


LIVE: Final = Answer("live", 0.0)

_answer: Final[ContextVar[Answer]] = ContextVar("answer", default=LIVE)
_wanted: Final[ContextVar[bool]] = ContextVar("live_wanted", default=False)

_partial: Final[ContextVar[bool]] = ContextVar("partial_wanted", default=False)
_consistent: Final[ContextVar[bool]] = ContextVar("consistent_wanted", default=False)

partial_wanted: Final[Callable[[], bool]] = _partial.get
"""Return whether the read in work may answer without the shards that do not answer."""
consistent_wanted: Final[Callable[[], bool]] = _consistent.get
"""Return whether the read in work must be of one moment of all shards."""

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
    """Return what a read returns, and how that answer came about: `ask(board.get_top_n, 10)`.

    Raises what the read raises, and `InvalidArgumentTypeError` for a coroutine function: `aio.ask` is for those. No
    round trip of its own.
    """
    if iscoroutinefunction(read):
        raise InvalidArgumentTypeError(
            f"ask takes a function, and {shorten(read)} is a coroutine function: use `await "
            "leaderboard_backends.aio.ask(…)`."
        )
    _answer.set(LIVE)
    return read(*arguments, **options), _answer.get()


@contextmanager
def _set(variable: ContextVar[bool]) -> Iterator[None]:
    before = variable.get()
    variable.set(True)
    try:
        yield
    finally:
        variable.set(before)


def partial_answers() -> AbstractContextManager[None]:
    """Let the reads within a `with` block answer without the shards that do not answer.

    `ask` and `last_answer` then tell which are missing; where none answers, a read raises `ShardsMissingError` all the
    same. A board that has no shards takes no note of it.
    """
    return _set(_partial)


def consistent_reads() -> AbstractContextManager[None]:
    """Let each read within a `with` block be of one moment of all shards, or raise `BackendUnavailableError`.

    A board that has no shards takes no note of it: its reads are.
    """
    return _set(_consistent)


def live_answers() -> AbstractContextManager[None]:
    """Ask for live answers within a `with` block; whoever has no other notes so, and `ask` tells."""
    return _set(_wanted)


def ask_live(
    read: Callable[[Asked], Value], asked: Asked, what: str = "the current score, which a validation rule needs,"
) -> Value:
    """Return what a read returns, and leave `last_answer` as it was.

    Raises what the read raises, and `BackendUnavailableError` for an answer that is not live all the same: of a board
    inside that has no other. `what` names in the error's text what was asked for.
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
        f"{what} is {answer.source} and {answer.age:.1f} s old: nothing was written, and it is safe to repeat when the "
        "storage answers."
    )
