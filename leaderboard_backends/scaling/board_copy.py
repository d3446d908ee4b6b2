"""A copy of a board in this process's memory, with the primary's order to the last tie.

A change tells the number (`reached`) by which the player's tie is ordered, so the copy's order is that of scores and
these numbers. The changes since the load began are read after each page, so that the feed does not end before them, and
applied at the end: they are absolute states, so it does not matter that a page may have had some of them already.

Loading from a board that lists its players with these numbers (`changes.ListsStates`): pages by place. A player who
stays is on one of them, and every other one is in the changes.

Loading from any other board: pages of ranks, each read with the version at which it holds. A change moves anybody else
by one rank at most; so where a page begins as many ranks before the end of the last one as there were changes between
the two, a player who stays is on one of them. Such entries have no numbers of their own; they are numbered as they
come, below all changes that follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from time import monotonic
from typing import Final

from ..backends.sortedcontainers import SortedContainersLeaderboard
from ..changes import NO_VERSION, Change, Changes, ListsStates, Version, at_version
from ..errors import ChangesLostError
from ..model import Entry, Score
from ..protocol import LeaderboardBackend
from ..wrapper import layers

PAGE: Final = 2000
"""Entries that are read by one call: a few milliseconds of a server's time."""
CHANGES: Final = 1000
"""Changes that are read by one call."""
_MANY: Final = 100
"""Changes that take about a millisecond to apply."""
_SAME_BITS: Final = 10
"""Room for the order of players with one score and one number, of which each shard of a board can give one."""
_MARGIN: Final = 16
"""Ranks by which pages overlap, besides twice the changes that there were before: fewer pages are read twice."""


