"""A snapshot: all that a board holds at one moment, in rank order, packed so that a million players load fast.

After the header come the keys as 64-bit integers (where one is larger, the upper parts of all keys, and then their
lower 32 bits), the player ids joined by a character that none of them has, the usernames likewise, and the latest
changes, where the board keeps a feed, as a frame of a log. The header has the CRC-32 of all this.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple
from zlib import crc32

from ...changes import Change
from ...errors import BackendUnavailableError
from ..memory.chunks import Rows
from . import records

_BITS: Final = 32
_MASK: Final = (1 << _BITS) - 1
_PLAIN: Final = "\0"
_SURROGATE: Final = "\ud800"
RESTORE: Final = "Restore a backup of the whole folder."
_AT_ONCE: Final = 10
"""Chunks that are copied in one step, in less than a millisecond."""
_MANY: Final = ("rows", "kept")
"""What the header does not have."""


class Collecting:
    """The chunks of a board at one moment, collected while it goes on; guarded by its lock.

    Who changes a chunk calls `preserve` with its lists first.
    """

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


class BoardState(NamedTuple):
    """All that a board holds."""

    order: str
    history: str
    number: int
    """That of the last change."""
    base: int
    """The number from which the changes in keys are counted."""
    whole: bool
    """Whether scores are packed as whole numbers."""
    moved_to: str | None
    feed: int
    """How many changes are kept."""
    rows: Sequence[Rows] = ()
    """Keys, player ids and usernames in rank order, in parts."""
    kept: Sequence[Change] = ()


def pack(name: str, state: BoardState) -> list[bytes]:
    """Return a snapshot in parts; other threads run in between."""
    keys = [keys for keys, _, _ in state.rows]
    of_ids, ids = _joined([ids for _, ids, _ in state.rows])
    of_names, names = _joined([names for _, _, names in state.rows])
    kept = records.frame(state.kept) if state.kept else b""
    sections = [*_of_keys(keys), ids, names, [kept]]
    checksum = 0
    for section in sections:
        for part in section:
            checksum = crc32(part, checksum)
    fields = state._asdict()
    for many in _MANY:
        del fields[many]
    sizes = [sum(map(len, section)) for section in sections]
    players = sum(map(len, keys))
    fields.update(name=name, players=players, sizes=sizes, separators=[of_ids, of_names], checksum=checksum)
    return [records.header(records.SNAPSHOT, fields), *(part for section in sections for part in section)]


def unpack(path: str, data: bytes) -> tuple[str, BoardState]:
    """Return the name and the state of a board. Raises `BackendUnavailableError`, or `BoardMismatchError`."""
    found = records.read_header(data, records.SNAPSHOT, path)
    if found is None:
        raise records.damaged(path, 0, "the header of the snapshot is not whole", RESTORE)
    fields, start = found
    if len(data) - start != sum(fields["sizes"]) or crc32(memoryview(data)[start:]) != fields["checksum"]:
        raise records.damaged(path, start, "the checksum of the snapshot is another one", RESTORE)
    return fields["name"], _state(path, fields, data, start)


def _state(path: str, fields: dict[str, Any], data: bytes, start: int) -> BoardState:
    parts, view = [], memoryview(data)
    for size in fields["sizes"]:
        parts.append(view[start : start + size])
        start += size
    keys = _keys(parts[0], parts[1])
    players = fields["players"]
    ids, names = (
        str(text, "utf-8", "surrogatepass").split(separator) if players else []
        for separator, text in zip(fields["separators"], parts[2:4], strict=True)
    )
    if not len(keys) == len(ids) == len(names) == players:
        raise BackendUnavailableError(f"{path} has lists of different lengths, which nobody writes. {RESTORE}")
    kept = [each for each in _frame(parts[4]) if isinstance(each, Change)]
    plain = {name: fields[name] for name in BoardState._fields if name in fields}
    return BoardState(**plain, rows=[(keys, ids, names)], kept=kept)


def _frame(data: memoryview) -> list[records.Record]:
    return records.records(bytes(data), 0, len(data)) if data else []


def _joined(texts: Sequence[Sequence[str]]) -> tuple[str, list[bytes]]:
    """Return a character that is in no text, and the texts joined by it: NUL, or a lone surrogate, which none may have.

    The second takes longer to decode.
    """
    joined = [_PLAIN.join(part) for part in texts if part]
    if sum(part.count(_PLAIN) for part in joined) == sum(len(part) - 1 for part in texts if part):
        return _PLAIN, _between(_PLAIN.encode(), [part.encode() for part in joined])
    parts = [_SURROGATE.join(part).encode("utf-8", "surrogatepass") for part in texts if part]
    return _SURROGATE, _between(_SURROGATE.encode("utf-8", "surrogatepass"), parts)


def _between(separator: bytes, parts: Iterable[bytes]) -> list[bytes]:
    return [each for part in parts for each in (separator, part)][1:]


def _of_keys(keys: Sequence[Sequence[int]]) -> tuple[list[bytes], list[bytes]]:
    try:
        return [_little(array("q", part)) for part in keys], []
    except OverflowError:
        return (
            [_little(array("q", [key >> _BITS for key in part])) for part in keys],
            [_little(array("I", [key & _MASK for key in part])) for part in keys],
        )


def _keys(uppers: memoryview, lowers: memoryview) -> list[int]:
    if not lowers:
        return _array("q", uppers).tolist()
    return [(upper << _BITS) + lower for upper, lower in zip(_array("q", uppers), _array("I", lowers), strict=True)]


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _array(code: str, data: memoryview) -> array[int]:
    numbers = array(code)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
