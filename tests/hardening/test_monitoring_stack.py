"""Monitoring reads what the other parts count, as they are."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from leaderboard_backends import open_leaderboard
from leaderboard_backends.errors import BackendUnavailableError, RateLimitExceededError, UpdateRefusedError
from leaderboard_backends.hardening.observability import names
from leaderboard_backends.testing.servers import EmbeddedServer

from .monitored import value


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_what_validation_flags_and_refuses_is_counted_by_rule(registry: CollectorRegistry) -> None:
    text = {
        "url": "memory://weekly",
        "validation": {"score_max": 100, "max_change": 10, "change_action": "flag"},
        "monitoring": {"registry": registry},
    }
    with open_leaderboard(text) as board:
        assert value(registry, names.RULE_VIOLATIONS, rule="score_max", outcome="refused") == 0
        with pytest.raises(UpdateRefusedError):
            board.update_score("ada", "Ada", 101)
        board.update_score("ada", "Ada", 50)
        assert value(registry, names.RULE_VIOLATIONS, rule="score_max", outcome="refused") == 1
        assert value(registry, names.RULE_VIOLATIONS, rule="max_change", outcome="flagged") == 1
        assert value(registry, names.ERRORS, kind="UpdateRefusedError", fault="caller") == 1
        assert value(registry, names.UPDATES) == 1
        with pytest.raises(UpdateRefusedError):
            board.update_score("ada", "Ada", 102)
    assert value(registry, names.RULE_VIOLATIONS, rule="score_max", outcome="refused") == 2


def test_what_the_rate_limit_refuses_is_counted_and_pages_nobody(registry: CollectorRegistry) -> None:
    text = {
        "url": "memory://weekly",
        "rate_limit": {"updates_a_minute": 2},
        "monitoring": {"registry": registry, "alert_for": 0, "alert_samples": 1},
    }
    with open_leaderboard(text) as board:
        for score in (1, 2):
            board.update_score("ada", "Ada", score)
        for _ in range(5):
            with pytest.raises(RateLimitExceededError):
                board.update_score("ada", "Ada", 3)
        assert value(registry, names.RULE_VIOLATIONS, rule="updates_a_minute", outcome="refused") == 5
        assert value(registry, names.ERRORS, kind="RateLimitExceededError", fault="caller") == 5
        assert value(registry, f"{names.CALL_DURATION}_count") == 2
        assert board.alerts.evaluate() == []  # type: ignore[attr-defined]


def test_stale_answers_of_a_killed_server_are_counted_and_the_storage_is_down(registry: CollectorRegistry) -> None:
    with EmbeddedServer() as server:
        text = {"url": server.unix_url, "board": "weekly", "degradation": True, "monitoring": {"registry": registry}}
        with open_leaderboard(text) as board:
            board.update_score("ada", "Ada", 5)
            assert board.get_rank("ada") == 1
            server.kill()
            assert board.get_rank("ada") == 1
            with pytest.raises(BackendUnavailableError):
                board.update_score("ada", "Ada", 6)
            assert value(registry, names.DEGRADED_ANSWERS, source="stale") == 1
            assert value(registry, names.UP) == 0
            assert value(registry, names.ERRORS, kind="BackendUnavailableError") == 1


def test_cache_hits_are_counted(registry: CollectorRegistry) -> None:
    text = {
        "url": "memory://weekly",
        "degradation": {"cache_top": 10, "cache_seconds": 60},
        "monitoring": {"registry": registry},
    }
    with open_leaderboard(text) as board:
        board.update_score("ada", "Ada", 5)
        for _ in range(3):
            board.get_top_n(10)
        hits = value(registry, names.DEGRADED_ANSWERS, source="cached")
        assert hits is not None
        assert hits >= 2
