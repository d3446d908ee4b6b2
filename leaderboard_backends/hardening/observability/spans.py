"""OpenTelemetry spans, one a call, named and attributed after the semantic conventions for database clients.

A span is called after the operation and the board; it says the storage, the board, the operation, the number of updates
of a batch, and the class of an error. No player id, no username and no error text, which may hold them, is in a span.

https://opentelemetry.io/docs/specs/semconv/database/database-spans/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Concatenate, Final, ParamSpec, TypeVar

from opentelemetry.trace import (
    Span,
    SpanKind,
    Status,
    StatusCode,
    TracerProvider,
    get_current_span,
    get_tracer,
    use_span,
)

from ...delegating import DelegatingLeaderboard
from ...model import Entry, Score
from ...protocol import LeaderboardBackend

IN_MEMORY: Final = "memory"
"""The system of boards that are plain Python objects."""

Parameters = ParamSpec("Parameters")
Value = TypeVar("Value")
Hook = Callable[Concatenate["TracedLeaderboard", Parameters], Value]


def _traced(operation: str) -> Callable[[Hook[Parameters, Value]], Hook[Parameters, Value]]:
    """Return a decorator that puts a span around a hook."""

    def decorate(hook: Hook[Parameters, Value]) -> Hook[Parameters, Value]:
        @wraps(hook)
        def traced(self: TracedLeaderboard, /, *arguments: Parameters.args, **options: Parameters.kwargs) -> Value:
            span = self._start(operation)
            if not span.get_span_context().is_valid:  # the API without an SDK: there is nothing to carry on
                return hook(self, *arguments, **options)
            with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
                try:
                    return hook(self, *arguments, **options)
                except Exception as error:
                    span.set_attribute("error.type", type(error).__name__)
                    span.set_status(Status(StatusCode.ERROR))
                    raise

        return traced

    return decorate


class TracedLeaderboard(DelegatingLeaderboard):
    """A board whose calls are spans; iteration, which lasts as long as its reader likes, is none."""

    def __init__(self, inner: LeaderboardBackend, tracer_provider: TracerProvider | None = None) -> None:
        super().__init__(inner)
        self._tracer: Final = get_tracer("leaderboard_backends", tracer_provider=tracer_provider)
        outside = inner.capabilities.shared or inner.capabilities.durable
        self._kind: Final = SpanKind.CLIENT if outside else SpanKind.INTERNAL
        self._system: Final = inner.storage.partition(" ")[0].lower() or IN_MEMORY
        self._described: Final[dict[str, tuple[str, Mapping[str, str]]]] = {}

    def _start(self, operation: str) -> Span:
        name, attributes = self._described.get(operation) or self._describe(operation)
        return self._tracer.start_span(name, kind=self._kind, attributes=attributes)

    def _describe(self, operation: str) -> tuple[str, Mapping[str, str]]:
        """Return the name and the attributes of an operation's spans, made once."""
        attributes = {
            "db.system.name": self._system,
            "db.collection.name": self._name,
            "db.operation.name": operation,
        }
        return self._described.setdefault(operation, (f"{operation} {self._name}", attributes))

    @_traced("update_score")
    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return super()._update_score(player_id, username, score)

    @_traced("increment_score")
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return super()._increment_score(player_id, username, delta)

    @_traced("update_scores")
    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        if len(updates) > 1:  # a batch of one is none, by the conventions
            get_current_span().set_attribute("db.operation.batch.size", len(updates))
        super()._update_scores(updates)

    @_traced("remove_player")
    def _remove_player(self, player_id: str) -> bool:
        return super()._remove_player(player_id)

    @_traced("clear")
    def _clear(self) -> None:
        super()._clear()

    @_traced("get_score")
    def _get_score(self, player_id: str) -> Score | None:
        return super()._get_score(player_id)

    @_traced("get_rank")
    def _get_rank(self, player_id: str) -> int | None:
        return super()._get_rank(player_id)

    @_traced("get_entry")
    def _get_entry(self, player_id: str) -> Entry | None:
        return super()._get_entry(player_id)

    @_traced("get_entries")
    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return super()._get_entries(player_ids)

    @_traced("get_percentile")
    def _get_percentile(self, player_id: str) -> float | None:
        return super()._get_percentile(player_id)

    @_traced("get_top_n")
    def _get_top_n(self, n: int) -> list[Entry]:
        return super()._get_top_n(n)

    @_traced("get_range")
    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return super()._get_range(first_rank, last_rank)

    @_traced("get_around")
    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return super()._get_around(player_id, radius)

    @_traced("get_by_score")
    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return super()._get_by_score(low, high, limit)

    @_traced("count_by_score")
    def _count_by_score(self, low: Score, high: Score) -> int:
        return super()._count_by_score(low, high)

    @_traced("len")
    def _count(self) -> int:
        return super()._count()

    @_traced("ping")
    def _ping(self) -> None:
        super()._ping()
