"""The end of a file after a power cut: a last transaction that is marked complete, and has zeros where data should be.

A commit writes its transaction behind the others, marks it complete, and then syncs once. A power cut in that sync
leaves what it likes: the file's new size with some blocks written, and others, which read as zeros. ZODB cuts off a
transaction that is not marked, or is too short; at such a one it gives up, or opens the file and fails at a later read.

Cutting it off is safe. A commit is acknowledged after its sync, so nobody was told of this one. All before it is on
the disk: opening a file and packing it sync as well, so at most the last transaction was on its way. What is cut off
is kept in a file `.tr0` beside it, as ZODB keeps the ends that it cuts off.

Records have no checksum. Zeros are seen where the format, or a pickle, cannot have them; a block of 1024 bytes or more
covers such a place wherever it lies in a board's records. A few zeros within one name are not seen.
"""

from __future__ import annotations

import logging
import os
import pickletools
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, NoReturn

from zc.lockfile import LockFile
from ZODB._compat import PersistentUnpickler
from ZODB.FileStorage.FileStorage import TempFormatter, _truncate
from ZODB.FileStorage.format import DATA_HDR_LEN, TRANS_HDR_LEN
from ZODB.utils import p64, u64

_log = logging.getLogger(__name__)

_FIRST: Final = 4
"""Where the first transaction begins."""
_NUMBER: Final = 8
"""The bytes of a number. A transaction's length stands in its header and behind it, and leaves out the latter."""
_LENGTH_END: Final = 16
"""Where in a header the length ends."""
_CLASS: Final = "c"
"""The operation of a pickle that two lines follow, the name of a class; no other has lines."""


class _ZeroedError(Exception):
    """A transaction has zeros where something else was written."""


class _DamagedError(Exception):
    """A transaction is damaged, and not by zeros."""


def last_is_zeroed(path: str, end: int) -> bool:
    """Tell whether the last transaction, which ends here, has zeros where data should be. O(last transaction)."""
    if end < _FIRST + TRANS_HDR_LEN + _NUMBER:
        return False
    with Path(path).open("rb") as file:
        start = end - _NUMBER - _number(file, end - _NUMBER)
        return start >= _FIRST and _is_zeroed(file, start, end)


def cut_zeroed_end(path: str) -> bool:
    """Cut off the last transaction where zeros, and nothing else, damage it, and all before it is intact. O(file).

    Returns whether it did; where not, the file is as it was. Raises `LockError` where another process has it open.
    """
    with closing(LockFile(f"{path}.lock")), Path(path).open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        start = _intact_until(file, size)
        if not _is_zeroed(file, start, size):
            return False
        _log.warning(
            "%s: the last transaction, %d bytes at offset %d, is partly zeros, as after a power cut during a commit. "
            "It was never acknowledged, and is removed.",
            *(path, size - start, start),
        )
        Path(f"{path}.index").unlink(missing_ok=True)  # it may tell of what is cut off; opening makes a new one
        _truncate(file, path, start)
        return True


def _intact_until(file: BinaryIO, size: int) -> int:
    """Return where the first transaction begins that is damaged, or is the last."""
    start = _FIRST
    try:
        while (end := start + _header(file, start).tlen + _NUMBER) < size:
            _check(file, start, end)
            start = end
    except Exception:  # noqa: BLE001 - as below
        return start
    return start


def _is_zeroed(file: BinaryIO, start: int, end: int) -> bool:
    """Tell whether one transaction fills this place, and zeros are what damages it."""
    try:
        _check(file, start, end, data=True)
    except _ZeroedError:
        return True
    except Exception:  # noqa: BLE001 - reading a header that is none may raise anything: that is other damage
        return False
    return False


def _check(file: BinaryIO, start: int, end: int, *, data: bool = False) -> None:
    """Raise where what fills this place is no intact transaction."""
    header = _header(file, start)
    length, behind = end - start - _NUMBER, _number(file, end - _NUMBER)
    if length < TRANS_HDR_LEN:
        raise _DamagedError
    if length not in (header.tlen, behind):
        # No length tells that this is one transaction: there may be whole ones in it, unless there is nothing.
        file.seek(start + _LENGTH_END)
        if any(file.read(length - _LENGTH_END)):
            raise _DamagedError
    _compare(p64(header.tlen) + p64(behind), 2 * p64(length))
    if length < header.headerlen():
        raise _DamagedError
    if header.status not in " pu":
        _blame(header.status == "\0")
    for place, record in _records(file, header, start, end - _NUMBER):
        if data:
            _check_data(file, place, record)


def _records(file: BinaryIO, header: Any, start: int, end: int) -> Iterator[tuple[int, Any]]:
    """Iterate over the headers of records and their places; raise where one is damaged."""
    place = start + header.headerlen()
    while place < end:
        record = TempFormatter(file)._read_data_header(place)  # noqa: SLF001 - ZODB's reader of its format
        if any(a != b and a and b for a, b in zip(header.tid, record.tid, strict=True)):
            raise _DamagedError
        if record.tid != header.tid:
            raise _ZeroedError
        _compare(p64(record.tloc), p64(start))
        if place + record.recordlen() > end:
            raise _DamagedError
        yield place, record
        place += record.recordlen()


def _check_data(file: BinaryIO, place: int, record: Any) -> None:
    """Raise where zeros are in the data of a record: two pickles, or the place of an earlier record that has them."""
    start = place + DATA_HDR_LEN
    if not record.plen:
        if record.back >= place:
            raise _ZeroedError
        return
    file.seek(start)
    reader = PersistentUnpickler(_find_class, _Nothing, BytesIO(file.read(record.plen)))
    try:
        reader.load()
        reader.load()
    except Exception:  # noqa: BLE001 - what is no pickle raises anything
        _blame_data(file, start, record.plen)


def _blame_data(file: BinaryIO, start: int, length: int) -> None:
    """Raise `_ZeroedError` where a zero, or the length, is what makes two pickles unreadable."""
    file.seek(start)
    place = start
    try:
        for _ in range(2):
            for operation, argument, _ in pickletools.genops(file):
                if operation.code == _CLASS:
                    _check_name(str(argument))
                place = file.tell()
    except (ValueError, Warning) as error:  # a warning of a backslash in a name, where warnings are errors
        file.seek(place)
        code = file.read(1)
        if code == _CLASS.encode():
            _check_name((file.readline() + file.readline()).decode("latin-1"))
        raise (_ZeroedError if code == b"\0" else _DamagedError) from error
    _compare(p64(length), p64(place - start))


class _Nothing:
    """What stands for every object while a pickle is read: no code of the file's classes runs."""

    def __new__(cls, *_: object, **__: object) -> _Nothing:  # noqa: PYI034 - there is no subclass
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        """Take no state."""


def _find_class(module: str, name: str) -> type[_Nothing]:
    _check_name(module + name)
    return _Nothing


def _check_name(name: str) -> None:
    if "\0" in name:
        raise _ZeroedError


def _compare(found: bytes, meant: bytes) -> None:
    if found != meant:
        _blame(all(a in (0, b) for a, b in zip(found, meant, strict=True)))


def _blame(zeros: bool) -> NoReturn:  # noqa: FBT001 - the only thing that it is about
    raise _ZeroedError if zeros else _DamagedError


def _header(file: BinaryIO, start: int) -> Any:
    return TempFormatter(file)._read_txn_header(start)  # noqa: SLF001 - as above


def _number(file: BinaryIO, place: int) -> int:
    file.seek(place)
    number: int = u64(file.read(_NUMBER))
    return number
