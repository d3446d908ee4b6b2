"""Timing: the operations of a program take turns, so that what the machine does meanwhile hits all alike."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any, Final, NamedTuple, TypeVar

from leaderboard_backends.timing import preallocated
from leaderboard_backends.usage import settled_private_bytes

from .program import Samples

MOST_SAMPLES: Final = 10_000
"""As many as a p99.9 needs, and as many as the study says it queried."""

WARM_UP_SHARE: Final = 0.05
"""Of the samples and of the time, before the turns that are measured."""

Built = TypeVar("Built")


class Operation(NamedTuple):
    """One operation: `prepare` returns the arguments of the next call, outside the time that is taken."""

    name: str
    call: Callable[..., object]
    prepare: Callable[[], tuple[Any, ...]] = tuple


def take_turns(operations: Sequence[Operation], seconds: float) -> Samples:
    """Return the samples of each operation: 10,000, or fewer once its calls have taken `seconds`."""
    _turn(operations, seconds * WARM_UP_SHARE, int(MOST_SAMPLES * WARM_UP_SHARE))
    gc.collect()
    return _turn(operations, seconds, MOST_SAMPLES)


def _turn(operations: Sequence[Operation], seconds: float, most: int) -> Samples:
    samples = [preallocated(most) for _ in operations]
    left = [int(seconds * 1e9)] * len(operations)
    turn, going = 0, list(enumerate(operations))
    taken = [0] * len(operations)
    while going and turn < most:
        for place, (_, call, prepare) in going:
            arguments = prepare()
            started = perf_counter_ns()
            call(*arguments)
            took = perf_counter_ns() - started
            samples[place][turn] = took
            left[place] -= took
        turn += 1
        for place, _ in going:
            taken[place] = turn
        going = [(place, operation) for place, operation in going if left[place] > 0]
    return {operation.name: samples[place][: taken[place]] for place, operation in enumerate(operations)}


def with_growth(build: Callable[[], Built]) -> tuple[Built, int]:
    """Build something, and return it with the private memory that this process then has more (USS, trimmed)."""
    before = settled_private_bytes()
    built = build()
    return built, settled_private_bytes() - before
