from __future__ import annotations

from collections.abc import Iterator

import pytest

from leaderboard_backends.testing.servers import EmbeddedServer


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A real server for all tests here; where there is none, they fail with what to install."""
    with EmbeddedServer(tcp=True) as running:
        yield running
