"""`Chunks`: players in the order of their keys, in short parallel lists, with ranks.

The order is cut into chunks of some hundreds of players; a chunk is three lists of equal length: keys, player ids and
usernames. A list of the chunks' upper bounds finds the chunk of a key by bisection, a second bisection its place there.
A rank is the sum of the lengths of the chunks before it, which are also summed by groups of 32. So a player costs three
references beside the key, and a move is two deletions and insertions in short lists, which yield the rank on the way.

Cost, n players, k of them returned: O(log n + n / 16,384) for each step, the second part being sums over short lists of
integers, and O(k). Where an exception cuts a step in two, `players` still has everybody else.

Source of the layout: the implementation details of `sortedcontainers` (Grant Jenks): lists of lists and their bounds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from operator import itemgetter
from typing import Any, Final

_GROUP_BITS: Final = 5
_GROUP: Final = 1 << _GROUP_BITS
BEYOND: Final = 1 << 1100
"""Above every key: a key is a whole number below 2^1100."""

Rows = tuple[list[int], list[str], list[str]]
"""Keys, player ids and usernames of successive players."""


class Chunks:
    """Players in the order of their keys, which differ from each other."""

    __slots__ = ("_bounds", "_counts", "_ids", "_keys", "_longest", "_names", "_shortest", "_sums")

    def __init__(
        self,
        keys: list[int],
        ids: list[str],
        names: list[str],
        longest: int = 1024,
        order: list[int] | None = None,
    ) -> None:
        """Take players in the order of their keys, or in any with an `order`: their indexes in that of the keys.

        A chunk has at most `longest` players; one of few is joined with a neighbour.
        """
        length = longest // 2
        self._longest: Final = longest
        self._shortest: Final = max(1, longest // 8)
        self._keys: Final[list[list[int]]] = []
        self._ids: Final[list[list[str]]] = []
        self._names: Final[list[list[str]]] = []
        for start in range(0, max(1, len(keys)), length):
            part = slice(start, start + length)
            picked = _picked(part if order is None else order[part])
            self._keys.append(picked(keys))
            self._ids.append(picked(ids))
            self._names.append(picked(names))
        self._bounds: Final = [*(chunk[-1] for chunk in self._keys[:-1]), BEYOND]
        """No key of a chunk is above its bound, and all of the next one are."""
        self._counts: Final = list(map(len, self._keys))
        self._sums: Final = _sums_of(self._counts)

    # ------------------------------------------------------------------ steps

    def put(self, old: int | None, key: int, player_id: str, username: str) -> int:
        """Add a player, or move one from an old key, and return the rank. Of equal texts, the old ones stay."""
        bounds, counts, sums = self._bounds, self._counts, self._sums
        if old is not None:
            left = bisect_left(bounds, old)
            keys = self._keys[left]
            place = bisect_left(keys, old)
            standing = self._names[left].pop(place)  # names before ids: see `players`
            player_id = self._ids[left].pop(place)
            del keys[place]
            counts[left] -= 1
            sums[left >> _GROUP_BITS] -= 1
            if standing == username:
                username = standing
            if counts[left] < self._shortest:
                self._join(left)
        chunk = bisect_left(bounds, key)
        keys = self._keys[chunk]
        place = bisect_left(keys, key)
        keys.insert(place, key)
        self._ids[chunk].insert(place, player_id)  # ids before names: see `players`
        self._names[chunk].insert(place, username)
        counts[chunk] += 1
        group = chunk >> _GROUP_BITS
        sums[group] += 1
        rank = sum(counts[group << _GROUP_BITS : chunk]) + place + 1
        if group:
            rank += sum(sums[:group])
        if counts[chunk] > self._longest:
            self._split(chunk)
        return rank

    def remove(self, key: int) -> None:
        """Remove a player."""
        chunk, place = self._place(key)
        del self._names[chunk][place]
        del self._ids[chunk][place]
        del self._keys[chunk][place]
        self._counts[chunk] -= 1
        self._sums[chunk >> _GROUP_BITS] -= 1
        if self._counts[chunk] < self._shortest:
            self._join(chunk)

    def rename(self, key: int, username: str) -> bool:
        """Store a username; returns whether it is another one."""
        chunk, place = self._place(key)
        differs = self._names[chunk][place] != username
        if differs:
            self._names[chunk][place] = username
        return differs

    def _split(self, chunk: int) -> None:
        """Cut a chunk into two."""
        keys = self._keys[chunk]
        half = len(keys) // 2
        self._bounds.insert(chunk, keys[half - 1])
        self._keys[chunk : chunk + 1] = keys[:half], keys[half:]
        for texts in (self._ids, self._names):
            texts[chunk : chunk + 1] = texts[chunk][:half], texts[chunk][half:]
        self._counts[chunk : chunk + 1] = half, len(keys) - half
        self._sum_from(chunk)

    def _join(self, chunk: int) -> None:
        """Join a short chunk with a neighbour, unless it is the only one; a long result is cut anew."""
        if len(self._counts) == 1:
            return
        chunk = min(chunk, len(self._counts) - 2)
        del self._bounds[chunk]
        self._keys[chunk : chunk + 2] = [self._keys[chunk] + self._keys[chunk + 1]]
        for texts in (self._ids, self._names):
            texts[chunk : chunk + 2] = [texts[chunk] + texts[chunk + 1]]
        self._counts[chunk : chunk + 2] = [len(self._keys[chunk])]
        self._sum_from(chunk)
        if self._counts[chunk] > self._longest:
            self._split(chunk)

    def _sum_from(self, chunk: int) -> None:
        """Sum the groups from that of a chunk on."""
        group = chunk >> _GROUP_BITS
        self._sums[group:] = _sums_of(self._counts[group << _GROUP_BITS :])

    # ------------------------------------------------------------------ what is there

    def rank(self, key: int) -> int:
        """Return the rank of a key: 1, and one for each key that is smaller."""
        chunk = bisect_left(self._bounds, key)
        group = chunk >> _GROUP_BITS
        rank = sum(self._counts[group << _GROUP_BITS : chunk]) + bisect_left(self._keys[chunk], key) + 1
        return rank + sum(self._sums[:group]) if group else rank

    def username(self, key: int) -> str:
        """Return the username of the player with a key."""
        chunk, place = self._place(key)
        return self._names[chunk][place]

    def around(self, key: int, radius: int) -> tuple[int, Rows]:
        """Return the players around that of a key, and the first one's index, from 0."""
        chunk = bisect_left(self._bounds, key)
        keys, group = self._keys[chunk], chunk >> _GROUP_BITS
        place = bisect_left(keys, key)
        index = sum(self._counts[group << _GROUP_BITS : chunk]) + place
        if group:
            index += sum(self._sums[:group])
        start, stop = place - radius, place + radius + 1
        if start >= 0 and stop <= len(keys):
            return index - radius, (keys[start:stop], self._ids[chunk][start:stop], self._names[chunk][start:stop])
        ahead = min(index, radius)
        place -= ahead
        while place < 0:
            chunk -= 1
            place += self._counts[chunk]
        return index - ahead, self._rows(chunk, place, ahead + 1 + radius)

    def between(self, first: int, end: int, limit: int | None) -> tuple[int, Rows]:
        """Return at most `limit` players whose keys are from `first` on and below `end`, and the first one's index."""
        chunk = bisect_left(self._bounds, first)
        group, place = chunk >> _GROUP_BITS, bisect_left(self._keys[chunk], first)
        index = sum(self._counts[group << _GROUP_BITS : chunk]) + place
        if group:
            index += sum(self._sums[:group])
        if limit is None or limit > self._longest:
            found = self.rank(end) - 1 - index
            return index, self._rows(chunk, place, found if limit is None else min(found, limit))
        rows = self._rows(chunk, place, limit)
        if rows[0] and rows[0][-1] >= end:
            stop = bisect_left(rows[0], end)
            rows = rows[0][:stop], rows[1][:stop], rows[2][:stop]
        return index, rows

    def first(self, length: int) -> Rows:
        """Return the first players, fewer where there are no more."""
        return self._rows(0, 0, length)

    def slice(self, start: int, stop: int) -> Rows:
        """Return the players of the indexes from `start`, which there is, up to `stop`."""
        group, index = _find(self._sums, start)
        first = group << _GROUP_BITS
        within, place = _find(self._counts[first : first + _GROUP], index)
        return self._rows(first + within, place, stop - start)

    def players(self) -> tuple[list[str], list[str]]:
        """Return all ids and all usernames, in order.

        Where an exception cut a step in two, they may be without the player of that step. The ids may have that player
        alone, as names go before ids, and come after them; else both are in step.
        """
        return list(chain.from_iterable(self._ids)), list(chain.from_iterable(self._names))

    def rows(self) -> list[Rows]:
        """Return the lists of all chunks themselves, in order.

        A step changes the lists that `rows_at` tells of its keys; in the place of others, it may put new ones.
        """
        return list(zip(self._keys, self._ids, self._names, strict=True))

    def rows_at(self, key: int) -> Rows:
        """Return the lists themselves of the chunk that has a key, or would have it."""
        chunk = bisect_left(self._bounds, key)
        return self._keys[chunk], self._ids[chunk], self._names[chunk]

    def _place(self, key: int) -> tuple[int, int]:
        chunk = bisect_left(self._bounds, key)
        return chunk, bisect_left(self._keys[chunk], key)

    def _rows(self, chunk: int, place: int, length: int) -> Rows:
        """Return so many players from a place on, fewer at the end."""
        stop = place + length
        keys, ids, names = self._keys[chunk][place:stop], self._ids[chunk][place:stop], self._names[chunk][place:stop]
        while len(keys) < length and chunk + 1 < len(self._keys):
            chunk += 1
            stop = length - len(keys)
            keys += self._keys[chunk][:stop]
            ids += self._ids[chunk][:stop]
            names += self._names[chunk][:stop]
        return keys, ids, names

    def check(self) -> None:
        """Assert all that holds between two steps; for tests. O(n)."""
        for lists in (self._keys, self._ids, self._names):
            assert list(map(len, lists)) == self._counts  # noqa: S101 - it is what this is for
        assert _sums_of(self._counts) == self._sums  # noqa: S101 - as above
        assert max(self._counts) <= self._longest  # noqa: S101 - as above
        keys = list(chain.from_iterable(self._keys))
        assert keys == sorted(set(keys))  # noqa: S101 - as above
        for chunk, following, bound in zip(self._keys, [*self._keys[1:], []], self._bounds, strict=True):
            assert all(key <= bound for key in chunk)  # noqa: S101 - as above
            assert all(key > bound for key in following)  # noqa: S101 - as above


def _picked(places: Sequence[int] | slice) -> Callable[[list[Any]], list[Any]]:
    """Return what picks the items of these places out of a list; a comprehension takes twice as long."""
    if isinstance(places, slice):
        return itemgetter(places)
    if len(places) in (0, 1):
        return lambda items: [items[place] for place in places]
    pick = itemgetter(*places)
    return lambda items: list(pick(items))


def _find(lengths: Sequence[int], index: int) -> tuple[int, int]:
    """Return in which of successive parts an index is, and its index there."""
    ends = list(accumulate(lengths))
    part = bisect_right(ends, index)
    return part, index - (ends[part - 1] if part else 0)


def _sums_of(counts: Sequence[int]) -> list[int]:
    return [sum(counts[start : start + _GROUP]) for start in range(0, len(counts), _GROUP)]
