"""How updates are charged against the limits: all of a call, or nothing where they do not fit."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import inf
from typing import Final, NamedTuple, Protocol, cast

from limits import RateLimitItemPerSecond
from limits.storage import Storage
from limits.strategies import MovingWindowRateLimiter

from .memory import MemoryWindows
from .settings import Settings
from .shared import forget_connections, refuse_cluster

MARGIN: Final = 0.001
"""Seconds that a caller waits beyond the end of a window, for what the arithmetic of times loses."""


class Limit(RateLimitItemPerSecond):
    """At most `amount` updates in any `seconds`. `rule` is the setting it comes from."""

    __slots__ = ["prefix", "rule", "seconds"]

    def __init__(self, rule: str, amount: int, seconds: int, prefix: str = "") -> None:
        super().__init__(amount, seconds)
        self.rule = rule
        self.seconds = seconds
        self.prefix = prefix

    def key_for(self, *identifiers: bytes | str | float) -> str:
        """Return the key of one player, or of the board: the prefix and the identifier, which is one text."""
        return self.prefix + cast("str", identifiers[0])


class Charge(NamedTuple):
    """Updates of one player, or of the board, of one call."""

    limit: Limit
    who: str
    cost: int


class Refusal(NamedTuple):
    """The charge that takes longest to fit, and in how many seconds it does; infinite where it never does."""

    charge: Charge
    wait: float


class Spending(Protocol):
    """Something that charges updates."""

    def spend(self, charges: Sequence[Charge], updates: int) -> Refusal | None:
        """Charge a call of so many updates, or say what does not fit."""
        ...


class _MovingWindows(Protocol):
    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]: ...


class Windows(ABC):
    """Charges updates in a storage of the library limits; `clock` returns the time by which that storage counts."""

    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._windows = cast("_MovingWindows", storage)
        self._clock = clock

    @abstractmethod
    def spend(self, charges: Sequence[Charge], updates: int) -> Refusal | None:
        """Charge a call, or say what does not fit."""

    def refusal(self, charges: Sequence[Charge]) -> Refusal:
        """Return the refusal of charges that did not fit."""
        charge, wait = self.longest(charges)
        return Refusal(charge, max(wait, MARGIN))

    def longest(self, charges: Sequence[Charge]) -> Refusal:
        """Return the charge that takes longest to fit; it waits 0 seconds where all fit now."""
        return max((Refusal(charge, self.wait(charge)) for charge in charges), key=lambda found: found.wait)

    def wait(self, charge: Charge) -> float:
        """Return in how many seconds a charge fits, 0 for now."""
        limit, who, cost = charge
        if cost > limit.amount:
            return inf
        pushed = limit.amount - cost + 1  # the hit that must have left its window, counted from the last one
        oldest, count = self._windows.get_moving_window(limit.key_for(who), pushed, limit.seconds)
        return max(oldest + limit.seconds - self._clock(), 0.0) + MARGIN if count >= pushed else 0.0


class OwnWindows(Windows):
    """In this process's memory: all charges of a call are one atomic step, and what is refused costs nothing."""

    def __init__(self, storage: MemoryWindows, clock: Callable[[], float]) -> None:
        super().__init__(storage, clock)
        self._storage = storage

    def spend(self, charges: Sequence[Charge], updates: int) -> Refusal | None:
        """Charge a call, or say what does not fit."""
        del updates
        hits = [(who, limit.amount, limit.seconds, cost) for limit, who, cost in charges]
        return None if self._storage.acquire_all(hits) else self.refusal(charges)

    def fits_one(self, limit: Limit) -> Callable[[str], bool]:
        """Return what charges one update of somebody, if it fits, and tells whether it did."""
        acquire, amount, seconds = self._storage.acquire_all, limit.amount, limit.seconds
        return lambda who: acquire(((who, amount, seconds, 1),))

    def fits_both(self, limit: Limit, other: Limit, whose: str) -> Callable[[str], bool]:
        """Return what charges one update of somebody and one more under another limit, if both fit."""
        acquire, amount, seconds = self._storage.acquire_all, limit.amount, limit.seconds
        second = (whose, other.amount, other.seconds, 1)
        return lambda who: acquire(((who, amount, seconds, 1), second))


class SharedWindows(Windows):
    """In a storage that other processes use too, which enters one charge at a time.

    Of several, all are looked at before the first is entered, so that what is refused costs nothing, unless another
    caller takes the room in between: then the charges before the one that fails stand. Two round trips a charge, one
    for a single one. Whatever is raised, an interrupt included, the next call connects anew.
    """

    def __init__(self, storage: Storage, clock: Callable[[], float] = time.time) -> None:
        super().__init__(storage, clock)
        self._storage: Final = storage
        self.hit: Final = MovingWindowRateLimiter(storage).hit

    def spend(self, charges: Sequence[Charge], updates: int) -> Refusal | None:
        """Charge a call, or say what does not fit."""
        del updates
        try:
            return self._spend(charges)
        except BaseException:
            forget_connections(self._storage)
            raise

    def refuse_cluster(self, settings: Settings) -> None:
        """Raise `ConfigurationError` where the storage is a node of a cluster."""
        try:
            refuse_cluster(self._storage, settings)
        except BaseException:
            forget_connections(self._storage)
            raise

    def _spend(self, charges: Sequence[Charge]) -> Refusal | None:
        if len(charges) > 1 and (refusal := self.longest(charges)).wait:
            return refusal
        for limit, who, cost in charges:
            if not self.hit(limit, who, cost=cost):
                return self.refusal(charges)
        return None
