"""Boards whose players are in chunks, with a bug where chunks split, join and are summed, and where keys change."""

from __future__ import annotations

from typing import ClassVar

from leaderboard_backends.backends.memory.board import _BITS, MemoryLeaderboard, _State
from leaderboard_backends.backends.memory.chunks import Chunks
from leaderboard_backends.backends.memory.packing import pack_score
from leaderboard_backends.model import Score

from .registry import killed_by


class ChunkedBoard(MemoryLeaderboard):
    """A sound board with few players in a chunk, so that every test of the kit splits and joins some."""

    _longest = 16
    _kind: ClassVar[type[Chunks]] = Chunks

    def _take(self, state: _State) -> None:
        state.chunks.__class__ = self._kind
        super()._take(state)


class _SplitsNamesTheOtherWay(Chunks):
    __slots__ = ()

    def _split(self, chunk: int) -> None:
        super()._split(chunk)
        self._names[chunk], self._names[chunk + 1] = self._names[chunk + 1], self._names[chunk]


@killed_by("bulk", "test_the_end_state_is_that_of_one_by_one")
class SplitsNamesTheOtherWay(ChunkedBoard):
    """Where a chunk is split, each half has the usernames of the other one."""

    _longest = 15
    _kind = _SplitsNamesTheOtherWay


class _JoinsNamesTheOtherWay(Chunks):
    __slots__ = ()

    def _join(self, chunk: int) -> None:
        if len(self._counts) > 1:
            chunk = min(chunk, len(self._counts) - 2)
            self._names[chunk], self._names[chunk + 1] = self._names[chunk + 1], self._names[chunk]
        super()._join(chunk)


@killed_by("bulk", "test_the_end_state_is_that_of_one_by_one")
class JoinsNamesTheOtherWay(ChunkedBoard):
    """Where two chunks are joined, the usernames of the second come first."""

    _kind = _JoinsNamesTheOtherWay


class _RanksWithinAGroup(Chunks):
    __slots__ = ()

    def rank(self, key: int) -> int:
        chunk, place = self._place(key)
        return sum(self._counts[chunk >> 5 << 5 : chunk]) + place + 1


@killed_by("lookups", "test_hundreds_of_friends_in_one_call")
class RanksWithinAGroup(ChunkedBoard):
    """A rank counts the players of its 32 chunks alone, so that it begins anew some 400 players further down."""

    _kind = _RanksWithinAGroup


@killed_by("order", "test_negative_scores_order_as_numbers")
class WidensNewScoresAlone(ChunkedBoard):
    """From the first fraction on, new keys have the bits of doubles, and those that stand stay whole numbers."""

    def _packed(self, score: Score) -> int:
        self._whole = self._whole and type(score) is int
        return self._sign * (int(score) if self._whole else pack_score(score))


@killed_by("order", "test_hundreds_of_ties_in_quick_succession_keep_their_order")
class RenumbersTiesTheOtherWay(ChunkedBoard):
    """Once the numbers of changes are used up, players within a tie are numbered from the last to the first."""

    _last_number = 40

    def _renumber(self) -> None:
        ids, _ = self._chunks.players()
        count = len(ids)
        key_of = {each: (self._key_of[each] >> _BITS << _BITS) + count - at for at, each in enumerate(ids)}
        self._changes.restart()
        self._pack_anew(key_of, self._changes.number - count, whole=self._whole)


@killed_by("updates", "test_a_page_follows_who_comes_onto_it_and_who_leaves_it")
class RemembersAPageThatAPlayerLeft(ChunkedBoard):
    """The first page is remembered until somebody comes onto it; who leaves it stays there."""

    def _move(self, player_id: str, username: str, score: Score) -> int:
        key, end, page = self._key_of.get(player_id), self._first_end, self._first
        rank = super()._move(player_id, username, score)
        if key is not None and key <= end < self._key_of[player_id]:
            self._first, self._first_end = page, end
        return rank
