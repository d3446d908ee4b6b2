"""The persistent records that count the keys: segments of the order, in groups, and the directory of the groups."""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack, unpack
from typing import TypeAlias

from persistent import Persistent
from ZODB.POSException import ConflictError

from .keys import FIRST_KEY, KEY_BYTES


class Bounds(Persistent):  # type: ignore[misc]  # persistent ships no types
    """Where each segment of a group starts, in order. Written when a segment splits or merges, and only then."""

    starts: list[bytes]

    def __init__(self, starts: Sequence[bytes]) -> None:
        self.starts = list(starts)

    def __getstate__(self) -> bytes:
        return b"".join(self.starts)

    def __setstate__(self, state: bytes) -> None:
        self.starts = [state[at : at + KEY_BYTES] for at in range(0, len(state), KEY_BYTES)]


_State: TypeAlias = tuple[int, bytes, int]
"""What is stored of `Counts`: the structure's number, the packed values, the changes."""


class Counts(Persistent):  # type: ignore[misc]  # persistent ships no types
    """How many keys each segment of a group holds; `structure` numbers the changes of the group's bounds.

    `changes` counts what has changed in the group: the board's version is the sum of them. Two transactions that only
    moved keys merge: their differences add up, segment by segment, and those of the changes. Where one of them
    changed the structure, they conflict. So whoever writes anything in a group writes its `Counts`.
    """

    structure: int
    values: list[int]
    total: int
    changes: int

    def __init__(self, values: Sequence[int]) -> None:
        self.structure = self.changes = 0
        self.values = list(values)
        self.total = sum(values)

    def __getstate__(self) -> _State:
        return self.structure, pack(f"<{len(self.values)}H", *self.values), self.changes

    def __setstate__(self, state: _State) -> None:
        self.structure, packed, self.changes = state
        self.values = list(unpack(f"<{len(packed) // 2}H", packed))
        self.total = sum(self.values)

    def add(self, segment: int, difference: int) -> int:
        """Count keys that came or went, and return the segment's new count."""
        self.values[segment] += difference
        self.total += difference
        self._p_changed = True
        return self.values[segment]

    def count_changes(self, number: int = 1) -> None:
        """Count changes; a change of the group's structure at the same time conflicts."""
        self.changes += number

    def restructure(self, values: Sequence[int]) -> None:
        """Take the counts of new bounds."""
        self.values = list(values)
        self.total = sum(values)
        self.structure += 1

    def _p_resolveConflict(  # noqa: N802 - ZODB's name
        self, old: _State, committed: _State, new: _State
    ) -> _State:
        """Add up the differences of two transactions that started from the same state."""
        if not old[0] == committed[0] == new[0]:
            raise ConflictError
        form = f"<{len(old[1]) // 2}H"
        states = zip(unpack(form, old[1]), unpack(form, committed[1]), unpack(form, new[1]), strict=True)
        packed = pack(form, *(theirs + ours - before for before, theirs, ours in states))
        return old[0], packed, committed[2] + new[2] - old[2]


class Directory(Persistent):  # type: ignore[misc]  # persistent ships no types
    """The groups in order. Written when a group splits or merges, and only then."""

    starts: list[bytes]
    bounds: list[Bounds]
    counts: list[Counts]

    def __init__(self, bounds: Sequence[Bounds], counts: Sequence[Counts]) -> None:
        self.set_groups(bounds, counts)

    @classmethod
    def empty(cls) -> Directory:
        """Return the directory of a board without players: one group of one segment."""
        return cls([Bounds([FIRST_KEY])], [Counts([0])])

    def set_groups(self, bounds: Sequence[Bounds], counts: Sequence[Counts]) -> None:
        """Replace the groups."""
        self.bounds = list(bounds)
        self.counts = list(counts)
        self.starts = [group.starts[0] for group in bounds]

    def replace(self, first: int, last: int, bounds: Sequence[Bounds], counts: Sequence[Counts]) -> None:
        """Put these groups in the place of groups `first` to `last - 1`."""
        self.set_groups(
            [*self.bounds[:first], *bounds, *self.bounds[last:]],
            [*self.counts[:first], *counts, *self.counts[last:]],
        )
