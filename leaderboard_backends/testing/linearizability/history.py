"""What was asked of a board and what it answered, with times: the operations of a history, and what records them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from math import inf
from time import monotonic_ns
from typing import Final, NamedTuple, cast

from ...errors import BackendError, BatchOutcomes, LeaderboardError, WriteOutcomeUnknownError
from ...protocol import LeaderboardBackend


class _Open(Enum):
    """What stands in the place of an answer."""

    UNKNOWN = "no answer"
    ANY = "any answer"

    def __repr__(self) -> str:
        return str(self.value)


UNKNOWN: Final = _Open.UNKNOWN
"""Nobody knows how it ended: it may have happened, at any moment after the call, or never."""
ANY: Final = _Open.ANY
"""It happened before it returned, and whatever it answered is accepted."""


class Operation(NamedTuple):
    """One call on a board, of one thread or process, which makes one call after the other."""

    process: int
    call: str
    """The public operation, for example `update_score` or `__len__`."""
    arguments: tuple[object, ...]
    answer: object
    """What was returned, or `UNKNOWN`, or `ANY`."""
    invoked: int
    """When it was called, in ns of `time.monotonic_ns`: one clock for all processes of a machine."""
    returned: float
    """When it returned; `inf` where the answer is `UNKNOWN`."""

    def __str__(self) -> str:
        return f"{self.call}({', '.join(map(repr, self.arguments))}) -> {self.answer!r}"


class Recorder:
    """Makes the calls of one thread or process on a board, and keeps them as operations.

    What stays in `operations` is what has to be explained: a call that was answered, with its answer; one that raised
    `WriteOutcomeUnknownError`, or anything that is no `LeaderboardError`, as `UNKNOWN`. A call that raised any other
    error of the library was not applied, says the contract, so it is left out: an effect of it stays unexplained.

    `tell` hears of each operation before it is called (as `UNKNOWN`), then how it ended: the operation with its
    answer, or `None` where it is left out. So the history of a process that is killed is known up to its last call:
    `told` makes it from what was heard.
    """

    def __init__(
        self,
        board: LeaderboardBackend,
        process: int = 0,
        tell: Callable[[Operation | None], object] = lambda _: None,
    ) -> None:
        self._board = board
        self._process = process
        self._tell = tell
        self.operations: list[Operation] = []
        """The history so far, in the order of the calls."""

    def call(self, operation: str, *arguments: object) -> object:
        """Call a public operation and return its answer, or raise its error, both recorded.

        Costs about a microsecond beside the call. Raises `ValueError` for an `update_scores` of which a part was
        applied, and no `outcomes` say which: a history has operations that happen whole, so give it no more updates
        than one batch of the backend.
        """
        method = getattr(self._board, operation)
        asked = Operation(self._process, operation, arguments, UNKNOWN, monotonic_ns(), inf)
        self.operations.append(asked)
        self._tell(asked)
        try:
            answer = method(*arguments)
            returned = monotonic_ns()
        except LeaderboardError as error:
            self._refuse(error)
            raise
        self.operations[-1] = answered = asked._replace(answer=answer, returned=returned)
        self._tell(answered)
        return answer

    def _refuse(self, error: LeaderboardError) -> None:
        """Leave out what was not applied: a call, or of a batch over several shards the updates that were refused."""
        outcomes: BatchOutcomes | None = getattr(error, "outcomes", None)
        if outcomes is not None:
            asked = self.operations[-1]
            updates = enumerate(cast("Iterable[object]", asked.arguments[0]))
            left = [update for place, update in updates if place not in outcomes.refused]
            self.operations[-1] = asked._replace(arguments=(left,))
            self._tell(self.operations[-1])
        elif isinstance(error, BackendError) and error.applied:
            raise ValueError(
                "only a part of these updates was applied; record only batches that the backend applies atomically."
            )
        elif not isinstance(error, WriteOutcomeUnknownError):
            self.operations.pop()
            self._tell(None)


def told(messages: Iterable[Operation | None]) -> list[Operation]:
    """Return the operations that one recorder told of; the last is `UNKNOWN` where its process ended in the call."""
    operations: list[Operation] = []
    for message in messages:
        if message is None:
            operations.pop()
        elif operations and operations[-1].invoked == message.invoked:
            operations[-1] = message
        else:
            operations.append(message)
    return operations
