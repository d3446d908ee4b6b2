"""A copy of a board in this process's memory, with the primary's order to the last tie.

Loading: pages of ranks, each read with the version at which it holds. A change moves anybody else by one rank at most;
so where a page begins as many ranks before the end of the last one as there were changes between the two, a player who
stays is on one of them. The changes themselves are read after each page, and applied at the end: they are absolute
states, so it does not matter that a page may have had some of them already.

Order: a change tells the number of the change with which the player reached the score, which is the order of a tie.
Entries of pages do not have it; they are numbered as they come, below all changes that follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Final

from ..backends.sortedcontainers import SortedContainersLeaderboard
from ..changes import Change, Version, at_version
from ..errors import ChangesLostError
from ..model import Entry, Score
from ..protocol import LeaderboardBackend

PAGE: Final = 2000
"""Entries that are read by one call: a few milliseconds of a server's time."""
CHANGES: Final = 1000
"""Changes that are read by one call."""
_MARGIN: Final = 16
"""Ranks by which pages overlap, besides twice the changes that there were before: fewer pages are read twice."""


class BoardCopy(SortedContainersLeaderboard):
    """The copy. One thread loads it and applies changes; reads are those of any board in memory."""

    def __init__(self, primary: LeaderboardBackend) -> None:
        super().__init__(primary.name, order=primary.order)
        self._primary: Final = primary
        self.version = Version("", 0)
        """What the copy has reached."""
        self._loaded_at = 0
        """The number of the version before the first page."""
        self._numbered = 0
        """How many entries of pages are numbered below all changes."""
        self._whole = False
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
        entries, changes = self._read(start)
        self._replace(
            {
                entry.player_id: (self._sort_key(entry.score, number), entry.player_id, entry.username)
                for number, entry in enumerate(entries, 1)
            }
        )
        self._loaded_at, self._numbered, self.version = start.number, len(entries), start
        self.apply(changes)
        self._whole = True

    def _read(self, start: Version) -> tuple[Sequence[Entry], list[Change]]:
        """Return the entries of all pages, best first, and all changes since `start`, up to the last page's version."""
        found: dict[str, Entry] = {}
        changes: list[Change] = []
        covered, at, first, length = 0, start, 1, PAGE
        while True:
            page, version = at_version(self._primary.get_range, first, first + length - 1)
            moved = version.number - at.number
            changes += self._changes_up_to(version, _reached(start, changes))
            if covered and first + moved > covered + 1:  # somebody could have slipped past
                first, length = max(1, covered + 1 - 2 * moved), max(PAGE, 4 * moved)
                continue
            for entry in page:
                found.pop(entry.player_id, None)  # the later page counts, and its order
                found[entry.player_id] = entry
            if len(page) < length:
                self.read_at = monotonic()
                return list(found.values()), changes + self._changes_up_to(None, _reached(start, changes))
            covered, at = first + len(page) - 1, version
            first = max(1, covered + 1 - 2 * moved - _MARGIN)

    def _changes_up_to(self, version: Version | None, after: Version) -> list[Change]:
        """Return the changes after one version and up to another, at least; `None`: all that there are by now."""
        changes: list[Change] = []
        while version is None or after.number < version.number or after.history != version.history:
            part = self._primary.get_changes(after, CHANGES).changes
            changes += part
            if version is None and len(part) < CHANGES:
                break
            if not part:
                raise ChangesLostError("the feed has no changes up to the version of its board.")
            after = Version(after.history, part[-1].number)
        return changes

    # ------------------------------------------------------------------ changes

    def apply(self, changes: Sequence[Change]) -> None:
        """Apply the next changes as one step, so that no reader sees a batch in part. O(log n) each.

        Raises `ChangesLostError` where one is missing.
        """
        with self._lock:
            for change in changes:
                if change.number != self.version.number + 1:
                    raise ChangesLostError(f"the changes from {self.version.number + 1} on are missing.")
                self._apply(change)
                self.version = Version(self.version.history, change.number)

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

    def _number(self, reached: int) -> int:
        return reached - self._loaded_at + self._numbered

    def _sort_key(self, score: Score, number: int) -> int:
        return self._sign * self._packed(score) + number


def _reached(start: Version, changes: Sequence[Change]) -> Version:
    return Version(start.history, start.number + len(changes))
