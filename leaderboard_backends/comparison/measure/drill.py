"""The two processes of crash recovery: one is killed while it updates a board, the other checks what is left.

Both speak in lines of JSON on their standard output, the second also listens. Times are of the monotonic clock, which
all processes of a machine share.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count, islice
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

import msgspec

from ...model import Score
from ...protocol import LeaderboardBackend
from ...usage import bytes_written
from ...workload.trace import Trace, decode_trace
from ..opening import open_target
from ..schema import DiskFigures
from .gate import WrongBoardError
from .job import Job
from .session import Session, growth

ACKNOWLEDGED: Final = b".\n"
"""The line of one more acknowledged update."""

DISK_CALLS: Final = ((1, 300), (100, 20))
"""Updates a call, and calls, whose bytes are counted."""


class Up(msgspec.Struct, frozen=True, tag="up"):
    """The first update was acknowledged."""

    at: float


class Loaded(msgspec.Struct, frozen=True, tag="loaded"):
    """All players are loaded; then `updates` were made to count the bytes that they write."""

    seconds: float
    updates: int
    disk: list[DiskFigures]


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The second process is ready, and waits for the number of acknowledged updates."""


class Back(msgspec.Struct, frozen=True, tag="back"):
    """The board gives right answers again."""

    at: float
    found: int
    """Players that were there before anything was loaded again."""
    lost: int


class Wrong(msgspec.Struct, frozen=True, tag="wrong"):
    """The restored board holds something that was never written; then there are no figures."""

    reason: str


Line: TypeAlias = Up | Loaded | Ready | Back | Wrong


def tell(out: BinaryIO, line: Line) -> None:
    """Write a line at once."""
    out.write(msgspec.json.encode(line) + b"\n")
    out.flush()


def crash(job: Job, out: BinaryIO) -> None:
    """Open, load, and update until somebody kills this process, or the server: then the error ends it."""
    with ExitStack() as stack:
        board = stack.enter_context(open_target(job.where.target, job.where.board))
        board.update_score("first", "", 1)
        tell(out, Up(time.monotonic()))
        board.remove_player("first")
        trace = decode_trace(Path(job.trace_path).read_bytes())
        session = Session(job.where, board, 0)
        load, _ = session.load(trace)
        updates = climbing(trace)
        disk = list(_count_bytes(session, updates)) if session.data_path() else []
        tell(out, Loaded(load.seconds, sum(one.updates for one in disk), disk))
        for update in updates:
            board.update_score(*update)
            out.write(ACKNOWLEDGED)
            out.flush()


def come_back(job: Job, told: BinaryIO, out: BinaryIO) -> None:
    """Wait for the number of acknowledged updates, open the board, and load it again where nothing is left."""
    trace = decode_trace(Path(job.trace_path).read_bytes())
    tell(out, Ready())
    acknowledged = int(told.readline())
    with open_target(job.where.target, job.where.board) as board:
        found = len(board)
        if not found:
            loaded = len(trace.scores)
            board.update_scores(zip(trace.ids[:loaded], trace.usernames[:loaded], trace.scores, strict=True))
        try:
            _check(board, trace)
        except WrongBoardError as error:
            tell(out, Wrong(str(error)))
            return
        at = time.monotonic()
        tell(out, Back(at, found, count_lost(board, trace, acknowledged)))


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


def _check(board: LeaderboardBackend, trace: Trace) -> None:
    """Raise `WrongBoardError` unless the board is whole."""
    top = board.get_top_n(1)
    if len(board) < len(trace.scores):
        raise WrongBoardError(f"after recovery, the board has {len(board)} of {len(trace.scores)} players")
    if [board.get_rank(entry.player_id) for entry in top] != [1]:
        raise WrongBoardError("after recovery, the first entry of the top is not at rank 1")


def _count_bytes(session: Session, updates: Iterator[tuple[str, str, Score]]) -> Iterator[DiskFigures]:
    """Yield what updates write, one per call and in batches: from one clean-up of the files to the next.

    So clean-up work left by the load does not count, and that left by these updates does.
    """
    owner = next(iter(session.where.server_pids), os.getpid())
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
