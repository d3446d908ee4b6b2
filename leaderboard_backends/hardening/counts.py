"""Exact counts by fixed names, which several threads add to and monitoring reads at any time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from threading import RLock

from ..forks import guard


class Counts(Mapping[str, int]):
    """Counts by name. All names are there from the start, so that none comes or goes while somebody reads.

    Adding takes a lock, O(1); reading takes none.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._counts = dict.fromkeys(names, 0)
        self._lock = guard(RLock())

    def add(self, name: str, amount: int = 1) -> None:
        """Add to the count of a name."""
        with self._lock:
            self._counts[name] += amount

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __repr__(self) -> str:
        return f"Counts({self._counts})"
