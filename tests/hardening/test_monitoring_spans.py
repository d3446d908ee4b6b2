"""Spans follow the conventions for databases, say nothing of players, and cost little without an SDK."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NoOpTracerProvider, SpanKind, StatusCode, get_current_span
from prometheus_client import CollectorRegistry

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.backends.memory import MemoryLeaderboard
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import InvalidScoreError, MissingExtraError
from leaderboard_backends.hardening.monitoring import MonitoredLeaderboard
from leaderboard_backends.hardening.observability.spans import TracedLeaderboard
from leaderboard_backends.model import Score
from leaderboard_backends.testing.servers import EmbeddedServer

from .test_monitoring import CALLS


class Spans:
    """A provider of tracers that keeps what ends."""

    def __init__(self) -> None:
        self.provider = TracerProvider()
        self._exporter = InMemorySpanExporter()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))

    def ended(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def spans() -> Iterator[Spans]:
    spans = Spans()
    yield spans
    spans.provider.shutdown()


@pytest.mark.parametrize("operation", [operation for operation in CALLS if operation != "iterate"])
def test_each_operation_is_one_span(operation: str, spans: Spans) -> None:
    CALLS[operation](TracedLeaderboard(SortedContainersLeaderboard("weekly"), spans.provider))
    (span,) = spans.ended()
    assert span.name == f"{operation} weekly"
    assert span.attributes is not None
    assert span.attributes["db.operation.name"] == operation
    assert span.attributes["db.collection.name"] == "weekly"
    assert span.attributes["db.system.name"] == "sortedcontainers"
    assert span.kind is SpanKind.INTERNAL  # a board in this process


def test_a_ping_is_a_span_and_an_iteration_is_none(spans: Spans) -> None:
    board = TracedLeaderboard(NaiveLeaderboard("weekly"), spans.provider)
    board.ping()
    assert list(iter(board)) == []
    assert [span.name for span in spans.ended()] == ["ping weekly"]
    assert (spans.ended()[0].attributes or {})["db.system.name"] == "memory"


def test_a_batch_says_how_many_it_is_of_and_one_is_no_batch(spans: Spans) -> None:
    board = TracedLeaderboard(SortedContainersLeaderboard(), spans.provider)
    board.update_scores([("ada", "Ada", 1), ("bob", "Bob", 2)])
    board.update_scores([("ada", "Ada", 1)])
    sizes = [(span.attributes or {}).get("db.operation.batch.size") for span in spans.ended()]
    assert sizes == [2, None]


def test_an_error_is_its_class_alone(spans: Spans) -> None:
    board = TracedLeaderboard(SortedContainersLeaderboard(), spans.provider)
    board.update_score("secret-player", "Secret Name", 2**53)
    with pytest.raises(InvalidScoreError):
        board.increment_score("secret-player", "Secret Name", 2**53)
    failed = spans.ended()[-1]
    assert (failed.attributes or {})["error.type"] == "InvalidScoreError"
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description is None
    assert not failed.events
    everything = "".join(span.to_json() for span in spans.ended()).lower()
    assert "secret" not in everything


def test_a_server_is_a_client_span_under_its_own_name(spans: Spans) -> None:
    with EmbeddedServer() as server, open_leaderboard(server.unix_url, board="weekly") as inner:
        TracedLeaderboard(inner, spans.provider).get_top_n()
    (span,) = spans.ended()
    assert span.kind is SpanKind.CLIENT
    assert (span.attributes or {})["db.system.name"] in ("valkey", "redis")


class Within(DelegatingLeaderboard):
    """Notes whether a span is current while the storage works."""

    current = False

    def _get_score(self, player_id: str) -> Score | None:
        self.current = get_current_span().get_span_context().is_valid
        return super()._get_score(player_id)


def test_the_span_is_current_while_the_storage_works_so_that_its_clients_spans_are_inside(spans: Spans) -> None:
    inner = Within(SortedContainersLeaderboard())
    TracedLeaderboard(inner, spans.provider).get_score("ada")
    assert inner.current
    assert not get_current_span().get_span_context().is_valid


def test_a_span_that_is_not_sampled_is_current_too() -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF)
    inner = Within(SortedContainersLeaderboard())
    TracedLeaderboard(inner, provider).get_score("ada")
    assert inner.current
    provider.shutdown()


def test_the_api_alone_makes_no_span() -> None:
    inner = Within(SortedContainersLeaderboard())
    assert TracedLeaderboard(inner, NoOpTracerProvider()).get_score("ada") is None
    assert not inner.current


def test_spans_are_off_unless_asked_for() -> None:
    def inside(board: LeaderboardBackend) -> LeaderboardBackend:
        assert isinstance(board, MonitoredLeaderboard)
        return board.inner

    off = {"url": "memory://weekly", "monitoring": {"registry": CollectorRegistry()}}
    with open_leaderboard(off) as board:
        assert isinstance(inside(board), MemoryLeaderboard)
    on = {"url": "memory://weekly", "monitoring": {"registry": CollectorRegistry(), "spans": True}}
    with open_leaderboard(on) as board:
        assert isinstance(inside(board), TracedLeaderboard)
        assert board.update_score("ada", "Ada", 1) == 1
        assert "TracedLeaderboard" in repr(board)


def test_spans_without_the_api_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    monkeypatch.delitem(sys.modules, TracedLeaderboard.__module__)
    with pytest.raises(MissingExtraError, match="pip install opentelemetry-api"):
        open_leaderboard({"url": "memory://weekly", "monitoring": {"spans": True}})
