"""One job in a process of its own: `python -m leaderboard_backends.comparison.measure.worker`, a job in, an answer out.

The order of the steps decides what a figure means. The trace is read first, so that its names do not count as memory of
the board; then the backend is imported, opened and touched once; then the load is measured, then the job's own figures,
and last, when nothing is measured any more, the whole board is compared with the model.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

import msgspec
import psutil

from ...errors import BackendUnavailableError, ConfigurationError, LeaderboardError
from ...model import shorten
from ...testing.lifetimes import end_with_parent
from ...workload.trace import Trace, decode_trace
from ..figures import Figures
from ..opening import open_target
from ..plan import ProgramsPart
from ..programs import Setting, WrongProgramError, programs_of
from ..traces import WrongBoardError
from . import churn, rates, recovery, service
from .processes import Answer, Job
from .session import Session, session

Measure: TypeAlias = Callable[[Job, Session, Trace], Figures]
"""Raises `WrongBoardError`, what the board raises, and `ClientError` where a client process does not answer."""

MEASURES: Final[dict[str, Measure]] = {
    "service": service.measure,
    "throughput": rates.measure_throughput,
    "response": rates.measure_response,
    "hardening": service.measure_parts,
    "churn": churn.measure,
}
"""What replays a trace on one open board, by mode."""


def answer(job: Job) -> Answer:
    """Return the answer of a job, whatever happens to the board."""
    try:
        return _answer(job)
    except (ConfigurationError, BackendUnavailableError, ModuleNotFoundError, psutil.Error) as error:
        return Answer("unavailable", _reason(error))
    except (WrongBoardError, WrongProgramError) as error:
        return Answer("wrong", str(error))
    except Exception as error:  # noqa: BLE001 - a foreign backend may raise anything, and its row says what
        return Answer("failed", _reason(error))


def _answer(job: Job) -> Answer:
    if job.task == "program":
        part = job.settings(ProgramsPart)
        program = programs_of(part.distribution)[job.label]
        return Answer("ok", figures=program.run(Setting(job.players, job.seed, part.seconds)))
    if job.task == "clear":
        open_target(job.where.target, job.where.board).delete()  # left by a worker that could not do it itself
        return Answer("ok")
    if job.task == "conformance":
        from .conformance_gate import judge  # noqa: PLC0415 - of this task alone

        return Answer("ok", verdict=judge(job))
    if job.task == "facts":
        with session(job.where) as opened:
            return Answer("ok", facts=opened.facts(job.label), notes=opened.notes)
    trace = decode_trace(Path(job.trace_path).read_bytes())
    gc.collect()
    gc.freeze()  # out of the collector's sight: an app has no trace
    with session(job.where) as opened:
        figures = MEASURES[job.task](job, opened, trace)
        return Answer("ok", figures=figures, cores_elsewhere=opened.cores_elsewhere, notes=opened.notes)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, LeaderboardError) else f"{type(error).__name__}: {shorten(text, 300)}"


def main() -> None:
    """Read a job from standard input, answer on standard output; what a backend prints goes to stderr."""
    end_with_parent(os.getppid())
    asked: BinaryIO = sys.stdin.buffer
    job = msgspec.json.decode(asked.readline(), type=Job)
    faulthandler.enable()
    faulthandler.dump_traceback_later(job.timeout, exit=True)
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        if job.task == "recovery":
            recovery.crash(job, out)
        elif job.task == "return":
            recovery.come_back(job, asked, out)
        else:
            out.write(msgspec.json.encode(answer(job)))


if __name__ == "__main__":
    main()
