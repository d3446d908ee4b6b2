"""What each part around a board adds: the steps of a trace in turns on the board alone, on each part, and on all.

All stand on one board, so that every answer is the model's whichever of them is asked, and what the machine does
meanwhile hits all alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter, perf_counter_ns
from typing import Any, Final

from ...config import Reopening, describe
from ...errors import ConfigurationError
from ...protocol import LeaderboardBackend
from ...registry import wrapper_class
from ...testing.opening import is_url
from ...workload.operations import OPERATIONS
from ...workload.trace import Trace
from ..figures import Checked, HardeningFigures, PartTime, distribution
from ..opening import Where
from ..traces import DIGEST_SIZE, answer_digest
from .checks import check_state, wrong_answer
from .job import Job
from .session import Session

ALONE: Final = ""
ALL: Final = "all parts"
CHECKED: Final = "every answer, and the whole final state"


def measure(job: Job, session: Session, trace: Trace) -> HardeningFigures:
    """Load, replay in turns, and compare all of it with the model. Raises `ConfigurationError` for unknown parts."""
    session.load(trace)
    boards = _around(session.board, session.where, job.hardening)
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
