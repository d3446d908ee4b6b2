"""`MemoryLeaderboard`: one write at a time, reads without a lock, writes that an interrupt cuts in two completed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from math import ceil, floor, isinf
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias, TypeVar, TypeVarTuple

from ...changes import Change, fence_pass
from ...forks import survive_forks
from ...in_process import InProcessLeaderboard
from ...model import Entry, Keep, Order, Score, add_scores, make_entry, percentile
from ...score_limits import limits_wanted
from .chunks import BEYOND, Chunks, Rows
from .packing import pack_score, unpack_score, unpack_scores

Given = TypeVarTuple("Given")
Value = TypeVar("Value")

_BITS: Final = 32
"""Room for the number of a change in a key."""
_MASK: Final = (1 << _BITS) - 1
_FIRST_PAGE: Final = 1000
"""The longest first page that is remembered."""
_REBUILD_SHARE: Final = 8
"""A batch of more than 1/8 of the board is sorted in with it; a smaller one moves player by player."""

_Write: TypeAlias = tuple[str, int | None, str]
"""A write of one player: the id, and the key (`None` for a removal) and the username after it."""


class _State(NamedTuple):
    """All that a board holds."""

    key_of: dict[str, int]
    chunks: Chunks
    number: int
    """That of the last change."""
    base: int
    """The number from which the changes in keys are counted."""
    whole: bool
    """Whether scores are packed as whole numbers."""


class MemoryLeaderboard(InProcessLeaderboard):
    """A board in this process's memory, in order at all times."""

    _longest: ClassVar[int] = 1024
    """Players of a chunk, at most."""
    _last_number: ClassVar[int] = _MASK
    """The largest number of a change in a key."""

    def __init__(
        self, name: str = "default", *, order: Order = "descending", keep: Keep = "last", feed: int = 0
    ) -> None:
        super().__init__(name, order=order, keep=keep, feed=feed)
        self._sign: Final = -1 if self._order == "descending" else 1
        self._best_only = self._keep == "best"
        self._under_way: _Write | _State | None = None
        """What the write in work, or one that was interrupted, leads to."""
        self._calls = 0
        """How many calls had the lock, by which whoever reads without it knows that none came in between."""
        self._logs = False
        """Whether a subclass writes each change down before it is made (`_log_change`)."""
        self._first: list[Entry] = []
        self._first_end = -BEYOND
        """The last key of the first page that is remembered: before all where none is, beyond all for a whole board."""
        self._take(_State({}, self._sorted({}, {}), 0, 0, whole=True))
        self._under_way = None
        survive_forks(self._leave)

    def _leave(self) -> None:
        """Know in a forked child that no call of another thread goes on."""
        self._inside = False

    # ------------------------------------------------------------------ one call at a time

    def _alone(self, work: Callable[[*Given], Value], *given: *Given) -> Value:
        """Return what a method returns while no other call is in work; what an interrupt left is mended first."""
        with self._lock:
            if self._inside:
                self._refuse_inside()
            self._inside = True
            try:
                if self._under_way is not None:
                    self._mend()
                return work(*given)
            finally:
                self._calls, self._inside = self._calls + 1, False

    def _read(self, work: Callable[[*Given], Value], *given: *Given) -> Value:
        """Return what a method returns that changes nothing: without the lock, unless a write may come in between.

        Then the method may find anything, or an item to be missing, so its answer is dropped and it is called again.
        A call raises the number before it says that it is over: whoever sees that it is over sees the number, too.
        """
        calls = self._calls
        if not self._inside and self._under_way is None:
            try:
                found = work(*given)
            except IndexError:
                return self._alone(work, *given)
            if not self._inside and calls == self._calls:  # in this order
                return found
        return self._alone(work, *given)

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:  # as `_alone`, without the time of two more calls
            if self._inside:
                self._refuse_inside()
            self._inside = True
            try:
                if self._under_way is not None:
                    self._mend()
                if self._changes.moved_to is not None or fence_pass() is not None:
                    self._changes.check_fence()
                if limits := limits_wanted():
                    limits.check(self._standing(player_id), score, None, self._order, self._keep)
                return self._move(player_id, username, score)
            finally:
                self._calls, self._inside = self._calls + 1, False

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._alone(self._add, player_id, username, delta)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._alone(self._apply, updates)

    def _remove_player(self, player_id: str) -> bool:
        return self._alone(self._remove, player_id)

    def _clear(self) -> None:
        self._alone(self._remove_all)

    def _add(self, player_id: str, username: str, delta: Score) -> Entry:
        self._changes.check_fence()
        standing = self._standing(player_id)
        score = add_scores(0 if standing is None else standing, delta)
        if limits := limits_wanted():
            limits.check(standing, score, delta, self._order, self._keep)
        rank = self._move(player_id, username, score)
        return Entry(rank, player_id, username, self._score(self._key_of[player_id]))

    def _apply(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._changes.check_fence()
        self._check_all_limits(updates)
        if len(updates) * _REBUILD_SHARE < len(self._key_of):
            for player_id, username, score in updates:
                self._move(player_id, username, score)
        elif self._key_of or not self._load(updates):
            self._sort_in(updates)

    def _move(self, player_id: str, username: str, score: Score) -> int:
        """Apply one update, and return the player's rank."""
        upper = self._sign * score if self._whole and type(score) is int else self._packed(score)
        changes = self._changes
        number = changes.number + 1
        if number > self._limit:
            self._renumber()
        old, low = self._key_of.get(player_id), number - self._base
        key = (upper << _BITS) + low if upper < 0 else upper << _BITS | low  # as `_key`, without the time of a call
        if old is not None and (old >> _BITS == upper or (self._best_only and old >> _BITS < upper)):
            key = old
        self._under_way = player_id, key, username
        if self._logs:
            self._log_change(number, player_id, username, key, score)
        if key != old:
            rank = self._chunks.put(old, key, player_id, username)
        else:
            rank = self._chunks.rank(key)
            if not self._chunks.rename(key, username):
                self._under_way = None
                return rank
        self._key_of[player_id] = key
        if key <= self._first_end or (old is not None and old <= self._first_end):
            self._first, self._first_end = [], -BEYOND
        changes.number = number
        if changes.kept is not None:
            self._keep_change(number, player_id, username, key)
        self._under_way = None
        return rank

    def _log_change(self, number: int, player_id: str, username: str, key: int, score: Score) -> None:
        """Write down a change of a player; one that does not change the player, too, is announced.

        Raises an error, with `_under_way` set to `None`, where the change is not to be made.
        """
        raise NotImplementedError

    def _remove(self, player_id: str) -> bool:
        self._changes.check_fence()
        key = self._key_of.get(player_id)
        if key is None:
            return False
        self._under_way = player_id, None, ""
        self._chunks.remove(key)
        del self._key_of[player_id]
        if key <= self._first_end:
            self._first, self._first_end = [], -BEYOND
        self._changes.note(player_id)
        self._under_way = None
        return True

    def _remove_all(self) -> None:
        self._changes.check_fence()
        if self._key_of:
            self._take(_State({}, self._sorted({}, {}), self._changes.number, self._base, whole=True))
            self._changes.note(None)
            self._under_way = None

    def _load(self, updates: Sequence[tuple[str, str, Score]]) -> bool:
        """Fill an empty board by sorting it once; returns whether it did: not where a player is there twice."""
        ids, names, scores = [each[0] for each in updates], [each[1] for each in updates], [each[2] for each in updates]
        try:
            keys, whole = self._numbered(scores), True
        except TypeError:  # a float has no bits to shift
            keys, whole = self._numbered(map(pack_score, scores)), False
        key_of = dict(zip(ids, keys, strict=True))
        if len(key_of) < len(ids) or len(ids) > self._last_number:
            return False
        order = sorted(range(len(ids)), key=scores.__getitem__, reverse=self._sign < 0)  # in a tie, as they came
        chunks, first = Chunks(keys, ids, names, self._longest, order), self._changes.number + 1
        self._take(_State(key_of, chunks, self._changes.number + len(ids), first, whole))
        if self._changes.kept is not None:
            for number, (player_id, username, _) in enumerate(updates, first):
                self._keep_change(number, player_id, username, key_of[player_id])
        self._under_way = None
        return True

    def _numbered(self, packed: Iterable[Any]) -> list[int]:
        """Return the keys of packed scores that were reached one after the other, from the number 0 on."""
        if self._sign < 0:
            return [at - (each << _BITS) if each > 0 else -each << _BITS | at for at, each in enumerate(packed)]
        return [(each << _BITS) + at if each < 0 else each << _BITS | at for at, each in enumerate(packed)]

    def _sort_in(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        """Apply a large batch by sorting all players once."""
        if self._whole and any(type(score) is float for _, _, score in updates):
            self._widen()
        if self._changes.number + len(updates) - self._base > self._last_number:
            self._renumber()
        key_of, name_of = self._key_of.copy(), self._name_of()
        number, base = self._changes.number, self._base
        changed: list[tuple[int, str, str, int]] = []
        for player_id, username, score in updates:
            upper, key = self._packed(score), key_of.get(player_id)
            renamed = name_of.get(player_id) != username
            if key is None or not (key >> _BITS == upper or (self._best_only and key >> _BITS < upper)):
                key = key_of[player_id] = _key(upper, number + 1 - base)
            elif not renamed:
                continue
            if renamed:  # else the text that stands stays
                name_of[player_id] = username
            number += 1
            if self._changes.kept is not None:
                changed.append((number, player_id, username, key))
        self._take(_State(key_of, self._sorted(key_of, name_of), number, base, self._whole))
        for change in changed:
            self._keep_change(*change)
        self._under_way = None

    def _keep_change(self, number: int, player_id: str, username: str, key: int) -> None:
        """Put the state of a player after a change into the feed."""
        self._changes.keep(Change(number, player_id, username, self._score(key), self._base + (key & _MASK)))

    # ------------------------------------------------------------------ the board as a whole

    def _sorted(self, key_of: Mapping[str, int], name_of: Mapping[str, str]) -> Chunks:
        """Return players in the order of their keys. O(n log n)."""
        ids = sorted(key_of, key=key_of.__getitem__)
        return Chunks([key_of[each] for each in ids], ids, [name_of[each] for each in ids], self._longest)

    def _name_of(self) -> dict[str, str]:
        return dict(zip(*self._chunks.players(), strict=True))

    def _take(self, state: _State) -> None:
        """Put another state in place of this one; whoever calls it ends the write."""
        self._under_way = state
        self._key_of, self._chunks, self._changes.number, self._base, self._whole = state
        self._limit = self._base + self._last_number
        self._first, self._first_end = [], -BEYOND

    def _mend(self) -> None:
        """Complete the write that was interrupted; whoever follows the feed reads the board anew."""
        self._changes.restart()
        state = self._under_way
        if not isinstance(state, _State):
            assert state is not None  # noqa: S101 - it is called where something was interrupted
            player_id, key, username = state
            ids, names = self._chunks.players()
            if len(ids) > len(names):
                ids.remove(player_id)
            key_of, name_of = self._key_of.copy(), dict(zip(ids, names, strict=True))
            if key is None:
                key_of.pop(player_id, None)
            else:
                key_of[player_id], name_of[player_id] = key, username
            state = _State(key_of, self._sorted(key_of, name_of), self._changes.number + 1, self._base, self._whole)
        self._take(state)
        self._under_way = None

    def _widen(self) -> None:
        """Pack all scores as the bits of doubles from now on. O(n log n), once in a board's life or after `clear`."""
        self._pack_anew(
            {each: _key(pack_score(key >> _BITS), key & _MASK) for each, key in self._key_of.items()},
            self._base,
            whole=False,
        )

    def _renumber(self) -> None:
        """Number the players anew in their order, from 1. O(n log n), once in 2^32 changes."""
        ids, _ = self._chunks.players()
        key_of = {each: _key(self._key_of[each] >> _BITS, number) for number, each in enumerate(ids, 1)}
        self._changes.restart()
        self._pack_anew(key_of, self._changes.number - len(ids), whole=self._whole)

    def _pack_anew(self, key_of: dict[str, int], base: int, *, whole: bool) -> None:
        chunks = self._sorted(key_of, self._name_of())
        self._take(_State(key_of, chunks, self._changes.number, base, whole))
        self._under_way = None

    # ------------------------------------------------------------------ scores

    def _packed(self, score: Score) -> int:
        """Return the upper part of a key; the first score that is no whole number changes how all are packed."""
        if self._whole:
            if type(score) is int:
                return self._sign * score
            self._widen()
        return self._sign * pack_score(score)

    def _score(self, key: int) -> Score:
        upper = self._sign * (key >> _BITS)
        return upper if self._whole else unpack_score(upper)

    def _standing(self, player_id: str) -> Score | None:
        key = self._key_of.get(player_id)
        return None if key is None else self._score(key)

    # ------------------------------------------------------------------ reads

    def _get_score(self, player_id: str) -> Score | None:
        return self._read(self._standing, player_id)

    def _get_rank(self, player_id: str) -> int | None:
        calls = self._calls  # as `_read`, without the time of two more calls
        if not self._inside and self._under_way is None:
            try:
                key = self._key_of.get(player_id)
                rank = None if key is None else self._chunks.rank(key)
            except IndexError:
                return self._alone(self._rank, player_id)
            if not self._inside and calls == self._calls:  # in this order
                return rank
        return self._alone(self._rank, player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._read(lambda: list(map(self._entry, player_ids)))

    def _get_percentile(self, player_id: str) -> float | None:
        rank, players = self._read(lambda: (self._rank(player_id), len(self._key_of)))
        return None if rank is None else percentile(rank, players)

    def _get_top_n(self, n: int) -> list[Entry]:
        page = self._read(self._remembered, n)
        return self._alone(self._top, n) if page is None else page

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._read(self._slice, first_rank - 1, last_rank)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._read(self._around, player_id, radius)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._read(self._between, low, high, limit)

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._read(self._number_between, low, high)

    def _count(self) -> int:
        return self._read(lambda: len(self._key_of))

    def _rank(self, player_id: str) -> int | None:
        key = self._key_of.get(player_id)
        return None if key is None else self._chunks.rank(key)

    def _entry(self, player_id: str) -> Entry | None:
        key = self._key_of.get(player_id)
        if key is None:
            return None
        return Entry(self._chunks.rank(key), player_id, self._chunks.username(key), self._score(key))

    def _remembered(self, n: int) -> list[Entry] | None:
        return self._first[:n] if n <= len(self._first) or self._first_end == BEYOND else None

    def _top(self, n: int) -> list[Entry]:
        """Return the first page, and remember it."""
        rows = self._entries(0, self._chunks.first(n))
        if n <= _FIRST_PAGE:
            end = self._key_of[rows[-1].player_id] if len(rows) == n else BEYOND
            self._first, self._first_end = rows[:], end  # both, as nothing comes between two assignments
        return rows

    def _slice(self, start: int, stop: int) -> list[Entry]:
        stop = min(stop, len(self._key_of))
        return self._entries(start, self._chunks.slice(start, stop)) if start < stop else []

    def _around(self, player_id: str, radius: int) -> list[Entry]:
        key = self._key_of.get(player_id)
        return [] if key is None else self._entries(*self._chunks.around(key, radius))

    def _entries(self, start: int, rows: Rows) -> list[Entry]:
        keys, ids, names = rows
        scores: list[Score]
        if not self._whole:
            scores = unpack_scores([self._sign * (key >> _BITS) for key in keys])
        elif self._sign < 0:
            scores = [-(key >> _BITS) for key in keys]
        else:
            scores = [key >> _BITS for key in keys]
        return list(map(make_entry, zip(count(start + 1), ids, names, scores)))

    def _between(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        first, end = self._ends(low, high)
        start, rows = self._chunks.between(first, end, limit)
        return self._entries(start, rows)

    def _number_between(self, low: Score, high: Score) -> int:
        first, end = self._ends(low, high)
        return self._chunks.rank(end) - self._chunks.rank(first)

    def _ends(self, low: Score, high: Score) -> tuple[int, int]:
        """Return the first key that a player with a score of this range can have, and the first one after all these."""
        best, worst = (low, high) if self._sign > 0 else (-high, -low)
        if type(best) is type(worst) is int and self._whole:
            return best << _BITS, worst + 1 << _BITS
        first, last = (ceil, floor) if self._whole else (pack_score, pack_score)
        return _end(best, first, 0), _end(worst, last, 1)


def _key(upper: int, number: int) -> int:
    """Return a key. A sum of positive integers would keep room for a carry, 16 bytes more."""
    return (upper << _BITS) + number if upper < 0 else upper << _BITS | number


def _end(bound: Score, packed: Callable[[Score], int], after: int) -> int:
    if isinf(bound):
        return BEYOND if bound > 0 else -BEYOND
    return packed(bound) + after << _BITS
