"""`sortedcontainers://NAME`: in this process, records in a `SortedKeyList`, sorted by one packed integer each.

Order: a player's score and the number of the change that reached it are packed into one integer, the sort key, so that
smaller means better and, within a tie, earlier. A `SortedKeyList` holds the records `(key, player, username)` in order;
a dict finds a player's record. Comparing two integers costs a fraction of comparing two tuples, which is what makes
this faster than the usual list of `(-score, sequence, player)`. The packing is exact for every score (see `_pack`).

Cost, n players, k entries returned: `update_score`, `increment_score`, `remove_player`, `get_rank`, `get_percentile`,
`count_by_score` O(log n) in practice (sortedcontainers documents its list as O(log n) approximately); `get_top_n`,
`get_range`, `get_around`, `get_by_score` O(log n + k), never touching the rest of the board; `get_score`, `len` and
`in` O(1); `update_scores` of m updates O(m log n), or one sort, O((n + m) log (n + m)), where m is a large part of the
board. No round trips.

Crash: nothing survives the process. One lock makes it safe to share between threads. Where an interrupt (Ctrl-C) cuts
a move in two, the records decide, and the next call builds the order anew from them. A finalizer or a signal handler
that calls the board in the middle of a call of its own thread gets an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from math import inf
from operator import itemgetter
from struct import Struct
from typing import Any, TypeAlias, cast
from weakref import WeakMethod

from sortedcontainers import SortedKeyList

from ..changes import Change
from ..in_process import InProcessLeaderboard
from ..model import Entry, Keep, Order, Score, add_scores, make_entry, percentile
from ..score_limits import limits_wanted

_Record: TypeAlias = tuple[int, str, str]
"""What stands for a player: the sort key, the player id, the username."""

_key = itemgetter(0)

_REACHED_BITS = 63
"""Room for the number of a change, which is below 2^53, and for ten bits that a copy of another board may need."""

_REACHED_MASK = (1 << _REACHED_BITS) - 1

_FRACTION_BITS = 62
"""Room for the fraction of a score: the bits of a double in [0, 1) are below 2^62."""

_SCORE_SHIFT = _REACHED_BITS + _FRACTION_BITS
_FRACTION_MASK = (1 << _FRACTION_BITS) - 1

_REBUILD_SHARE = 8
"""A batch of more than 1/8 of the board is sorted in with it; a smaller one moves player by player."""

_double = Struct(">d")
_bits = Struct(">q")


def _pack(score: Score) -> int:
    """Return the sort key's upper part: an integer that orders as the scores do, one for each score.

    A score is `± (whole + fraction)`, and both parts of a double are exact; the fraction's bits, read as an
    integer, order as the fraction does. So `± (whole << 62 | bits)` orders as the score, and for a whole score
    it is the score shifted.
    """
    if type(score) is int:
        return score << _SCORE_SHIFT
    magnitude = abs(score)
    whole = int(magnitude)
    fraction: int = _bits.unpack(_double.pack(magnitude - whole))[0]
    packed = (whole << _FRACTION_BITS | fraction) << _REACHED_BITS
    return packed if score > 0 else -packed


def _unpack(packed: int) -> Score:
    """Return the score of `_pack`, where it had a fraction or was beyond ±2^53 (or not)."""
    magnitude = abs(packed) >> _REACHED_BITS
    whole, fraction = magnitude >> _FRACTION_BITS, magnitude & _FRACTION_MASK
    if not fraction and whole <= 1 << 53:
        return packed >> _SCORE_SHIFT
    score: float = float(whole) + _double.unpack(_bits.pack(fraction))[0]
    return score if packed > 0 else -score


class SortedContainersLeaderboard(InProcessLeaderboard):
    """A board in this process's memory, in order at all times."""

    def __init__(
        self, name: str = "default", *, order: Order = "descending", keep: Keep = "last", feed: int = 0
    ) -> None:
        super().__init__(name, order=order, keep=keep, feed=feed)
        self._sign = -1 if self._order == "descending" else 1
        self._best_only = self._keep == "best"
        self._whole_only = True
        self._records: dict[str, _Record] = {}
        self._ordered = _Ordered(key=_key)
        self._stale = cast("_Ordered", _Stale(self))

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:  # as `_alone`, without the time of two more calls
            if self._inside:
                self._refuse_inside()
            self._inside = True
            try:
                self._changes.check_fence()
                if limits := limits_wanted():
                    limits.check(self._standing(player_id), score, None, self._order, self._keep)
                return self._ordered.bisect_key_left(self._move(player_id, username, score)) + 1
            finally:
                self._inside = False

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        with self._lock:  # as `_alone`, as above
            if self._inside:
                self._refuse_inside()
            self._inside = True
            try:
                self._changes.check_fence()
                old = self._records.get(player_id)
                score = add_scores(0 if old is None else self._score(old[0]), delta)
                if limits := limits_wanted():
                    limits.check(self._standing(player_id), score, delta, self._order, self._keep)
                key = self._move(player_id, username, score)
                return self._entry(self._records[player_id], self._ordered.bisect_key_left(key) + 1)
            finally:
                self._inside = False

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._alone(self._apply_all, updates)

    def _remove_player(self, player_id: str) -> bool:
        return self._alone(self._remove, player_id)

    def _clear(self) -> None:
        self._alone(self._remove_all)

    def _apply_all(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self._changes.check_fence()
        self._check_all_limits(updates)
        if len(updates) * _REBUILD_SHARE < len(self._records):
            for player_id, username, score in updates:
                self._move(player_id, username, score)
        else:
            self._rebuild_with(updates)

    def _rebuild_with(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        """Apply a large batch by sorting all records once."""
        records, changed = self._records.copy(), []
        try:
            for player_id, username, score in updates:
                old = records.get(player_id)
                record = records[player_id] = self._next(old, player_id, username, score)
                if record is not old:
                    changed.append((self._changes.number, record))
            self._replace(records)
            if self._changes.kept is not None:
                for number, record in changed:
                    self._keep_change(record, number)
        except BaseException:
            self._changes.restart()
            raise

    def _remove(self, player_id: str) -> bool:
        self._changes.check_fence()
        record = self._records.get(player_id)
        if record is None:
            return False
        try:
            self._ordered.remove(record)
            del self._records[player_id]
            self._changes.note(player_id)
        except BaseException:
            self._ordered = self._stale  # first, and without a call, in which another interrupt could come
            self._changes.restart()
            raise
        return True

    def _remove_all(self) -> None:
        self._changes.check_fence()
        if self._records:
            try:
                self._replace({})
                self._changes.note(None)
            except BaseException:
                self._changes.restart()
                raise

    def _move(self, player_id: str, username: str, score: Score) -> int:
        """Apply one update, the order included, and return the player's key.

        The assignment to `_records` is the moment at which it holds; where an interrupt parts it from the order,
        the order is built anew at its next use.
        """
        try:
            old = self._records.get(player_id)
            record = self._next(old, player_id, username, score)
            if record is not old:
                if old is not None:
                    self._ordered.remove(old)
                self._ordered.add(record)
                self._records[player_id] = record
                if self._changes.kept is not None:
                    self._keep_change(record, self._changes.number)
        except BaseException:
            self._ordered = self._stale
            self._changes.restart()
            raise
        return record[0]

    def _keep_change(self, record: _Record, number: int) -> None:
        """Put the state of a player after a change into the feed."""
        key, player_id, username = record
        self._changes.keep(Change(number, player_id, username, self._score(key), key & _REACHED_MASK))

    def _next(self, old: _Record | None, player_id: str, username: str, score: Score) -> _Record:
        """Return the record after an update: `old` itself where nothing changes, its key where the place stays."""
        upper = score << _SCORE_SHIFT if type(score) is int else self._pack_fraction(score)
        upper *= self._sign
        if old is not None:
            standing = old[0] >> _REACHED_BITS << _REACHED_BITS
            if standing == upper or (self._best_only and standing < upper):
                if old[2] == username:
                    return old
                self._changes.number += 1
                return (old[0], player_id, username)
        self._changes.number += 1
        return (upper + self._changes.number, player_id, username)

    def _packed(self, score: Score) -> int:
        return score << _SCORE_SHIFT if type(score) is int else self._pack_fraction(score)

    def _pack_fraction(self, score: Score) -> int:
        self._whole_only = False
        return _pack(score)

    def _replace(self, records: dict[str, _Record]) -> None:
        """Put records and their order in place, both or, where an interrupt comes before, none."""
        ordered = _Ordered(records.values(), key=_key)
        self._records, self._ordered = records, ordered

    def _rebuild(self) -> _Ordered:
        self._replace(self._records)
        return self._ordered

    # ------------------------------------------------------------------ reads

    def _get_rank(self, player_id: str) -> int | None:
        with self._lock:  # as `_alone`, as above
            if self._inside:
                self._refuse_inside()
            self._inside = True
            try:
                record = self._records.get(player_id)
                return None if record is None else self._ordered.bisect_key_left(record[0]) + 1
            finally:
                self._inside = False

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        def entries() -> list[Entry | None]:
            rank = self._ordered.bisect_key_left
            return [
                None if record is None else self._entry(record, rank(record[0]) + 1)
                for record in map(self._records.get, player_ids)
            ]

        return self._alone(entries)

    def _get_percentile(self, player_id: str) -> float | None:
        def share() -> float | None:
            record = self._records.get(player_id)
            if record is None:
                return None
            return percentile(self._ordered.bisect_key_left(record[0]) + 1, len(self._records))

        return self._alone(share)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        with self._lock:  # as `_alone`, as above
            if self._inside:
                self._refuse_inside()
            self._inside = True
            try:
                return self._slice(first_rank - 1, last_rank)
            finally:
                self._inside = False

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        with self._lock:  # as `_alone`, as above
            if self._inside:
                self._refuse_inside()
            self._inside = True
            try:
                record = self._records.get(player_id)
                if record is None:
                    return []
                index = self._ordered.bisect_key_left(record[0])
                return self._slice(max(0, index - radius), index + radius + 1)
            finally:
                self._inside = False

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        def rows() -> list[Entry]:
            start, stop = self._indexes(low, high)
            return self._slice(start, stop if limit is None else min(stop, start + limit))

        return self._alone(rows)

    def _count_by_score(self, low: Score, high: Score) -> int:
        start, stop = self._alone(self._indexes, low, high)
        return stop - start

    def _count(self) -> int:
        return self._alone(lambda: len(self._records))

    def _standing(self, player_id: str) -> Score | None:
        record = self._records.get(player_id)
        return None if record is None else self._score(record[0])

    def _storage(self) -> str:
        return f"sortedcontainers {version('sortedcontainers')}"

    def _score(self, key: int) -> Score:
        if self._whole_only:
            return self._sign * (key >> _SCORE_SHIFT)
        return _unpack(self._sign * (key >> _REACHED_BITS << _REACHED_BITS))

    def _entry(self, record: _Record, rank: int) -> Entry:
        return Entry(rank, record[1], record[2], self._score(record[0]))

    def _slice(self, start: int, stop: int) -> list[Entry]:
        ranked = enumerate(self._ordered.islice(start, stop), start + 1)
        if not self._whole_only:
            return [self._entry(record, rank) for rank, record in ranked]
        sign = self._sign
        return [make_entry((rank, player, name, sign * (key >> _SCORE_SHIFT))) for rank, (key, player, name) in ranked]

    def _indexes(self, low: Score, high: Score) -> tuple[int, int]:
        """Return the indexes at which this range of scores starts and stops."""
        best, worst = (low, high) if self._sign > 0 else (high, low)
        return self._index(best, 0), self._index(worst, 1 << _REACHED_BITS)

    def _index(self, bound: Score, reached: int) -> int:
        if bound in (inf, -inf):
            return len(self._records) if self._sign * bound > 0 else 0
        return self._ordered.bisect_key_left(self._sign * _pack(bound) + reached)


class _Ordered(SortedKeyList[_Record, int]):
    """The order, whose index of positions, made at a read, an interrupt leaves whole or away."""

    def _build_index(self) -> None:
        try:
            super()._build_index()  # type: ignore[misc]  # its stubs leave out what is private
        except BaseException:
            del self._index[:]  # type: ignore[attr-defined]  # as above
            raise


class _Stale:
    """Stands in for the order that an interrupt left in doubt: its first use builds the order from the records.

    The interrupted call does not wait for that, and a second interrupt while it is built leaves it for the next use.
    """

    def __init__(self, board: SortedContainersLeaderboard) -> None:
        self._rebuild = WeakMethod(board._rebuild)  # noqa: SLF001 - a part of the board, which keeps it

    def __getattr__(self, name: str) -> Any:
        rebuild = self._rebuild()
        assert rebuild is not None  # noqa: S101 - it is the board that asks
        return getattr(rebuild(), name)
