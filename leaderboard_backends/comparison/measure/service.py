"""Service time: how long single operations take, one client, one call after the other, each against the model's answer.

Reads change nothing, so that a read may be left out and the others still be compared: each kind of read has a budget of
seconds, and is left out once that is spent. Writes depend on each other, so that the replay ends once their budget is
spent.

What each part around a board adds is measured by the steps of a trace in turns on the board alone, on each part, and on
all. All stand on one board, so that every answer is the model's whichever of them is asked, and what the machine does
meanwhile hits all alike.
"""

from __future__ import annotations

import gc
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any, Final

from ...config import Reopening, describe
from ...errors import ConfigurationError
from ...protocol import LeaderboardBackend
from ...registry import wrapper_class
from ...testing.opening import is_url
from ...timing import clock_cost_us, preallocated
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..figures import Checked, HardeningFigures, PartTime, ServiceFigures, Timed, distribution
from ..opening import Where
from ..plan import HardeningPart
from ..traces import DIGEST_SIZE, answer_digest
from .checks import check_state, wrong_answer
from .job import Job
from .session import Session

WARM_UP_SHARE: Final = 0.1
"""Of the time limit."""

CHECKED: Final = "every answer, and the whole final state"

ALONE: Final = ""
ALL: Final = "all parts"


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
        planned = Counter(index for index, _ in steps)
        timed = [Samples(planned[index]) for index in range(len(self._operations))]
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


class Samples:
    """The samples of one operation in nanoseconds, in a preallocated array."""

    def __init__(self, planned: int) -> None:
        self.planned = planned
        self.count = 0
        self.samples: Final[array[int]] = preallocated(planned)

    def taken(self) -> array[int]:
        """Return the samples, in the order they were taken."""
        return self.samples[: self.count]


# ---------------------------------------------------------------------- with parts around the board


def measure_parts(job: Job, session: Session, trace: Trace) -> HardeningFigures:
    """Load, replay in turns, and compare all of it with the model. Raises `ConfigurationError` for unknown parts."""
    session.load(trace)
    boards = _around(session.board, session.where, job.settings(HardeningPart).parts)
    answers = Path(job.answers_path).read_bytes()
    operations = [OPERATIONS[name] for name in trace.operations]
    calls = [[getattr(board, operation.method) for operation in operations] for board in boards.values()]
    samples: list[list[list[int]]] = [[[] for _ in operations] for _ in boards]
    changes = answered = 0
    with session.counting_other_work():
        deadline = perf_counter() + job.time_limit * len(boards)
        for position, (index, arguments) in enumerate(trace.steps):
            turn = position % len(calls)
            call = calls[turn][index]
            started = perf_counter_ns()
            answer = call(*arguments)
            took = perf_counter_ns() - started
            if position >= trace.warm_up:
                samples[turn][index].append(took)
            if answer_digest(answer) != answers[position * DIGEST_SIZE : (position + 1) * DIGEST_SIZE]:
                raise wrong_answer(trace, position, answer)
            answered += 1
            changes += operations[index].changes
            if perf_counter() >= deadline:
                break
    times = [
        PartTime(part, name, distribution(taken))
        for part, by_operation in zip(boards, samples, strict=True)
        for name, taken in zip(trace.operations, by_operation, strict=True)
        if taken
    ]
    checked = Checked(answered, changes, check_state(session.board, trace, changes), CHECKED)
    return HardeningFigures(times, checked)


def _around(
    board: LeaderboardBackend, where: Where, parts: Mapping[str, Mapping[str, Any]]
) -> dict[str, LeaderboardBackend]:
    """Return the board alone, with each part around it, and with all of them, in the order of a configuration."""
    if not is_url(where.target):
        raise ConfigurationError(f"{where.target} is no URL: parts are put around a board that a URL describes.")
    described = describe({"url": where.target, "board": where.board, **parts})
    boards, whole = {ALONE: board}, board
    for name, settings in described.layers.items():
        boards[name] = wrapper_class(name).wrap(board, Reopening(described), **settings)
        whole = wrapper_class(name).wrap(whole, Reopening(described), **settings)
    return {**boards, ALL: whole}
