"""Service time: how long single operations take, one client, one call after the other, each against the model's answer.

Reads change nothing, so that a read may be left out and the others still be compared: each kind of read has a budget of
seconds, and is left out once that is spent. Writes depend on each other, so that the replay ends once their budget is
spent.
"""

from __future__ import annotations

import gc
from array import array
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from typing import Any, Final

from ...protocol import LeaderboardBackend
from ...timing import clock_cost_us, preallocated
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..figures import Checked, ServiceFigures, Timed, distribution
from ..traces import DIGEST_SIZE, answer_digest
from .checks import check_state, wrong_answer
from .job import Job
from .session import Session

WARM_UP_SHARE: Final = 0.1
"""Of the time limit."""

CHECKED: Final = "every answer, and the whole final state"


def measure(job: Job, session: Session, trace: Trace) -> ServiceFigures:
    """Load, warm up, replay, and compare all of it with the model."""
    replay = Replay(trace, Path(job.answers_path).read_bytes())
    load, memory = session.load(trace)
    replay.run(session.board, job.time_limit * WARM_UP_SHARE, trace.warm_up)
    gc.collect()
    with session.counting_other_work():
        timed = replay.run(session.board, job.time_limit)
    return ServiceFigures(
        load=load,
        memory=memory,
        operations={
            name: Timed(samples.planned, distribution(samples.taken()))
            for name, samples in zip(trace.operations, timed, strict=True)
            if samples.count
        },
        clock_us=clock_cost_us(),
        checked=Checked(replay.answered, replay.changes, check_state(session.board, trace, replay.changes), CHECKED),
    )


class Replay:
    """Replays the steps of a trace: first unmeasured, then measured ones, each call from where the last one ended."""

    def __init__(self, trace: Trace, answers: bytes) -> None:
        self._trace = trace
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
        `WrongBoardError` for the first answer that is not the model's.
        """
        steps = self._trace.steps[self._position : end]
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
                raise wrong_answer(self._trace, position, answer)
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
        planned = Counter(index for index, _ in steps)
        return [Samples(planned[index]) for index in range(len(self._operations))]


class Samples:
    """The samples of one operation in nanoseconds, in a preallocated array."""

    def __init__(self, planned: int) -> None:
        self.planned = planned
        self.count = 0
        self.samples: Final[array[int]] = preallocated(planned)

    def taken(self) -> array[int]:
        """Return the samples, in the order they were taken."""
        return self.samples[: self.count]
