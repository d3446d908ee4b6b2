"""A comparison of one cell that hangs beside a server of its own; prints how it ended, and the server's process id."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leaderboard_backends.comparison.result import Cell
from leaderboard_backends.comparison.run import Plan, compare
from leaderboard_backends.comparison.targets import Place
from leaderboard_backends.testing.servers import EmbeddedServer


class BesideServer:
    """A target with a server around the worker."""

    label = "beside a server"

    @contextmanager
    def open(self, directory: Path) -> Iterator[Place]:
        """Start the server."""
        with EmbeddedServer(directory=directory) as server:
            sys.stdout.write(f"{server.pid}\n")
            sys.stdout.flush()
            yield Place("boards:Hangs", server_pid=server.pid)


class Quiet:
    """Watches without a word."""

    def begins(self, label: str, players: int) -> None:
        """Say nothing."""

    def ends(self, cell: Cell) -> None:
        """Say nothing."""


if __name__ == "__main__":
    result = compare(Plan([BesideServer()], [50], {"update": 10}, 1, 1.0), Quiet())
    sys.stdout.write(f"{result.finished} {result.cells[0].status}\n")
