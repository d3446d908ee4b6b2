"""Faults of real servers and real files, on the backends that keep data there; `make proof` tries far more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.testing import FileFaults, ServerFaults
from leaderboard_backends.testing.asynchronous import open_blocking
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.trials import ALWAYS
from leaderboard_backends.testing.zeo import EmbeddedZEO


class TestZODBFileFaults(FileFaults):
    kills, tears = 12, 6

    def make_in(self, directory: Path, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard(f"zodb://{directory}/board.fs", board=name, **options)


class TestJournalFaults(FileFaults):
    kills, tears = 12, 6

    def make_in(self, directory: Path, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_leaderboard(f"journal://{directory}/boards", board=name, **options)


class RedisServerFaults(ServerFaults):
    """With the server's files in memory where there is such: a busy disk may stall for longer than `reply_timeout`."""

    folder: Path
    started: EmbeddedServer

    @pytest.fixture(autouse=True)
    def take_folder(self, folder: Path) -> None:
        self.folder = folder

    def start_server(self, directory: Path) -> EmbeddedServer:
        del directory
        self.started = EmbeddedServer(ALWAYS, tcp=True, directory=self.folder).start()
        return self.started


class TestRedisServerFaults(RedisServerFaults):
    increments, steps, restarts, histories = 300, 60, 4, 20

    def make_at(self, port: int, *, name: str, **options: Any) -> LeaderboardBackend:
        url = self.started.url_at(port)
        return open_leaderboard(url, board=name, socket_timeout=self.reply_timeout, **options)


class TestAsyncRedisServerFaults(RedisServerFaults):
    """The carrier of asyncio programs, with threads as its tasks."""

    increments, steps, restarts, histories = 200, 80, 2, 12

    def make_at(self, port: int, *, name: str, **options: Any) -> LeaderboardBackend:
        url = self.started.url_at(port)
        return open_blocking(url, board=name, socket_timeout=self.reply_timeout, **options)


@pytest.mark.proof
class TestZEOServerFaults(ServerFaults):
    """`tests/backends/test_zeo.py` has the cheap ones."""

    increments, steps, restarts, histories = 100, 40, 3, 5
    started: EmbeddedZEO

    def start_server(self, directory: Path) -> EmbeddedZEO:
        self.started = EmbeddedZEO(tcp=True, directory=directory).start()
        return self.started

    def make_at(self, port: int, *, name: str, **options: Any) -> LeaderboardBackend:
        url = self.started.url_at(port)
        return open_leaderboard(
            url, board=name, wait_timeout=self.reply_timeout, reply_timeout=self.reply_timeout, **options
        )
