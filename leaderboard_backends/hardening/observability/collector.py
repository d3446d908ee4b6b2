"""Hands the metrics of all boards of one registry to Prometheus, having looked after the boards first.

What calls tell goes into the metrics as it happens. What only a look tells (players, whether the storage answers, what
validation and the rate limit counted) is read when the metrics are collected, of all boards at once and within the
longest of their time limits; no error there fails the collection. A closed board's counters stay, so that its last
calls are collected too, until a hundred other boards were closed after it.

Where prometheus-client keeps the metrics of several processes in files (`PROMETHEUS_MULTIPROC_DIR`), one collects them
that does not have the boards: there each process looks by itself, when it opens a board and then every 15 seconds while
its boards are used; and there the counters of closed boards stay, as nothing can be taken out of such files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from logging import getLogger
from threading import RLock, Thread
from time import monotonic
from typing import Final
from weakref import WeakKeyDictionary, WeakValueDictionary

from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.registry import Collector

from ...errors import ConfigurationError
from ...forks import guard
from .board_metrics import BoardMetrics, Violations
from .families import Families, in_several_processes
from .probe import Probe

logger = getLogger("leaderboard_backends.hardening")

LOOK_INTERVAL: Final = 15.0
"""Seconds between two looks of a process whose metrics another one collects."""

CLOSED: Final = 100
"""Boards, by name and backend, whose metrics stay after they were closed."""

Labels = tuple[str, str]
"""A board's name and backend."""


class Metrics(Collector):
    """The metrics of a registry, and the open boards that they are of. Holds no board alive."""

    def __init__(self) -> None:
        self.families: Final = Families()
        self._numbers: Final = count()
        self._boards: Final = WeakValueDictionary[int, BoardMetrics]()
        self._known: Final[dict[Labels, None]] = {}
        """The boards that have metrics, the one that was opened or closed last at the end."""
        self._shown: Final = set[Labels]()
        self._looked = monotonic()
        self._lock: Final = guard(RLock())

    def describe(self) -> Iterable[Metric]:
        """Yield the metrics' names, so that a registry refuses others of the same."""
        for family in self.families.all:
            yield from family.describe()

    def collect(self) -> Iterable[Metric]:
        """Look after every open board, and yield all metrics."""
        self.look()
        with self._lock:  # which forks wait for: a child could not get the locks that prometheus-client takes here
            metrics = [metric for family in self.families.all for metric in family.collect()]
        yield from metrics

    def open(self, labels: Labels, probe: Probe, violations: Callable[[], Violations]) -> BoardMetrics:
        """Look after a board too; where several have the same labels, the number of players is that of the last."""
        with self._lock:
            board = self._boards[next(self._numbers)] = BoardMetrics(self.families, labels, probe, violations)
            self._note(labels)
        if in_several_processes():
            self._look_aside()
        return board

    def close(self, board: BoardMetrics) -> None:
        """Look after a board no more; its counters keep what they counted."""
        with _no_failure("counting violations"):
            board.count_violations()
        with self._lock:
            for number, found in list(self._boards.items()):
                if found is board:
                    del self._boards[number]
            self._note(board.labels)
            if in_several_processes():  # nobody may look here again
                self._hide(self._shown - self._opened())

    def _note(self, last: Labels) -> None:
        """Keep the metrics of open boards, and of those that were closed last."""
        self._known.pop(last, None)
        self._known[last] = None
        opened = self._opened()
        closed = [labels for labels in self._known if labels not in opened]
        for labels in closed[:-CLOSED]:
            del self._known[labels]
            if not in_several_processes():
                self.families.forget(*labels)

    def _opened(self) -> set[Labels]:
        return {board.labels for board in self._boards.values()}

    def on_mark(self) -> None:
        """Look every now and then, where another process collects the metrics; called while boards are used."""
        if in_several_processes() and monotonic() - self._looked >= LOOK_INTERVAL:
            self._look_aside()

    def _look_aside(self) -> None:
        """Look in another thread."""
        self._looked = monotonic()
        with _no_failure("looking after boards"):
            Thread(target=self.look, name="leaderboard-metrics", daemon=True).start()

    # ------------------------------------------------------------------ what only a look tells

    def look(self) -> None:
        """Read what only a look tells, of all open boards, within the longest of their time limits."""
        with self._lock:
            boards = [board for _, board in sorted(self._boards.items())]
        for board in boards:
            with _no_failure("asking for the players"):
                board.probe.begin()
        for board in boards:
            board.probe.finish()
            with _no_failure("counting violations"):
                board.count_violations()
        with self._lock:
            opened = self._opened()
            self._show(board for board in boards if board.labels in opened)

    def _show(self, boards: Iterable[BoardMetrics]) -> None:
        up: dict[Labels, bool] = {}
        for board in boards:
            if board.probe.up is not None:
                up[board.labels] = up.get(board.labels, True) and board.probe.up
            if board.probe.players is not None:
                self.families.child(self.families.players, *board.labels).set(board.probe.players)
        for labels, answers in up.items():
            self.families.child(self.families.up, *labels).set(answers)
        self._hide(self._shown - up.keys())
        self._shown.update(up)

    def _hide(self, closed: Iterable[Labels]) -> None:
        """Take away the gauges of boards that are closed."""
        for labels in list(closed):
            self.families.hide(*labels)
            self._shown.discard(labels)


_shared: Final = WeakKeyDictionary[CollectorRegistry, Metrics]()
_sharing: Final = guard(RLock())


def metrics_of(registry: CollectorRegistry = REGISTRY) -> Metrics:
    """Return the metrics of a registry; they are registered with the first board.

    Raises `ConfigurationError` where the registry has others of the same names.
    """
    with _sharing:
        found = _shared.get(registry)
        if found is None:
            found = Metrics()
            _register(found, registry)
            _shared[registry] = found
        return found


def _register(metrics: Metrics, registry: CollectorRegistry) -> None:
    try:
        registry.register(metrics)
    except ValueError as error:
        raise ConfigurationError(
            f"monitoring cannot add its metrics, named leaderboard_…, to the registry ({error}): give it a separate "
            "registry, registry=prometheus_client.CollectorRegistry(), or rename the existing metrics."
        ) from error


@contextmanager
def _no_failure(what: str) -> Iterator[None]:
    """Log an error rather than fail what others wait for."""
    try:
        yield
    except Exception:
        logger.exception("%s failed", what)
