"""A comparison of one run that hangs beside a server of its own; prints how it ended, and the server's process id."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from leaderboard_backends.comparison.execute import Order, compare
from leaderboard_backends.comparison.plan import Plan, ServicePart, Unit
from leaderboard_backends.comparison.schema import Cell, Run
from leaderboard_backends.comparison.targets import Target
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.trials import Trial
from leaderboard_backends.workload.spec import find_workloads


class BesideServer:
    """A storage with a server around the worker."""

    name = "beside a server"
    usual = False

    @contextmanager
    def open(self, directory: Path) -> Iterator[Trial]:
        """Start the server."""
        with EmbeddedServer(directory=directory) as server:
            sys.stdout.write(f"{server.pid}\n")
            sys.stdout.flush()
            yield Trial("boards:Hangs", (server,))


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
        target = Target("beside a server", BesideServer())
        workloads = find_workloads(["realtime"])
        result = compare(Order(plan, "a test", "", [target], workloads, 1, Path(folder)), Quiet())
    sys.stdout.write(f"{result.finished} {result.runs[0].status}\n")
