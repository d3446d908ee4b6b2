"""The folder of one board, as the process that has it open writes it.

A new snapshot is written under another name, synced, and renamed; only then do older files go. So at each moment the
files that are there are a whole board. Where somebody moved the folder, what is at its path now may be another board,
which another process has open: no file is made or removed there.
"""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path
from secrets import token_hex
from typing import Final

from ...errors import BackendError, BackendUnavailableError, WriteOutcomeUnknownError
from ...files import not_applied
from . import records
from .contents import Contents, file_of, generations
from .lock import LOCK, is_same, lock_folder
from .log import Log, because, sync, sync_folder
from .records import Note
from .snapshot import BoardState, pack

_UNFINISHED: Final = "unfinished-"
_BEGUN: Final = re.compile(rf"{_UNFINISHED}[0-9]+")
"""A snapshot that is being written, in the folder of its board."""
_ASIDE: Final = re.compile(rf"{_UNFINISHED}[0-9a-f]{{16}}")
"""A folder that is being deleted. Those of boards are beside it, and end in `.board`, whatever a board is called."""
LEAST_LOG: Final = 8 << 20
"""Bytes up to which a log grows, however small the snapshot is."""


class Folder:
    """The open folder of a board, locked against other processes; guarded by the lock of its board.

    `sync`, `prepare` and `keep` are called without that lock, by one thread at a time.
    """

    def __init__(self, path: str, name: str, *, create: bool, always: bool) -> None:
        self.path: Final = path
        self.stale = False
        """Whether the log may say something else than the memory does: a snapshot must come before the next write."""
        self.unnoted = False
        """Whether it is stale since it was opened: then nothing was written to it."""
        self.log = Log()
        """The newest log."""
        self.longest_log = LEAST_LOG
        """Bytes of a log after which a snapshot is due."""
        self.attention = 0
        """Bytes of a log after which there may be something to do in the background."""
        self._name: Final = name
        self._always: Final = always
        self._generations = count(1)
        """Those that are next; taking one is safe in any thread."""
        self._snapshot = 0
        """The generation of the newest snapshot."""
        self._lock = lock_folder(path, create=create)

    # ------------------------------------------------------------------ opening

    def load(self) -> Contents:
        """Return what is there. Where it has no board yet, `rewrite` makes it; else `go_on` continues its last log."""
        self._remove_unfinished()
        found = Contents(self.path, self._name)
        self._generations, self._snapshot = count(found.newest + 1), found.snapshot
        self.longest_log = max(LEAST_LOG, found.size)
        return found

    def go_on(self, found: Contents) -> None:
        """Open the last log, without a torn end, for what comes next. Raises `BackendError`."""
        path = file_of(self.path, "log", found.log)
        try:
            if os.path.getsize(path) > found.end:  # noqa: PTH202 - the path is a text
                os.truncate(path, found.end)
            self.log = Log(path, found.log, always=self._always)
            self.log.sync()
        except OSError as error:
            raise not_applied(path, error) from error

    def _remove_unfinished(self) -> None:
        """Remove what a process that was killed had begun to write, or to delete, and nothing that others put there."""
        for name in filter(_BEGUN.fullmatch, os.listdir(self.path)):  # noqa: PTH208 - as above
            with suppress(OSError):
                os.unlink(f"{self.path}/{name}")  # noqa: PTH108 - as above
        above = os.path.dirname(self.path)  # noqa: PTH120 - as above
        with suppress(OSError):  # who may use a board in it may not be allowed to list it
            for name in filter(_ASIDE.fullmatch, os.listdir(above)):  # noqa: PTH208 - as above
                shutil.rmtree(f"{above}/{name}", ignore_errors=True)

    # ------------------------------------------------------------------ snapshots

    def rewrite(self, state: BoardState) -> BackendError | None:
        """Write a snapshot, and begin an empty log, in place of all files; return the error where that was refused.

        Only what is returned says what the files are, as with `Log.append`: where an exception is raised, `stale` is.
        """
        before, self.stale = self.stale, True  # also where an interrupt comes
        if (moved := self._moved()) is not None:
            self.stale = before
            return moved
        generation = next(self._generations)
        try:
            log = self._begun(generation, state.history, 0)
        except OSError as error:
            self.stale = before
            return because(not_applied(self.path, error), error)
        try:
            self._write_snapshot(generation, state)
        except OSError as error:
            if os.path.exists(file_of(self.path, "snapshot", generation)):  # noqa: PTH110 - the path is a text
                log.close()
                return because(
                    WriteOutcomeUnknownError(
                        f"{self.path} could not be synced ({error.strerror}): the write may be there after a power "
                        "cut, or not. Check the disk."
                    ),
                    error,
                )
            self.stale = before
            self.drop_unused(log)
            return because(not_applied(self.path, error), error)
        self._use(log)
        self.stale = self.unnoted = False
        return None

    def prepare(self, history: str) -> Log:
        """Return a log that may follow the present one. Raises `OSError` or `BackendUnavailableError`."""
        self.check_identity()
        log = self._begun(next(self._generations), history, self.log.generation)
        sync_folder(self.path)
        return log

    def rotate(self, log: Log, number: int) -> None:
        """Go on with a log that was prepared. Raises `OSError` or `BackendError`."""
        self.log.sync()
        refusal = log.append(records.frame([Note(number, "follows", f"{self.log.end}")]))
        if refusal is not None:
            raise refusal
        self._use(log)

    def drop_unused(self, log: Log) -> None:
        """Remove a log that was prepared, unless it is the present one."""
        if log is not self.log:
            log.close()
            with suppress(OSError):
                os.unlink(log.path)  # noqa: PTH108 - the path is a text

    def keep(self, generation: int, state: BoardState) -> None:
        """Write the snapshot before the log of a generation, unless there is a newer one.

        Raises `OSError` or `BackendUnavailableError`.
        """
        if generation > self._snapshot:
            self.check_identity()
            self._write_snapshot(generation, state)

    def wait_longer(self) -> None:
        """Let the log grow before the next snapshot is tried, as the disk refused one."""
        self.attention = self.longest_log = self.log.end + LEAST_LOG

    def _begun(self, generation: int, history: str, after: int) -> Log:
        fields = {"name": self._name, "history": history, "after": after, "always": self._always}
        start = records.header(records.LOG, fields)
        return Log(file_of(self.path, "log", generation), generation, start, always=self._always)

    def _use(self, log: Log) -> None:
        before, self.log = self.log, log
        before.close()

    def _write_snapshot(self, generation: int, state: BoardState) -> None:
        unfinished = f"{self.path}/{_UNFINISHED}{generation}"
        parts = pack(self._name, state)
        try:
            with open(unfinished, "wb") as file:  # noqa: PTH123 - the path is a text
                file.writelines(parts)
                file.flush()
                sync(file.fileno())
            os.replace(unfinished, file_of(self.path, "snapshot", generation))  # noqa: PTH105 - as above
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
            for generation in generations(self.path, kind):
                if generation < self._snapshot:
                    with suppress(OSError):
                        os.unlink(file_of(self.path, kind, generation))  # noqa: PTH108 - the path is a text

    # ------------------------------------------------------------------ the folder itself

    def sync(self) -> None:
        """Wait until all that was appended is on the disk; called without the lock of the board. Raises `OSError`."""
        self.log.sync()

    def files(self) -> tuple[Path, ...]:
        """Return the newest snapshot, the log, and the lock."""
        snapshot = file_of(self.path, "snapshot", self._snapshot)
        return tuple(map(Path, (snapshot, self.log.path, f"{self.path}/{LOCK}")))

    def check_identity(self) -> None:
        """Raise `BackendUnavailableError` where the folder was moved or removed since it was opened."""
        if (moved := self._moved()) is not None:
            raise moved

    def _moved(self) -> BackendUnavailableError | None:
        if is_same(self._lock, f"{self.path}/{LOCK}"):
            return None
        return BackendUnavailableError(
            f"{self.path} was moved or removed since it was opened: what is written now would not be found there. "
            "Put it back, or close the board and open it again."
        )

    def delete(self) -> None:
        """Remove the folder with all its files, at once for whoever opens it; nothing where it is gone already.

        Raises `OSError` or `BackendUnavailableError`, and nothing was removed; or `WriteOutcomeUnknownError`.
        """
        try:
            os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return
        self.check_identity()
        above = os.path.dirname(self.path)  # noqa: PTH120 - the path is a text
        aside = f"{above}/{_UNFINISHED}{token_hex(8)}"  # see `_ASIDE`
        os.rename(self.path, aside)  # noqa: PTH104 - as above
        try:
            sync_folder(above)
        except OSError as error:
            raise WriteOutcomeUnknownError(
                f"{self.path} is deleted, but that could not be synced ({error.strerror}): after a power cut, a part "
                "of it may be there again. Check the disk."
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def close(self) -> None:
        """Close all files, and let others open the folder."""
        self.log.close()
        self._lock.close()

    def abandon(self) -> None:
        """Leave files and lock to the parent, in a forked child."""
        self.log.abandon()
        self._lock.close()
