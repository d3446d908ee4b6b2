"""OpenTelemetry spans, one a call, named and attributed after the semantic conventions for database clients.

A span is called after the operation and the board; it says the storage, the board, the operation, the number of updates
of a batch, and the class of an error. No player id, no username and no error text, which may hold them, is in a span.

https://opentelemetry.io/docs/specs/semconv/database/database-spans/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from opentelemetry.trace import (
    INVALID_SPAN,
    SpanKind,
    Status,
    StatusCode,
    TracerProvider,
    get_tracer,
    use_span,
)

from ...delegating import DelegatingLeaderboard
from ...protocol import LeaderboardBackend

IN_MEMORY: Final = "memory"
"""The system of boards that are plain Python objects."""


def _traced(method: str, operation: str = "") -> Callable[..., Any]:
    """Return a hook that calls a method of the board inside, within a span of that name unless another is given."""
    operation = operation or method

    def traced(self: TracedLeaderboard, /, *arguments: Any) -> Any:
        name, attributes = self._described.get(operation) or self._describe(operation)
        span, call = self._tracer.start_span(name, None, self._kind, attributes), getattr(self._inner, method)
        if span is INVALID_SPAN or not span.get_span_context().is_valid:  # without an SDK, there is nothing to carry on
            return call(*arguments)
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                if operation == "update_scores" and len(arguments[0]) > 1:  # a batch of one is none, by the conventions
                    span.set_attribute("db.operation.batch.size", len(arguments[0]))
                return call(*arguments)
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise

    return traced


class TracedLeaderboard(DelegatingLeaderboard):
    """A board whose calls are spans; iteration, which lasts as long as its reader likes, is none."""

    def __init__(self, inner: LeaderboardBackend, tracer_provider: TracerProvider | None = None) -> None:
        super().__init__(inner)
        self._tracer: Final = get_tracer("leaderboard_backends", tracer_provider=tracer_provider)
        outside = inner.capabilities.shared or inner.capabilities.durable
        self._kind: Final = SpanKind.CLIENT if outside else SpanKind.INTERNAL
        self._system: Final = inner.storage.partition(" ")[0].lower() or IN_MEMORY
        self._described: Final[dict[str, tuple[str, Mapping[str, str]]]] = {}

    def _describe(self, operation: str) -> tuple[str, Mapping[str, str]]:
        """Return the name and the attributes of an operation's spans, made once."""
        attributes = {
            "db.system.name": self._system,
            "db.collection.name": self._name,
            "db.operation.name": operation,
        }
        return self._described.setdefault(operation, (f"{operation} {self._name}", attributes))

    _update_score = _traced("update_score")
    _increment_score = _traced("increment_score")
    _update_scores = _traced("update_scores")
    _remove_player = _traced("remove_player")
    _clear = _traced("clear")
    _get_score = _traced("get_score")
    _get_rank = _traced("get_rank")
    _get_entry = _traced("get_entry")
    _get_entries = _traced("get_entries")
    _get_percentile = _traced("get_percentile")
    _get_top_n = _traced("get_top_n")
    _get_range = _traced("get_range")
    _get_around = _traced("get_around")
    _get_by_score = _traced("get_by_score")
    _count_by_score = _traced("count_by_score")
    _count = _traced("count", "len")
    _ping = _traced("ping")
