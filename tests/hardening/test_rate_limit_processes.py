"""App servers that are processes of their own share one limit, and get together exactly what it allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import chain
from typing import Any

import pytest

from leaderboard_backends import open_leaderboard
from leaderboard_backends.errors import RateLimitExceededError
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.servers import EmbeddedServer

PROCESSES = 3
LIMIT = 40
TRIES = 30
SECONDS = 60.0


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as running:
        yield running


def run_together(work: Callable[[Callable[[Any], None]], None]) -> list[Any]:
    """Run the work in several processes at once, and return all that they told."""
    with ExitStack() as ends:
        children = [ends.enter_context(Child(work, SECONDS)) for _ in range(PROCESSES)]
        return list(chain.from_iterable(children))


def test_several_processes_get_exactly_the_limit(server: EmbeddedServer) -> None:
    limit = {"updates_a_minute": LIMIT, "storage": server.unix_url, "timeout": 5, "when_down": "closed"}

    def update(tell: Callable[[Any], None]) -> None:
        with open_leaderboard(server.unix_url, rate_limit=limit) as board:
            for _ in range(TRIES):
                try:
                    board.increment_score("ada", "", 1)
                except RateLimitExceededError as error:
                    tell(error.retry_after)
                else:
                    tell("passed")

    told = run_together(update)
    waits = [wait for wait in told if wait != "passed"]
    assert told.count("passed") == LIMIT
    assert len(waits) == PROCESSES * TRIES - LIMIT
    assert all(60 - SECONDS / 2 < wait <= 60.0011 for wait in waits)
    with open_leaderboard(server.unix_url) as board:
        assert board.get_score("ada") == LIMIT, "what was refused was not applied"


def test_a_limit_in_memory_is_each_process_s_own() -> None:
    def update(tell: Callable[[Any], None]) -> None:
        with open_leaderboard("memory://", rate_limit={"updates_a_minute": 2}) as board:
            for _ in range(4):
                try:
                    board.increment_score("ada", "", 1)
                except RateLimitExceededError:
                    continue
                tell("passed")

    assert run_together(update) == ["passed"] * 2 * PROCESSES
