"""Faults of real servers and real files, on the backends that keep data there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.testing import FileFaults, ServerFaults
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.trials import ALWAYS


class TestZODBFileFaults(FileFaults):
    def make_in(self, directory: Path, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard(f"zodb://{directory}/board.fs", board=name, **options)


class TestRedisServerFaults(ServerFaults):
    started: EmbeddedServer

    def start_server(self, directory: Path) -> EmbeddedServer:
        self.started = EmbeddedServer(ALWAYS, tcp=True, directory=directory).start()
        return self.started

    def make_at(self, port: int, *, name: str, **options: Any) -> LeaderboardBackend:
        url = self.started.url_at(port)
        return open_leaderboard(url, board=name, socket_timeout=self.reply_timeout, **options)
