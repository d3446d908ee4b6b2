"""`MonitoredLeaderboard`: a board that tells how it does: metrics, a snapshot, alerts, spans.

It stands around all other wrappers and sees what a caller sees. Every call but `ping` and `close` is timed and counted;
an error is counted by its class. A call by a finalizer or a signal handler, while its thread counts another one, is not
counted. What was asked against a rule (of the contract, of validation, of a limit) is a refusal, as is an error that an
iterable of the caller's raised, and neither a call nor a failure in any figure, so that a flood of refused updates
hides nothing and pages nobody. Operations on many players (`update_scores`, `clear`, iteration) are timed, but in no
percentile that an alert watches: they take as long as their input is long.

Cost: 2 to 4 µs a call (`benchmarks/monitoring_bars.py`), O(1). Nothing is asked of the storage but the number of
players, when metrics are collected or a snapshot is taken, in a thread of its own and within `probe_timeout`. In
memory: about 90 KiB where a board is opened, and up to 300 KiB once every operation was used. What cannot be measured
is logged, and never reaches a caller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from time import perf_counter
from typing import Any, ClassVar, Final

from prometheus_client import REGISTRY, CollectorRegistry

from ..errors import MissingExtraError
from ..installing import install_distribution
from ..location import Option, boolean, function, integer
from ..model import Entry
from ..protocol import LeaderboardBackend
from ..wrapper import Wrapper, layers
from .observability.alerts import AlertHook, Alerts, Watch, log_alert
from .observability.board_metrics import violations
from .observability.collector import metrics_of
from .observability.probe import Probe
from .observability.recorder import SAMPLES, Recorder
from .observability.settings import ALERT_OPTIONS, AlertSettings, duration
from .observability.snapshot import Snapshot, take_snapshot
from .observability.timing import Calls, bulk, query, update

PROBE_TIMEOUT: Final = 1.0
"""Seconds that collecting metrics waits for the number of players."""


def _registry(value: object) -> CollectorRegistry:
    """Take a registry of prometheus-client; a text cannot name one."""
    if not isinstance(value, CollectorRegistry):
        raise TypeError(f"it must be a prometheus_client.CollectorRegistry, not {type(value).__name__}")
    return value


class MonitoredLeaderboard(Wrapper):
    """A board whose calls are measured. Boards of one registry share its metrics, told apart by name and backend.

    `alerts` has the alerts of this object: `alerts.evaluate()` compares the figures with the thresholds, and where the
    setting `alerts` is on, a daemon thread does so every `alert_interval` seconds until `close`. The thread belongs to
    the process that opened the board, so a server that forks opens its boards in its children. `thresholds` are those
    of `AlertSettings`; `clock` times the calls.

    Raises what the board inside raises; making one raises `ConfigurationError` for thresholds that contradict each
    other, and `MissingExtraError` for `spans` without OpenTelemetry's API. A call costs 2 to 4 µs more
    (`benchmarks/monitoring_bars.py`), O(1), and no round trip: only metrics and snapshots ask for a number of players.
    """

    position = 400
    options: ClassVar[Mapping[str, Option]] = {
        "alerts": Option(boolean, "whether to evaluate alerts in this process every alert_interval seconds (false)"),
        "on_alert": Option(
            function, "a function that is called when an alert fires and when it resolves (alerts are logged)"
        ),
        "spans": Option(boolean, "whether to record each call as an OpenTelemetry span (false)"),
        "samples": Option(
            integer(100, 1_000_000), "recent times per kind of call that percentiles are computed from (4096)"
        ),
        "probe_timeout": Option(duration, "seconds to wait for the number of players when metrics are collected (1)"),
        "registry": Option(_registry, "a prometheus_client.CollectorRegistry (the default one)"),
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
        self._backend: Final = type(storage).__name__.removeprefix("Async")
        self._shared: Final = metrics_of(self._registry)
        self._probe: Final = Probe(inner, probe_timeout)
        self._own: Final = self._shared.open((self._name, self._backend), self._probe, partial(violations, stack))
        self._recorder: Final = Recorder(samples, self._thresholds.window, clock, self._shared.on_mark)
        layered = len(stack) > 1 or storage.capabilities.shared  # whose replicas may answer
        self._calls: Final = Calls(self._own, self._recorder, layered=layered)
        self.alerts: Final = Alerts(self._name, self._recorder, self._thresholds, on_alert)
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

        Times are in seconds. Percentiles are exact (nearest rank), of the latest `samples` calls in the window.
        O(samples * log(samples)).
        """
        if self._closed:
            self._refuse_closed()
        return take_snapshot(self._name, self._backend, self._recorder, self._probe.ask())

    def _settings(self) -> str:
        on = [f"alerts every {self._thresholds.alert_interval:g} s"] if self._watch else []
        return ", ".join([*on, *(f"{name}={value:g}" for name, value in self._thresholds.changed().items())])

    def _close(self) -> None:
        try:
            super()._close()
        finally:
            if self._closed:  # else the board inside refused, and is looked after as before
                self._shared.close(self._own)
                if self._watch is not None:
                    self._watch.stop()

    # ------------------------------------------------------------------ each call is taken down

    update_score = update("update_score", Wrapper.update_score, scores=1)
    increment_score = update("increment_score", Wrapper.increment_score, scores=1)
    update_scores = bulk("update_scores", Wrapper.update_scores)
    remove_player = update("remove_player", Wrapper.remove_player, scores=0)
    clear = bulk("clear", Wrapper.clear)
    get_score = query("get_score", Wrapper.get_score)
    get_rank = query("get_rank", Wrapper.get_rank)
    get_entry = query("get_entry", Wrapper.get_entry)
    get_entries = query("get_entries", Wrapper.get_entries)
    get_percentile = query("get_percentile", Wrapper.get_percentile)
    get_top_n = query("get_top_n", Wrapper.get_top_n)
    get_range = query("get_range", Wrapper.get_range)
    get_around = query("get_around", Wrapper.get_around)
    get_by_score = query("get_by_score", Wrapper.get_by_score)
    count_by_score = query("count_by_score", Wrapper.count_by_score)
    contains = query("get_score", Wrapper.contains)
    count = query("len", Wrapper.count)

    def _iterate(self) -> Iterator[Entry]:
        entries, first = self._begin_iteration()
        yield from first
        try:
            yield from entries
        except Exception as error:
            self._calls.failed("iterate", self._calls.clock(), error)
            raise

    def _to_the_first(self) -> tuple[Iterator[Entry], list[Entry]]:
        entries = super()._iterate()
        return entries, list(islice(entries, 1))

    _begin_iteration = bulk("iterate", _to_the_first)


def _traced(inner: LeaderboardBackend) -> LeaderboardBackend:
    """Return the board with a span around each call. Raises `MissingExtraError` without OpenTelemetry's API."""
    try:
        from .observability.spans import TracedLeaderboard  # noqa: PLC0415 - needed where spans are on, and only there
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"monitoring with spans=true needs {error.name}, which is not installed: "
            f"{install_distribution('opentelemetry-api')}"
        ) from error
    return TracedLeaderboard(inner)
