"""When an alert fires: what it watches, thresholds and times; for alerts in the process, for rules and a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, Self

from ...errors import ConfigurationError
from ...location import Option, check_options, integer, number

DAY: Final = 86_400.0
"""Seconds: longer than any time here makes sense, and short enough for every clock and timer."""


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Thresholds of the alerts, and their defaults; an alert fires above its threshold, not at it."""

    latency_warning: float = 0.05
    """Seconds of the 99th percentile, of updates and of queries."""
    latency_critical: float = 0.1
    error_rate: float = 0.01
    """Failures a call, from 0 to 1."""
    update_rate: float = 10_000
    """Scores updated a second: what the board was planned for."""
    window: float = 300.0
    """Seconds that a figure is taken over; for Prometheus, at least four of its scrape intervals."""
    alert_for: float = 60.0
    """Seconds that a figure must stay above its threshold before the alert fires."""
    alert_samples: int = 100
    """Calls in the window that a percentile or an error rate must be of: fewer say nothing."""
    alert_interval: float = 15.0
    """Seconds between two looks at the figures."""

    def __post_init__(self) -> None:
        check_options("monitoring", ALERT_OPTIONS, asdict(self))
        if self.latency_warning > self.latency_critical:
            raise ConfigurationError(
                f"latency_warning={self.latency_warning:g} is above latency_critical={self.latency_critical:g}: the "
                "warning threshold must be lower; set both."
            )

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """Return those of a table that may have other settings too."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in settings.items() if name in names})

    def changed(self) -> dict[str, float]:
        """Return the settings that are not the defaults."""
        default = AlertSettings()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(default, name)}


duration: Final = number(0.001, DAY)
"""Parses a time in seconds: Prometheus counts in milliseconds."""

ALERT_OPTIONS: Final[Mapping[str, Option]] = {
    "latency_warning": Option(number(0), "99th percentile in seconds above which a warning fires (0.05)"),
    "latency_critical": Option(number(0), "99th percentile in seconds above which a critical alert fires (0.1)"),
    "error_rate": Option(number(0, 1), "share of failed calls, from 0 to 1, above which a critical alert fires (0.01)"),
    "update_rate": Option(number(0), "scores updated per second above which the capacity warning fires (10000)"),
    "window": Option(duration, "window of the figures, in seconds (300)"),
    "alert_for": Option(
        number(0, DAY), "seconds that a figure must stay above its threshold before an alert fires (60)"
    ),
    "alert_samples": Option(
        integer(1), "calls in the window below which percentiles and error rates are not evaluated (100)"
    ),
    "alert_interval": Option(duration, "seconds between two evaluations (15)"),
}

DEFAULTS: Final = AlertSettings()
"""The default thresholds."""

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
    """Return what each alert watches and above what it fires, in the process and in Prometheus' rules alike."""
    warning, critical = settings.latency_warning, settings.latency_critical
    return (
        Condition("LeaderboardUpdateLatencyWarning", "warning", "update_latency", warning),
        Condition("LeaderboardUpdateLatencyCritical", "critical", "update_latency", critical),
        Condition("LeaderboardQueryLatencyWarning", "warning", "query_latency", warning),
        Condition("LeaderboardQueryLatencyCritical", "critical", "query_latency", critical),
        Condition("LeaderboardErrorRateCritical", "critical", "error_rate", settings.error_rate),
        Condition("LeaderboardUpdateRateWarning", "warning", "update_rate", settings.update_rate),
    )
