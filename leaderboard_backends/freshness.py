"""How old a copy of a board can be, proven by versions: for replicas on servers and in memory.

Whatever version the primary reports at some moment, a copy that has reached it holds every write that was acknowledged
before that moment. So each exchange with the primary is a mark, (when it began, the number of its version), and a copy
is at most as old as the latest mark that it has reached. Whether a copy's link is up does not matter: one that lost its
primary is as old as its version says.
"""

from __future__ import annotations

from math import inf
from threading import RLock
from time import monotonic
from typing import Final, NamedTuple

from .changes import Version
from .forks import guard

_MARKS: Final = 16
"""How many marks are kept, spread over `max_staleness`."""


class Known(NamedTuple):
    """What is known of the primary, and what was shown of it."""

    history: str = ""
    marks: tuple[tuple[float, int], ...] = ()
    """Moments and numbers, the newest first."""
    shown: int = 0
    """The newest number that was written or shown: a read that begins now must not show an older one."""
    unsure: float | None = None
    """When a write ended without its outcome being known, until the primary was asked again."""


class Freshness:
    """What the board objects of one process know of a board's primary. Reading takes no lock."""

    def __init__(self, max_staleness: float) -> None:
        self.max_staleness: Final = max_staleness
        self.known = Known()
        self._lock: Final = guard(RLock())

    def learn(self, version: Version, began: float, *, shown: bool = True) -> None:
        """Take down the primary's version, as reported by an exchange that began at this moment of `monotonic`.

        `shown` says that the caller sees an answer of that version, or made it.
        """
        with self._lock:
            known = self.known
            if known.history != version.history:
                if known.marks and began <= known.marks[0][0]:  # which of the two came later cannot be told
                    self.known = Known()
                    return
                known = Known(version.history, (), version.number, known.unsure)
            unsure = known.unsure if known.unsure is not None and began <= known.unsure else None
            if known.unsure is not None and unsure is None:
                shown = True
            if not known.marks or began - known.marks[0][0] > self.max_staleness / _MARKS:
                known = known._replace(marks=((began, version.number), *known.marks[: _MARKS - 1]))
            newest = max(known.shown, version.number) if shown else known.shown
            self.known = known._replace(shown=newest, unsure=unsure)

    def show(self, version: Version) -> None:
        """Take down that the caller is shown an answer of this version, of a copy."""
        with self._lock:
            known = self.known
            if version.history == known.history and version.number > known.shown:
                self.known = known._replace(shown=version.number)

    def doubt(self) -> None:
        """Take down that a write may have been applied: copies show nothing until the primary was asked again."""
        with self._lock:
            self.known = self.known._replace(unsure=monotonic())

    def age(self, version: Version, before: Known) -> float:
        """Return for how many seconds, at most, a version can be out of date; infinite where nothing proves it.

        Infinite, too, for one that is older than what was `known` to be shown `before` the read began.
        """
        known = self.known
        if version.history != known.history or known.unsure is not None or is_behind(version, before):
            return inf
        for moment, number in known.marks:
            if number <= version.number:
                return monotonic() - moment
        return inf


def is_behind(version: Version, known: Known) -> bool:
    """Whether a version of the same history is older than what was shown."""
    return version.history == known.history and version.number < known.shown
