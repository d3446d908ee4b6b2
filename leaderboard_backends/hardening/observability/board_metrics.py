"""What one board object adds to the metrics of its registry, and whose fault an error is there, of which kind."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from threading import RLock
from typing import Final, TypeVar

from ... import errors
from ...forks import guard
from .families import Families
from .names import CALL_OF, CALLER, SOURCES, STORAGE
from .probe import Probe

Key = TypeVar("Key", bound=Hashable)
Child = TypeVar("Child")

REFUSALS: Final = (
    errors.InvalidValueError,
    errors.RateLimitExceededError,
    errors.UnsupportedOperationError,
    errors.LeaderboardClosedError,
)
"""Errors that refuse what was asked: they are neither load on the board nor a failure of it."""

EXPECTED: Final = (
    errors.BackendUnavailableError,
    errors.BackendReadOnlyError,
    errors.BackendFullError,
    errors.WriteConflictError,
    errors.WriteOutcomeUnknownError,
    errors.BoardMismatchError,
    errors.RateLimitExceededError,
    errors.UpdateRefusedError,
)
"""Errors that are counted from 0 on: a counter that appears with its first error hides that one from `rate()`."""

KNOWN: Final = frozenset({errors.__name__, builtins.__name__})
"""The modules whose classes are kinds of errors, so that there are only so many."""

Violations = Mapping[tuple[str, str], int]
"""Numbers of updates and queries, by rule and outcome."""

OUTCOMES: Final = ("flagged", "refused")
"""What validation has counts of; those of the rate limit are refusals."""
UNCOUNTED: Final = "uncounted"
"""What the rate limit calls updates that passed while its storage did not answer."""


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
        self._lock: Final = guard(RLock())
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Make the children that alerts and panels count on, so that the first of a kind is seen as one more."""
        for error in EXPECTED:
            _ = self._count_error[kind_of(error), fault_of(error)]
        for source in SOURCES:
            _ = self.count_source[source]

    def count_error(self, error: type[BaseException], *, failure: bool) -> None:
        """Count an error by its kind, and by whose fault it is."""
        self._count_error[kind_of(error), STORAGE if failure else CALLER]()

    def count_violations(self) -> None:
        """Add what validation and the rate limit counted since the last time; rules that nobody broke stand at 0."""
        with self._lock:
            for violation, number in self._violations().items():
                more = number - self._counted.get(violation, 0)
                self._count_violation[violation](max(more, 0))
                self._counted[violation] = number


def is_failure(error: type[BaseException]) -> bool:
    """Whether an error is one of the storage, rather than a refusal."""
    return not issubclass(error, REFUSALS)


def fault_of(error: type[BaseException]) -> str:
    """Return the label for whose fault an error is."""
    return STORAGE if is_failure(error) else CALLER


def kind_of(error: type[BaseException]) -> str:
    """Return the nearest class of an error that is in the tree of `errors`, or else Python's own."""
    known = [base for base in error.__mro__ if base.__module__ in KNOWN]
    ours = (base for base in known if base.__module__ == errors.__name__)
    return next(ours, known[0]).__name__


def violations(stack: Iterable[object]) -> Violations:
    """Return what validation and the rate limit counted in a stack, by rule and outcome; nothing where neither is.

    Both have their counts by rule in an attribute `counts`, which is read as it is: neither part, nor its libraries,
    need be there.
    """
    counted: dict[tuple[str, str], int] = {}
    for board in stack:
        for rule, outcome, number in _counts(getattr(board, "counts", None)):
            counted[rule, outcome] = counted.get((rule, outcome), 0) + number
    return counted


def _counts(counts: object) -> Iterator[tuple[str, str, int]]:
    if isinstance(counts, Mapping):
        for rule, number in counts.items():
            yield rule, UNCOUNTED if rule == UNCOUNTED else "refused", number
        return
    for outcome in OUTCOMES:
        for rule, number in getattr(counts, outcome, {}).items():
            yield rule, outcome, number
