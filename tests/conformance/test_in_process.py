"""The kit on the boards of this process, bare and behind a wrapper that only delegates."""

from __future__ import annotations

from typing import Any

from leaderboard_backends import LeaderboardBackend
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.testing import BackendConformance


class TestNaive(BackendConformance):
    def make(self, **options: Any) -> LeaderboardBackend:
        return NaiveLeaderboard(**options)


class TestNaiveDelegated(BackendConformance):
    examples = 20

    def make(self, **options: Any) -> LeaderboardBackend:
        return DelegatingLeaderboard(NaiveLeaderboard(**options))


class TestSortedContainers(BackendConformance):
    def make(self, **options: Any) -> LeaderboardBackend:
        return SortedContainersLeaderboard(**options)


class TestSortedContainersDelegated(BackendConformance):
    examples = 20

    def make(self, **options: Any) -> LeaderboardBackend:
        return DelegatingLeaderboard(SortedContainersLeaderboard(**options))
