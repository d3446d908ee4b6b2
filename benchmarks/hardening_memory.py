"""Bytes and time of a rate limit in memory as distinct players come, beside the storage of the library limits itself.

    python benchmarks/hardening_memory.py [PLAYERS]

Each row is a process of its own: after so many distinct players, one update each at 1,000 updates a second of injected
time, the memory that the process grew by and the time an update took. `limits.MemoryStorage` takes its time from the
machine's clock; its rows stop at 100,000 players, as a timer thread walks all of them again and again.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

import psutil
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage
from limits.strategies import MovingWindowRateLimiter

from leaderboard_backends.hardening.rate_limiting import MemoryWindows

MAX_PLAYERS = 100_000
RATE = 1000
SIZES = (10_000, 100_000, 1_000_000)
THEIRS_UP_TO = 100_000


class Clock:
    """Moves by one update with each reading."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1 / RATE
        return self.now


@contextmanager
def ours() -> Iterator[Storage]:
    yield MemoryWindows(MAX_PLAYERS, Clock())


@contextmanager
def theirs() -> Iterator[Storage]:
    storage = MemoryStorage()
    yield storage
    storage.timer.cancel()


STORAGES = {"ours": ours, "limits": theirs}


def measure(name: str, players: int) -> None:
    """Print the bytes that the process grew by, and the microseconds an update took."""
    process = psutil.Process()
    with STORAGES[name]() as storage:
        limiter, item = MovingWindowRateLimiter(storage), RateLimitItemPerMinute(60)
        before = process.memory_info().rss
        seconds = _time(lambda: _hit(limiter, item, players))
        grown = process.memory_info().rss - before
    print(f"{name:>6}  {players:>9,} players  {grown / 1e6:8.1f} MB  {seconds / players * 1e6:6.2f} us per update")


def _hit(limiter: MovingWindowRateLimiter, item: RateLimitItemPerMinute, players: int) -> None:
    for number in range(players):
        limiter.hit(item, f"player-{number:07d}")


def _time(work: Callable[[], None]) -> float:
    before = perf_counter()
    work()
    return perf_counter() - before


def main(most: int) -> None:
    """Measure each size in a process of its own."""
    for name in STORAGES:
        for players in SIZES:
            if players <= min(most, THEIRS_UP_TO if name == "limits" else most):
                subprocess.run([sys.executable, __file__, name, str(players)], check=True)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        measure(sys.argv[1], int(sys.argv[2]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) == 2 else SIZES[-1])
