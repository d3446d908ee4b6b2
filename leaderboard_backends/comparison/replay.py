"""The replay: run a trace's steps on a board, time each call, keep each answer for the gate.

Every operation has a budget of seconds. Once its samples have used that up, its remaining steps are left out, and the
model later replays exactly the steps that were run.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any, TypeAlias

from ..protocol import LeaderboardBackend
from .operations import Operation
from .trace import Step

Answer: TypeAlias = object
"""What a call returned, in short: a rank as it is, entries as the hash of their tuple (within one process)."""


class Section:
    """What became of one section of a trace: for each operation its samples, and the answer of each step."""

    def __init__(self, steps: Sequence[Step], operations: Sequence[Operation]) -> None:
        self.steps = steps
        self.operations = operations
        planned = [0] * len(operations)
        for index, _ in steps:
            planned[index] += 1
        self.planned = planned
        self.run = [0] * len(operations)
        self.answers: list[Answer] = [None] * len(steps)
        self._samples = [array("q", bytes(8 * count)) for count in planned]

    def samples(self, index: int) -> Sequence[int]:
        """Return an operation's samples in nanoseconds, in the order they were taken."""
        return self._samples[index][: self.run[index]]

    def replay(self, board: LeaderboardBackend, seconds_each: float) -> None:
        """Run the steps, each operation for at most about `seconds_each`. Raises what the board raises."""
        calls: list[Callable[..., Any]] = [getattr(board, operation.method) for operation in self.operations]
        left = [int(seconds_each * 1e9)] * len(calls)
        answers, run, samples = self.answers, self.run, self._samples
        for position, (index, arguments) in enumerate(self.steps):
            if left[index] <= 0:
                continue
            call = calls[index]
            started = perf_counter_ns()
            answer = call(*arguments)
            took = perf_counter_ns() - started
            samples[index][run[index]] = took
            run[index] += 1
            left[index] -= took
            answers[position] = in_short(answer)


def in_short(answer: Any) -> Answer:
    """Return what is kept of an answer, so that thousands of lists of entries need not stay in memory."""
    return hash(tuple(answer)) if isinstance(answer, list) else answer
