"""Making a board equal to another one that is written meanwhile, and keeping it so, to the last tie.

A copy of the source in this process's memory (`BoardCopy`) follows the source's feed: it knows the place of each player
within a tie, on boards over shards too. What the target needs is derived from it. `sync` compares the whole target with
the copy and writes what differs; so it does not matter what a copy that was killed left there. From then on the copy
notes who changed, and `flush` writes their present states: absolute, in one order, and the same however often.

A player who reaches a score joins the end of its tie in the target, too. One who is in that tie already leaves the
score and comes back, in one batch; and so does, in order, whoever ranks behind a player of that batch.

Cost, n players: some 500 bytes of memory per player; `begin` reads both boards and writes what differs; a change is one
row of a batch, or two.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from time import monotonic
from typing import Final, NamedTuple

from ..changes import NO_VERSION, Change, Changes, Version
from ..errors import ChangesLostError
from ..model import Entry, Score
from ..protocol import PAGE_SIZE, LeaderboardBackend
from ..scaling.board_copy import CHANGES, BoardCopy
from .streams import Hear, Pause, Throttle, entries_of, players_of, range_of

Row = tuple[str, str, Score]
Record = tuple[int, str, str]
"""A player of a copy: sort key, id, username."""

_TIE_BITS: Final = 63
"""The lower bits of a sort key, which order a tie."""


class Behind(NamedTuple):
    """How far a target is behind its source, in changes and in seconds."""

    versions: int
    """Changes of the source that are not in the target."""
    seconds: float
    """The target shows the source as it was at most so long ago."""


class TrackedCopy(BoardCopy):
    """A copy that notes what a target has yet to be told."""

    def __init__(self, primary: LeaderboardBackend, beat: Callable[[], object] = lambda: None) -> None:
        super().__init__(primary)
        self._beat: Final = beat
        self.cleared = False
        """Whether all players were removed; what is noted below came after that."""
        self.gone: set[str] = set()
        self.renamed: set[str] = set()
        self.placed: set[str] = set()
        """Players with a new place."""
        self._before: dict[str, int | None] = {}
        """The keys that those who are gone or placed had when the target was told last; `None` for new ones."""

    def forget(self) -> None:
        """Take it that the target was told all."""
        self.cleared = False
        self.gone, self.renamed, self.placed, self._before = set(), set(), set(), {}

    def _apply(self, change: Change) -> None:
        player = change.player_id
        old = None if player is None else self._records.get(player)
        super()._apply(change)
        if player is None:
            self.forget()
            self.cleared = True
            return
        new = self._records.get(player)
        if new is not None and old is not None and old[0] == new[0]:
            self.renamed.add(player)
            return
        self._before.setdefault(player, None if old is None else old[0])
        (self.gone if new is None else self.placed).add(player)
        (self.placed if new is None else self.gone).discard(player)
        if new is None:
            self.renamed.discard(player)

    def _add_changes(self, after: Version, parts: list[Changes]) -> Version:
        self._beat()
        return super()._add_changes(after, parts)

    def _changes_up_to(self, version: Version, after: Version) -> list[Change]:
        self._beat()
        return super()._changes_up_to(version, after)

    def holds(self, player: str) -> bool:
        """Whether the copy has a player. O(1)."""
        return player in self._records

    def state(self, player: str) -> tuple[str, Score] | None:
        """Return a player's name and score. O(1)."""
        record = self._records.get(player)
        return None if record is None else (record[2], self._score(record[0]))

    def page(self, after: int | None) -> list[Record]:
        """Return the next players after a key, best first. Who stays is on one of the pages, whoever changes."""
        return list(islice(self._ordered.irange_key(after, None, (False, True)), PAGE_SIZE))

    def score_of(self, record: Record) -> Score:
        """Return the score of a player of a page."""
        return self._score(record[0])

    def rows(self, *, in_doubt: bool) -> Iterator[Row]:
        """Yield what the target is to be written, in order; `in_doubt` takes it that it has each player already."""
        for player in self.renamed - self.placed:
            record = self._records[player]
            yield player, record[2], self._score(record[0])
        first: dict[int, int] = {}
        for player in self.placed:
            key = self._records[player][0]
            first[key >> _TIE_BITS] = min(key, first.get(key >> _TIE_BITS, key))
        for tie, key in first.items():
            for record in self._ordered.irange_key(key, ((tie + 1) << _TIE_BITS) - 1):
                before = self._before.get(record[1], key)
                was_there = before is not None and before >> _TIE_BITS == tie
                yield from _placing(record, self._score(record[0]), leaving=in_doubt or was_there)


