# generated from leaderboard_backends/hardening/observability/spans.py
# by tools/async_faces.py: change that file, then run `make faces`
"""OpenTelemetry spans, one a call, named and attributed after the semantic conventions for database clients.

A span is called after the operation and the board; it says the storage, the board, the operation, the number of updates
of a batch, and the class of an error. No player id, no username and no error text, which may hold them, is in a span.

https://opentelemetry.io/docs/specs/semconv/database/database-spans/
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, Final

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

from ...async_delegating import AsyncDelegatingLeaderboard
from ...async_protocol import AsyncLeaderboard
from ...model import Entry, Score
from .spans import IN_MEMORY, Parameters, Value


def _traced(
    operation: str,
) -> Callable[
    [Callable[Concatenate[Any, Parameters], Coroutine[Any, Any, Value]]],
    Callable[Concatenate[Any, Parameters], Coroutine[Any, Any, Value]],
]:
    """Return a decorator that puts a span around a hook."""

    def decorate(
        hook: Callable[Concatenate[Any, Parameters], Coroutine[Any, Any, Value]],
    ) -> Callable[Concatenate[Any, Parameters], Coroutine[Any, Any, Value]]:
        @wraps(hook)
        async def traced(
            self: AsyncTracedLeaderboard, /, *arguments: Parameters.args, **options: Parameters.kwargs
        ) -> Value:
            span = self._start(operation)
            if not span.get_span_context().is_valid:  # the API without an SDK: there is nothing to carry on
                return await hook(self, *arguments, **options)
            with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
                try:
                    return await hook(self, *arguments, **options)
                except Exception as error:
                    span.set_attribute("error.type", type(error).__name__)
                    span.set_status(Status(StatusCode.ERROR))
                    raise

        return traced

    return decorate


class AsyncTracedLeaderboard(AsyncDelegatingLeaderboard):
    """A board whose calls are spans; iteration, which lasts as long as its reader likes, is none."""

    def __init__(self, inner: AsyncLeaderboard, tracer_provider: TracerProvider | None = None) -> None:
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
    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return await super()._update_score(player_id, username, score)

    @_traced("increment_score")
    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return await super()._increment_score(player_id, username, delta)

    @_traced("update_scores")
    async def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        if len(updates) > 1:  # a batch of one is none, by the conventions
            get_current_span().set_attribute("db.operation.batch.size", len(updates))
        await super()._update_scores(updates)

    @_traced("remove_player")
    async def _remove_player(self, player_id: str) -> bool:
        return await super()._remove_player(player_id)

    @_traced("clear")
    async def _clear(self) -> None:
        await super()._clear()

    @_traced("get_score")
    async def _get_score(self, player_id: str) -> Score | None:
        return await super()._get_score(player_id)

    @_traced("get_rank")
    async def _get_rank(self, player_id: str) -> int | None:
        return await super()._get_rank(player_id)

    @_traced("get_entry")
    async def _get_entry(self, player_id: str) -> Entry | None:
        return await super()._get_entry(player_id)

    @_traced("get_entries")
    async def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return await super()._get_entries(player_ids)

    @_traced("get_percentile")
    async def _get_percentile(self, player_id: str) -> float | None:
        return await super()._get_percentile(player_id)

    @_traced("get_top_n")
    async def _get_top_n(self, n: int) -> list[Entry]:
        return await super()._get_top_n(n)

    @_traced("get_range")
    async def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return await super()._get_range(first_rank, last_rank)

    @_traced("get_around")
    async def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return await super()._get_around(player_id, radius)

    @_traced("get_by_score")
    async def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return await super()._get_by_score(low, high, limit)

    @_traced("count_by_score")
    async def _count_by_score(self, low: Score, high: Score) -> int:
        return await super()._count_by_score(low, high)

    @_traced("len")
    async def _count(self) -> int:
        return await super()._count()

    @_traced("ping")
    async def _ping(self) -> None:
        await super()._ping()
