"""What each alert watches, and above what it fires: one list for the alerts in the process and for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .settings import AlertSettings

Severity = Literal["warning", "critical"]
Figure = Literal["update_latency", "query_latency", "error_rate", "update_rate"]
"""The 99th percentile of updates or of queries, failures a call, scores updated a second."""


@dataclass(frozen=True, slots=True)
class Condition:
    """An alert: it fires while its figure is above the threshold."""

    name: str
    severity: Severity
    figure: Figure
    threshold: float


def conditions(settings: AlertSettings) -> tuple[Condition, ...]:
    """Return the alerts of some settings."""
    warning, critical = settings.latency_warning, settings.latency_critical
    return (
        Condition("LeaderboardUpdateLatencyWarning", "warning", "update_latency", warning),
        Condition("LeaderboardUpdateLatencyCritical", "critical", "update_latency", critical),
        Condition("LeaderboardQueryLatencyWarning", "warning", "query_latency", warning),
        Condition("LeaderboardQueryLatencyCritical", "critical", "query_latency", critical),
        Condition("LeaderboardErrorRateCritical", "critical", "error_rate", settings.error_rate),
        Condition("LeaderboardUpdateRateWarning", "warning", "update_rate", settings.update_rate),
    )
