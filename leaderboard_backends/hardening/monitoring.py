"""`MonitoredLeaderboard`: a board that tells how it does: metrics, a snapshot, alerts, spans.

It stands around all other wrappers and sees what a caller sees. Every call but `ping` and `close` is timed and counted;
an error is counted by its class. What was asked against a rule (of the contract, of validation, of a limit) is a
refusal, and neither a call nor a failure in any figure, so that a flood of refused updates hides nothing and pages
nobody. Operations on many players (`update_scores`, `clear`, iteration) are timed, but in no percentile that an alert
watches: they take as long as their input is long.

Cost: about 2 µs a call, O(1). Nothing is asked of the storage but the number of players, when metrics are collected or
a snapshot is taken, in a thread of its own and within `probe_timeout`. In memory: 64 KiB of recent times, and about 40
KiB of metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Any, ClassVar, Final

from prometheus_client import REGISTRY, CollectorRegistry

from ..errors import MissingExtraError
from ..location import Option, boolean, function, integer, seconds
from ..model import Entry, Score
from ..protocol import LeaderboardBackend
from ..wrapper import Wrapper, layers
from .observability.alerts import AlertHook, Alerts, Watch, log_alert
from .observability.board_metrics import BoardMetrics
from .observability.collector import metrics_of
from .observability.probe import Probe
from .observability.recorder import SAMPLES, Recorder
from .observability.settings import ALERT_OPTIONS, AlertSettings
from .observability.snapshot import Snapshot, take_snapshot
from .observability.timing import Calls, counting_refusals, query, update
from .observability.violations import violations

PROBE_TIMEOUT: Final = 1.0
"""Seconds that collecting metrics waits for the number of players."""


def _registry(value: object) -> CollectorRegistry:
    """Take a registry of prometheus-client; a text cannot name one."""
    if not isinstance(value, CollectorRegistry):
        raise TypeError(f"it must be a prometheus_client.CollectorRegistry, not {type(value).__name__}")
    return value


class MonitoredLeaderboard(Wrapper):
    """A board whose calls are measured. Boards of one registry share its metrics, told apart by name and backend.

    `alerts` has the alerts of this object: `alerts.evaluate()` looks at the figures, and where the setting `alerts` is
    on, a daemon thread does so every `alert_interval` seconds until `close`. The thread belongs to the process that
    opened the board: a server that forks opens its boards in its children. `thresholds` are those of `AlertSettings`;
    `clock` is what calls are timed by.
    """

    options: ClassVar[Mapping[str, Option]] = {
        "alerts": Option(boolean, "whether to look at the figures every alert_interval seconds (false)"),
        "on_alert": Option(function, "a function that hears each alert begin and end; logged unless given"),
        "spans": Option(boolean, "whether each call is an OpenTelemetry span (false)"),
        "samples": Option(
            integer(100, 1_000_000), "recent times that percentiles are of, for each kind of call (4096)"
        ),
        "probe_timeout": Option(seconds, "seconds that collecting metrics waits for the number of players (1)"),
        "registry": Option(_registry, "a prometheus_client.CollectorRegistry; the default one unless given"),
        **ALERT_OPTIONS,
    }

    def __init__(
        self,
        inner: LeaderboardBackend,
        *,
        alerts: bool = False,
        on_alert: AlertHook = log_alert,
        spans: bool = False,
        samples: int = SAMPLES,
        probe_timeout: float = PROBE_TIMEOUT,
        registry: CollectorRegistry | None = None,
        clock: Callable[[], float] = perf_counter,
        **thresholds: Any,
    ) -> None:
        super().__init__(_traced(inner) if spans else inner)
        *_, storage = stack = list(layers(inner))
        self._thresholds: Final = AlertSettings(**thresholds)
        self._registry: Final = REGISTRY if registry is None else registry
        self._backend: Final = type(storage).__name__
        self._shared: Final = metrics_of(self._registry)
        self._probe: Final = Probe(storage.__len__, probe_timeout)
        self._own: Final = BoardMetrics(
            self._shared.families, (self._name, self._backend), self._probe, partial(violations, stack)
        )
        self._recorder: Final = Recorder(samples, self._thresholds.window, clock, self._shared.on_mark)
        self._calls: Final = Calls(self._own, self._recorder, layered=len(stack) > 1)
        self.alerts: Final = Alerts(self._name, self._recorder, self._thresholds, on_alert)
        self._shared.add(self._own)
        self._watch: Final = Watch(self.alerts, self._thresholds.alert_interval) if alerts else None

    @property
    def registry(self) -> CollectorRegistry:
        """The registry that has the metrics: `prometheus_client.generate_latest(board.registry)`."""
        return self._registry

    @property
    def backend(self) -> str:
        """What the metrics call the backend: the class of the innermost board."""
        return self._backend

    def snapshot(self) -> Snapshot:
        """Return the figures of the last window, with the number of players, waiting for that `probe_timeout` at most.

        Percentiles are exact, of the latest `samples` calls in the window. O(samples * log(samples)).
        """
        if self._closed:
            self._refuse_closed()
        return take_snapshot(self._name, self._backend, self._recorder, self._probe.ask())

    def _settings(self) -> str:
        on = [f"alerts every {self._thresholds.alert_interval:g} s"] if self._watch else []
        return ", ".join([*on, *(f"{name}={value:g}" for name, value in self._thresholds.changed().items())])

    def _close(self) -> None:
        try:
            if self._watch is not None:
                self._watch.stop()
            self._shared.drop(self._own)
        finally:
            super()._close()

    # ------------------------------------------------------------------ values that break a rule are counted

    update_score = counting_refusals(Wrapper.update_score)
    increment_score = counting_refusals(Wrapper.increment_score)
    update_scores = counting_refusals(Wrapper.update_scores)
    remove_player = counting_refusals(Wrapper.remove_player)
    get_score = counting_refusals(Wrapper.get_score)
    get_rank = counting_refusals(Wrapper.get_rank)
    get_entry = counting_refusals(Wrapper.get_entry)
    get_entries = counting_refusals(Wrapper.get_entries)
    get_percentile = counting_refusals(Wrapper.get_percentile)
    get_top_n = counting_refusals(Wrapper.get_top_n)
    get_range = counting_refusals(Wrapper.get_range)
    get_around = counting_refusals(Wrapper.get_around)
    get_by_score = counting_refusals(Wrapper.get_by_score)
    count_by_score = counting_refusals(Wrapper.count_by_score)
    __contains__ = counting_refusals(Wrapper.__contains__)

    # ------------------------------------------------------------------ each call is timed

    @update("update_score", scores=1)
    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._inner.update_score(player_id, username, score)

    @update("increment_score", scores=1)
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._inner.increment_score(player_id, username, delta)

    @update("remove_player", scores=0)
    def _remove_player(self, player_id: str) -> bool:
        return self._inner.remove_player(player_id)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        with self._calls.bulk("update_scores", len(updates)):
            self._inner.update_scores(updates)

    def _clear(self) -> None:
        with self._calls.bulk("clear"):
            self._inner.clear()

    @query("get_score")
    def _get_score(self, player_id: str) -> Score | None:
        return self._inner.get_score(player_id)

    @query("get_rank")
    def _get_rank(self, player_id: str) -> int | None:
        return self._inner.get_rank(player_id)

    @query("get_entry")
    def _get_entry(self, player_id: str) -> Entry | None:
        return self._inner.get_entry(player_id)

    @query("get_entries")
    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._inner.get_entries(player_ids)

    @query("get_percentile")
    def _get_percentile(self, player_id: str) -> float | None:
        return self._inner.get_percentile(player_id)

    @query("get_top_n")
    def _get_top_n(self, n: int) -> list[Entry]:
        return self._inner.get_top_n(n)

    @query("get_range")
    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._inner.get_range(first_rank, last_rank)

    @query("get_around")
    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._inner.get_around(player_id, radius)

    @query("get_by_score")
    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._inner.get_by_score(low, high, limit)

    @query("count_by_score")
    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._inner.count_by_score(low, high)

    @query("len")
    def _count(self) -> int:
        return len(self._inner)

    def _iterate(self) -> Iterator[Entry]:
        with self._calls.bulk("iterate"):
            entries = iter(self._inner)
            first = list(islice(entries, 1))
        yield from first
        try:
            yield from entries
        except Exception as error:
            self._calls.failed("iterate", self._calls.clock(), error)
            raise


def _traced(inner: LeaderboardBackend) -> LeaderboardBackend:
    """Return the board with a span around each call. Raises `MissingExtraError` without OpenTelemetry's API."""
    try:
        from .observability.spans import TracedLeaderboard  # noqa: PLC0415 - needed where spans are on, and only there
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"monitoring with spans=true needs {error.name}, which is not installed: pip install opentelemetry-api"
        ) from error
    return TracedLeaderboard(inner)
