"""Bars as paired ratios: two ways of doing one thing, timed in turn, so that a slow machine slows both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import TypeVar

Work = Callable[[int, int], None]
"""Do the operations `start` to `stop` of a trace."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bar:
    """A measured figure beside the figure it is held to."""

    subject: str
    figure: float
    bar: float
    unit: str
    low: float
    high: float
    at_most: bool = True
    """Whether the figure must be at most the bar, or at least."""
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure is on the right side of its bar."""
        return self.figure <= self.bar if self.at_most else self.figure >= self.bar


def ratio_bar(subject: str, ratios: Sequence[float], bar: float, *, at_most: bool = True, note: str = "") -> Bar:
    """Return the bar of a median ratio, with the lowest and the highest of the rounds."""
    return Bar(subject, median(ratios), bar, "x", min(ratios), max(ratios), at_most, note)


def paired_times(
    ours: Work, theirs: Work, operations: int, rounds: int, clock: Callable[[], float] = perf_counter
) -> list[tuple[float, float]]:
    """Return the seconds an operation of both, round by round.

    Each round gives both the same share of the trace, and the two take turns at going first. What does not wait is best
    measured by the processor's time (`thread_time`).
    """
    share = operations // rounds
    times = []
    for number in range(rounds):
        start, stop = number * share, (number + 1) * share
        pair = {}
        for work in (ours, theirs) if number % 2 else (theirs, ours):
            before = clock()
            work(start, stop)
            pair[work] = (clock() - before) / share
        times.append((pair[ours], pair[theirs]))
    return times


def ratios(times: Sequence[tuple[float, float]]) -> list[float]:
    """Return ours over theirs, round by round."""
    return [ours / theirs for ours, theirs in times]


def microseconds(times: Sequence[tuple[float, float]]) -> str:
    """Return both medians in words."""
    return f"{median(ours for ours, _ in times) * 1e6:.2f} against {median(theirs for _, theirs in times) * 1e6:.2f} µs"


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