def _placing(record: Record, score: Score, *, leaving: bool) -> Iterator[Row]:
    """Yield the rows that bring a player to the end of a tie, out of it first if the player may be there."""
    _, player, username = record
    if leaving:
        yield player, username, 0 if score else 1
    yield player, username, score


class Mirror:
    """Makes a fenced target equal to its source. One thread uses it.

    `fence` is the target's fence, which the mirror's writes pass: once another process has fenced the target anew, they
    raise `BoardMovedError`. Any other error leaves the mirror as it is, and the call may be repeated. `rate` is the
    most players per second that `begin` compares or writes.
    """

    def __init__(
        self,
        source: LeaderboardBackend,
        target: LeaderboardBackend,
        fence: str,
        *,
        rate: float | None = None,
        hear: Hear = lambda _: None,
        pause: Pause = time.sleep,
    ) -> None:
        self.source: Final = source
        self.target: Final = target
        self.fence = fence
        self.changed: set[str] = set()
        """Players that were written since somebody emptied this."""
        self.beat: Callable[[], object] = lambda: None
        """Is called often while the mirror works."""
        self._throttle: Final = Throttle(rate, pause)
        self._hear: Final = hear
        self._copy = TrackedCopy(source)
        self._in_doubt = True
        self._reached = NO_VERSION
        self._known = NO_VERSION
        self._shown = monotonic()

    # ------------------------------------------------------------------ from nothing to equal

    def begin(self) -> None:
        """Read the source, and write what differs in the target. O(n), and the time of as many writes as differ."""
        self._copy = TrackedCopy(self.source, self.beat)
        self._copy.load()
        self._copy.forget()
        self._known = self._copy.version
        self._in_doubt = True
        present = players_of(self.target)
        if present:
            self._remove_others()
        self._write_missing(compare=bool(present))
        self.catch_up()

    def _remove_others(self) -> None:
        """Remove from the target whoever the source does not have."""
        rank = 1
        while held := range_of(self.target, rank):
            extra = [entry.player_id for entry in held if not self._copy.holds(entry.player_id)]
            with self.target.passing_fence(self.fence):
                for player in extra:
                    self.target.remove_player(player)
            rank += len(held) - len(extra)
            self._pull()

    def _write_missing(self, *, compare: bool) -> None:
        after, done, order = None, 0, _Order()
        while page := self._copy.page(after):
            held = order.entries(self.target, page) if compare else [None] * len(page)
            rows = [
                row for record, entry in zip(page, held, strict=True) for row in order.needed(self._copy, record, entry)
            ]
            self._write(rows)
            after, done = page[-1][0], done + len(page)
            self._hear(done)
            self._throttle.passed(len(page))
            self._pull()

    # ------------------------------------------------------------------ following

    def step(self) -> bool:
        """Bring the changes up to now to the target; returns whether there were any. Two round trips, or more.

        Where the feed does not go back far enough, all is read and compared anew.
        """
        began, before = monotonic(), self._copy.version
        try:
            while not self._pull():
                self.flush()
        except ChangesLostError:
            self.begin()
            return True
        self.flush()
        self._shown = began
        return self._copy.version != before

    def catch_up(self) -> None:
        """Follow until there is nothing to follow, or no less than the last time."""
        last = None
        while self.step():
            behind = self.behind()
            if last is not None and behind.seconds >= last:
                return
            last = behind.seconds

    def differing(self, players: Sequence[str]) -> list[str]:
        """Return who has another name or score in the target than the source's feed says up to now."""
        self.step()
        both = zip(players, entries_of(self.target, players), strict=True) if players else ()
        return [player for player, held in both if (held and (held.username, held.score)) != self._copy.state(player)]

    def behind(self) -> Behind:
        """Return how far the target is behind, by what the last step saw."""
        return Behind(max(0, self._known.number - self._reached.number), monotonic() - self._shown)

    @property
    def reached(self) -> Version:
        """What the target has of the source."""
        return self._reached

    def _pull(self) -> bool:
        """Read the next changes into the copy; returns whether these were all."""
        self.beat()
        found = self.source.get_changes(self._copy.version, CHANGES)
        self._copy.apply(found.changes, found.position)
        self._known = found.version
        return found.are_all(CHANGES)

    def flush(self) -> None:
        """Write to the target what the copy has noted."""
        copy = self._copy
        if copy.cleared or copy.gone or copy.renamed or copy.placed:
            self.changed |= copy.gone | copy.renamed | copy.placed
            doubt, self._in_doubt = self._in_doubt, True
            with self.target.passing_fence(self.fence):
                if copy.cleared:
                    self.target.clear()
                for player in copy.gone:
                    self.target.remove_player(player)
            self._write(list(copy.rows(in_doubt=doubt)))
            self._in_doubt = False
            copy.forget()
        self._reached = copy.version

    def _write(self, rows: Sequence[Row]) -> None:
        """Write rows in order, in batches none of which parts a player's leaving from the coming back."""
        start = 0
        while start < len(rows):
            stop = min(start + PAGE_SIZE, len(rows))
            if stop < len(rows) and rows[stop][0] == rows[stop - 1][0]:
                stop -= 1
            batch = rows[start:stop]
            with self.target.passing_fence(self.fence):
                if self.target.keep == "best":
                    batch = self._made_room(batch)
                self.target.update_scores(batch)
            start = stop

    def _made_room(self, batch: Sequence[Row]) -> list[Row]:
        """Remove whom a worse score would not move, in a board of this process that keeps the best; return the rest."""
        last = {row[0]: row for row in batch}
        times = Counter(row[0] for row in batch)
        for entry in filter(None, entries_of(self.target, list(last))):
            if times[entry.player_id] > 1 or entry.score != last[entry.player_id][2]:
                self.target.remove_player(entry.player_id)
        return list(last.values())


