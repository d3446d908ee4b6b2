"""The kit around all parts of `hardening` over memory, a real server and a ZODB file; for `proof`, around each alone.

Every part is on, with settings that let pass all that the contract allows: bounds as wide as its own, a limit that no
test reaches, and changes too large for a rule only flagged. The top is cached where that promises what the board does,
in memory; a shared or durable board with a cached top declares itself `eventual`. Over the server, reads go through a
second board object. The efforts are the smallest that the kit allows: what is behind the wrappers is tried thoroughly
by the tests of the backends.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.hardening import Flag
from leaderboard_backends.testing import BackendConformance
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.wrapper import Wrapper, layers

FAR = 10**40


def hear(flag: Flag) -> None:
    """Say nothing of changes that are too large."""
    del flag


VALIDATION: dict[str, Any] = {
    "score_min": -1.7976931348623157e308,
    "score_max": 1.7976931348623157e308,
    "max_change": 3,
    "change_action": "flag",
    "max_age": 60,
    "player_exists": "builtins:bool",
    "max_player_id_bytes": 128,
    "max_username_bytes": 128,
    "max_n": FAR,
    "max_radius": FAR,
    "max_ids": FAR,
    "max_span": FAR,
    "on_flag": hear,
}
RATE_LIMIT = {"updates_a_minute": 1_000_000, "updates_a_second": 1_000_000}
DEGRADATION = {"failures": 3, "stale_entries": 100}
CACHED = {**DEGRADATION, "cache_top": 3, "live_top": 1}
BOUNDED = {**DEGRADATION, "read_timeout": 30}


def stack(degradation: dict[str, Any]) -> dict[str, Any]:
    return {
        "degradation": degradation,
        "validation": VALIDATION,
        "rate_limit": RATE_LIMIT,
        "monitoring": {"registry": CollectorRegistry(), "spans": True},
    }


class Hardened(BackendConformance):
    """The smallest efforts; the whole kit all the same."""

    players = 5000
    examples = 5
    steps = 20
    bulk = 1001
    rounds = 20
    histories = 5


def opened(url: str, parts: int, **text: Any) -> LeaderboardBackend:
    """Open a board, and make sure that so many parts stand around it."""
    board = open_leaderboard({"url": url, **text})
    assert sum(isinstance(found, Wrapper) for found in layers(board)) == parts
    return board


@pytest.mark.proof
class TestValidation(Hardened):
    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return opened("memory://", 1, board=name, validation=VALIDATION, **options)


@pytest.mark.proof
class TestRateLimit(Hardened):
    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return opened("memory://", 1, board=name, rate_limit=RATE_LIMIT, **options)


@pytest.mark.proof
class TestMonitoring(Hardened):
    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return opened("memory://", 1, board=name, monitoring={"registry": CollectorRegistry()}, **options)


@pytest.mark.proof
class TestDegradation(Hardened):
    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return opened("memory://", 1, board=name, degradation=CACHED, **options)


KEEPS_A_FEED = {"test_a_board_that_was_not_asked_to_keeps_no_feed": "both boards keep one for the migration"}


@pytest.mark.proof
class TestMoving(Hardened):
    known_failures = KEEPS_A_FEED

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return opened("memory://", 1, board=name, migration={"to": "naive://"}, **options)


@pytest.mark.proof
class TestMovingOnAServer(Hardened):
    known_failures: ClassVar = {
        **KEEPS_A_FEED,
        "test_version_and_feed_go_on_where_the_data_outlives_the_object": "feed=0 does not turn that feed off",
    }
    under_one_rule = True

    server: EmbeddedServer

    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.server = server

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        to = f"{self.server.unix_url}?prefix=moved"
        return opened(self.server.unix_url, 1, board=name, migration={"to": to}, **options)


class TestAllInMemory(Hardened):
    under_two_rules = True
    repeats = frozenset({"processes"})  # nothing is shared, as without the parts

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return opened("memory://", 4, board=name, **stack(CACHED), **options)


class TestAllOnAServer(Hardened):
    under_one_rule = True  # the others are tried in memory

    server: EmbeddedServer

    @pytest.fixture(autouse=True)
    def take_server(self, server: EmbeddedServer) -> None:
        self.server = server

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return opened(self.server.unix_url, 4, board=name, **stack(BOUNDED), **options)


class TestAllInAFile(Hardened):
    under_one_rule = True
    repeats = frozenset({"histories", "processes", "threads", "machine", "scale"})  # as over a server

    url: str

    @pytest.fixture(autouse=True)
    def take_folder(self, folder: Path) -> None:
        self.url = f"zodb://{folder}/board.fs"

    def make(self, *, name: str, **options: Any) -> LeaderboardBackend:
        return opened(self.url, 4, board=name, **stack(DEGRADATION), **options)
