"""What one board object adds to the metrics of its registry: children by label, each looked up once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Final, TypeVar

from ...forks import guard
from .families import Families
from .faults import EXPECTED, fault_of, kind_of
from .names import CALL_OF, SOURCES
from .probe import Probe
from .violations import Violations

Key = TypeVar("Key", bound=Hashable)
Child = TypeVar("Child")


class Children(dict[Key, Child]):
    """Children of a metric by what tells them apart, each made when it is first needed."""

    def __init__(self, make: Callable[[Key], Child]) -> None:
        super().__init__()
        self._make: Final = make

    def __missing__(self, key: Key) -> Child:
        child = self[key] = self._make(key)
        return child


class BoardMetrics:
    """The metrics of a board's name and backend; board objects that share both share them and add up."""

    def __init__(
        self, families: Families, labels: tuple[str, str], probe: Probe, violations: Callable[[], Violations]
    ) -> None:
        child = families.child
        self.labels: Final = labels
        self.probe: Final = probe
        self.observe: Final = Children[str, Callable[[float], None]](
            lambda operation: child(families.durations, *labels, CALL_OF[operation], operation).observe
        )
        self.count_updates: Final = child(families.updates, *labels).inc
        self.count_source: Final = Children[str, Callable[[], None]](
            lambda source: child(families.degraded, *labels, source).inc
        )
        self._count_error: Final = Children[tuple[str, str], Callable[[], None]](
            lambda kind: child(families.errors, *labels, *kind).inc
        )
        self._violations: Final = violations
        self._count_violation: Final = Children[tuple[str, str], Callable[[float], None]](
            lambda violation: child(families.violations, *labels, *violation).inc
        )
        self._counted: Final[dict[tuple[str, str], int]] = {}
        self._lock: Final = guard(Lock())
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Make the children that alerts and panels count on, so that the first of a kind is seen as one more."""
        for error in EXPECTED:
            _ = self._count_error[kind_of(error), fault_of(error)]
        for source in SOURCES:
            _ = self.count_source[source]

    def count_error(self, error: type[BaseException]) -> None:
        """Count an error by its kind."""
        self._count_error[kind_of(error), fault_of(error)]()

    def count_violations(self) -> None:
        """Add what validation and the rate limit counted since the last time; rules that nobody broke stand at 0."""
        with self._lock:
            for violation, number in self._violations().items():
                more = number - self._counted.get(violation, 0)
                self._count_violation[violation](max(more, 0))
                self._counted[violation] = number