class _Order:
    """Tells page by page which players are not in the target, or not in their place of the tie."""

    def __init__(self) -> None:
        self._tie: int | None = None
        self._broken = False
        """Whether the rest of this tie is to be written."""
        self._last: str | None = None
        """The last player of this tie who was in place."""
        self._rank = 0

    def entries(self, target: LeaderboardBackend, page: Sequence[Record]) -> list[Entry | None]:
        """Return the target's entries of a page, from one state, in which the last player's rank is known, too."""
        players = [record[1] for record in page]
        if self._last is None:
            return entries_of(target, players)
        last, *found = entries_of(target, [self._last, *players])
        self._rank = last.rank if last is not None else 0
        return found

    def needed(self, copy: TrackedCopy, record: Record, held: Entry | None) -> Iterator[Row]:
        """Yield the rows that are needed for the target to have the next player as the copy does."""
        key, player, username = record
        if key >> _TIE_BITS != self._tie:
            self._tie, self._broken, self._last, self._rank = key >> _TIE_BITS, False, None, 0
        score = copy.score_of(record)
        if held is None or held.score != score:
            self._broken = True
            yield player, username, score
        elif self._broken or held.rank < self._rank:
            self._broken = True
            yield from _placing(record, score, leaving=True)
        else:
            self._last, self._rank = player, held.rank
            if held.username != username:
                yield player, username, score
