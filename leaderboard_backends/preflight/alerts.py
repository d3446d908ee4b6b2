"""Whether each alert fires, reaches its receiver and resolves: simulated slow and failing calls, on a simulated clock.

The board of this test is in memory, and its name begins with `preflight-`. One of the alerts is passed on to the app's
own `on_alert`, when it fires and when it resolves, so that the route to whoever is on call is tested too.
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
from ..hardening.observability.settings import AlertSettings, Condition, conditions
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
    """Trigger every alert once, and check that the app or Prometheus evaluates them."""
    settings = subject.settings(LAYER)
    if settings is None:
        return warning("monitoring is off, so no alert can fire", f"Set monitoring = true in [{subject.table}].")
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
        return [not_applicable("the capacity alert was not tested: that would take too many updates")]
    return [_drill(settings, watched)]


def _drill(settings: Mapping[str, Any], watched: list[Condition]) -> Finding:
    drill = Drill(settings)
    silent = drill.run(watched)
    if silent:
        return failed(
            f"{', '.join(silent)} did not fire, or did not resolve",
            "Lower alert_for, alert_samples or the thresholds: with these, slow or failing calls of one caller never "
            "fire the alert.",
        )
    if drill.hook_error:
        return failed(
            f"on_alert failed: {drill.hook_error}", "Correct the app's function; until then nobody is notified."
        )
    return passed(f"{', '.join(condition.name for condition in watched)} fired and resolved")


def _watched(subject: Subject, settings: Mapping[str, Any]) -> Finding:
    """Say what evaluates the alerts once the app runs."""
    rules = subject.expectations.alert_rules
    if rules is not None:
        return _rules(subject, rules)
    if settings.get("alerts"):
        receiver = "on_alert receives them" if settings.get("on_alert") else "they are logged"
        return passed(f"the app evaluates alerts every {AlertSettings.of(settings).alert_interval:g} s, and {receiver}")
    return warning(
        "alerts are off, so nobody is notified",
        f"Set alerts = true in [{subject.table}.{LAYER}], or load the output of {RULES} into Prometheus and "
        f"set alert_rules to that file in [preflight.{subject.name}].",
    )


def _rules(subject: Subject, name: str) -> Finding:
    """Check that the rules that Prometheus has loaded include every alert."""
    try:
        text = subject.expectations.path(name).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        return failed(f"{name} cannot be read: {error}", f"Write it: {RULES} > {name}")
    if missing := [one.name for one in conditions(AlertSettings()) if one.name not in text]:
        return failed(f"{name} lacks {', '.join(missing)}", f"Write it again: {RULES} > {name}")
    return passed(f"{name} has a rule for every alert")
