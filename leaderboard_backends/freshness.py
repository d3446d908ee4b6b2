"""How old a copy of a board can be, proven by versions: for replicas on servers and in memory.

Whatever version the primary reports at some moment, a copy that has reached it holds every write that was acknowledged
before that moment. So each exchange with the primary is a mark, (when it began, its version), and a copy is at most as
old as the latest mark that it has reached. Whether a copy's link is up does not matter: one that lost its primary is as
old as its version says. In the same way, a copy that has reached a mark that began after a write ended has that write,
where the write's version, or its outcome, is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from threading import RLock
from time import monotonic
from typing import Final, NamedTuple, TypeAlias

from .changes import NO_VERSION, Version
from .forks import guard

_MARKS: Final = 16
"""How many marks are kept, spread over `max_staleness`."""


Mark: TypeAlias = tuple[float, int, Version]
"""A moment, and the primary's version by then, whose number comes first."""


class Known(NamedTuple):
    """What is known of the primary, and what was shown of it."""

    history: str = ""
    marks: tuple[Mark, ...] = ()
    """The newest first."""
    shown: Version = NO_VERSION
    """All that was written or shown: a read that begins now must not show less."""
    unsure: float | None = None
    """When a write ended whose version is not known, until the primary was asked again."""


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
                    self.known = Known(unsure=known.unsure)
                    return
                known = Known(version.history, (), version, known.unsure)
            unsure = known.unsure if known.unsure is not None and began <= known.unsure else None
            if known.unsure is not None and unsure is None:
                shown = True
            newest = known.shown.joined(version) if shown else known.shown
            self.known = known._replace(marks=self._marked(known.marks, began, version), shown=newest, unsure=unsure)

    def _marked(self, marks: tuple[Mark, ...], began: float, version: Version) -> tuple[Mark, ...]:
        """Return the marks with the newest one; older ones only as far apart as is needed."""
        if marks and began <= marks[0][0]:
            return marks
        if len(marks) > 1 and marks[0][0] - marks[1][0] < self.max_staleness / _MARKS:
            marks = marks[1:]
        return ((began, version.number, version), *marks[: _MARKS - 1])

    def show(self, version: Version) -> None:
        """Take down that the caller is shown an answer of this version, of a copy."""
        if self.known.shown.holds(version):  # also one of an earlier history, as what was shown only grows
            return
        with self._lock:
            known = self.known
            if version.history == known.history:
                self.known = known._replace(shown=known.shown.joined(version))

    def doubt(self) -> None:
        """Take down that a write of unknown version may have been applied: copies must have reached a later mark."""
        with self._lock:
            self.known = self.known._replace(unsure=monotonic())

    def proven(self, version: Version, before: Known) -> float:
        """Return the latest moment of which a version is proven to have all; minus infinity where nothing proves it.

        That, too, for one that may not have what was `known` to be shown or written `before` the read began.
        """
        known = self.known
        history, number, shards = version
        if history != known.history or is_behind(version, before):
            return -inf
        for moment, least, mark in known.marks:
            if least <= number and (not shards or version.holds(mark)):
                return -inf if before.unsure is not None and moment <= before.unsure else moment
        return -inf

    def age(self, version: Version, before: Known) -> float:
        """Return for how many seconds, at most, a version can be out of date; infinite where nothing proves it."""
        return monotonic() - self.proven(version, before)

    def is_awaited(self, version: Version, before: Known) -> bool:
        """Whether what was shown or written `before` may be on its way to a copy of this version."""
        return is_behind(version, before) or (before.unsure is not None and self.proven(version, before) == -inf)


def is_behind(version: Version, known: Known) -> bool:
    """Whether a version of the same history is without something that was shown."""
    history, number, shards = version
    return history == known.history and (
        number < known.shown.number or (shards != () and not version.holds(known.shown))
    )


class BoardFreshness:
    """The same for a board whose shards are replicated each for itself; a board on one server is one shard."""

    def __init__(self, shards: int, max_staleness: float) -> None:
        self.max_staleness: Final = max_staleness
        self.shards: Final = [Freshness(max_staleness) for _ in range(shards)]
        self._asked = -inf

    def known(self) -> list[Known]:
        """Return what is known of all shards just now. O(shards)."""
        return [shard.known for shard in self.shards]

    def is_due(self) -> bool:
        """Whether the primaries are to be asked for their versions; tells one caller in a quarter of `max_staleness`.

        Nobody while each shard has a mark that is younger than that, as where this process writes.
        """
        now = monotonic()
        oldest = now - self.max_staleness / 4
        if self._asked >= oldest or all(marks and marks[0][0] >= oldest for _, marks, _, _ in self.known()):
            return False
        self._asked = now
        return True

    def note_asked(self) -> None:
        """Take note that the primaries were asked just now, whatever they answered."""
        self._asked = monotonic()

    def learn(self, versions: Mapping[int, Version], began: float, *, shown: bool = True) -> None:
        """Take down versions that primaries reported, by shards, as `Freshness.learn` does."""
        for shard, version in versions.items():
            self.shards[shard].learn(version, began, shown=shown)

    def show(self, versions: Mapping[int, Version]) -> None:
        """Take down that the caller is shown an answer made of shards at these versions."""
        for shard, version in versions.items():
            self.shards[shard].show(version)

    def doubt(self, shards: Iterable[int]) -> None:
        """Take down that a write of unknown version may have been applied to shards."""
        for shard in shards:
            self.shards[shard].doubt()

    def age(self, versions: Mapping[int, Version], before: list[Known]) -> float:
        """Return for how many seconds, at most, an answer of these versions can be out of date, as `Freshness.age`."""
        return max(self.shards[shard].age(version, before[shard]) for shard, version in versions.items())
