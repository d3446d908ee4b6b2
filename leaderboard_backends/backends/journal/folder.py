"""The folder of one board: who has it open, which files it has, and what a crash leaves of them.

Files are numbered by generation. `snapshot-3` is all that the board held when `log-3` began. A log ends where the next
one begins: its header says with which length. So the board is the newest snapshot and the logs from that number on, and
a copy of the folder that was made while it was written is an earlier state, or has a log that ends too early.

A new snapshot is written under another name, synced, and renamed; only then do older files go.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final, NamedTuple

from ...errors import BackendUnavailableError, BoardMismatchError, ConfigurationError, WriteOutcomeUnknownError
from . import records
from .failures import not_applied
from .log import Log, sync, sync_folder
from .records import Record
from .snapshot import RESTORE, BoardState, pack, unpack

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_log: Final = logging.getLogger(__name__)
_NAMED: Final = re.compile(r"(snapshot|log)-(\d{10})")
_LOCK: Final = "lock"
_UNFINISHED: Final = "unfinished-"
LEAST_LOG: Final = 8 << 20
"""Bytes up to which a log grows, however small the snapshot is."""


class Found(NamedTuple):
    """What a folder holds."""

    state: BoardState
    records: Iterator[Record]
    """What changed since: read it to its end."""


class Folder:
    """The open folder of a board, locked against other processes; guarded by the lock of its board."""

    def __init__(self, path: str, name: str, *, create: bool, always: bool) -> None:
        self.path: Final = path
        self.stale = False
        """Whether the log may say something else than the memory does: a snapshot must come before the next write."""
        self.log = Log()
        """The newest log."""
        self.longest_log = LEAST_LOG
        """Bytes of a log after which a snapshot is due."""
        self.attention = 0
        """Bytes of a log after which there may be something to do in the background."""
        self._name: Final = name
        self._always: Final = always
        self._generation = 0
        self._snapshot = 0
        self._lock = _locked(path, create=create)

    # ------------------------------------------------------------------ opening

    def load(self) -> Found | None:
        """Read what is there; `None` where there is no board yet, and `rewrite` makes it."""
        self._remove_unfinished()
        snapshots, logs = self._numbers("snapshot"), self._numbers("log")
        self._generation = max([0, *snapshots, *logs])
        if not snapshots:
            if any(self._has_records(each) for each in logs):
                raise BackendUnavailableError(f"{self.path} has logs, and no snapshot before them. {RESTORE}")
            return None
        self._snapshot = max(snapshots)
        data = self._read(self._file("snapshot", self._snapshot))
        name, state = unpack(self._file("snapshot", self._snapshot), data)
        if name != self._name:
            raise BoardMismatchError(
                f"{self.path} holds the board {name!r}, not {self._name!r}: names that differ in case alone need "
                "folders of their own on this disk."
            )
        self.longest_log = max(LEAST_LOG, len(data))
        return Found(state, self._follow(logs, state))

    def _follow(self, logs: list[int], state: BoardState) -> Iterator[Record]:
        chain, number = self._chain([each for each in logs if each >= self._snapshot], state.history), state.number
        for place, (generation, data, start) in enumerate(chain):
            last = place == len(chain) - 1
            path = self._file("log", generation)
            end = len(data) if last else self._promised(chain[place + 1])
            at = start
            while at < end:
                following = records.read_frame(data, at)
                if following is None:
                    self._judge(path, data, at)
                    break
                for record in records.records(data, at, following):
                    number = _next(path, at, number, record)
                    yield record
                at = following
            if last:
                self._continue(path, at, len(data))
            elif not at == end == len(data):
                raise records.damaged(path, at, f"the next log says that it ends at offset {end}", RESTORE)

    def _chain(self, logs: list[int], history: str) -> list[tuple[int, bytes, int]]:
        """Return the logs since the snapshot, each with its content and where its frames start."""
        found: list[tuple[int, bytes, int]] = []
        before: int | None = None
        for generation in logs:
            path = self._file("log", generation)
            data = self._read(path)
            begun = records.read_header(data, records.LOG, path)
            if begun is None or (begun[0]["after"] is None and generation != self._snapshot):
                self._drop_unfinished(path, data)
                continue
            if begun[0]["history"] != history:
                raise BackendUnavailableError(f"{path} does not belong to the snapshot before it. {RESTORE}")
            after = begun[0]["after"]
            if after is not None and generation != self._snapshot and after["generation"] != before:
                raise BackendUnavailableError(f"{path} follows log {after['generation']}, which is missing. {RESTORE}")
            found.append((generation, data, begun[1]))
            before = generation
        if not found or found[0][0] != self._snapshot:
            raise BackendUnavailableError(
                f"{self._file('log', self._snapshot)} is missing, and its snapshot is there. {RESTORE}"
            )
        return found

    def _drop_unfinished(self, path: str, data: bytes) -> None:
        """Remove a log that was begun, and that nobody wrote to before a crash."""
        if records.next_frame(data, -1) is not None:
            raise records.damaged(path, 0, "its header is not whole, or its snapshot is missing", RESTORE)
        os.unlink(path)  # noqa: PTH108 - the path is a text

    def _promised(self, following: tuple[int, bytes, int]) -> int:
        _, data, _ = following
        begun = records.read_header(data, records.LOG, self.path)
        assert begun is not None  # noqa: S101 - `_chain` has read it
        end: int = begun[0]["after"]["bytes"]
        return end

    def _judge(self, path: str, data: bytes, at: int) -> None:
        """Raise where a bad frame is not the last thing that was written."""
        following = records.next_frame(data, at)
        if following is not None:
            raise records.damaged(
                path,
                at,
                f"a record there is not whole, but the one at offset {following} is: no crash of a process leaves this",
                f"Restore a backup of the whole folder; or, to give up this record and all after it, cut the log off: "
                f"truncate -s {at} {path}",
            )

    def _continue(self, path: str, end: int, size: int) -> None:
        """Open the last log, without a torn end."""
        if end < size:
            _log.warning(
                "%s: its last %d bytes, from offset %d on, are a write that a crash cut off; they are removed.",
                path,
                size - end,
                end,
            )
            os.truncate(path, end)
        self.log = Log(path, always=self._always)
        self.log.sync()

    def _has_records(self, generation: int) -> bool:
        return records.next_frame(self._read(self._file("log", generation)), -1) is not None

    # ------------------------------------------------------------------ writing

    def wait_longer(self) -> None:
        """Let the log grow before the next snapshot is tried, as the disk refused one."""
        self.attention = self.longest_log = self.log.end + LEAST_LOG

    def rewrite(self, state: BoardState) -> None:
        """Write a snapshot, and begin an empty log, in place of all files. Raises `BackendError`: nothing changed."""
        before, self.stale = self.stale, True  # also where an interrupt comes
        generation = self._following()
        try:
            log = Log(
                self._file("log", generation),
                self._beginning(state.history, state.number, after=None),
                always=self._always,
            )
            self._write_snapshot(generation, state)
        except OSError as error:
            if os.path.exists(self._file("snapshot", generation)):  # noqa: PTH110 - the path is a text
                raise WriteOutcomeUnknownError(
                    f"{self.path} could not be synced ({error.strerror}): the write may be there after a power cut, or "
                    "not. Check the disk."
                ) from error
            self.stale = before
            raise not_applied(self.path, error) from error
        self._begin(log)
        self.stale = False

    def rotate(self, history: str, number: int) -> int:
        """Begin the next log, and return its generation, of which a snapshot is to be written. Raises `OSError`."""
        before = self.log
        before.sync()
        after = {"generation": _number(before.path), "bytes": before.end}
        generation = self._following()
        self._begin(Log(self._file("log", generation), self._beginning(history, number, after), always=self._always))
        sync_folder(self.path)
        return generation

    def keep(self, generation: int, state: BoardState) -> None:
        """Write the snapshot of a generation, unless there is a newer one; while others append. Raises `OSError`."""
        if generation > self._snapshot:
            self._write_snapshot(generation, state)

    def _following(self) -> int:
        self._generation += 1
        return self._generation

    def _beginning(self, history: str, number: int, after: dict[str, int] | None) -> bytes:
        return records.header(records.LOG, {"name": self._name, "history": history, "number": number, "after": after})

    def _begin(self, log: Log) -> None:
        before, self.log = self.log, log
        before.close()

    def _write_snapshot(self, generation: int, state: BoardState) -> None:
        unfinished = f"{self.path}/{_UNFINISHED}{generation:010}"
        parts = pack(self._name, state)
        try:
            with open(unfinished, "wb", buffering=0) as file:  # noqa: PTH123 - the path is a text
                for part in parts:
                    left = memoryview(part)
                    while left:
                        left = left[file.write(left) :]
                sync(file.fileno())
            os.replace(unfinished, self._file("snapshot", generation))  # noqa: PTH105 - as above
        except BaseException:
            with suppress(OSError):
                os.unlink(unfinished)  # noqa: PTH108 - as above
            raise
        sync_folder(self.path)
        self._snapshot = max(self._snapshot, generation)
        self.longest_log = max(LEAST_LOG, sum(map(len, parts)))
        self.attention = min(self.attention, self.longest_log)
        self._remove_old()

    def _remove_old(self) -> None:
        """Remove what the newest snapshot makes unnecessary; what stays is removed next time."""
        for kind in ("snapshot", "log"):
            for generation in self._numbers(kind):
                if generation < self._snapshot:
                    with suppress(OSError):
                        os.unlink(self._file(kind, generation))  # noqa: PTH108 - as above

    def _remove_unfinished(self) -> None:
        """Remove what a process that was killed had begun to write or to delete."""
        for folder in (self.path, os.path.dirname(self.path)):  # noqa: PTH120 - as above
            for name in os.listdir(folder):  # noqa: PTH208 - as above
                if name.startswith(_UNFINISHED):
                    unfinished = Path(folder, name)
                    with suppress(OSError):
                        shutil.rmtree(unfinished) if unfinished.is_dir() else unfinished.unlink()

    # ------------------------------------------------------------------ the folder itself

    def sync(self) -> None:
        """Wait until all that was appended is on the disk; called without the lock of the board. Raises `OSError`."""
        self.log.sync()

    def files(self) -> tuple[Path, ...]:
        """Return the newest snapshot, the log that follows it, and the lock."""
        names = [self._file("snapshot", self._snapshot), self.log.path, f"{self.path}/{_LOCK}"]
        return tuple(map(Path, names))

    def check_identity(self) -> None:
        """Raise `BackendUnavailableError` where the folder was moved or removed since it was opened."""
        if not _is_same(self._lock, f"{self.path}/{_LOCK}"):
            raise BackendUnavailableError(
                f"{self.path} was moved or removed since it was opened: what is written now would not be found there. "
                "Put it back, or close the board and open it again."
            )

    def delete(self) -> None:
        """Remove the folder with all its files, at once for whoever opens it. Raises `OSError`."""
        above = os.path.dirname(self.path)  # noqa: PTH120 - as above
        aside = f"{above}/{_UNFINISHED}{token_hex(8)}"
        os.rename(self.path, aside)  # noqa: PTH104 - as above
        sync_folder(above)
        shutil.rmtree(aside, ignore_errors=True)

    def close(self) -> None:
        """Close all files, after `sync` where the log is to be on the disk, and let others open the folder."""
        self.log.close()
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def abandon(self) -> None:
        """Leave files and lock to the parent, in a forked child."""
        self.log.abandon()
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def _file(self, kind: str, generation: int) -> str:
        return f"{self.path}/{kind}-{generation:010}"

    def _numbers(self, kind: str) -> list[int]:
        found = map(_NAMED.fullmatch, os.listdir(self.path))  # noqa: PTH208 - as above
        return sorted(int(each[2]) for each in found if each and each[1] == kind)

    def _read(self, path: str) -> bytes:
        try:
            return Path(path).read_bytes()
        except OSError as error:
            raise BackendUnavailableError(f"{path} cannot be read: {error.strerror}.") from error


def _next(path: str, at: int, number: int, record: Record) -> int:
    """Return the number of a record, which is the next one; a fence counts as no change."""
    expected = number + (not isinstance(record, records.Fence))
    if record.number != expected:
        raise records.damaged(path, at, f"change {record.number} comes where {expected} must", RESTORE)
    return expected


def _number(path: str) -> int:
    return int(path[-10:])


# ---------------------------------------------------------------------- the lock


def _locked(path: str, *, create: bool) -> int:
    """Return the file that is locked while the folder is open. Raises `BackendError` or `ConfigurationError`."""
    try:
        while True:
            _check_folder(path, create=create)
            lock = os.open(f"{path}/{_LOCK}", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)
            try:
                _take(lock, path)
                if _is_same(lock, f"{path}/{_LOCK}"):  # nobody has removed the folder meanwhile
                    with suppress(OSError):
                        os.truncate(lock, 0)
                        os.write(lock, f"{os.getpid()}".encode())
                    return lock
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)
    except OSError as error:
        raise not_applied(path, error) from error


def _check_folder(path: str, *, create: bool) -> None:
    """Make the folder where there is none."""
    above = os.path.dirname(path)  # noqa: PTH120 - the path is a text
    for each in (above, path):
        if os.path.isdir(each):  # noqa: PTH112 - as above
            continue
        if os.path.lexists(each):
            raise ConfigurationError(f"{each} is not a folder: name the folder that the journals of boards are in.")
        holder = os.path.dirname(each)  # noqa: PTH120 - as above
        if not os.path.isdir(holder):  # noqa: PTH112 - as above
            raise BackendUnavailableError(f"{holder} is not a directory: create it, or mount it, first.")
        if not create:
            raise BackendUnavailableError(
                f"there is no folder {each}, and create=false: correct the path, or leave create out."
            )
        with suppress(FileExistsError):
            os.mkdir(each)  # noqa: PTH102 - as above
        sync_folder(holder)


def _take(lock: int, path: str) -> None:
    try:
        if sys.platform == "win32":
            os.lseek(lock, 1 << 30, os.SEEK_SET)
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
            os.lseek(lock, 0, os.SEEK_SET)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        owner = os.pread(lock, 20, 0).decode("ascii", "replace") if hasattr(os, "pread") else ""
        raise BackendUnavailableError(
            f"{path} is open in another process{f' ({owner})' if owner.isdigit() else ''}: a journal belongs to one "
            "process at a time. Stop that one first; for several processes, use redis:// or sqlite://."
        ) from error


def _is_same(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))  # noqa: PTH116 - as above
    except OSError:
        return False
