"""Replaying the steps of a trace on a board, one after the other, against the clock and the model's answers.

Reads change nothing, so that a read may be left out and the others still be compared: each kind of read has a budget of
seconds, and is left out once that is spent. Writes depend on each other, so that the replay ends once their budget is
spent.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any, Final

from ...protocol import LeaderboardBackend
from ...timing import preallocated
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..traces import DIGEST_SIZE, answer_digest


class WrongAnswerError(Exception):
    """A board answered a step with something else than the model."""

    def __init__(self, position: int, given: object) -> None:
        super().__init__(position, given)
        self.position = position
        self.given = given


class Replay:
    """Replays the steps of a trace: first unmeasured, then measured ones, each call from where the last one ended."""

    def __init__(self, trace: Trace, answers: bytes) -> None:
        self._steps = trace.steps
        self._answers = answers
        self._operations = [OPERATIONS[name] for name in trace.operations]
        self._position = 0
        self.changes = 0
        """How many steps that change the board were run: the first so many of the trace."""
        self.answered = 0
        """How many answers agreed with the model's."""

    def run(self, board: LeaderboardBackend, seconds: float, end: int | None = None) -> list[Samples]:
        """Run the steps up to `end`, and return the samples of each operation.

        All writes share a budget in seconds, and each kind of read has one. Raises what the board raises, and
        `WrongAnswerError` for the first answer that is not the model's.
        """
        steps = self._steps[self._position : end]
        timed = self._room(steps)
        calls: list[Callable[..., Any]] = [getattr(board, operation.method) for operation in self._operations]
        writes = [operation.changes for operation in self._operations]
        budget = int(seconds * 1e9)
        left, writing, answers = [budget] * len(calls), budget, self._answers
        for position, (index, arguments) in enumerate(steps, self._position):
            self._position = position + 1
            if left[index] <= 0:
                continue
            call, slot = calls[index], timed[index]
            started = perf_counter_ns()
            answer = call(*arguments)
            took = perf_counter_ns() - started
            slot.samples[slot.count] = took
            slot.count += 1
            at = position * DIGEST_SIZE
            if answer_digest(answer) != answers[at : at + DIGEST_SIZE]:
                raise WrongAnswerError(position, answer)
            self.answered += 1
            if not writes[index]:
                left[index] -= took
                continue
            self.changes += 1
            writing -= took
            if writing <= 0:
                break
        return timed

    def _room(self, steps: list[Any]) -> list[Samples]:
        planned = [0] * len(self._operations)
        for index, _ in steps:
            planned[index] += 1
        return [Samples(count) for count in planned]


class Samples:
    """The samples of one operation in nanoseconds, in a preallocated array."""

    def __init__(self, planned: int) -> None:
        self.planned = planned
        self.count = 0
        self.samples: Final[array[int]] = preallocated(planned)

    def taken(self) -> array[int]:
        """Return the samples, in the order they were taken."""
        return self.samples[: self.count]
