"""A real server for all tests of this folder, a proxy that loses replies, and boards that are closed again."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from threading import Thread
from typing import Any

import pytest
import redis

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.testing.faults.proxy import Proxy as LossyProxy
from leaderboard_backends.testing.groups import EmbeddedCluster
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer


class Proxy(LossyProxy):
    """The proxy, with the URL that boards open it by."""

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def lead_to(self, port: int) -> None:
        """Bring new connections to another server, as a changed name or a proxy does after a failover."""
        self._upstream = port


class Replier:
    """A server that gives the same answer to whatever it is asked, or `information` to INFO, or none at all."""

    def __init__(self, answer: bytes, information: str = "") -> None:
        body = information.encode()
        self._answer = answer
        self._information = b"$%d\r\n%b\r\n" % (len(body), body) if body else answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self.received = b""
        """All that its clients have sent."""
        self.port = self._listener.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0?socket_timeout={10 if answer else 0.3}"
        self._thread = Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                while data := client.recv(65536):
                    self.received += data
                    client.sendall(self._information if b"\r\nINFO\r\n" in data else self._answer)

    def close(self) -> None:
        for end in [self._listener, *self._clients]:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._thread.join(10)


@pytest.fixture(scope="session")
def running_server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture
def shared_server(running_server: EmbeddedServer) -> EmbeddedServer:
    """One server, emptied for each test, for those that leave it running as it was."""
    with redis.Redis(port=running_server.port) as plain:
        plain.flushall()
    return running_server


@pytest.fixture
def server() -> Iterator[EmbeddedServer]:
    """A server of the test's own, to stop, freeze and fill."""
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running


@pytest.fixture(scope="session")
def calm_cluster() -> Iterator[EmbeddedCluster]:
    """A cluster with a replica of each primary, whose roles and slots are as they were after each test."""
    with EmbeddedCluster(replicas=1, node_timeout=60) as cluster:  # no node is taken for failed on a busy machine
        yield cluster


@pytest.fixture
def open_board() -> Iterator[Callable[..., LeaderboardBackend]]:
    """Opens boards, each under a name of its own unless one is given, and closes them."""
    boards: list[LeaderboardBackend] = []
    numbers = count()

    def open_one(url: str, **options: Any) -> LeaderboardBackend:
        board = open_leaderboard(url, **{"board": f"board-{next(numbers)}", **options})
        boards.append(board)
        return board

    yield open_one
    for board in boards:
        board.close()


@pytest.fixture
def client(shared_server: EmbeddedServer) -> Iterator[redis.Redis]:
    """A plain client of the shared server."""
    with redis.Redis(port=shared_server.port) as plain:
        yield plain


@pytest.fixture
def proxy(shared_server: EmbeddedServer) -> Iterator[Proxy]:
    """A proxy in front of the shared server."""
    between = Proxy(shared_server.port)
    yield between
    between.close()


@pytest.fixture
def replier() -> Iterator[Callable[..., Replier]]:
    """Starts servers that are no Redis."""
    started: list[Replier] = []

    def start(answer: bytes, information: str = "") -> Replier:
        started.append(Replier(answer, information))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture(scope="session")
def start_proxy() -> type[Proxy]:
    """The proxy's class, for tests that start one in front of something else."""
    return Proxy
