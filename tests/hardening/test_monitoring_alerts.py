"""An alert fires above its threshold, of enough calls, for long enough, once; and is resolved once."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.hardening.monitoring import MonitoredLeaderboard
from leaderboard_backends.hardening.observability.alerts import Alert, Alerts
from leaderboard_backends.hardening.observability.recorder import SAMPLES, Recorder
from leaderboard_backends.hardening.observability.settings import AlertSettings

from .monitored import Clock, TroubledLeaderboard

SETTINGS = AlertSettings()
UPDATE_WARNING, UPDATE_CRITICAL = "LeaderboardUpdateLatencyWarning", "LeaderboardUpdateLatencyCritical"
QUERY_WARNING, QUERY_CRITICAL = "LeaderboardQueryLatencyWarning", "LeaderboardQueryLatencyCritical"
ERRORS, RATE = "LeaderboardErrorRateCritical", "LeaderboardUpdateRateWarning"

Load = Callable[[Recorder, float], None]
"""What happens in one second that ends at a time."""


class Drill:
    """Alerts on a clock that stands still, told of load second by second and evaluated every 15 seconds."""

    def __init__(self, settings: AlertSettings = SETTINGS) -> None:
        self.clock = Clock(0.0)
        self.heard: list[Alert] = []
        self.recorder = Recorder(window=settings.window, clock=self.clock)
        wall = lambda: 1_700_000_000 + self.clock.now  # noqa: E731 - one line says it
        self.alerts = Alerts("weekly", self.recorder, settings, self.heard.append, wall=wall)

    def run(self, seconds: int, load: Load) -> None:
        for _ in range(seconds):
            self.clock.advance(1.0)
            load(self.recorder, self.clock.now)
            if self.clock.now % 15 == 0:
                self.alerts.evaluate()

    @property
    def firing(self) -> set[str]:
        return {alert.name for alert in self.alerts.firing}

    @property
    def told(self) -> list[str]:
        return [f"{'-' if alert.resolved else '+'}{alert.name}" for alert in self.heard]


def updates(seconds: float, each: int = 10) -> Load:
    def load(recorder: Recorder, now: float) -> None:
        for _ in range(each):
            recorder.update(now, seconds, 1)

    return load


def queries(seconds: float) -> Load:
    def load(recorder: Recorder, now: float) -> None:
        for _ in range(10):
            recorder.query(now, seconds)

    return load


def failing(share: float) -> Load:
    """One in so many calls fails, of 100 a second."""

    def load(recorder: Recorder, now: float) -> None:
        for number in range(100):
            recorder.query(now, 0.001)
            if number < share * 100:
                recorder.error("BackendUnavailableError", failure=True)

    return load


def batches(a_second: int) -> Load:
    return lambda recorder, now: recorder.bulk(now, a_second)


@pytest.mark.parametrize(
    ("at", "above", "names"),
    [
        (updates(0.05), updates(0.0501), {UPDATE_WARNING}),
        (updates(0.05), updates(0.1), {UPDATE_WARNING}),
        (updates(0.05), updates(0.1001), {UPDATE_WARNING, UPDATE_CRITICAL}),
        (queries(0.05), queries(0.0501), {QUERY_WARNING}),
        (queries(0.05), queries(0.1001), {QUERY_WARNING, QUERY_CRITICAL}),
        (failing(0.01), failing(0.02), {ERRORS}),
        (batches(10_000), batches(10_001), {RATE}),
    ],
)
def test_the_default_thresholds_fire_above_and_not_at(at: Load, above: Load, names: set[str]) -> None:
    drill = Drill()
    drill.run(600, at)
    assert drill.firing == set()
    assert drill.heard == []
    drill.run(600, above)
    assert drill.firing == names


def test_an_alert_tells_of_its_beginning_and_its_end_once_each() -> None:
    drill = Drill()
    drill.run(600, updates(0.06))
    drill.run(600, updates(0.001))
    assert drill.told == [f"+{UPDATE_WARNING}", f"-{UPDATE_WARNING}"]
    fired, resolved = drill.heard
    assert (fired.severity, fired.value, fired.threshold, fired.board) == ("warning", 0.06, 0.05, "weekly")
    assert fired.since == resolved.since == 1_700_000_015
    assert fired.resolved is None
    assert resolved.resolved is not None
    assert 1_700_000_600 < resolved.resolved <= 1_700_000_915
    assert resolved.value <= 0.05


def test_an_alert_waits_for_its_time() -> None:
    drill = Drill()
    drill.run(74, updates(0.06))  # above since the look at 15 s
    assert drill.firing == set()
    drill.run(1, updates(0.06))
    assert drill.firing == {UPDATE_WARNING}


def test_a_figure_that_falls_back_starts_its_time_anew() -> None:
    drill = Drill(AlertSettings(window=30.0))
    for _ in range(5):
        drill.run(45, updates(0.06))
        drill.run(60, updates(0.001))
    assert drill.heard == []


def test_more_calls_may_be_needed_than_times_are_kept() -> None:
    drill = Drill(AlertSettings(alert_samples=SAMPLES + 1))
    drill.run(40, updates(0.06, each=100))
    assert drill.firing == set()
    drill.run(110, updates(0.06, each=100))
    assert drill.firing == {UPDATE_WARNING}


def test_one_slow_call_in_three_pages_nobody() -> None:
    drill = Drill(AlertSettings(alert_for=0.0))

    def rare(recorder: Recorder, now: float) -> None:
        if now % 20 == 0:
            for seconds in (0.001, 0.001, 30.0):
                recorder.update(now, seconds, 1)
                recorder.query(now, seconds)
            recorder.error("BackendUnavailableError", failure=True)

    drill.run(3600, rare)
    assert drill.heard == []


def test_traffic_that_ends_resolves_what_was_about_calls() -> None:
    drill = Drill()
    drill.run(300, failing(0.5))
    assert drill.firing == {ERRORS}
    drill.run(600, lambda _recorder, _now: None)
    assert drill.told == [f"+{ERRORS}", f"-{ERRORS}"]


def test_refusals_are_no_errors_of_the_board() -> None:
    drill = Drill()

    def refused(recorder: Recorder, now: float) -> None:
        recorder.query(now, 0.001)
        for _ in range(100):
            recorder.error("RateLimitExceededError", failure=False)

    drill.run(600, refused)
    assert drill.heard == []


def test_thresholds_are_settings() -> None:
    drill = Drill(AlertSettings(latency_warning=0.5, latency_critical=0.6, alert_for=0.0))
    drill.run(30, updates(0.4))
    assert drill.firing == set()
    drill.run(400, updates(0.7))
    assert drill.firing == {UPDATE_WARNING, UPDATE_CRITICAL}


def test_a_hook_that_raises_is_logged_and_the_next_alert_is_told(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock(0.0)
    heard: list[str] = []

    def hook(alert: Alert) -> None:
        heard.append(alert.name)
        raise ZeroDivisionError

    recorder = Recorder(clock=clock)
    alerts = Alerts("weekly", recorder, AlertSettings(alert_for=0.0), hook)
    for _ in range(200):
        recorder.update(clock.now, 0.2, 1)
    clock.advance(1.0)
    assert len(alerts.evaluate()) == 2
    assert heard == [UPDATE_WARNING, UPDATE_CRITICAL]
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "the hook on_alert failed on LeaderboardUpdateLatencyCritical of board weekly" in caplog.text


def test_the_default_hook_logs_the_alert_as_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "leaderboard_backends.hardening")
    clock = Clock(0.0)
    recorder = Recorder(clock=clock)
    alerts = Alerts("weekly", recorder, AlertSettings(alert_for=0.0))
    for _ in range(200):
        recorder.query(clock.now, 0.06)
    alerts.evaluate()
    clock.advance(1000.0)
    alerts.evaluate()
    fired, resolved = caplog.records
    assert fired.levelname == "WARNING"
    assert fired.getMessage() == f"{QUERY_WARNING} of board weekly fires: 0.06, threshold 0.05"
    fields = {name: vars(fired)[name] for name in ("event", "alert", "severity", "value", "threshold", "board")}
    assert fields == {
        "event": "alert_fires",
        "alert": QUERY_WARNING,
        "severity": "warning",
        "value": 0.06,
        "threshold": 0.05,
        "board": "weekly",
    }
    assert (resolved.levelname, vars(resolved)["event"]) == ("INFO", "alert_resolved")


# ---------------------------------------------------------------------- of a board


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_boards_calls_are_what_its_alerts_judge(registry: CollectorRegistry) -> None:
    clock = Clock()
    heard: list[Alert] = []
    slow = TroubledLeaderboard(clock)
    slow.seconds = 0.2
    with MonitoredLeaderboard(slow, registry=registry, clock=clock, on_alert=heard.append) as board:
        for number in range(100):
            board.update_score(f"p{number}", "", number)
        assert board.alerts.evaluate(clock.now) == []
        names = {alert.name for alert in board.alerts.evaluate(clock.now + 60.0)}
        assert names == {UPDATE_WARNING, UPDATE_CRITICAL} == {alert.name for alert in heard}


def test_long_batches_and_iterations_are_no_slow_calls(registry: CollectorRegistry) -> None:
    clock = Clock()
    slow = TroubledLeaderboard(clock)
    slow.seconds = 0.2
    with MonitoredLeaderboard(slow, registry=registry, clock=clock, alert_for=0.0, alert_samples=1) as board:
        for _ in range(10):
            board.update_scores([("ada", "Ada", 1), ("bob", "Bob", 2)])
            assert len(list(iter(board))) == 2
            board.clear()
        assert board.alerts.evaluate() == []
        assert board.snapshot().updates.samples == board.snapshot().queries.samples == 0


def thread_of(board: MonitoredLeaderboard) -> threading.Thread:
    assert board._watch is not None
    return board._watch._thread


def test_without_the_setting_no_thread_is_started(registry: CollectorRegistry) -> None:
    before = set(threading.enumerate())
    with MonitoredLeaderboard(SortedContainersLeaderboard(), registry=registry) as board:
        board.update_score("ada", "Ada", 1)
        assert set(threading.enumerate()) <= before


def watched(registry: CollectorRegistry, on_alert: Callable[[Alert], object]) -> MonitoredLeaderboard:
    """Return a board on which every call is too slow, looked at all the time."""
    return MonitoredLeaderboard(
        SortedContainersLeaderboard(),
        registry=registry,
        alerts=True,
        on_alert=on_alert,
        alert_interval=0.005,
        alert_for=0.0,
        alert_samples=1,
        latency_warning=1e-9,
        latency_critical=10.0,
    )


def test_a_thread_looks_until_the_board_is_closed(registry: CollectorRegistry) -> None:
    told = threading.Event()
    board = watched(registry, lambda _alert: told.set())
    thread = thread_of(board)
    assert thread.daemon
    board.update_score("ada", "Ada", 1)
    assert told.wait(30)
    board.close()
    assert not thread.is_alive()


def test_without_a_thread_to_look_a_board_with_alerts_is_not_opened(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(BackendUnavailableError, match="limit of threads"):
            watched(registry, lambda _alert: None)
    watched(registry, lambda _alert: None).close()


def test_a_hook_may_close_the_board(registry: CollectorRegistry) -> None:
    closed = threading.Event()

    def hook(_alert: Alert) -> None:
        board.close()
        closed.set()

    board = watched(registry, hook)
    thread = thread_of(board)
    board.update_score("ada", "Ada", 1)
    assert closed.wait(30)
    thread.join(30)
    assert not thread.is_alive()


def test_the_thread_of_a_board_that_was_dropped_ends(registry: CollectorRegistry) -> None:
    board = watched(registry, lambda _alert: None)
    thread = thread_of(board)
    del board
    gc.collect()
    thread.join(30)
    assert not thread.is_alive()
