"""Service time: how long single operations take, one client, one call after the other."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Final

from ...timing import clock_cost_us
from ...workload.trace import Trace
from ..samples import distribution
from ..schema import Checked, ServiceFigures, Timed
from .gate import check_state, explain
from .job import Job
from .replay import Replay, WrongAnswerError
from .session import Session

WARM_UP_SHARE: Final = 0.1
"""Of the time limit."""

CHECKED: Final = "every answer, and the whole final state"


def measure(job: Job, session: Session, trace: Trace) -> tuple[ServiceFigures, float | None]:
    """Load, warm up, replay, and compare all of it with the model; returns the figures, and the cores used elsewhere.

    Raises `WrongBoardError` and what the board raises.
    """
    replay = Replay(trace, Path(job.answers_path).read_bytes())
    load, memory = session.load(trace)
    try:
        replay.run(session.board, job.time_limit * WARM_UP_SHARE, trace.warm_up)
        gc.collect()
        others = session.other_work()
        timed = replay.run(session.board, job.time_limit)
    except WrongAnswerError as error:
        raise explain(trace, error) from error
    cores = others.cores() if others else None
    figures = ServiceFigures(
        load=load,
        memory=memory,
        operations={
            name: Timed(one.planned, distribution(one.taken()))
            for name, one in zip(trace.operations, timed, strict=True)
            if one.count
        },
        clock_us=clock_cost_us(),
        checked=Checked(replay.answered, replay.changes, check_state(session.board, trace, replay.changes), CHECKED),
    )
    return figures, cores
