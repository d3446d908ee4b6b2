"""The windows in memory are exact for the players they hold, hold no more than they should, and run no threads."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable, Iterable
from itertools import count
from threading import Barrier, Lock, Thread, local
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute
from limits.strategies import MovingWindowRateLimiter

from leaderboard_backends.errors import BackendUnavailableError
from leaderboard_backends.hardening.rate_limiting import MemoryWindows
from leaderboard_backends.hardening.rate_limiting.memory import Hit
from leaderboard_backends.testing.crew import Crew


class Clock:
    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Model:
    """Keeps every hit for good, and counts those in the window."""

    def __init__(self) -> None:
        self.hits: dict[str, list[float]] = {}

    def counting(self, key: str, since: float) -> list[float]:
        return [time for time in self.hits.get(key, []) if time >= since]

    def fits(self, now: float, hit: Hit) -> bool:
        key, limit, expiry, amount = hit
        return len(self.counting(key, now - expiry)) + amount <= limit

    def enter(self, now: float, hits: Iterable[Hit]) -> bool:
        hits = list(hits)
        if not all(self.fits(now, hit) for hit in hits):
            return False
        for key, _, _, amount in hits:
            self.hits.setdefault(key, []).extend([now] * amount)
        return True


LIMIT, EXPIRY = 4, 60
STEPS = st.one_of(st.just(0.0), st.sampled_from([0.1, 1.0, 15.0, 59.9, 60.0, 60.1]), st.floats(0, 40))
HITS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(1, 5)), min_size=1, max_size=2, unique_by=lambda hit: hit[0]
)


@given(st.lists(st.tuples(STEPS, HITS), max_size=60))
def test_the_windows_are_those_of_a_model_that_forgets_nothing(program: list[Any]) -> None:
    clock, model = Clock(), Model()
    windows = MemoryWindows(10, clock)
    for step, pairs in program:
        clock.now += step
        hits = [(key, LIMIT, EXPIRY, amount) for key, amount in pairs]
        expected = model.enter(clock.now, hits)
        taken = windows.acquire_all(hits) if len(hits) > 1 else windows.acquire_entry(*hits[0])
        assert taken is expected
        for key in "ab":
            counting = model.counting(key, clock.now - EXPIRY)
            found = windows.get_moving_window(key, LIMIT, EXPIRY)
            assert found == ((counting[0], len(counting)) if counting else (clock.now, 0))


@given(st.lists(STEPS, max_size=80))
def test_no_window_ever_has_more_than_the_limit(steps: list[float]) -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    taken = []
    for step in steps:
        clock.now += step
        if windows.acquire_entry("ada", LIMIT, EXPIRY):
            taken.append(clock.now)
    assert all(later - earlier > EXPIRY - 1e-9 for earlier, later in zip(taken, taken[LIMIT:], strict=False))


def test_several_threads_never_get_more_than_the_limit_into_a_window() -> None:
    ticks, turn, own = count(), Lock(), local()

    def clock() -> float:
        with turn:
            own.now = float(next(ticks))
        return float(own.now)

    windows = MemoryWindows(10, clock)
    taken: list[float] = []

    def hit() -> None:
        taken.extend(own.now for _ in range(1500) if windows.acquire_entry("ada", 20, 600))

    threads = [Thread(target=hit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken.sort()
    assert len(taken) == 20 * len(range(0, 6000, 601)), "20 at the start of each window of 601 ticks"
    assert all(later - earlier > 600 for earlier, later in zip(taken, taken[20:], strict=False))


def test_at_one_moment_threads_get_exactly_the_limit() -> None:
    windows, start = MemoryWindows(10, Clock()), Barrier(4)
    taken: list[bool] = []

    def hit() -> None:
        start.wait()
        taken.extend(windows.acquire_entry("ada", 100, 60) for _ in range(80))

    threads = [Thread(target=hit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 100


def test_no_more_keys_are_held_than_allowed_and_the_quietest_goes() -> None:
    windows = MemoryWindows(3, Clock())
    assert all(windows.acquire_entry(key, 1, 60) for key in ("ada", "bob", "cid"))
    assert not windows.acquire_entry("ada", 1, 60)
    assert windows.acquire_entry("dan", 1, 60)
    assert len(windows) == 3
    assert windows.forgotten == 1
    assert not windows.acquire_entry("ada", 1, 60), "she was active after bob, if only refused"
    assert windows.acquire_entry("bob", 1, 60)


def test_who_counts_no_more_goes_before_anybody_is_forgotten() -> None:
    clock = Clock()
    windows = MemoryWindows(100, clock)
    for number in range(100):
        windows.acquire_entry(f"old-{number}", 5, 60)
    clock.now += 61
    for number in range(50):
        windows.acquire_entry(f"new-{number}", 5, 60)
    assert len(windows) == 50, "two go for one that comes"
    assert windows.forgotten == 0


def test_a_batch_of_as_many_players_as_fit_forgets_none_of_its_own() -> None:
    windows = MemoryWindows(5, Clock())
    windows.acquire_entry("", 10, 1)
    for number in range(4):
        windows.acquire_entry(f"old-{number}", 1, 60)
    batch = [(f"p{number}", 1, 60, 1) for number in range(4)] + [("", 10, 1, 4)]
    assert windows.acquire_all(batch)
    assert windows.get_moving_window("", 10, 1)[1] == 5
    assert not any(windows.acquire_entry(f"p{number}", 1, 60) for number in range(4))


def test_memory_does_not_grow_with_the_players_who_ever_came() -> None:
    clock = Clock()
    windows = MemoryWindows(1000, clock)

    def come(first: int) -> int:
        for number in range(first, first + 10_000):
            clock.now += 0.01
            windows.acquire_entry(f"player-{number:09d}", 60, 60)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = come(0)
        after = [come(first) for first in (10_000, 20_000)]
    finally:
        tracemalloc.stop()
    assert before < 1000 * 600
    assert max(after) < before * 1.2


def test_a_player_s_memory_does_not_grow_with_his_hits() -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    for _ in range(5000):
        clock.now += 1
        windows.acquire_entry("ada", 60, 60)
    assert len(windows._times["ada"]) <= 67


def test_no_threads_are_started() -> None:
    before = threading.active_count()
    windows = MemoryWindows(10)
    for number in range(100):
        windows.acquire_entry(f"p{number}", 1, 60)
    assert threading.active_count() == before


def test_the_library_s_own_limiter_counts_in_it() -> None:
    clock = Clock()
    windows = MemoryWindows(10, clock)
    limiter, item = MovingWindowRateLimiter(windows), RateLimitItemPerMinute(2)
    assert limiter.hit(item, "ada")
    clock.now += 10
    assert limiter.test(item, "ada")
    assert limiter.hit(item, "ada")
    assert not limiter.hit(item, "ada")
    assert limiter.get_window_stats(item, "ada") == (1060, 0)
    limiter.clear(item, "ada")
    assert limiter.hit(item, "ada", cost=2)
    assert not limiter.hit(item, "ada", cost=3)
    assert windows.check()
    assert windows.reset() == 1
    assert len(windows) == 0


def test_fixed_windows_are_refused() -> None:
    windows = MemoryWindows(10)
    calls: list[Callable[[], object]] = [
        lambda: windows.incr("a", 60),
        lambda: windows.get("a"),
        lambda: windows.get_expiry("a"),
    ]
    for call in calls:
        with pytest.raises(NotImplementedError, match="moving windows only"):
            call()


@pytest.mark.parametrize(
    "enter", [lambda windows: windows.acquire_entry("a", 1, 60), lambda windows: windows.acquire_all([("a", 1, 60, 1)])]
)
def test_hits_amid_others_of_their_thread_are_refused_and_those_go_on(enter: Callable[[MemoryWindows], bool]) -> None:
    """As those of a finalizer or a signal handler, which would wait for ever for what they interrupt."""
    refused: list[str] = []
    windows: MemoryWindows

    def clock() -> float:
        if not refused:
            refused.append("entered")
            with pytest.raises(BackendUnavailableError, match="in the middle of another call of this thread"):
                enter(windows)
        return 1000.0

    windows = MemoryWindows(10, clock)
    assert Crew([lambda: enter(windows)]).join(20) == [True]
    assert refused
    assert not enter(windows)
