"""A comparison of one run that hangs beside a server of its own; prints how it ended, and the server's process id."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leaderboard_backends.comparison.contenders import NO_SHEET, Place
from leaderboard_backends.comparison.execute import Order, compare
from leaderboard_backends.comparison.opening import Where
from leaderboard_backends.comparison.plan import Plan, ServicePart, Unit
from leaderboard_backends.comparison.schema import Cell, Run
from leaderboard_backends.comparison.traces import TraceStore
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.workload.spec import find_workloads


class BesideServer:
    """A contender with a server around the worker."""

    label = identity = "beside a server"
    sheet = NO_SHEET
    path = target = ""
    modules = ("boards",)
    drills = True

    @contextmanager
    def open(self, directory: Path) -> Iterator[Place]:
        """Start the server."""
        with EmbeddedServer(directory=directory) as server:
            sys.stdout.write(f"{server.pid}\n")
            sys.stdout.flush()
            yield Place(Where("boards:Hangs", "compare", server_pids=[server.pid]), (server,))


class Quiet:
    """Watches without a word."""

    def planned(self, runs: Sequence[Unit]) -> None:
        """Say nothing."""

    def proving(self, label: str) -> None:
        """Say nothing."""

    def begins(self, cell: Cell, round_: int) -> None:
        """Say nothing."""

    def ends(self, run: Run) -> None:
        """Say nothing."""


if __name__ == "__main__":
    plan = Plan(1, "a test", 1, 1.0, "isolation", service=[ServicePart(["realtime"], [50], 10)])
    with tempfile.TemporaryDirectory() as folder:
        store = TraceStore(Path(folder))
        result = compare(Order(plan, "a test", "", [BesideServer()], find_workloads(["realtime"]), 1, store), Quiet())
    sys.stdout.write(f"{result.finished} {result.runs[0].status}\n")
