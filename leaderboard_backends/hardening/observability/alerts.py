"""Alerts in the process: the figures of a board against thresholds, hooks where one begins and where it ends.

An alert fires once its figure was above the threshold at each look for as long as is set, of enough calls to say
something; it ends at the first look that finds the figure at or below it, or too few calls. One hook hears both.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Event, RLock, Thread, current_thread
from typing import Final
from weakref import ReferenceType, ref

from ...forks import guard
from ...wrapper import start_thread
from .recorder import Reading, Recorder
from .settings import DEFAULTS, AlertSettings, Condition, Severity, conditions
from .snapshot import percentile_of

logger = logging.getLogger("leaderboard_backends.hardening")

JOIN_TIMEOUT: Final = 5.0
"""Seconds that `close` waits for a look that is under way."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that began, or that ended; times are seconds since the epoch."""

    name: str
    severity: Severity
    value: float
    """The figure: seconds, failures a call, or updates a second."""
    threshold: float
    board: str
    since: float
    """When the figure was first seen above the threshold."""
    resolved: float | None = None
    """When it was seen there no more; `None` while the alert fires."""


AlertHook = Callable[[Alert], object]


def log_alert(alert: Alert) -> None:
    """Log an alert to the logger `leaderboard_backends.hardening`, with its fields as fields of the record."""
    ended = alert.resolved is not None
    level = logging.INFO if ended else logging.ERROR if alert.severity == "critical" else logging.WARNING
    logger.log(
        level,
        "%s of board %s %s: %g, threshold %g",
        *(alert.name, alert.board, "is resolved" if ended else "fires", alert.value, alert.threshold),
        extra={
            "event": "alert_resolved" if ended else "alert_fires",
            "alert": alert.name,
            "severity": alert.severity,
            "value": alert.value,
            "threshold": alert.threshold,
            "board": alert.board,
            "since": alert.since,
            "resolved": alert.resolved,
        },
    )


class Alerts:
    """The alerts of one board, judged by what its recorder took down. May be called from several threads."""

    def __init__(
        self,
        board: str,
        recorder: Recorder,
        settings: AlertSettings = DEFAULTS,
        on_alert: AlertHook = log_alert,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._board: Final = board
        self._recorder: Final = recorder
        self._settings: Final = settings
        self._on_alert: Final = on_alert
        self._wall: Final = wall
        self._conditions: Final = conditions(settings)
        self._lock: Final = guard(RLock())
        self._above: Final[dict[str, tuple[float, float]]] = {}
        """Since when a figure is above its threshold, by the recorder's clock and by the wall's."""
        self._firing: Final[dict[str, Alert]] = {}

    @property
    def firing(self) -> list[Alert]:
        """The alerts that fire, as of the last look."""
        with self._lock:
            return list(self._firing.values())

    def evaluate(self, now: float | None = None) -> list[Alert]:
        """Look at the figures, tell the hook of what begins and what ends, and return what fires.

        `now` is a time of the recorder's clock, `time.perf_counter` unless another was given. An error of the hook is
        logged. O(samples * log(samples)).
        """
        at = self._recorder.clock() if now is None else now
        reading = self._recorder.reading(at, self._settings.window)
        with self._lock:
            changes = [self._judge(condition, reading, at) for condition in self._conditions]
            firing = list(self._firing.values())
        for alert in filter(None, changes):
            self._tell(alert)
        return firing

    def _judge(self, condition: Condition, reading: Reading, at: float) -> Alert | None:
        """Return the alert if it begins or ends now."""
        value = self._figure(condition, reading)
        standing = self._firing.get(condition.name)
        if value is None or value <= condition.threshold:
            self._above.pop(condition.name, None)
            self._firing.pop(condition.name, None)
            ended = standing.value if standing and value is None else value
            return standing and replace(standing, value=ended or 0.0, resolved=self._wall())
        began, since = self._above.setdefault(condition.name, (at, self._wall()))
        if at - began < self._settings.alert_for:
            return None
        alert = Alert(condition.name, condition.severity, value, condition.threshold, self._board, since)
        self._firing[condition.name] = alert
        return None if standing else alert

    def _figure(self, condition: Condition, reading: Reading) -> float | None:
        """Return a condition's figure, `None` where there were too few calls to say."""
        enough = self._settings.alert_samples
        if condition.figure == "update_rate":
            return reading.updates_per_second
        if condition.figure == "error_rate":
            return reading.error_rate if reading.calls >= enough else None
        calls, times = reading.timed_queries, reading.query_times
        if condition.figure == "update_latency":
            calls, times = reading.timed_updates, reading.update_times
        return percentile_of(sorted(times), 99) if calls >= enough else None

    def _tell(self, alert: Alert) -> None:
        try:
            self._on_alert(alert)
        except Exception:
            logger.exception("the hook on_alert failed on %s of board %s", alert.name, alert.board)


class Watch:
    """A daemon thread of this process that looks every so often, until `stop`, or until the alerts are no more.

    Raises `BackendUnavailableError` where the process may have no more threads.
    """

    def __init__(self, alerts: Alerts, interval: float) -> None:
        self._stopped: Final = Event()
        self._thread: Final = Thread(
            target=_look, args=(ref(alerts), interval, self._stopped), name="leaderboard-alerts", daemon=True
        )
        start_thread(self._thread)

    def stop(self) -> None:
        """End the thread; a look that is under way may take its time, up to a limit."""
        if self._thread.is_alive():  # not in a forked child, where it may have been inside the event
            self._stopped.set()
            if current_thread() is not self._thread:
                self._thread.join(JOIN_TIMEOUT)


def _look(alerts: ReferenceType[Alerts], interval: float, stopped: Event) -> None:
    while not stopped.wait(interval):
        found = alerts()
        if found is None:
            return
        try:
            found.evaluate()
        except Exception:
            logger.exception("the alerts of a board could not be evaluated")
        del found
