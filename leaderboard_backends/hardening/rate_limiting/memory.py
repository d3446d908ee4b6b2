"""`MemoryWindows`: moving windows in the memory of this process, of bounded size, exact, and without threads.

It is a storage of the library limits, in place of that library's own `MemoryStorage`, which keeps a list, a lock and
a key of every player for good, and with every hit may start a thread that walks all of them (limits 5.8): its time and
its memory grow with each player who ever came. `benchmarks/hardening_memory.py` measures both.
"""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import RLock
from typing import NoReturn, TypeAlias

from limits.storage import MovingWindowSupport, Storage

from ...forks import guard
from ..reentrance import inside, refuse_inside

Hit: TypeAlias = tuple[str, int, int, int]
"""What is to be entered: a key, the limit, the seconds of its window, and how many hits come now."""


class MemoryWindows(Storage, MovingWindowSupport):
    """The times of the last hits of at most `max_keys` keys.

    Of the keys it holds, no window of `expiry` seconds, both ends included, has more hits than the limit. Where a new
    key finds no room, the one that has been quiet for longest goes, and `forgotten` counts those that had hits which
    still counted: then more than `max_keys` keys are active at once, and `max_keys` should be raised.

    Memory: about 300 bytes a key and 9 bytes a hit, at most `limit` and an eighth hits a key. Time: O(1) a hit;
    reading a window is O(log limit). `clock` returns seconds and never goes back.
    """

    STORAGE_SCHEME = None

    def __init__(self, max_keys: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._max_keys = max_keys
        self._clock = clock
        self._lock = guard(RLock())
        self._is_inside = inside(self._lock)
        self._times: OrderedDict[str, array[float]] = OrderedDict()
        self._longest = 0
        self.forgotten = 0

    def __len__(self) -> int:
        """Return how many keys are held."""
        return len(self._times)

    # ------------------------------------------------------------------ hits

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Enter `amount` hits, or none where they do not fit; returns whether they did.

        Raises `BackendUnavailableError` in the middle of a call of this thread.
        """
        return self.acquire_all(((key, limit, expiry, amount),))

    def acquire_all(self, hits: Sequence[Hit]) -> bool:
        """Enter the hits of several keys, each once, or none where one does not fit; returns whether they did.

        Raises as `acquire_entry` does.
        """
        if self._is_inside():
            refuse_inside(self._lock)
        held = self._times
        with self._lock:
            now = self._clock()
            for key, limit, expiry, amount in hits:
                times, room = held.get(key), limit - amount
                if times is not None:  # active, also if it is refused: who keeps trying is not forgotten
                    held.move_to_end(key)
                if room < 0 or (times is not None and len(times) > room and times[-1 - room] >= now - expiry):
                    return False  # as the hit that these would push out still counts
            for key, limit, expiry, amount in hits:
                times = held.get(key)
                if times is None:
                    self._make_room(expiry, now)
                    held[key] = array("d", (now,) * amount)
                    continue
                if amount == 1:
                    times.append(now)
                else:
                    times.extend((now,) * amount)
                if len(times) > limit + (limit >> 3):  # cut now and then: what is moved comes to eight times a hit
                    del times[:-limit]
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """Return the time of the oldest of the last `limit` hits that still counts, and how many count since."""
        with self._lock:
            now = self._clock()
            times = self._times.get(key)
            if times is None:
                return now, 0
            first = max(bisect_left(times, now - expiry), len(times) - limit)
            return (times[first], len(times) - first) if first < len(times) else (now, 0)

    def _make_room(self, expiry: int, now: float) -> None:
        """Make room for a new key: two that count no more may go for it, so that they go faster than they come."""
        self._longest = max(self._longest, expiry)
        held = self._times
        for _ in range(2):
            if not held or held[next(iter(held))][-1] >= now - self._longest:
                break
            held.popitem(last=False)
        if len(held) >= self._max_keys:
            held.popitem(last=False)
            self.forgotten += 1

    # ------------------------------------------------------------------ what else a storage has

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Memory raises no errors of its own."""
        return ()

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def clear(self, key: str) -> None:
        """Forget a key."""
        with self._lock:
            self._times.pop(key, None)

    def reset(self) -> int:
        """Forget all keys, and return how many they were."""
        with self._lock:
            count = len(self._times)
            self._times.clear()
            return count

    def incr(self, key: str, expiry: int, amount: int = 1) -> NoReturn:
        """Refuse: these are moving windows, which fixed windows cannot share."""
        del key, expiry, amount
        raise NotImplementedError("MemoryWindows counts in moving windows only: use MovingWindowRateLimiter.")

    def get(self, key: str) -> NoReturn:
        """Refuse, as `incr` does."""
        self.incr(key, 0)

    def get_expiry(self, key: str) -> NoReturn:
        """Refuse, as `incr` does."""
        self.incr(key, 0)
