"""An open board in a worker, with what is asked around it: its server, its files, its memory."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import perf_counter, sleep
from typing import Final

from ...answers import ask
from ...capabilities import Amount
from ...errors import ConfigurationError
from ...model import Score
from ...protocol import LeaderboardBackend
from ...testing.opening import distribution as distribution_of
from ...testing.opening import is_url
from ...usage import OtherWork, bytes_on_disk, fold_logs, private_bytes, settled_private_bytes
from ...workload.trace import Trace
from ..code_size import code_size
from ..figures import LoadFigures, MemoryFigures
from ..opening import Where, open_target
from ..schema import BackendFacts, CodeSize, Durability, Home

REWRITE_TIMEOUT: Final = 120.0
"""Seconds to wait for a server that rewrites its log, so that no figure has it in the background."""

_DURABILITY: Final[dict[Amount, Durability]] = {
    "nothing": "memory only",
    "all but the last second": "everysec",
    "everything": "every commit",
}
"""The classes of durability, by what a power cut leaves."""

_HOMES: Final[dict[str, Home]] = {"process": "process", "files": "file", "server": "server"}


class Session:
    """A board that is open for a job, and the questions around it."""

    def __init__(self, where: Where, board: LeaderboardBackend, opening_bytes: int) -> None:
        self.where = where
        self.board = board
        self.storage = board.storage_info()
        self.server_pids = where.server_pids or self._own_server()
        """The processes of its servers; empty where they are not known, or where there are none."""
        self.opening_bytes = opening_bytes
        self.cores_elsewhere: float | None = None
        """Cores that other processes used, as far as that was counted."""
        self.notes: list[str] = []

    def _own_server(self) -> list[int]:
        """Return the process that the board names, of a server that its backend started for the run, and thus here."""
        is_made_for_run = is_url(self.where.target) and not self.where.shared
        pid = self.storage.server_pid
        return [pid] if is_made_for_run and pid is not None else []

    def load(self, trace: Trace) -> tuple[LoadFigures, MemoryFigures]:
        """Load the trace's players by one call; scores are created anew, so that the board owns them."""
        scores = packed(trace.scores)
        loaded = len(scores)
        before = settled_private_bytes()
        disk, (used, private) = self.disk_bytes(), self.server_bytes()
        started = perf_counter()
        self.board.update_scores(zip(trace.ids[:loaded], trace.usernames[:loaded], scores, strict=True))
        seconds = perf_counter() - started
        self.settle()
        after = settled_private_bytes()
        used_after, private_after = self.server_bytes()
        return LoadFigures(loaded, round(seconds, 6)), MemoryFigures(
            opening_bytes=self.opening_bytes,
            board_bytes=after - before,
            server_used_bytes=growth(used, used_after),
            server_private_bytes=growth(private, private_after),
            disk_bytes=growth(disk, self.disk_bytes()),
        )

    def settle(self) -> None:
        """Wait until the server, and a copy of the board, do nothing in the background that a load has set off."""
        deadline = perf_counter() + REWRITE_TIMEOUT
        follow(self.board, REWRITE_TIMEOUT)
        while self.storage.kind == "server" and self.board.storage_info().busy and perf_counter() < deadline:
            sleep(0.02)  # the server tells nobody when it is through; bounded above

    def disk_bytes(self) -> int | None:
        """Return the size of the board's files, `None` where it has none.

        It is the size after what the backend does by itself to clean up: a server's rewriting of its log is over, and
        an SQLite file has taken up its write-ahead log. What only somebody's order does (packing) is not done.
        """
        if (path := self.data_path()) is None:
            return None
        self.settle()
        fold_logs(path)
        return bytes_on_disk(path)

    def data_path(self) -> Path | None:
        """Return the folder of a target that was made for the run, or the file that the board names."""
        if self.where.data_path is not None:
            return Path(self.where.data_path)
        return next(iter(self.storage.files), None)

    @contextmanager
    def counting_other_work(self) -> Iterator[None]:
        """Count what other processes do meanwhile, unless the board's own server is one of them."""
        if self.storage.kind == "server" and not self.server_pids:
            yield
            return
        others = OtherWork([os.getpid(), *self.server_pids])
        yield
        self.cores_elsewhere = others.cores()

    def facts(self, label: str) -> BackendFacts:
        """Return what the board is and promises."""
        promises, kept = self.board.capabilities, self.storage.machine_crash
        said = f"{kept.amount}: {kept.detail}" if kept.detail else kept.amount
        return BackendFacts(
            label=label,
            class_name=type(self.board).__name__,
            distribution=distribution_of(type(self.board)),
            storage=self.board.storage or "Python objects",
            home=_HOMES.get(self.storage.kind, "process"),
            durability=_DURABILITY.get(kept.amount, "not known"),
            survives=promises.survives,
            shared=promises.shared,
            server=self.board.storage if self.storage.kind == "server" else None,
            consistency=promises.consistency,
            servers=len(self.server_pids),
            copies=self.where.copies,
            durability_told=f"{said} (declared)" if kept.declared else said,
            code=self._code(),
        )

    def _code(self) -> CodeSize | None:
        try:
            return code_size(type(self.board))
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            self.notes.append(f"its code was not counted: {error}")
            return None

    def server_bytes(self) -> tuple[int | None, int | None]:
        """Return the server's own count of used memory, and the private memory of its processes."""
        used = self.board.storage_info().used_bytes if self.storage.kind == "server" else None
        pids = self.server_pids
        return used, sum(map(private_bytes, pids)) if pids else None


def follow(board: LeaderboardBackend, timeout: float) -> None:
    """Wait until a board that may answer from a copy or a replica does so: until then, it asks the storage itself."""
    deadline = perf_counter() + timeout
    while board.capabilities.consistency == "eventual" and perf_counter() < deadline:
        if ask(board.get_top_n, 1)[1].source != "live":
            return
        sleep(0.01)  # a copy tells nobody when it is loaded; bounded above


@contextmanager
def session(where: Where) -> Iterator[Session]:
    """Open an empty board and touch it once; a user's storage keeps nothing of it afterwards.

    Raises what opening raises, and `ConfigurationError` where the board is not empty.
    """
    opening = settled_private_bytes()
    with ExitStack() as stack:
        board = stack.enter_context(open_target(where.target, where.board))
        if len(board):
            raise ConfigurationError("the board is not empty: the comparison needs an empty board of its own.")
        if where.shared:
            stack.callback(board.delete)
        touch(board)
        yield Session(where, board, settled_private_bytes() - opening)


def touch(board: LeaderboardBackend) -> None:
    """Use the board once, so that connections, scripts and lazy imports do not count as memory of players."""
    board.update_scores([("touched", "", 1)])
    board.update_score("touched", "", 2)
    board.increment_score("touched", "", 1)
    board.get_rank("touched")
    board.get_top_n(1)
    board.get_around("touched", 1)
    board.remove_player("touched")


def packed(scores: Sequence[Score]) -> array[int] | array[float]:
    """Return scores without an object each, so that those that a board keeps are made on the way, and are its own."""
    return array("q" if all(isinstance(score, int) for score in scores) else "d", scores)


def growth(before: int | None, after: int | None) -> int | None:
    """Return the difference; `None` where a side is not known."""
    return None if before is None or after is None else after - before
