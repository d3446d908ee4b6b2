"""What is on the disk of a journal, byte by byte: the header of a file, and the records of a log.

A file begins with a header: eight bytes that say what it is, the number of its format, and a JSON object, with its
length and its CRC-32. A log goes on with frames. A frame is one write, whole or not there: a mark of two bytes that no
text in UTF-8 has, the CRC-32 of all that follows, its length, and one record for each change. A record is the state
after the change, with the number of the change, so that it means the same whoever reads it and however often.

All numbers are little-endian; texts are UTF-8; a score is a double, which every legal score is exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from struct import Struct
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from zlib import crc32

from ...changes import Change
from ...errors import BackendUnavailableError, BoardMismatchError
from ...model import Score, score_from_float

FORMAT: Final = 1
"""The number of the format that this module writes, and the only one that it reads."""
LOG: Final = b"LBlog\r\n\x1a"
SNAPSHOT: Final = b"LBsnap\r\n"

_HEADER: Final = Struct("<8sHII")
_MARK: Final = b"\xf9\xfc"
_CHECKED: Final = Struct("<2sI")
_FRAME: Final = Struct("<2sII")
_UNCHECKED: Final = 6
"""Where in a frame the bytes begin that its checksum is of."""
_RECORD: Final = Struct("<BBHQId")
_ONLY: Final = Struct("<IBBHQId")
"""The length of a frame, and its only record."""
_PLAYER, _REMOVED, _CLEARED = range(1, 4)


NoteKind: TypeAlias = Literal["fence", "follows", "history", "closed"]


class Note(NamedTuple):
    """A record that changes no player: the number of the change before it, and a text.

    `fence`: where the board moved, empty for no fence. `follows`: the length of the log before. `history`: the history
    of the board from now on, whose changes a power cut may take: not each of them is synced. `closed`: the board was
    closed, and the log synced.
    """

    number: int
    kind: NoteKind
    text: str = ""


Record: TypeAlias = Change | Note
_NOTES: Final[dict[int, NoteKind]] = {4: "fence", 5: "follows", 6: "history", 7: "closed"}
_NOTE_CODES: Final = {kind: code for code, kind in _NOTES.items()}


# ---------------------------------------------------------------------- headers


def header(kind: bytes, fields: dict[str, Any]) -> bytes:
    """Return the header of a file."""
    text = json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode()
    return _HEADER.pack(kind, FORMAT, len(text), crc32(text)) + text


def read_header(data: bytes, kind: bytes, path: str) -> tuple[dict[str, Any], int] | None:
    """Return the fields of a header and where it ends; `None` where it is cut off or damaged.

    Raises `BoardMismatchError` for a file of another kind or format.
    """
    if len(data) < _HEADER.size:
        return None
    found, number, length, checksum = _HEADER.unpack_from(data)
    if found != kind:
        if not data.strip(b"\0"):
            return None
        raise BoardMismatchError(f"{path} is not a file of a journal: name another folder, or restore a backup of it.")
    end = _HEADER.size + length
    text = data[_HEADER.size : end]
    if number != FORMAT:
        raise BoardMismatchError(
            f"{path} has format {number}, and this version reads format {FORMAT}: open it with the version of "
            f"leaderboard-backends that wrote it, and copy the board: `leaderboard copy` from there to a new place."
        )
    if len(text) < length or crc32(text) != checksum:
        return None
    fields: dict[str, Any] = json.loads(text)
    return fields, end


# ---------------------------------------------------------------------- frames


def player_frame(number: int, reached: int, player_id: str, username: str, score: Score) -> bytes:
    """Return the frame of one change of a player."""
    key, name = player_id.encode(), username.encode()
    rest = _ONLY.pack(
        _RECORD.size + len(key) + len(name), _PLAYER, len(key), len(name), number, number - reached, score
    )
    rest += key + name
    return _CHECKED.pack(_MARK, crc32(rest)) + rest


def frame(records: Iterable[Record]) -> bytes:
    """Return the frame of one write, which is several changes."""
    body = b"".join(map(_packed, records))
    rest = len(body).to_bytes(4, "little") + body
    return _CHECKED.pack(_MARK, crc32(rest)) + rest


def _packed(record: Record) -> bytes:
    if isinstance(record, Note):
        kind, key, name, age, score = _NOTE_CODES[record.kind], b"", record.text.encode(), 0, 0.0
    elif record.player_id is None:
        kind, key, name, age, score = _CLEARED, b"", b"", 0, 0.0
    elif record.score is None:
        kind, key, name, age, score = _REMOVED, record.player_id.encode(), b"", 0, 0.0
    else:
        kind, key, name = _PLAYER, record.player_id.encode(), record.username.encode()
        age, score = record.number - record.reached, float(record.score)
    return _RECORD.pack(kind, len(key), len(name), record.number, age, score) + key + name


def read_frame(data: bytes, start: int) -> int | None:
    """Return where the frame that starts here ends; `None` where there is no whole one."""
    if data[start : start + 2] != _MARK or len(data) - start < _FRAME.size:
        return None
    _, checksum, length = _FRAME.unpack_from(data, start)
    end: int = start + _FRAME.size + length
    return end if end <= len(data) and crc32(data[start + _UNCHECKED : end]) == checksum else None


def records(data: bytes, start: int, end: int) -> list[Record]:
    """Return the records of the frame between two places. Raises `ValueError` for what nobody writes."""
    found: list[Record] = []
    at = start + _FRAME.size
    while at < end:
        kind, key_length, name_length, number, age, score = _RECORD.unpack_from(data, at)
        key = at + _RECORD.size
        name = key + key_length
        at = name + name_length
        text = data[name:at].decode()
        if kind == _PLAYER:
            player_id = data[key:name].decode()
            found.append(Change(number, player_id, text, score_from_float(score), number - age))
        elif kind in _NOTES:
            found.append(Note(number, _NOTES[kind], text))
        elif kind in (_REMOVED, _CLEARED):
            found.append(Change(number, data[key:name].decode() if kind == _REMOVED else None))
        else:
            raise ValueError(f"a record of the unknown kind {kind}")
    return found


def next_frame(data: bytes, start: int) -> int | None:
    """Return where the next whole frame after a place starts, `None` where there is none.

    Texts cannot have the mark, so that only numbers and checksums that happen to have it are tried in vain.
    """
    at = data.find(_MARK, start + 1)
    while at >= 0:
        if read_frame(data, at) is not None:
            return at
        at = data.find(_MARK, at + 1)
    return None


def damaged(path: str, offset: int, problem: str, remedy: str) -> BackendUnavailableError:
    """Return the error for a file that is damaged where a crash does not damage it."""
    return BackendUnavailableError(f"{path} is damaged at offset {offset}: {problem}. Nothing was changed. {remedy}")
