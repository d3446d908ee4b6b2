"""Crash recovery: start a backend from nothing, load it, kill the process with its data during updates, and restore.

The killed process is the server where there is one, else the process that has the board open. A kill -9 says nothing
about a power cut: what the process had handed to the system is still written.

Two workers take part: one is killed while it updates a board (`crash`), the other checks what is left (`come_back`).
Both speak in lines of JSON on their standard output, the second also listens. Times are of the monotonic clock, which
all processes of a machine share.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path
from threading import Timer
from typing import IO, TYPE_CHECKING, BinaryIO, Final, TypeVar

import msgspec

from ...model import Score
from ...protocol import LeaderboardBackend
from ...usage import bytes_written, listening_ports
from ...workload.trace import Trace, decode_trace
from ..figures import DiskFigures, RecoveryFigures
from ..opening import open_target
from ..traces import WrongBoardError
from .processes import GRACE, Job, Worker, WorkerError, started
from .session import Session, growth

if TYPE_CHECKING:
    from ...testing.server_process import ServerProcess
    from ..targets import Target

ACKNOWLEDGED: Final = b".\n"
"""The line of one more acknowledged update."""

KILL_AFTER: Final = 400
KILL_SECONDS: Final = 3.0
"""The process is killed after this number of acknowledged updates or these seconds, whichever comes first."""

DISK_CALLS: Final = ((1, 300), (100, 20))
"""Updates a call, and calls, whose bytes are counted."""

Reply = TypeVar("Reply")


# ---------------------------------------------------------------------- in the two workers


def tell(out: IO[bytes], line: object) -> None:
    """Write a line of JSON at once."""
    out.write(msgspec.json.encode(line) + b"\n")
    out.flush()


def crash(job: Job, out: BinaryIO) -> None:
    """Open, load, and update until somebody kills this process, or the server: then the error ends it.

    Once all players are loaded, it tells when the first update was acknowledged, before the load, the seconds of the
    load, what updates write, and the processes of the board's servers; then, a line for each, that updates were
    acknowledged.
    """
    with open_target(job.where.target, job.where.board) as board:
        board.update_score("first", "", 1)
        up_at = time.monotonic()
        board.remove_player("first")
        trace = decode_trace(Path(job.trace_path).read_bytes())
        session = Session(job.where, board, 0)
        load, _ = session.load(trace)
        updates = climbing(trace)
        disk = list(_count_bytes(session, updates)) if session.data_path() else []
        tell(out, (up_at, load.seconds, disk, session.server_pids))
        for update in updates:
            board.update_score(*update)
            out.write(ACKNOWLEDGED)
            out.flush()


def come_back(job: Job, told: BinaryIO, out: BinaryIO) -> None:
    """Wait for the number of acknowledged updates, open the board, and load it again where nothing is left.

    It tells that it is ready; at last when the board gave answers again, how many players were there before anything
    was loaded again, how many acknowledged updates are lost, and what is wrong with the board: then no figure counts.
    """
    trace = decode_trace(Path(job.trace_path).read_bytes())
    tell(out, None)
    acknowledged = int(told.readline())
    with open_target(job.where.target, job.where.board) as board:
        found = len(board)
        if not found:
            board.update_scores(zip(trace.ids, trace.usernames, trace.scores, strict=False))
        wrong, at = _wrong(board, trace), time.monotonic()
        tell(out, (at, found, 0 if wrong else count_lost(board, trace, acknowledged), wrong))


def climbing(trace: Trace, first: int = 0) -> Iterator[tuple[str, str, Score]]:
    """Yield updates without end, from number `first` on, one player after the other, each above all scores so far."""
    base, players = int(max(trace.scores, default=0)) + 1, len(trace.scores) or len(trace.ids)
    for number in count(first):
        yield trace.ids[number % players], trace.usernames[number % players], base + number


def count_lost(board: LeaderboardBackend, trace: Trace, acknowledged: int) -> int:
    """Return how many players do not have the score of their last acknowledged update.

    The update after the last acknowledged one was in flight: it may have been applied, or not.
    """
    last = {player: {score} for player, _, score in islice(climbing(trace), acknowledged)}
    under_way, _, score = next(climbing(trace, acknowledged))
    if under_way in last:
        last[under_way].add(score)
    return sum(board.get_score(player) not in scores for player, scores in last.items())


def _wrong(board: LeaderboardBackend, trace: Trace) -> str:
    """Return what is wrong with the board; empty where it is whole."""
    top = board.get_top_n(1)
    if len(board) < len(trace.scores):
        return f"after recovery, the board has {len(board)} of {len(trace.scores)} players"
    if [board.get_rank(entry.player_id) for entry in top] != [1]:
        return "after recovery, the first entry of the top is not at rank 1"
    return ""


def _count_bytes(session: Session, updates: Iterator[tuple[str, str, Score]]) -> Iterator[DiskFigures]:
    """Yield what updates write, one per call and in batches: from one clean-up of the files to the next.

    So clean-up work left by the load does not count, and that left by these updates does.
    """
    owner = next(iter(session.server_pids), os.getpid())
    for size, calls in DISK_CALLS:
        before, written = session.disk_bytes(), bytes_written(owner)
        for _ in range(calls):
            session.board.update_scores(list(islice(updates, size)))
        after, now = session.disk_bytes(), bytes_written(owner)
        yield DiskFigures(
            size=size,
            updates=size * calls,
            grown_bytes=growth(before, after) or 0,
            written_bytes=growth(written, now),
        )


# ---------------------------------------------------------------------- in the comparison


def recover(target: Target, trace: Path, directory: Path, timeout: float) -> RecoveryFigures:
    """Return the figures of one crash recovery.

    Raises `WrongBoardError`, `WorkerError`, and what making the target raises.
    """
    with started(timeout, target.path) as victim, started(timeout, target.path) as survivor:
        begun = time.monotonic()
        with target.open(directory) as (where, server):
            tell(victim.stdin, Job("recovery", where, timeout, trace_path=str(trace)))
            up_at, load_seconds, disk, pids = _reply(victim, tuple[float, float, list[DiskFigures], list[int]])
            tell(survivor.stdin, Job("return", where, timeout, trace_path=str(trace)))
            _reply(survivor, type(None))
            acknowledged, killed = _kill(victim, server)
            acknowledged += sum(counted.updates for counted in disk)
            tell(survivor.stdin, acknowledged)
            back_at, found, lost, wrong = _reply(survivor, tuple[float, int, int, str])
            if wrong:
                raise WrongBoardError(wrong)
            pids = pids if server is None else [server.pid]  # which was started again
            return RecoveryFigures(
                processes=len(pids),
                ports=sum(map(listening_ports, pids)),
                start_seconds=round(up_at - begun, 4),
                load_seconds=load_seconds,
                restore_seconds=round(back_at - killed, 4),
                restored_by="restart" if found else "load",
                acknowledged=acknowledged,
                lost=lost if found else acknowledged,
                disk=disk,
            )


def _kill(victim: Worker, server: ServerProcess | None) -> tuple[int, float]:
    """Kill the process with the data during updates, restart a server; return how many were acknowledged, and when.

    That is the server where there is one, else the process that has the board open. Raises `WorkerError` where the
    process to kill ends by itself.
    """
    kill = victim.end if server is None else server.kill
    killed: list[float] = []

    def strike() -> None:
        killed.append(time.monotonic())
        kill()

    late = Timer(KILL_SECONDS, strike)
    late.start()
    seen = 0
    for line in victim.stdout:
        seen += line == ACKNOWLEDGED
        if seen == KILL_AFTER:
            late.cancel()
            late.join()  # it has struck, or never does
            if not killed:
                strike()
    late.cancel()
    late.join()  # a server that it kills has ended before it is started again
    if not killed:
        raise _ended(victim)
    if server is not None:
        server.start()
    return seen, killed[0]


def _reply(worker: Worker, kind: type[Reply]) -> Reply:
    """Return the next line. Raises `WorkerError` where the worker ends before it."""
    line = worker.stdout.readline()
    if not line:
        raise _ended(worker)
    return msgspec.json.decode(line, type=kind)


def _ended(worker: Worker) -> WorkerError:
    """Return the error of a worker whose output has ended; it is given a moment to end by itself."""
    with suppress(subprocess.TimeoutExpired):
        worker.wait(GRACE)
    worker.end()
    return WorkerError(worker.no_answer(worker.stderr.read()))
