"""The players of a board at one moment, collected while it goes on: chunk by chunk, and each before it is changed."""

from __future__ import annotations

from typing import Final

from ..memory.chunks import Rows

_AT_ONCE: Final = 10
"""Chunks that are copied in one step, in less than a millisecond."""


class Collecting:
    """The chunks of a board; guarded by its lock. Who changes a chunk calls `preserve` with its lists first."""

    def __init__(self, rows: list[Rows]) -> None:
        self.rows: Final = rows
        """Those of the moment; all are copies once `proceed` returns false."""
        self._left = {id(keys): place for place, (keys, _, _) in enumerate(rows)}

    def preserve(self, rows: Rows) -> None:
        """Copy the lists of a chunk as they are now, unless that was done. O(chunk) the first time."""
        place = self._left.get(id(rows[0]))
        if place is not None:
            keys, ids, names = rows
            self.rows[place] = keys[:], ids[:], names[:]
            del self._left[id(keys)]  # last: an interrupt has it copied again

    def proceed(self) -> bool:
        """Copy some more chunks; returns whether there are others left."""
        for place in list(self._left.values())[:_AT_ONCE]:
            self.preserve(self.rows[place])
        return bool(self._left)
