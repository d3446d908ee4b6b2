"""`snapshot()` has the exact figures of the window."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from leaderboard_backends.errors import BackendUnavailableError, InvalidScoreError
from leaderboard_backends.hardening.monitoring import MonitoredLeaderboard

from .monitored import Clock, TroubledLeaderboard


def test_a_snapshot_has_all_figures() -> None:
    clock = Clock()
    troubled = TroubledLeaderboard(clock)
    with MonitoredLeaderboard(troubled, registry=CollectorRegistry(), clock=clock) as board:
        for number in range(1, 101):
            troubled.seconds = number / 1000
            board.update_score(f"p{number}", "", number)
        troubled.seconds, troubled.error = 2.0, BackendUnavailableError("gone")
        with pytest.raises(BackendUnavailableError):
            board.get_rank("p1")
        with pytest.raises(InvalidScoreError):
            board.update_score("p1", "", float("inf"))
        found = board.snapshot()
    assert (found.board, found.backend, found.players) == ("weekly", "SortedContainersLeaderboard", 100)
    assert found.updates.samples == 100
    assert found.updates.average == pytest.approx(0.0505)
    assert found.updates.p50 == pytest.approx(0.050)
    assert found.updates.p95 == pytest.approx(0.095)
    assert found.updates.p99 == pytest.approx(0.099)
    assert (found.queries.samples, found.queries.p99) == (1, 2.0)
    assert found.window == pytest.approx(7.05)
    assert found.updates_per_second == pytest.approx(100 / 7.05)
    assert found.error_rate == 1 / 101
    assert found.errors == {"BackendUnavailableError": 1, "InvalidScoreError": 1}


def test_a_snapshot_forgets_what_is_older_than_the_window_but_the_errors() -> None:
    clock = Clock()
    troubled = TroubledLeaderboard(clock)
    with MonitoredLeaderboard(troubled, registry=CollectorRegistry(), clock=clock, window=60) as board:
        board.update_score("ada", "Ada", 1)
        troubled.error = BackendUnavailableError("gone")
        with pytest.raises(BackendUnavailableError):
            board.get_rank("ada")
        clock.advance(61.0)
        found = board.snapshot()
    assert (found.updates.samples, found.error_rate, found.updates_per_second) == (0, 0.0, 0.0)
    assert found.errors == {"BackendUnavailableError": 1}


def test_percentiles_are_of_the_latest_samples() -> None:
    clock = Clock()
    troubled = TroubledLeaderboard(clock)
    with MonitoredLeaderboard(troubled, registry=CollectorRegistry(), clock=clock, samples=100) as board:
        for number in range(150):
            troubled.seconds = 0.5 if number < 50 else 0.001
            board.get_rank("ada")
        found = board.snapshot()
    assert found.queries.samples == 100
    assert found.queries.p99 == pytest.approx(0.001)
