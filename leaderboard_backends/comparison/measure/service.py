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
from collections.abc import Callable, Mapping, Sequence
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
from ..traces import DIGEST_SIZE, answer_digest, check_entries, final_state, wrong_answer
from .processes import Job
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
            name: Timed(planned, distribution(samples))
            for name, (planned, samples) in zip(trace.operations, timed, strict=True)
            if samples
        },
        clock_us=clock_cost_us(),
        checked=replay.checked(session.board),
    )


class Replay:
    """Replays the steps of a trace: first unmeasured, then measured ones, each call from where the last one ended."""

    def __init__(self, trace: Trace, answers: bytes) -> None:
        self._trace = trace
        self._answers = answers
        self._operations = [OPERATIONS[name] for name in trace.operations]
        self._position = 0
        self._changes = 0
        """How many steps that change the board were run: the first so many of the trace."""
        self._answered = 0
        """How many answers agreed with the model's."""

    def calls(self, board: LeaderboardBackend) -> list[Callable[..., Any]]:
        """Return the method of a board for each operation."""
        return [getattr(board, operation.method) for operation in self._operations]

    def run(self, board: LeaderboardBackend, seconds: float, end: int | None = None) -> list[tuple[int, array[int]]]:
        """Run the steps up to `end`; return by operation how many were planned, and the samples in nanoseconds.

        All writes share a budget in seconds, and each kind of read has one. Raises as `step`.
        """
        calls, steps = self.calls(board), self._trace.steps[self._position : end]
        planned = Counter(index for index, _ in steps)
        samples, taken = [preallocated(planned[index]) for index in range(len(calls))], [0] * len(calls)
        budget = int(seconds * 1e9)
        left, writing = [budget] * len(calls), budget
        for position, (index, _) in enumerate(steps, self._position):
            self._position = position + 1
            if left[index] <= 0:
                continue
            took = self.step(calls, position)
            samples[index][taken[index]] = took
            taken[index] += 1
            if not self._operations[index].changes:
                left[index] -= took
                continue
            writing -= took
            if writing <= 0:
                break
        return [(len(slots), slots[:count]) for slots, count in zip(samples, taken, strict=True)]

    def step(self, calls: Sequence[Callable[..., Any]], position: int) -> int:
        """Run a step by one of the calls, and return what it took in nanoseconds.

        Raises what the board raises, and `WrongBoardError` for an answer that is not the model's.
        """
        index, arguments = self._trace.steps[position]
        call = calls[index]
        started = perf_counter_ns()
        answer = call(*arguments)
        took = perf_counter_ns() - started
        if answer_digest(answer) != self._answers[position * DIGEST_SIZE : (position + 1) * DIGEST_SIZE]:
            raise wrong_answer(self._trace, position, answer)
        self._answered += 1
        self._changes += self._operations[index].changes
        return took

    def checked(self, board: LeaderboardBackend) -> Checked:
        """Compare the whole board with the model's after the steps that were run; raises `WrongBoardError`."""
        state = check_entries(board, final_state(self._trace, self._changes), "the model says")
        return Checked(self._answered, self._changes, state, CHECKED)


def measure_parts(job: Job, session: Session, trace: Trace) -> HardeningFigures:
    """Load, replay in turns, and compare all of it with the model. Raises `ConfigurationError` for unknown parts."""
    session.load(trace)
    boards = _around(session.board, session.where, job.settings(HardeningPart).parts)
    replay = Replay(trace, Path(job.answers_path).read_bytes())
    calls = [replay.calls(board) for board in boards.values()]
    samples: list[list[list[int]]] = [[[] for _ in trace.operations] for _ in boards]
    with session.counting_other_work():
        deadline = perf_counter() + job.time_limit * len(boards)
        for position, (index, _) in enumerate(trace.steps):
            turn = position % len(calls)
            took = replay.step(calls[turn], position)
            if position >= trace.warm_up:
                samples[turn][index].append(took)
            if perf_counter() >= deadline:
                break
    times = [
        PartTime(part, name, distribution(taken))
        for part, by_operation in zip(boards, samples, strict=True)
        for name, taken in zip(trace.operations, by_operation, strict=True)
        if taken
    ]
    return HardeningFigures(times, replay.checked(session.board))


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
