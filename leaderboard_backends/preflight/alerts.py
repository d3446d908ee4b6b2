"""Whether each alert fires in a drill, is heard, and ends: slow and failing calls by a clock that the drill moves on.

The drill's board is in memory, and its name begins with `preflight-`. Of the alerts, one is passed on to the app's own
`on_alert`, its beginning and its end, so that the way to whoever is on call is tried too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any, Final

from prometheus_client import CollectorRegistry

from ..errors import LeaderboardError
from ..hardening.monitoring import MonitoredLeaderboard
from ..hardening.observability.alerts import Alert
from ..hardening.observability.conditions import Condition, conditions
from ..hardening.observability.settings import AlertSettings
from .finding import Finding, failed, not_applicable, passed, together, warning
from .scratch import PREFIX
from .subject import Subject
from .troubled import Clock, TroubledLeaderboard

LAYER: Final = "monitoring"
RULES: Final = "leaderboard monitoring rules --config FILE"

PASSED_ON: Final = "LeaderboardErrorRateCritical"
"""The alert that the app's own hook hears."""

LOOKS: Final = 10
"""Between the beginning of a trouble and the alert, where the settings ask for more."""
SLOW: Final = 1.5
"""How many times the critical latency a slow call takes."""
BUSY: Final = 1.1
"""How many times the planned rate the updates come."""
MOST_UPDATES: Final = 3_000_000
"""Scores, all in batches, that a drill of the capacity alert may need."""

_PLAYER: Final = "preflight-player"


class Drill:
    """A monitored board in memory that goes through troubles; `heard` has the alerts that its hook was told."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.alerting: Final = AlertSettings.of(settings)
        self.heard: Final[list[Alert]] = []
        self.hook_error = ""
        self._hook: Callable[[Alert], object] | None = settings.get("on_alert")
        self._clock: Final = Clock()
        self._troubled: Final = TroubledLeaderboard(f"{PREFIX}{token_hex(6)}", self._clock)
        own = {"alerts": False, "spans": False, "registry": CollectorRegistry(), "on_alert": self._hear}
        self._board: Final = MonitoredLeaderboard(self._troubled, clock=self._clock, **{**settings, **own})

    def _hear(self, alert: Alert) -> None:
        self.heard.append(alert)
        if self._hook is not None and alert.name == PASSED_ON:
            try:
                self._hook(alert)
            except Exception as error:  # noqa: BLE001 - the app's function may raise anything
                self.hook_error = f"{type(error).__name__}: {error}"

    def run(self, watched: Iterable[Condition]) -> list[str]:
        """Let the figures of some conditions be bad for as long as alerts wait, then good; return which never fired."""
        watched = list(watched)
        step = max(self.alerting.alert_interval, self.alerting.alert_for / LOOKS)
        looks = 2 + int(self.alerting.alert_for / step)
        with self._board:
            for _ in range(looks):
                self._trouble({condition.figure for condition in watched}, step)
                self._board.alerts.evaluate()
            self._clock.now += self.alerting.window + step
            self._calls(self.alerting.alert_samples)
            self._board.alerts.evaluate()
        return [condition.name for condition in watched if not self._fired_and_ended(condition)]

    def _fired_and_ended(self, condition: Condition) -> bool:
        ends = [alert.resolved is not None for alert in self.heard if alert.name == condition.name]
        return ends == [False, True]

    def _trouble(self, figures: set[str], step: float) -> None:
        """Let a step of time pass, and make bad calls at its end, right before the next look at the figures."""
        self._clock.now += step
        if "update_rate" in figures:
            rate = self.alerting.update_rate
            self._board.update_scores([(_PLAYER, "", 1)] * (int(rate * step * BUSY) + 1))
        self._troubled.down = "error_rate" in figures
        self._calls(self.alerting.alert_samples)
        self._troubled.seconds = self.alerting.latency_critical * SLOW if "update_latency" in figures else 0.0
        self._calls(2 + self.alerting.alert_samples // 50)
        self._troubled.seconds, self._troubled.down = 0.0, False

    def _calls(self, count: int) -> None:
        """Make so many updates, and as many queries."""
        for _ in range(count):
            with suppress(LeaderboardError):
                self._board.update_score(_PLAYER, "", 1)
            with suppress(LeaderboardError):
                self._board.get_rank(_PLAYER)


def check_alerts(subject: Subject) -> Finding:
    """Drill every alert, and see whether anybody looks at the figures of the app."""
    settings = subject.settings(LAYER)
    if settings is None:
        return warning("no alert can fire, as nothing is measured", f"Set monitoring = true in [{subject.table}].")
    return together([*_drills(settings), _watched(subject, settings)])


def _drills(settings: Mapping[str, Any]) -> Sequence[Finding]:
    all_conditions = conditions(AlertSettings.of(settings))
    latency = [one for one in all_conditions if one.figure in ("update_latency", "query_latency")]
    errors = [one for one in all_conditions if one.figure == "error_rate"]
    rate = [one for one in all_conditions if one.figure == "update_rate"]
    return [_drill(settings, latency), _drill(settings, errors), *_drill_of_capacity(settings, rate)]


def _drill_of_capacity(settings: Mapping[str, Any], watched: list[Condition]) -> Sequence[Finding]:
    alerting = AlertSettings.of(settings)
    if alerting.update_rate * (alerting.alert_for + 2 * alerting.alert_interval) * BUSY > MOST_UPDATES:
        return [not_applicable("the capacity alert was not drilled: too many updates")]
    return [_drill(settings, watched)]


def _drill(settings: Mapping[str, Any], watched: list[Condition]) -> Finding:
    drill = Drill(settings)
    silent = drill.run(watched)
    if silent:
        return failed(
            f"{', '.join(silent)} did not fire, or did not end",
            "Loosen alert_for, alert_samples or the thresholds: with these, one caller's slow or failing calls never "
            "raise the alarm.",
        )
    if drill.hook_error:
        return failed(f"on_alert failed: {drill.hook_error}", "Correct the app's function, or nobody is told.")
    return passed(f"{', '.join(condition.name for condition in watched)} fired and ended")


def _watched(subject: Subject, settings: Mapping[str, Any]) -> Finding:
    """Tell who looks at the figures once the app runs."""
    rules = subject.expectations.alert_rules
    if rules is not None:
        return _rules(subject, rules)
    if settings.get("alerts"):
        heard = "on_alert hears them" if settings.get("on_alert") else "they go to the log"
        return passed(f"the app looks every {AlertSettings.of(settings).alert_interval:g} s, and {heard}")
    return failed(
        "nobody looks at the figures, so nobody is told",
        f"Set alerts = true in [{subject.table}.{LAYER}], or load {RULES} into Prometheus and name its file as "
        f"alert_rules in [preflight.{subject.name}].",
    )


def _rules(subject: Subject, name: str) -> Finding:
    """Look whether the rules that Prometheus has loaded know every alert."""
    try:
        text = subject.expectations.path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        return failed(f"{name} cannot be read: {error}", f"Write it: {RULES} > {name}")
    if missing := [one.name for one in conditions(AlertSettings()) if one.name not in text]:
        return failed(f"{name} lacks {', '.join(missing)}", f"Write it anew: {RULES} > {name}")
    return passed(f"{name} has a rule for each")
