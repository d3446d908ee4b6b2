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

from .memory import Hit, MemoryWindows

MARGIN: Final = 0.001
"""Seconds that a caller waits beyond the end of a window, for what the arithmetic of times loses."""


class Limit(RateLimitItemPerSecond):
    """At most `amount` updates in any `seconds`. `rule` is the setting it comes from."""

    __slots__ = ["prefix", "rule"]

    def __init__(self, rule: str, amount: int, seconds: int, prefix: str = "") -> None:
        super().__init__(amount, seconds)
        self.rule = rule
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
        limiter = MovingWindowRateLimiter(storage)
        self.hit: Final = limiter.hit
        self._windows = cast("_MovingWindows", storage)
        self._clock = clock

    def spend(self, charges: Sequence[Charge], updates: int) -> Refusal | None:
        """Charge a call, or say what does not fit; one charge is one atomic step."""
        del updates
        if len(charges) > 1:
            return self._spend_all(charges)
        limit, who, cost = charges[0]
        return None if self.hit(limit, who, cost=cost) else self.refusal(charges)

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
        oldest, count = self._windows.get_moving_window(limit.key_for(who), pushed, limit.get_expiry())
        return max(oldest + limit.get_expiry() - self._clock(), 0.0) + MARGIN if count >= pushed else 0.0

    @abstractmethod
    def _spend_all(self, charges: Sequence[Charge]) -> Refusal | None:
        """Charge several, or say what does not fit."""


class OwnWindows(Windows):
    """In this process's memory: several charges are one atomic step too, and what is refused costs nothing."""

    def __init__(self, storage: MemoryWindows, clock: Callable[[], float]) -> None:
        super().__init__(storage, clock)
        self._acquire_all = storage.acquire_all

    def _spend_all(self, charges: Sequence[Charge]) -> Refusal | None:
        hits = [Hit(limit.key_for(who), limit.amount, limit.get_expiry(), cost) for limit, who, cost in charges]
        return None if self._acquire_all(hits) else self.refusal(charges)


class SharedWindows(Windows):
    """In a storage that other processes use too, which enters one charge at a time.

    All are looked at before the first is entered, so that what is refused costs nothing, unless another process takes
    the room in between: then the charges before the one that fails stand. Two round trips a charge, one for a single
    one.
    """

    def __init__(self, storage: Storage, clock: Callable[[], float] = time.time) -> None:
        super().__init__(storage, clock)

    def _spend_all(self, charges: Sequence[Charge]) -> Refusal | None:
        refusal = self.longest(charges)
        if refusal.wait:
            return refusal
        for limit, who, cost in charges:
            if not self.hit(limit, who, cost=cost):
                return self.refusal(charges)
        return None
