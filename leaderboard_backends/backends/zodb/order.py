"""One board as it is stored: two B-trees, and the counts that make a rank cheap."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice
from secrets import token_hex
from typing import ClassVar, NoReturn

from BTrees.LOBTree import LOBTree
from BTrees.OOBTree import OOBTree, OOBucket
from persistent import Persistent
from ZODB.POSException import ConflictError

from ...changes import Change
from .counts import Bounds, Counts, Directory
from .keys import (
    FIRST_KEY,
    LAST_PLACE,
    PLACE_BYTES,
    PREFIX_BYTES,
    next_place,
    pack_names,
    reached_of,
    score_of,
    unpack_names,
)

FORMAT = 2
"""The number of this format of records; a file of another one is refused."""


class Leaf(OOBucket):  # type: ignore[misc]  # BTrees ships no types
    """A leaf of the ranking, in which two transactions never merge: that could put a later player before an earlier."""

    def _p_resolveConflict(self, *_: object) -> NoReturn:  # noqa: N802 - ZODB's name
        raise ConflictError


class Ranking(OOBTree):  # type: ignore[misc]  # BTrees ships no types
    """Sort key -> both names, best first. Small leaves: a move rewrites two of them."""

    _bucket_type = Leaf
    max_leaf_size = 16
    max_internal_size = 64

    def _p_resolveConflict(self, *_: object) -> NoReturn:  # noqa: N802 - ZODB's name
        """Refuse: a tree of a single leaf keeps it in its own record."""
        raise ConflictError


class Players(OOBTree):  # type: ignore[misc]  # BTrees ships no types
    """Player id -> sort key."""

    max_leaf_size = 16
    max_internal_size = 64


class Log(LOBTree):  # type: ignore[misc]  # BTrees ships no types
    """Number of a change -> player id (`None`: all were removed), username, score (`None`: removed), reached."""

    max_leaf_size = 16
    max_internal_size = 64


class Feed(Persistent):  # type: ignore[misc]  # persistent ships no types
    """The latest changes of a board. Two transactions that change the board write the same number, and conflict."""

    limit: int
    since: int
    """The board's version when the feed began, or that which it reached back to when its limit was changed."""
    log: Log

    def __init__(self, limit: int, since: int) -> None:
        self.limit, self.since, self.log = limit, since, Log()

    def append(self, change: Change) -> None:
        """Keep a change, and drop old ones an eighth of the limit at a time, so that few records are written."""
        number, *state = change
        self.log[number] = tuple(state)
        if number - self.log.minKey() >= self.limit + max(16, self.limit // 8):
            for old in list(self.log.keys(None, number - self.limit)):
                del self.log[old]

    def since_version(self, after: int, limit: int) -> list[Change]:
        """Return at most `limit` changes after a version. O(limit)."""
        return [Change(number, *state) for number, state in islice(self.log.iteritems(after + 1), limit)]


class StoredBoard(Persistent):  # type: ignore[misc]  # persistent ships no types
    """The record of a board, and all that reads or changes its order. Positions count from 0, the best."""

    segment_keys: ClassVar = 512
    """A segment of more keys is split."""
    group_segments: ClassVar = 64
    """A group of more segments is split."""

    format: int
    descending: bool
    deleted: bool = False
    """Whether the board was taken out of its database; an object that holds it open finds out here."""
    ranking: Ranking
    players: Players
    directory: Directory
    history: str
    before: int
    """The version when the trees were made anew last."""
    moved_to: str | None
    """Where the board went, if it is fenced."""
    feed: Feed | None

    def __init__(self, *, descending: bool) -> None:
        self.format = FORMAT
        self.descending = descending
        self.history, self.before, self.moved_to, self.feed = token_hex(8), 0, None, None
        self.ranking, self.players, self.directory = Ranking(), Players(), Directory.empty()

    # ------------------------------------------------------------------ reads

    def count(self) -> int:
        """Return the number of players. O(groups)."""
        return sum(counts.total for counts in self.directory.counts)

    def version(self) -> int:
        """Return how many changes the board has seen. O(groups)."""
        return self.before + sum(counts.changes for counts in self.directory.counts)

    def position(self, key: bytes) -> int:
        """Return how many keys come before this one, which need not be there. O(groups + one segment)."""
        directory = self.directory
        group = bisect_right(directory.starts, key) - 1
        before = 0
        for counts in directory.counts[:group]:
            before += counts.total
        starts = directory.bounds[group].starts
        segment = bisect_right(starts, key) - 1
        before += sum(directory.counts[group].values[:segment])
        return before + len(self.ranking.keys(starts[segment], key, excludemax=True))

    def items_from(self, position: int) -> Iterator[tuple[bytes, bytes]]:
        """Iterate from this position to the end."""
        directory = self.directory
        for group, counts in enumerate(directory.counts):
            if position < counts.total:
                return self._items_in_group(group, position)
            position -= counts.total
        return iter(())

    def _items_in_group(self, group: int, position: int) -> Iterator[tuple[bytes, bytes]]:
        starts = self.directory.bounds[group].starts
        for segment, count in enumerate(self.directory.counts[group].values):
            if position < count:
                first = self._keys(group, segment)[position] if position else starts[segment]
                return iter(self.ranking.iteritems(first))
            position -= count
        raise AssertionError("a group's total is the sum of its counts")

    def _keys(self, group: int, segment: int) -> Sequence[bytes]:
        """Return the keys of one segment: BTrees walk what they are asked for, to its end, for any index."""
        starts = self.directory.bounds[group].starts
        following = starts[segment + 1 : segment + 2] or self.directory.starts[group + 1 : group + 2]
        if following:
            return self.ranking.keys(starts[segment], following[0], excludemax=True)  # type: ignore[no-any-return]  # as above
        return self.ranking.keys(starts[segment])  # type: ignore[no-any-return]  # as above

    # ------------------------------------------------------------------ writes

    def place(self, player_id: str, username: str, prefix: bytes, *, best_only: bool) -> bytes:
        """Give a player a score, by its prefix, and return the key at which the player stands then."""
        old: bytes | None = self.players.get(player_id)
        if old is not None:
            standing = old[:PREFIX_BYTES]
            if standing == prefix or (best_only and standing < prefix):
                self._rename(old, player_id, username)
                return old
        number = self.version() + 1
        if old is not None:
            self._delete(old)
        key = max(self._end_of_tie(prefix), prefix + number.to_bytes(PLACE_BYTES, "big"))
        self._insert(key, pack_names(player_id, username))
        self.players[player_id] = key
        self._note(key, player_id, username)
        return key

    def remove(self, player_id: str) -> bool:
        """Remove a player; returns whether there was one."""
        key: bytes | None = self.players.pop(player_id, None)
        if key is None:
            return False
        self._delete(key)
        self.directory.counts[self._group(key)].count_changes()
        if self.feed is not None:
            self.feed.append(Change(self.version(), player_id))
        return True

    def clear(self) -> None:
        """Remove every player."""
        if self.count():
            self.replace_all(Ranking(), Players(), Directory.empty(), self.version() + 1)
            if self.feed is not None:
                self.feed.append(Change(self.before, None))

    def replace_all(self, ranking: Ranking, players: Players, directory: Directory, version: int) -> None:
        """Put other trees in the place of these; every other writer of this moment conflicts."""
        for counts in self.directory.counts:
            counts.restructure([])
        self.ranking, self.players, self.directory, self.before = ranking, players, directory, version

    def keep_feed(self, limit: int) -> None:
        """Keep so many changes from now on, none where it is 0."""
        if not limit:
            if self.feed is not None:
                self.feed = None
        elif self.feed is None:
            self.feed = Feed(limit, self.version())
        elif self.feed.limit != limit:
            # What the old limit left out is gone, or was never kept: a longer feed does not go back to it.
            self.feed.since = max(self.feed.since, self.version() - self.feed.limit)
            self.feed.limit = limit
            self._p_changed = True  # as with a fence: who writes at the same time, by the old limit, starts over

    def _note(self, key: bytes, player_id: str, username: str) -> None:
        """Count a change of a player who stands at a key, and keep it where there is a feed."""
        self.directory.counts[self._group(key)].count_changes()
        if self.feed is not None:
            score, reached = score_of(key, descending=self.descending), reached_of(key)
            self.feed.append(Change(self.version(), player_id, username, score, reached))

    def _rename(self, key: bytes, player_id: str, username: str) -> None:
        names = pack_names(player_id, username)
        if self.ranking[key] != names:
            self.ranking[key] = names
            self._note(key, player_id, username)

    def _end_of_tie(self, prefix: bytes) -> bytes:
        """Return the key of the next to join a tie, and have the leaf with its last one written.

        Whoever else joins the tie or leaves its end meanwhile writes that leaf too, so the two conflict.
        """
        try:
            last: bytes = self.ranking.maxKey(prefix + LAST_PLACE)
        except ValueError:  # nobody has this score or a better one
            last = b""
        if not last.startswith(prefix):
            return prefix + bytes(PLACE_BYTES)
        self.ranking[last] = bytes(memoryview(self.ranking[last]))  # equal, but another object, so it counts as new
        return next_place(last)

    def _group(self, key: bytes) -> int:
        return bisect_right(self.directory.starts, key) - 1

    def _insert(self, key: bytes, names: bytes) -> None:
        self.ranking[key] = names
        group = self._group(key)
        segment = bisect_right(self.directory.bounds[group].starts, key) - 1
        if self.directory.counts[group].add(segment, 1) > self.segment_keys:
            self._split_segment(group, segment)

    def _delete(self, key: bytes) -> None:
        del self.ranking[key]
        group = self._group(key)
        segment = bisect_right(self.directory.bounds[group].starts, key) - 1
        if self.directory.counts[group].add(segment, -1) < self.segment_keys // 8:
            self._merge_segment(group, segment)

    # ------------------------------------------------------------------ structure

    def _split_segment(self, group: int, segment: int) -> None:
        bounds, counts = self.directory.bounds[group], self.directory.counts[group]
        count = counts.values[segment]
        middle = self._keys(group, segment)[count // 2]
        bounds.starts = [*bounds.starts[: segment + 1], middle, *bounds.starts[segment + 1 :]]
        values = counts.values
        counts.restructure([*values[:segment], count // 2, count - count // 2, *values[segment + 1 :]])
        if len(bounds.starts) > self.group_segments:
            self._split_group(group)

    def _split_group(self, group: int) -> None:
        bounds, counts = self.directory.bounds[group], self.directory.counts[group]
        half = len(bounds.starts) // 2
        right_bounds, right_counts = Bounds(bounds.starts[half:]), Counts(counts.values[half:])
        bounds.starts = bounds.starts[:half]
        counts.restructure(counts.values[:half])
        self.directory.replace(group, group + 1, [bounds, right_bounds], [counts, right_counts])

    def _merge_segment(self, group: int, segment: int) -> None:
        """Merge a segment that became small with a neighbour of its group, and the group with one of its own."""
        bounds, counts = self.directory.bounds[group], self.directory.counts[group]
        values = counts.values
        for left in (segment - 1, segment):
            if 0 <= left < len(values) - 1 and self._may_merge(values[left], values[left + 1]):
                bounds.starts = [*bounds.starts[: left + 1], *bounds.starts[left + 2 :]]
                counts.restructure([*values[:left], values[left] + values[left + 1], *values[left + 2 :]])
                break
        if len(bounds.starts) <= max(1, self.group_segments // 8) and len(self.directory.starts) > 1:
            self._merge_group(group)

    def _may_merge(self, count: int, other: int) -> bool:
        return count + other <= self.segment_keys * 3 // 4 or not count or not other

    def _merge_group(self, group: int) -> None:
        if self.directory.counts[group].total == 0:
            self._drop_group(group)
            return
        for left in (group - 1, group):
            if 0 <= left < len(self.directory.starts) - 1 and self._join_groups(left):
                return

    def _join_groups(self, left: int) -> bool:
        bounds, counts = self.directory.bounds[left : left + 2], self.directory.counts[left : left + 2]
        starts = bounds[0].starts + bounds[1].starts
        if len(starts) > self.group_segments * 3 // 4:
            return False
        bounds[0].starts = starts
        counts[0].restructure(counts[0].values + counts[1].values)
        counts[0].count_changes(counts[1].changes)
        counts[1].restructure([])
        self.directory.replace(left, left + 2, bounds[:1], counts[:1])
        return True

    def _drop_group(self, group: int) -> None:
        """Leave an empty group's range to its left neighbour, or that of the first group to its right one."""
        self.directory.counts[group].restructure([])
        self.directory.counts[group - 1 if group else 1].count_changes(self.directory.counts[group].changes)
        if group == 0:
            heir = self.directory.bounds[1]
            heir.starts = [FIRST_KEY, *heir.starts[1:]]
            self.directory.counts[1].restructure(self.directory.counts[1].values)
        self.directory.replace(group, group + 1, [], [])

    # ------------------------------------------------------------------ invariants

    def _check(self) -> None:
        """Raise `AssertionError` unless everything here agrees. O(n)."""
        self.ranking._check()  # noqa: SLF001 - BTrees' own check
        self.players._check()  # noqa: SLF001 - as above
        starts = [start for bounds in self.directory.bounds for start in bounds.starts]
        values = [value for counts in self.directory.counts for value in counts.values]
        assert self.directory.starts == [bounds.starts[0] for bounds in self.directory.bounds]  # noqa: S101
        assert starts[0] == FIRST_KEY and starts == sorted(set(starts)), "bounds ascend from the first key"  # noqa: S101, PT018
        assert len(starts) == len(values), "every segment has a count"  # noqa: S101
        ends: list[bytes | None] = [*starts[1:], None]
        real = [len(self.ranking.keys(a, b, excludemax=b is not None)) for a, b in zip(starts, ends, strict=True)]
        assert values == real, "counts are the real ones"  # noqa: S101
        assert [c.total for c in self.directory.counts] == [sum(c.values) for c in self.directory.counts]  # noqa: S101
        assert max(values) <= self.segment_keys, "no segment is too long"  # noqa: S101
        longest = max(len(bounds.starts) for bounds in self.directory.bounds)
        assert longest <= self.group_segments, "no group is too long"  # noqa: S101
        by_key = {key: player_id for player_id, key in self.players.items()}
        assert by_key == {key: unpack_names(names)[0] for key, names in self.ranking.items()}, "order and index agree"  # noqa: S101
