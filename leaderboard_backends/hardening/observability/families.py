"""The Prometheus metrics of boards, by family: made once a registry, with children for each board."""

from __future__ import annotations

import os
from typing import Final, TypeVar

from prometheus_client import Counter, Gauge, Histogram

from . import names

_VARIABLES: Final = frozenset({"PROMETHEUS_MULTIPROC_DIR", "prometheus_multiproc_dir"})
"""The variable that names the folder of such files; the second is its old name, which still works."""

Family = TypeVar("Family", Counter, Gauge, Histogram)


class Families:
    """One set of metrics, registered nowhere: `collector` hands them over.

    Where prometheus-client keeps the metrics of several processes in files, counters and histograms add up, and of the
    gauges the one that a living process set last is shown: all processes ask the same storage.
    """

    def __init__(self) -> None:
        board = names.BOARD_LABELS
        self.durations: Final = Histogram(
            names.CALL_DURATION,
            "Duration of calls in seconds; refused calls are not included.",
            [*board, "call", "operation"],
            buckets=names.BUCKETS,
            registry=None,
        )
        self.updates: Final = Counter(
            names.UPDATES, "Scores that were updated; each update of a batch counts.", board, registry=None
        )
        self.errors: Final = Counter(
            names.ERRORS, "Errors by kind and cause.", [*board, "kind", "fault"], registry=None
        )
        self.degraded: Final = Counter(
            names.DEGRADED_ANSWERS,
            "Queries that were not answered live; source=cached counts cache hits, source=replica reads of copies.",
            [*board, "source"],
            registry=None,
        )
        self.violations: Final = Counter(
            names.RULE_VIOLATIONS,
            "Updates and reads that validation or the rate limit refused, flagged or let through uncounted, by rule.",
            [*board, "rule", "outcome"],
            registry=None,
        )
        self.players: Final = _gauge(names.PLAYERS, "Players on the board when last read.")
        self.up: Final = _gauge(names.UP, "Whether the storage returned the number of players in time (1) or not (0).")
        self._made: Final[dict[tuple[str, ...], set[tuple[Counter | Gauge | Histogram, tuple[str, ...]]]]] = {}
        self.all: Final = (
            *(self.durations, self.updates, self.errors, self.degraded, self.violations),
            *(self.players, self.up),
        )

    def child(self, family: Family, *labels: str) -> Family:
        """Return the child of a family for some labels, the board's name and backend first; made if need be."""
        self._made.setdefault(labels[: len(names.BOARD_LABELS)], set()).add((family, labels))
        return family.labels(*labels)

    def hide(self, board: str, backend: str) -> None:
        """Take away the gauges of a board that is closed, but not what other processes say of it."""
        for gauge in (self.players, self.up):
            if in_several_processes():  # files keep a value for ever, but one of no time is behind any other
                gauge.labels(board, backend)._value.set(0.0, timestamp=0.0)  # noqa: SLF001 - `set` takes no time
            else:
                gauge.remove(board, backend)

    def forget(self, board: str, backend: str) -> None:
        """Take away what there is of a board."""
        for family, labels in self._made.pop((board, backend), ()):
            family.remove(*labels)


def _gauge(name: str, text: str) -> Gauge:
    return Gauge(name, text, names.BOARD_LABELS, registry=None, multiprocess_mode="livemostrecent")


def in_several_processes() -> bool:
    """Whether prometheus-client keeps metrics in files, for another process to collect."""
    return not _VARIABLES.isdisjoint(os.environ)
