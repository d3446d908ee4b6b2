"""One cell in a process of its own: `python -m leaderboard_backends.comparison.worker`, a job in, a cell out, as JSON.

The order of things decides what a figure means. The trace is read first, so that its names are nobody's memory; then
the backend is imported, opened and touched once; then the load is measured; then come the warm-up, the measured steps,
and last, when nothing is measured any more, the gate.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import sys
from array import array
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Final

import msgspec
import psutil

from ..errors import BackendUnavailableError, ConfigurationError, LeaderboardError
from ..model import shorten
from ..protocol import LeaderboardBackend
from ..testing.opening import distribution
from . import measures
from .code_size import code_size
from .gate import WrongBoardError, check
from .opening import open_target
from .operations import OPERATIONS
from .replay import Section
from .result import BackendFacts, Cell, CodeSize, Job, LoadFigures, MemoryFigures, OperationFigures
from .server import ServerFacts
from .trace import Trace, decode_trace

WARM_UP_SHARE: Final = 0.1
"""Of the time limit, for the warm-up of each operation."""

ORPHAN_GRACE: Final = 15.0
"""Seconds after which a worker ends itself where the process that should have done so is gone."""


class Run:
    """One cell: the board, what is asked around it, and the figures as they come in."""

    def __init__(self, job: Job, trace: Trace) -> None:
        self.job = job
        self.trace = trace
        self.notes: list[str] = []
        self._server: ServerFacts | None = None
        self._cores_elsewhere: float | None = None

    def cell(self) -> Cell:
        """Open, load, replay and check; raises `WrongBoardError` and what the board raises."""
        opening = measures.settled_private_bytes()
        with ExitStack() as stack:
            self._server = _ask_server(self.job, stack)
            board = stack.enter_context(open_target(self.job.target, self.job.board))
            if len(board):
                raise ConfigurationError("the board is not empty: the comparison needs one of its own.")
            if self.job.shared_place:
                stack.callback(board.clear)
            _touch(board)
            return self._measure(board, opening)

    def _measure(self, board: LeaderboardBackend, opening: int) -> Cell:
        load, memory = self._load(board, opening)
        disk = self._disk()
        warm_up, measured = self._replay(board)
        growth = self._disk()
        if disk is not None and growth is not None:
            memory = msgspec.structs.replace(memory, disk_bytes_of_updates=growth - disk)
        gate = check(board, self.trace, (warm_up, measured))
        return Cell(
            backend="",
            players=len(self.trace.ids),
            status="ok",
            facts=self._facts(board),
            code=self._code(board),
            gate=gate,
            load=load,
            memory=memory,
            operations=_figures(measured),
            clock_us=measures.clock_cost_us(),
            cores_elsewhere=self._cores_elsewhere,
            notes=self.notes,
        )

    def _load(self, board: LeaderboardBackend, opening: int) -> tuple[LoadFigures, MemoryFigures]:
        """Load all players by one call; the scores are made anew on the way, as the board's own."""
        trace, scores = self.trace, array("q", self.trace.scores)
        opened, disk = measures.settled_private_bytes(), self._disk()
        used, private = self._server_bytes()
        started = perf_counter()
        board.update_scores(zip(trace.ids, trace.usernames, scores, strict=True))
        seconds = perf_counter() - started
        loaded = measures.settled_private_bytes()
        used_after, private_after = self._server_bytes()
        return LoadFigures(round(seconds, 4), round(len(scores) / seconds, 1)), MemoryFigures(
            opening_bytes=opened - opening,
            board_bytes=loaded - opened,
            server_used_bytes=_growth(used, used_after),
            server_private_bytes=_growth(private, private_after),
            disk_bytes=_growth(disk, self._disk()),
        )

    def _replay(self, board: LeaderboardBackend) -> tuple[Section, Section]:
        warm_up, measured = Section(self.trace.warm_up, OPERATIONS), Section(self.trace.measured, OPERATIONS)
        warm_up.replay(board, self.job.time_limit * WARM_UP_SHARE)
        gc.collect()
        others = measures.OtherWork(filter(None, (os.getpid(), self.job.server_pid)))
        measured.replay(board, self.job.time_limit)
        if self._server is None or self.job.server_pid is not None:
            self._cores_elsewhere = others.cores()
        return warm_up, measured

    def _server_bytes(self) -> tuple[int | None, int | None]:
        used = self._server.used_bytes() if self._server else None
        return used, None if self.job.server_pid is None else measures.private_bytes(self.job.server_pid)

    def _disk(self) -> int | None:
        return measures.bytes_on_disk(Path(self.job.data_path)) if self.job.data_path else None

    def _facts(self, board: LeaderboardBackend) -> BackendFacts:
        promises = board.capabilities
        durability = "every commit" if promises.durable else "memory only"
        if self._server:
            durability = self._server.durability() or "the server's setting, which it does not tell"
        return BackendFacts(
            class_name=type(board).__name__,
            distribution=distribution(type(board)),
            durability=durability,
            survives=promises.survives,
            shared=promises.shared,
            server=self._server.version() if self._server else None,
        )

    def _code(self, board: LeaderboardBackend) -> CodeSize | None:
        try:
            return code_size(type(board))
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            self.notes.append(f"its code was not counted: {error}")
            return None


def run_job(job: Job) -> Cell:
    """Return the cell of a job, whatever happens to the board."""
    trace = decode_trace(Path(job.trace_path).read_bytes())
    gc.collect()
    gc.freeze()
    try:
        return Run(job, trace).cell()
    except (ConfigurationError, BackendUnavailableError, ModuleNotFoundError, psutil.Error) as error:
        return Cell("", len(trace.ids), "unavailable", _told(error))
    except WrongBoardError as error:
        return Cell("", len(trace.ids), "wrong", str(error))
    except Exception as error:  # noqa: BLE001 - a foreign backend may raise anything, and its row says what
        return Cell("", len(trace.ids), "failed", _told(error))


def clear(job: Job) -> Cell:
    """Clear the board of a worker that could not do it itself."""
    with ExitStack() as stack:
        _ask_server(job, stack)
        stack.enter_context(open_target(job.target, job.board)).clear()
    return Cell("", 0, "ok")


def main() -> None:
    """Read a job from standard input, write its cell to standard output; what a backend prints goes to stderr."""
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    faulthandler.dump_traceback_later(job.give_up_after + ORPHAN_GRACE, exit=True)
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)
        answer.write(msgspec.json.encode(clear(job) if job.clear_only else run_job(job)))


def _ask_server(job: Job, stack: ExitStack) -> ServerFacts | None:
    """Connect to the job's server, if it has one; at the end nothing of this board stays on a user's server."""
    if job.server_url is None:
        return None
    server = stack.enter_context(ServerFacts(job.server_url))
    if job.shared_place:
        stack.callback(server.forget, job.board)
    return server


def _touch(board: LeaderboardBackend) -> None:
    """Use the board once, so that connections, scripts and lazy imports are no part of a player's memory."""
    board.update_scores([("touched", "", 1)])
    board.update_score("touched", "", 2)
    board.get_rank("touched")
    board.get_top_n(1)
    board.get_around("touched", 1)
    board.remove_player("touched")


def _figures(section: Section) -> dict[str, OperationFigures]:
    return {
        operation.name: measures.summarise(section.samples(index), section.planned[index])
        for index, operation in enumerate(section.operations)
        if section.run[index]
    }


def _growth(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, LeaderboardError) else f"{type(error).__name__}: {shorten(text, 300)}"


if __name__ == "__main__":
    main()