class BoardCopy(SortedContainersLeaderboard):
    """The copy. One thread loads it and applies changes; reads are those of any board in memory."""

    def __init__(self, primary: LeaderboardBackend) -> None:
        super().__init__(primary.name, order=primary.order)
        *_, primary = layers(primary)  # a board that moves is loaded from the storage that serves it now
        self._primary: Final = primary
        self._same_bits: Final = _SAME_BITS if isinstance(primary, ListsStates) else 0
        self.version = NO_VERSION
        """What the copy has reached."""
        self._loaded_at = 0
        """The number of the version before the first page; 0 where pages have the numbers of ties."""
        self._numbered = 0
        """How many entries of pages are numbered below all changes."""
        self._whole = False
        self.applies_many = False
        """Whether so many changes are being applied that an event loop must not wait for the copy's lock."""
        self.read_at = 0.0
        """When the last reading of changes began, by `monotonic`."""

    def _inherit(self) -> None:
        """Say nothing in a forked child: its copy goes on to follow the primary."""

    # ------------------------------------------------------------------ loading

    def load(self) -> None:
        """Read the primary's entries, and the changes meanwhile, until all is of one version. O(n log n).

        n / 2,000 calls, and one more each for the changes. Raises what reading raises, and `ChangesLostError` where the
        feed is too short for the time that one page takes, or the board was made anew.
        """
        start = self._primary.get_version()
        self.read_at = monotonic()
        parts = self._read_states(self._primary, start) if isinstance(self._primary, ListsStates) else self._read(start)
        self.version = start
        for part in parts:
            self.apply(part.changes, part.position)
        self._whole = True

    def _read_states(self, primary: ListsStates, start: Version) -> list[Changes]:
        """Take the players of all pages; returns all changes since `start`, up to a version after the last page."""
        states: list[Change] = []
        parts: list[Changes] = []
        at = start
        while True:
            page = primary.list_states(states[-1] if states else None, PAGE)
            states += page
            at = self._add_changes(at, parts)
            if len(page) < PAGE:
                self._take(
                    (each.player_id or "", each.username, each.score or 0, self._number(each.reached))
                    for each in states
                )
                for key in [one for one, other in pairwise(record[0] for record in self._ordered) if one == other]:
                    self._settle(key)
                return parts

    def _add_changes(self, after: Version, parts: list[Changes]) -> Version:
        """Read all changes that there are after a version; returns what they reach."""
        while True:
            self.read_at = monotonic()
            parts.append(self._primary.get_changes(after, CHANGES))
            after = parts[-1].following(after)
            if parts[-1].are_all(CHANGES):
                return after

    def _take(self, players: Iterable[tuple[str, str, Score, int]]) -> None:
        """Take players as they are given: id, username, score, and number in the tie."""
        self._replace({player: (self._sort_key(score, tie), player, name) for player, name, score, tie in players})

    def _read(self, start: Version) -> list[Changes]:
        """Take the entries of all pages; returns all changes since `start`, up to the last page's version."""
        found: dict[str, Entry] = {}
        changes: list[Change] = []
        covered, at, first, length = 0, start, 1, PAGE
        while True:
            page, version = at_version(self._primary.get_range, first, first + length - 1)
            moved = version.number - at.number
            changes += self._changes_up_to(version, _reached(start, changes))
            if first > 1 and first + moved > covered + 1:  # somebody could have slipped past
                first, length = max(1, covered + 1 - 2 * moved), max(PAGE, 4 * moved)
                continue
            for entry in page:
                found.pop(entry.player_id, None)  # the later page counts, and its order
                found[entry.player_id] = entry
            if len(page) < length:
                parts = [Changes(version, changes)]
                self._add_changes(_reached(start, changes), parts)
                self._loaded_at, self._numbered = start.number, len(found)
                self._take((e.player_id, e.username, e.score, number) for number, e in enumerate(found.values(), 1))
                return parts
            covered, at = first + len(page) - 1, version
            first = max(1, covered + 1 - 2 * moved - _MARGIN)

    def _changes_up_to(self, version: Version, after: Version) -> list[Change]:
        """Return the changes after one version and up to another, at least."""
        changes: list[Change] = []
        while after.number < version.number or after.history != version.history:
            part = self._primary.get_changes(after, CHANGES)
            changes += part.changes
            if not part.changes:
                raise ChangesLostError("the feed has no changes up to the version of its board.")
            after = part.following(after)
        return changes

    # ------------------------------------------------------------------ changes

    def apply(self, changes: Sequence[Change], position: Version | None = None) -> None:
        """Apply the next changes as one step, so that no reader sees a batch in part. O(log n) each.

        `position` is what they reach on a board over shards, which sees to it that none is missing. Raises
        `ChangesLostError` where one is, on any other board.
        """
        self.applies_many = len(changes) > _MANY
        try:
            with self._lock:
                for change in changes:
                    if position is None and change.number != self.version.number + 1:
                        raise ChangesLostError(f"the changes from {self.version.number + 1} on are missing.")
                    self._apply(change)
                    if position is None:
                        self.version = Version(self.version.history, change.number)
                if position is not None:
                    self.version = position
        finally:
            self.applies_many = False

    def _apply(self, change: Change) -> None:
        if change.player_id is None:
            self._replace({})
            return
        old = self._records.get(change.player_id)
        stays = change.score is not None and change.reached <= self._loaded_at
        if old is None and stays:
            if self._whole:
                raise ChangesLostError(f"the player {change.player_id!r} of change {change.number} is not in the copy.")
            return  # removed before the page was read on which the player would be: a later change says so
        if old is not None:
            self._ordered.remove(old)
            del self._records[change.player_id]
        if change.score is not None:
            key = old[0] if old is not None and stays else self._sort_key(change.score, self._number(change.reached))
            record = key, change.player_id, change.username
            self._ordered.add(record)
            self._records[change.player_id] = record
            if self._same_bits:
                self._settle(key)

    def _settle(self, key: int) -> None:
        """Put the players of one score and one number into the order that `Change.reached` tells."""
        first = key >> self._same_bits << self._same_bits
        same = list(self._ordered.irange_key(first, first + (1 << self._same_bits) - 1))
        if len(same) > 1:
            for record in same:
                self._ordered.remove(record)
            same.sort(key=lambda record: record[2].encode() + b"\xff" + record[1].encode(), reverse=self._sign < 0)
            for number, (_, player_id, username) in enumerate(same, first):
                record = number, player_id, username
                self._ordered.add(record)
                self._records[player_id] = record

    def _number(self, reached: int) -> int:
        return (reached - self._loaded_at + self._numbered) << self._same_bits

    def _sort_key(self, score: Score, number: int) -> int:
        return self._sign * self._packed(score) + number


def _reached(start: Version, changes: Sequence[Change]) -> Version:
    return Version(start.history, start.number + len(changes))
