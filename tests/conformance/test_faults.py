"""Faults of real servers and real files, on the backends that keep data there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.testing import FileFaults, ServerFaults
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.trials import ALWAYS

ZEROED = (
    "ZODB's FileStorage refuses a file whose last transaction is marked complete and ends in zeros, as a loss of power "
    "in the middle of its only sync may leave it"
)


class TestZODBFileFaults(FileFaults):
    known_failures: ClassVar[dict[str, str]] = {
        f"test_a_torn_end_is_the_state_before_or_after_the_last_write[zeroed-{before}]": ZEROED
        for before in ("a new file", "a file closed before")
    }

    def make_in(self, directory: Path, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard(f"zodb://{directory}/board.fs", board=name, **options)


class TestRedisServerFaults(ServerFaults):
    def start_server(self, directory: Path) -> EmbeddedServer:
        return EmbeddedServer(ALWAYS, directory=directory).start()

    def make_at(self, port: int, *, name: str, **options: Any) -> LeaderboardBackend:
        url = f"redis://127.0.0.1:{port}/0"
        return open_leaderboard(url, board=name, socket_timeout=self.reply_timeout, **options)
