"""A monitored board keeps the contract, with everything on: it measures, alerts and traces, and changes nothing."""

from __future__ import annotations

from typing import Any

from prometheus_client import CollectorRegistry

from leaderboard_backends import LeaderboardBackend
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.hardening.monitoring import MonitoredLeaderboard
from leaderboard_backends.testing import BackendConformance

REGISTRY = CollectorRegistry()


class TestMonitored(BackendConformance):
    examples = 20

    def make(self, **options: Any) -> LeaderboardBackend:
        inner = SortedContainersLeaderboard(**options)
        return MonitoredLeaderboard(inner, registry=REGISTRY, alerts=True, alert_interval=0.05, spans=True)
