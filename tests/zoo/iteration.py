"""Bugs in iteration."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from leaderboard_backends import Entry, Score
from leaderboard_backends.protocol import PAGE_SIZE

from .bases import PlainBoard
from .registry import killed_by

SEVERAL_PAGES = "test_several_pages_are_exact"


@killed_by("iteration", SEVERAL_PAGES)
class OnePageOnly(PlainBoard):
    """Iteration ends after the first page."""

    def _iterate(self) -> Iterator[Entry]:
        return islice(super()._iterate(), PAGE_SIZE)


@killed_by("iteration", SEVERAL_PAGES)
class LastPageMissing(PlainBoard):
    """Iteration leaves out the last page, unless it is full or the only one."""

    def _iterate(self) -> Iterator[Entry]:
        players = self._count()
        return islice(super()._iterate(), players if players < PAGE_SIZE else players // PAGE_SIZE * PAGE_SIZE)


@killed_by("iteration", SEVERAL_PAGES)
class RanksRestartOnEachPage(PlainBoard):
    """Each page of an iteration counts its ranks from 1."""

    def _iterate(self) -> Iterator[Entry]:
        for entry in super()._iterate():
            yield entry._replace(rank=(entry.rank - 1) % PAGE_SIZE + 1)


@killed_by("iteration", SEVERAL_PAGES)
class PagesSkipTies(PlainBoard):
    """Each page starts behind the last score of the one before, and the rest of that tie is left out."""

    def _iterate(self) -> Iterator[Entry]:
        left = self._get_range(1, self._count())
        while left:
            page = left[:PAGE_SIZE]
            yield from page
            left = [entry for entry in left[PAGE_SIZE:] if entry.score != page[-1].score]


@killed_by("iteration", SEVERAL_PAGES)
class PagesOverlap(PlainBoard):
    """The last player of a page comes again on the next one."""

    def _iterate(self) -> Iterator[Entry]:
        for entry in super()._iterate():
            if entry.rank > 1 and entry.rank % PAGE_SIZE == 1:
                yield self._get_range(entry.rank - 1, entry.rank - 1)[0]
            yield entry


@killed_by("iteration", SEVERAL_PAGES)
class UnstablePages(PlainBoard):
    """Every second page is read with ties the other way round, so that players come twice or not at all."""

    def _iterate(self) -> Iterator[Entry]:
        players = self._players
        turned = sorted(players, key=lambda player_id: (self._merit(player_id), -players[player_id].reached))
        for first in range(0, len(players), PAGE_SIZE):
            ids = turned if first // PAGE_SIZE % 2 else self._ids()
            yield from self._page(ids, first + 1, first + PAGE_SIZE)


@killed_by("iteration", "test_two_iterations_do_not_disturb_each_other")
class OneCursor(PlainBoard):
    """All iterations of a board share one cursor."""

    _cursor = 0

    def _iterate(self) -> Iterator[Entry]:
        self._cursor = 0
        entries = self._get_range(1, self._count())
        while self._cursor < len(entries):
            self._cursor += 1
            yield entries[self._cursor - 1]


@killed_by("iteration", "test_a_board_may_be_written_while_it_is_iterated")
class FailsWhenWritten(PlainBoard):
    """Iteration walks the live dict, and fails when a player joins."""

    def _iterate(self) -> Iterator[Entry]:
        ranks = {player_id: rank for rank, player_id in enumerate(self._ids(), 1)}
        if list(self._players) != list(ranks):
            self._players = {player_id: self._players[player_id] for player_id in ranks}
        for player_id in self._players:
            yield self._entry(ranks[player_id], player_id)


@killed_by("iteration", "test_an_iteration_that_is_given_up_holds_nothing")
class OpenCursorBlocksWriters(PlainBoard):
    """After an iteration that was not read to its end, the board takes no writes."""

    _reading = 0

    def _iterate(self) -> Iterator[Entry]:
        self._reading += 1
        yield from super()._iterate()
        self._reading -= 1

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        if self._reading:
            raise RuntimeError("the board is being read.")
        return super()._update_score(player_id, username, score)


@killed_by("iteration", SEVERAL_PAGES)
class IterationByJoining(PlainBoard):
    """Iteration shows players in the order in which they joined."""

    def _iterate(self) -> Iterator[Entry]:
        entries = [self._entry(rank, player_id) for rank, player_id in enumerate(self._ids(), 1)]
        joined = {player_id: number for number, player_id in enumerate(self._players)}
        return iter(sorted(entries, key=lambda entry: joined[entry.player_id]))
