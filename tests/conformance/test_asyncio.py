"""The kit on boards of an asyncio program, through a façade that awaits each call for a synchronous caller."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from leaderboard_backends import AsyncLeaderboard, LeaderboardBackend, open_async_leaderboard
from leaderboard_backends.testing import AsyncConformance, BackendConformance
from leaderboard_backends.testing.asynchronous import open_blocking
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.subject import PARTS


class Asynchronous(BackendConformance):
    """The smallest efforts; what is behind the coroutines is tried thoroughly by the tests of the backends."""

    players = 5000
    examples = 5
    steps = 20
    bulk = 1001
    rounds = 20
    histories = 5
    under_one_rule = True
    url: str

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return open_blocking(self.url, board=name, **options)


class TestMemory(Asynchronous):
    """Made at once, and in threads where it is long."""

    repeats = frozenset(PARTS) - {"bulk", "changes", "life", "lookups", "ranges"}

    url = "memory://"


class TestServer(Asynchronous):
    """Native coroutines over one connection."""

    repeats = frozenset({"machine", "processes", "scale", "texts"})

    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.url = server.unix_url


class TestReplica(Asynchronous):
    """A copy in memory that is read on the event loop, and native coroutines for everything else."""

    repeats = frozenset({"machine", "processes", "scale", "texts"})

    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.url = f"{server.unix_url}?replica=true"


class TasksAtAURL(AsyncConformance):
    """Many tasks on boards at one URL."""

    url: str

    def make(self, *, name: str, **options: Any) -> Awaitable[AsyncLeaderboard]:
        return open_async_leaderboard(self.url, board=name, **options)


class TestTasksInMemory(TasksAtAURL):
    url = "memory://"


class TestTasksInThreads(TasksAtAURL):
    tasks = 20
    waiting = 2000
    url = "zodb+memory://"


class TestTasksOnAServer(TasksAtAURL):
    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.url = server.unix_url


class TestTasksOnAReplica(TasksAtAURL):
    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.url = f"{server.unix_url}?replica=true"
