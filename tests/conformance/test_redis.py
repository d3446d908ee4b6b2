"""The kit on a real server, over its unix socket and over TCP, and on fakeredis; bare and behind a wrapper."""

from __future__ import annotations

from typing import Any

import pytest

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.testing import BackendConformance
from leaderboard_backends.testing.servers import EmbeddedServer


def open_board(url: str, name: str, options: dict[str, Any]) -> LeaderboardBackend:
    return open_leaderboard(url, board=name, **options)


class OnAServer(BackendConformance):
    server: EmbeddedServer

    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.server = server


class TestUnixSocket(OnAServer):
    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_board(self.server.unix_url, name, options)


class TestUnixSocketDelegated(OnAServer):
    examples = 10

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return DelegatingLeaderboard(open_board(self.server.unix_url, name, options))


class TestTCP(OnAServer):
    examples = 10

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_board(self.server.url, name, options)


class TestFakeRedis(BackendConformance):
    examples = 20
    bulk = 1500

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_board("fakeredis://", name, options)


class TestFakeRedisDelegated(BackendConformance):
    examples = 5
    bulk = 1500

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return DelegatingLeaderboard(open_board("fakeredis://", name, options))
