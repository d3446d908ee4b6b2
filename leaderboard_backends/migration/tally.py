"""What two implementations answered to the same calls, and how long each took, by operation. Memory: O(operations)."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from threading import RLock
from typing import Final, Literal, NamedTuple, TypeAlias

from ..forks import guard
from ..model import shorten

Outcome: TypeAlias = Literal["same", "settled", "differing", "unclear", "failed", "dropped"]
"""What became of a call: the answers were the same; they were when both were asked again; they differed; the first one
changed so often that it cannot be told; one could not be asked; the second one was not asked, as too many waited."""

SAMPLES: Final = 1_000
"""The latest calls of an operation, of which times are kept."""
EXAMPLES: Final = 20
"""The latest differences that are kept."""
SHOWN: Final = 500
"""Characters of an answer that are kept of a difference."""


class Times(NamedTuple):
    """How long the latest 1,000 calls took, in seconds."""

    p50: float
    p99: float


class OperationReport(NamedTuple):
    """Counts and times of the calls of one operation; `first` and `second` are `None` where neither was timed."""

    asked: int
    """Calls chosen for comparison, without those that still wait."""
    compared: int
    """Calls that both implementations answered."""
    differing: int
    """Compared calls to which the answers differed."""
    settled: int
    """Compared calls to which the answers differed at first, but not when both were asked again."""
    unclear: int
    """Compared calls to which the answers differed, while the first one kept changing."""
    failed: int
    """Calls that one of the two implementations could not answer."""
    dropped: int
    """Calls that were not sent to the second implementation, because too many waited."""
    first: Times | None
    second: Times | None


class DifferingAnswers(NamedTuple):
    """One call to which the answers differed, each shortened to 500 characters."""

    operation: str
    arguments: str
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class TallyReport:
    """The calls made to two implementations so far, by operation."""

    operations: Mapping[str, OperationReport]
    differences: tuple[DifferingAnswers, ...]
    """The latest 20 calls to which the answers differed."""
    problem: str
    """The latest error because of which a call could not be compared; empty where there was none."""

    @property
    def differing(self) -> int:
        """Calls to which the answers differed, of all operations."""
        return sum(each.differing for each in self.operations.values())


@dataclass(slots=True)
class _Operation:
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    first: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    second: deque[float] = field(default_factory=lambda: deque(maxlen=SAMPLES))

    def report(self) -> OperationReport:
        """Return the figures so far."""
        outcomes = self.outcomes
        compared = sum(outcomes.values()) - outcomes["failed"] - outcomes["dropped"]
        return OperationReport(
            sum(outcomes.values()),
            compared,
            outcomes["differing"],
            outcomes["settled"],
            outcomes["unclear"],
            outcomes["failed"],
            outcomes["dropped"],
            _times(self.first),
            _times(self.second),
        )


def _times(seconds: deque[float]) -> Times | None:
    ordered = sorted(seconds)
    return Times(*(ordered[ceil(share * len(ordered)) - 1] for share in (0.5, 0.99))) if ordered else None


class Tally:
    """Takes down calls of any thread, O(1)."""

    def __init__(self) -> None:
        self._operations: Final[dict[str, _Operation]] = {}
        self._differences: Final[deque[DifferingAnswers]] = deque(maxlen=EXAMPLES)
        self._problem = ""
        self._lock: Final = guard(RLock())

    def add(self, operation: str, outcome: Outcome, seconds: tuple[float, float] | None = None) -> int:
        """Take down a call and for how long each of the two took; returns how many had the outcome so far."""
        with self._lock:
            found = self._operations.get(operation)
            if found is None:
                found = self._operations[operation] = _Operation()
            if seconds is not None:
                found.first.append(seconds[0])
                found.second.append(seconds[1])
            found.outcomes[outcome] += 1
            return found.outcomes[outcome]

    def differ(self, operation: str, arguments: object, first: object, second: object) -> None:
        """Keep an example of answers that differ."""
        shown = (shorten(each, SHOWN) for each in (arguments, first, second))
        with self._lock:
            self._differences.append(DifferingAnswers(operation, *shown))

    def fail(self, error: BaseException | None) -> None:
        """Keep why a call could not be compared."""
        self._problem = f"{type(error).__name__}: {error}"

    def report(self) -> TallyReport:
        """Return what was taken down so far."""
        with self._lock:
            operations = {name: found.report() for name, found in sorted(self._operations.items())}
            return TallyReport(operations, tuple(self._differences), self._problem)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._operations.clear()
            self._differences.clear()
            self._problem = ""
