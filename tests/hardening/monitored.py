"""What the tests of monitoring share: a clock that stands still, a board that takes its time, readings of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from leaderboard_backends import LeaderboardBackend
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.model import Entry, Score


class Clock:
    """A clock that a test moves on."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class TroubledLeaderboard(DelegatingLeaderboard):
    """A board whose updates and reads of ranks take `seconds` of a clock, and raise `error` where it is set."""

    def __init__(self, clock: Clock, inner: LeaderboardBackend | None = None) -> None:
        super().__init__(inner or SortedContainersLeaderboard("weekly"))
        self.clock = clock
        self.seconds = 0.0
        self.error: Exception | None = None

    def _trouble(self) -> None:
        self.clock.advance(self.seconds)
        if self.error is not None:
            raise self.error

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        self._trouble()
        return super()._update_score(player_id, username, score)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._trouble()
        super()._update_scores(updates)

    def _get_rank(self, player_id: str) -> int | None:
        self._trouble()
        return super()._get_rank(player_id)

    def _iterate(self) -> Iterator[Entry]:
        for entry in super()._iterate():
            yield entry
            self._trouble()


def samples(registry: CollectorRegistry) -> list[Sample]:
    """Return all samples as Prometheus would read them."""
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return [sample for family in families for sample in family.samples]


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    """Return the sum of the samples of a name with these labels, and perhaps others; `None` where there is none."""
    found = [one.value for one in samples(registry) if one.name == name and labels.items() <= one.labels.items()]
    return sum(found) if found else None
