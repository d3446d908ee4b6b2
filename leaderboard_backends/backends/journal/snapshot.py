"""A snapshot: all that a board holds at one moment, in rank order, packed so that a million players load fast.

After the header come the upper halves of the keys (the scores) as 64-bit integers, the lower ones (what was reached
first) as 32-bit integers, the player ids joined by a character that none of them has, the usernames likewise, and the
latest changes, where the board keeps a feed, as a frame of a log. The header has the CRC-32 of all this.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from zlib import crc32

from ...changes import Change
from ...errors import BackendUnavailableError
from . import records

_BITS: Final = 32
_MASK: Final = (1 << _BITS) - 1
_PLAIN: Final = "\0"
_SURROGATE: Final = "\ud800"
RESTORE: Final = "Restore a backup of the whole folder."
_MANY: Final = ("keys", "ids", "names", "kept")
"""What the header does not have."""


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
    keys: Sequence[int] = ()
    ids: Sequence[str] = ()
    names: Sequence[str] = ()
    kept: Sequence[Change] = ()


def pack(name: str, state: BoardState) -> list[bytes]:
    """Return a snapshot in parts."""
    uppers = array("q", [key >> _BITS for key in state.keys])
    lowers = array("I", [key & _MASK for key in state.keys])
    separators, texts = zip(*map(_joined, (state.ids, state.names)), strict=True)
    kept = records.frame(state.kept) if state.kept else b""
    parts = [_little(uppers), _little(lowers), *texts, kept]
    checksum = 0
    for part in parts:
        checksum = crc32(part, checksum)
    fields = state._asdict()
    for many in _MANY:
        del fields[many]
    sizes = list(map(len, parts))
    fields.update(name=name, players=len(state.keys), sizes=sizes, separators=separators, checksum=checksum)
    return [records.header(records.SNAPSHOT, fields), *parts]


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
    parts = []
    for size in fields["sizes"]:
        parts.append(data[start : start + size])
        start += size
    uppers, lowers = _array("q", parts[0]), _array("I", parts[1])
    players = fields["players"]
    ids, names = (
        text.decode("utf-8", "surrogatepass").split(separator) if players else []
        for separator, text in zip(fields["separators"], parts[2:4], strict=True)
    )
    if not len(uppers) == len(lowers) == len(ids) == len(names) == players:
        raise BackendUnavailableError(f"{path} has lists of different lengths, which nobody writes. {RESTORE}")
    keys = [(upper << _BITS) + lower for upper, lower in zip(uppers, lowers, strict=True)]
    kept = [each for each in _frame(parts[4]) if isinstance(each, Change)]
    plain = {name: fields[name] for name in BoardState._fields if name in fields}
    return BoardState(**plain, keys=keys, ids=ids, names=names, kept=kept)


def _frame(data: bytes) -> list[records.Record]:
    return records.records(data, 0, len(data)) if data else []


def _joined(texts: Sequence[str]) -> tuple[str, bytes]:
    """Return a character that is in no text, and the texts joined by it: NUL, or a lone surrogate, which none may have.

    The second takes longer to decode.
    """
    joined = _PLAIN.join(texts)
    if joined.count(_PLAIN) == max(0, len(texts) - 1):
        return _PLAIN, joined.encode()
    return _SURROGATE, _SURROGATE.join(texts).encode("utf-8", "surrogatepass")


def _little(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _array(code: str, data: bytes) -> array[int]:
    numbers = array(code)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
