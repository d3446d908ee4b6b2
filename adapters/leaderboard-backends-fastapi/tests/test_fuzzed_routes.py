"""What schemathesis makes of the description, and any JSON and any id, is answered as described, and never by a 5xx.

Some hundreds of requests, the same in each run, against a real server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from leaderboard_backends_fastapi import leaderboard_app

from .boards import memory
from .serving import TOKEN, Client, served

if TYPE_CHECKING:
    from schemathesis.openapi import OpenApiSchema

BOUNDED: Final = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
"""As many requests an operation and a mode, of which there are 32; the same in each run."""

OPERATIONS: Final = {
    "POST": ["/scores", "/scores/increment", "/scores/bulk", "/friends"],
    "DELETE": ["/players"],
    "GET": [
        "/top",
        "/range",
        "/entry",
        "/rank",
        "/percentile",
        "/around",
        "/by-score",
        "/count",
        "/metrics",
        "/health/live",
        "/health/ready",
    ],
}


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with memory() as board:
        board.update_scores([(f"u{n}", "x", n) for n in range(20)])
        with served(leaderboard_app({"weekly": board}, token=TOKEN), "/boards/weekly") as found:
            yield found


@pytest.fixture(scope="module")
def schema(client: Client) -> OpenApiSchema:
    schemathesis = pytest.importorskip("schemathesis", reason="NO FUZZING: pip install 'schemathesis>=4.30'")
    return schemathesis.openapi.from_url(f"http://127.0.0.1:{client.port}/openapi.json")


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize(("method", "path"), [(method, path) for method, paths in OPERATIONS.items() for path in paths])
def test_every_request_is_answered_as_described(schema: OpenApiSchema, method: str, path: str, mode: str) -> None:
    pass
