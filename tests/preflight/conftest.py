from __future__ import annotations

from collections.abc import Iterator

import pytest

from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

PASSWORD = "correct-horse"  # noqa: S105 - of a server that these tests make
RIGHT = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "200mb", "requirepass": PASSWORD}
"""The settings of a server that is ready; its policy is noeviction by default."""


@pytest.fixture(scope="session")
def ready_server() -> Iterator[EmbeddedServer]:
    """A server as it should be for a launch."""
    with EmbeddedServer(RIGHT, tcp=True) as running:
        yield running


@pytest.fixture(scope="session")
def ready_url(ready_server: EmbeddedServer) -> str:
    """The URL of its boards, with the password."""
    return ready_server.url


@pytest.fixture(scope="session")
def plain_server() -> Iterator[EmbeddedServer]:
    """A server that keeps nothing on disk and asks for no password."""
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running:
        yield running
