from __future__ import annotations

from typing import Any

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.testing import BackendConformance


class TestNaive(BackendConformance):
    def make(self, **options: Any) -> LeaderboardBackend:
        return open_leaderboard("naive://", board=options.pop("name"), **options)


class TestSortedContainers(BackendConformance):
    def make(self, **options: Any) -> LeaderboardBackend:
        return open_leaderboard("memory://", board=options.pop("name"), **options)
