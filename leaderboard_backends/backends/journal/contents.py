"""What is in the folder of a board: the newest snapshot, and the logs that follow it, as a crash may have left them.

Files are numbered by generation. `snapshot-3` is all that the board held when `log-3` began. A log ends where the next
one begins, whose first frame says at which length. So the board is the newest snapshot and the logs from its number
on, and a copy of the folder that was made while it was written is an earlier state, or has a log that ends too early.
"""

from __future__ import annotations

import logging
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from ...errors import BackendUnavailableError, BoardMismatchError
from . import records
from .records import Note, Record
from .snapshot import RESTORE, BoardState, unpack

_log: Final = logging.getLogger(__name__)
_NAMED: Final = re.compile(r"(snapshot|log)-(\d{10})")


def file_of(folder: str, kind: str, generation: int) -> str:
    """Return the path of a file of a generation; `kind` is `snapshot` or `log`."""
    return f"{folder}/{kind}-{generation:010}"


def generations(folder: str, kind: str) -> list[int]:
    """Return the generations of which there is a file of a kind, in order."""
    found = map(_NAMED.fullmatch, os.listdir(folder))  # noqa: PTH208 - the path is a text
    return sorted(int(each[2]) for each in found if each and each[1] == kind)


class Contents:
    """What a folder holds. `records` is to be read to its end; then `log` and `end` are the place to go on at."""

    def __init__(self, folder: str, name: str) -> None:
        self.snapshot = 0
        """The generation of the newest snapshot."""
        self.size = 0
        """Its bytes."""
        self.state: BoardState | None = None
        """`None` where there is no board yet."""
        self.log = 0
        """The generation of the last log."""
        self.end = 0
        """Where its last whole frame ends."""
        self.number = 0
        """That of the last change."""
        self.lossy = False
        """Whether a power cut may have taken changes after it, which somebody was told of."""
        self._folder: Final = folder
        self._logs = generations(folder, "log")
        snapshots = generations(folder, "snapshot")
        self.newest = max([0, *snapshots, *self._logs])
        """The highest generation."""
        if snapshots:
            self._read_snapshot(max(snapshots), name)
        elif any(records.next_frame(self._read("log", each), -1) is not None for each in self._logs):
            raise BackendUnavailableError(f"{folder} has a log, and no snapshot before it. {RESTORE}")

    def _read_snapshot(self, generation: int, name: str) -> None:
        path, data = file_of(self._folder, "snapshot", generation), self._read("snapshot", generation)
        found, self.state = unpack(path, data)
        if found != name:
            raise BoardMismatchError(
                f"{self._folder} holds the board {found!r}, not {name!r}: boards whose names differ in case alone "
                "cannot be in one folder on this disk."
            )
        self.snapshot, self.size = generation, len(data)

    # ------------------------------------------------------------------ the logs

    def records(self) -> Iterator[Record]:
        """Yield all records that follow the snapshot. Raises `BackendUnavailableError` where one is damaged."""
        state = self.state
        assert state is not None  # noqa: S101 - there is a board
        number, history = state.number, state.history
        for generation in self._logs:
            if generation < self.snapshot:
                continue
            path, data = file_of(self._folder, "log", generation), self._read("log", generation)
            if (start := self._start(path, data, generation, history)) is None:
                continue
            for record in self._of_log(path, data, start):
                number, history = _checked(path, number, history, record)
                if isinstance(record, Note) and record.kind in ("history", "closed"):
                    self.lossy = record.kind == "history"
                yield record
            self.number = number
        if not self.log:
            path = file_of(self._folder, "log", self.snapshot)
            raise BackendUnavailableError(f"{path} is missing, and the snapshot before it is there. {RESTORE}")

    def _start(self, path: str, data: bytes, generation: int, history: str) -> int | None:
        """Return where the frames of a log begin; `None` for one that was begun, and that nobody wrote to."""
        header = records.read_header(data, records.LOG, path)
        if generation != self.snapshot:
            if records.next_frame(data, (header[1] if header else 0) - 1) is None:
                with suppress(OSError):
                    os.unlink(path)  # noqa: PTH108 - the path is a text
                return None
            if not self.log:
                raise BackendUnavailableError(f"{path} follows a log that is missing. {RESTORE}")
        if header is None:
            raise records.damaged(path, 0, "the header of the log is not whole", RESTORE)
        fields, start = header
        _check_header(path, fields, history, self.log)
        if generation != self.snapshot:
            self._check_end(path, data, start)
        self.log, self.end = generation, start
        self.lossy = self.lossy or not fields.get("always", False)
        return start

    def _check_end(self, path: str, data: bytes, start: int) -> None:
        """Raise unless the log before this one is as long as it was when this one began."""
        first = records.read_frame(data, start)
        found = records.records(data, start, first) if first else []
        if not found or not isinstance(found[0], Note) or found[0].kind != "follows":
            raise records.damaged(path, start, "it does not begin with the length of the log before it", RESTORE)
        before = file_of(self._folder, "log", self.log)
        if f"{self.end}" != found[0].text or os.path.getsize(before) != self.end:  # noqa: PTH202 - as above
            raise records.damaged(
                before, self.end, f"the log that follows it says that it has {found[0].text} bytes", RESTORE
            )

    def _of_log(self, path: str, data: bytes, start: int) -> Iterator[Record]:
        while start < len(data):
            end = records.read_frame(data, start)
            if end is None:
                self._judge(path, data, start)
                return
            yield from records.records(data, start, end)
            self.end = start = end

    def _judge(self, path: str, data: bytes, at: int) -> None:
        """Raise where a frame that is not whole is not the last thing that was written."""
        following = records.next_frame(data, at)
        if following is not None:
            raise records.damaged(
                path,
                at,
                f"a record there is not whole, but one at offset {following} is: no crash of a process leaves this",
                f"Restore a backup of the whole folder; or, to give up this record and all after it, cut the log off: "
                f"{self._cutting(path, at)}",
            )
        _log.warning(
            "%s: its last %d bytes, from offset %d on, are a write that a crash cut off; they are removed.",
            path,
            len(data) - at,
            at,
        )

    def _cutting(self, path: str, at: int) -> str:
        """Return the command that cuts a log off, and removes those after it."""
        logs = [file_of(self._folder, "log", each) for each in self._logs]
        later = logs[logs.index(path) + 1 :]
        return shlex.join(["truncate", "-s", f"{at}", path]) + (f" && {shlex.join(['rm', *later])}" if later else "")

    def _read(self, kind: str, generation: int) -> bytes:
        path = file_of(self._folder, kind, generation)
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise BackendUnavailableError(f"{path} cannot be read: {error.strerror}.") from error


def _check_header(path: str, fields: dict[str, Any], history: str, before: int) -> None:
    if fields["history"] != history or (before and fields["after"] != before):
        raise BackendUnavailableError(f"{path} does not belong to the files before it. {RESTORE}")


def _checked(path: str, number: int, history: str, record: Record) -> tuple[int, str]:
    """Return number and history after a record, whose number must be the next one; a note counts as no change."""
    expected = number + (not isinstance(record, Note))
    if record.number != expected:
        raise BackendUnavailableError(f"{path} has change {record.number} where {expected} must come. {RESTORE}")
    if isinstance(record, Note) and record.kind == "history":
        history = record.text
    return expected, history
