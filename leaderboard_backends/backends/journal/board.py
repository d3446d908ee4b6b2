"""The board of a URL: its options, what it does in the background, and how it ends."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from os import PathLike
from pathlib import Path
from threading import Event, Lock, Thread, current_thread
from time import monotonic, sleep
from typing import Any, ClassVar, Final, Self
from urllib.parse import quote

from ...capabilities import Capabilities, Kept, StorageInfo
from ...changes import FEED_OPTION
from ...errors import (
    BackendError,
    BackendUnavailableError,
    BoardMismatchError,
    LeaderboardClosedError,
    LeaderboardError,
    WriteOutcomeUnknownError,
)
from ...files import check_path, not_applied
from ...location import Location, Option, boolean, check_options, one_of
from ...model import Keep, Order, check_board_name
from .folder import Folder
from .log import Log
from .order import JournaledOrder
from .records import FORMAT, Note, frame
from .snapshot import BoardState, Collecting

_log: Final = logging.getLogger(__name__)
SYNC_SECONDS: Final = 1.0
_PAUSE: Final = 0.0005
"""Seconds in which others get the lock while players are collected: who asks again at once gets it before them."""
EXAMPLE: Final = "/var/lib/app/boards"
_SURVIVING: Final[Mapping[str, Kept]] = {
    "always": Kept("everything", "fsync=always"),
    "everysec": Kept("all but the last second", "fsync=everysec"),
    "never": Kept("other", "fsync=never: an earlier state; what the system had not written to the disk yet is lost"),
}
"""What a power cut leaves."""


class JournalLeaderboard(JournaledOrder):
    """A board in this process's memory, whose changes are in a log on the disk before they are acknowledged.

    `path` names a folder, in which each board has a folder of its own. `fsync` says when the log is synced: `always`,
    before each write is acknowledged; `everysec`, once a second; `never`, when the system does it. `create=False`
    refuses a path where there is no board. `feed` is how many of the latest changes the board keeps; it is stored with
    the board, and stays as it was where it is not given.

    A board is open once: another process that opens it meanwhile gets `BackendUnavailableError`, this one too, and so
    does each call on a board that a fork inherited.

    Raises `ConfigurationError`, `BackendUnavailableError`, `BackendReadOnlyError`, `BackendFullError` or
    `BoardMismatchError` where there can be no such board.
    """

    capabilities = Capabilities(
        durable=True,
        shared=False,
        lives_in="files",
        survives="a crash of the process (with fsync=always, a power cut, if the disk honours fsync)",
        feed=True,
        fence=True,
        fence_pass=True,
        limits=True,
    )
    options: ClassVar[Mapping[str, Option]] = {
        "fsync": Option(
            one_of("always", "everysec", "never"),
            "when a write is on the disk: always, before it is acknowledged; everysec, within a second; never: when "
            "the system writes it (everysec)",
        ),
        "create": Option(boolean, "create the board if it does not exist (true)"),
        "feed": FEED_OPTION,
    }

    def __init__(
        self,
        name: str = "default",
        *,
        path: str | PathLike[str],
        order: Order = "descending",
        keep: Keep = "last",
        fsync: str = "everysec",
        create: bool = True,
        feed: int | None = None,
    ) -> None:
        given = {"fsync": fsync, "create": create} | ({} if feed is None else {"feed": feed})
        options = check_options("journal://", self.options, given)
        place = f"{os.path.realpath(check_path(path, EXAMPLE))}/{check_board_name(name)}.board"
        self._fsync: Final[str] = options["fsync"]
        self._keeper: Thread | None = None
        """Writes a snapshot."""
        self._syncer: Thread | None = None
        """Syncs the log, each second."""
        self._closing = Event()
        self._syncing: Lock | None = None
        """Held while the log is synced; an `Event` has a lock that an interrupt of who waits leaves held."""
        self._sync_began = 0.0
        folder = Folder(place, name, create=options["create"], always=self._fsync == "always")
        try:
            super().__init__(folder, name, order=order, keep=keep)
            if feed is not None:
                self._alone(self._set_feed, options["feed"])
        except BaseException:
            self._closed = True
            folder.close()
            raise

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board of `journal:///absolute/path?board=NAME`."""
        board = cls.check_location(location, name)
        return cls(board, path=location.file_path(EXAMPLE), order=order, keep=keep, **options)

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` where the URL names no folder."""
        del options
        location.file_path(EXAMPLE)
        return name or location.default_board

    @classmethod
    def open_trial(cls, scheme: str, directory: Path) -> AbstractContextManager[str]:
        """Yield the URL of a new folder."""
        return nullcontext(f"{scheme}://{quote(str(directory.resolve() / 'boards'))}")

    def _begin(self, *, clean: bool) -> None:
        """Begin a new history where a power cut may have taken changes that somebody was told the version of.

        That this may happen again, unless each write is synced, is on the disk before anybody is told of a change.
        """
        folder = self._folder
        if not clean:
            self._changes.restart()
        if self._fsync == "always":
            folder.stale = folder.unnoted = not clean  # the next write begins a log that says that each is synced
        else:
            begun = frame([Note(self._changes.number, "history", self._changes.history)])
            if folder.log.append(begun) is not None:
                folder.stale = folder.unnoted = True  # the board opens on a full disk, too
            folder.sync()

    # ------------------------------------------------------------------ in the background

    def _attend(self) -> None:
        """Have the log synced each second where it is to be, and one that is long followed by a snapshot."""
        with suppress(RuntimeError):  # there can be no more threads now: the next write tries again
            if self._fsync == "everysec" and self._syncer is None:
                syncer = Thread(target=self._sync_each_second, name="journal-sync", daemon=True)
                syncer.start()
                self._syncer = syncer
            folder = self._folder
            syncing = self._syncing  # once: it may end at any time
            if syncing is None:
                folder.attention = folder.longest_log
            elif monotonic() - self._sync_began > SYNC_SECONDS:
                syncing.acquire()  # for good: one call at a time waits, and the next sync has another lock
            if folder.log.end > folder.longest_log and (self._keeper is None or not self._keeper.is_alive()):
                self._keeper = Thread(target=self._keep_snapshot, name="journal-snapshot", daemon=True)
                self._keeper.start()

    def _sync_each_second(self) -> None:
        """Sync the log each second; where that takes longer than a second, writes wait, so that no more is at risk."""
        while not self._closing.wait(SYNC_SECONDS):
            self._sync_began = monotonic()
            syncing = Lock()
            syncing.acquire()
            self._syncing = syncing
            self._folder.attention = 0
            try:
                self._folder.sync()
            except OSError:
                _log.exception("%s could not be synced: the next write begins with a snapshot.", self._folder.path)
            finally:
                self._syncing = None
                syncing.release()

    def _keep_snapshot(self) -> None:
        """Write a snapshot while others write; they wait only while its state is collected."""
        try:
            self._folder.sync()
            log = self._folder.prepare(self._changes.history)
            try:
                state = self._alone(self._cut, log)
            finally:
                self._folder.drop_unused(log)
            if state is not None:
                while self._alone(self._collect):
                    sleep(_PAUSE)
                self._folder.keep(log.generation, state)
        except (BoardMismatchError, LeaderboardClosedError):  # it was deleted, or closed
            return
        except (OSError, LeaderboardError, MemoryError):
            with self._lock:
                self._collecting = None  # else each write copies what it changes for that
            self._folder.wait_longer()
            _log.exception("%s: no snapshot could be written; the log grows on.", self._folder.path)

    def _cut(self, log: Log) -> BoardState | None:
        """Go on with a new log, and return the state before it; `None` where there is a newer one meanwhile."""
        if self._folder.stale or self._folder.log.unsure:
            self._rewrite()
        if self._folder.log.generation > log.generation:
            return None
        self._folder.rotate(log, self._changes.number)
        self._collecting = Collecting(self._chunks.rows())
        return self._state(self._collecting.rows)

    def _collect(self) -> bool:
        """Collect some more players; returns whether there are others left."""
        if self._collecting is not None and self._collecting.proceed():
            return True
        self._collecting = None
        return False

    # ------------------------------------------------------------------ end

    def _leave(self) -> None:
        path = self._folder.path
        self._end(
            lambda: BackendUnavailableError(
                f"{path} was opened before this process was forked, and belongs to the parent: open the board after "
                "the fork, in one process only."
            )
        )
        self._closing = Event()  # another thread may have been inside the old one
        self._folder.abandon()

    def _close(self) -> None:
        """Sync all that was written, whatever `fsync` says, end the threads, and let others open the folder.

        Raises `WriteOutcomeUnknownError` where the disk fails: a power cut may take the last writes. In the middle of
        another call of this thread, `BackendUnavailableError`, and the board stays open: that call writes to the files,
        and holds the lock that the threads may wait for.
        """
        path = self._folder.path
        try:
            with self._lock:  # until all calls are refused: nobody writes after the last sync
                if self._ended is None:
                    if self._inside:
                        self._closed = False
                        self._refuse_inside()
                    self._alone(self._flush)
                    self._refuse_all()
        except OSError as error:
            raise WriteOutcomeUnknownError(
                f"{path} could not be synced ({error.strerror}): the last writes may be lost in a power cut. Check the "
                "disk, and open the board again."
            ) from error
        finally:
            if self._closed:
                with self._lock:
                    if self._ended is None:
                        self._refuse_all()
                self._end_threads()
                self._folder.close()

    def _refuse_all(self) -> None:
        name = self.name
        self._end(lambda: LeaderboardClosedError(f"the board {name!r} is closed: open it again to use it."))

    def _flush(self) -> None:
        """Have all on the disk; a log that would take longer to read than a snapshot to write is replaced by one."""
        folder = self._folder
        if folder.stale or folder.log.unsure:
            refusal = folder.rewrite(self._state())
            if refusal is not None:
                if folder.unnoted:
                    return
                raise refusal
        folder.sync()
        with suppress(BackendError):  # all is there without it, too
            if folder.log.end > folder.longest_log // 8:
                self._rewrite()
            closed = frame([Note(self._changes.number, "closed")])  # without which opening begins a new history
            if folder.log.append(closed) is None:
                folder.sync()

    def _end_threads(self) -> None:
        self._closing.set()
        for thread in (self._keeper, self._syncer):
            if thread is not None and thread.is_alive() and thread is not current_thread():
                thread.join()

    def _delete(self) -> None:
        name, path = self.name, self._folder.path
        self._alone(lambda: None)  # refuses where another error is due
        try:
            with self._lock:
                self._end(
                    lambda: BoardMismatchError(
                        f"the board {name!r} at {path} was deleted: open it again to make a new one."
                    )
                )
            self._end_threads()  # one might write a snapshot to a board of the same name
            self._folder.delete()
        except OSError as error:
            self._go_on()
            raise not_applied(path, error) from error
        except BackendUnavailableError:
            self._go_on()
            raise
        except BaseException:
            with suppress(BackendUnavailableError):
                self._folder.check_identity()  # an interrupt came before it was deleted
                self._go_on()
            raise

    def _go_on(self) -> None:
        """Answer calls again, after an end that came to nothing."""
        with self._lock:
            self._closing, self._keeper, self._syncer = Event(), None, None
            self._ended, self._inside = None, False
            self._collecting = None  # of a snapshot that was given up: else each write copies what it changes for that
            self._folder.attention = 0
            self._attend()

    # ------------------------------------------------------------------ where it is

    def _fenced(self) -> str | None:
        return self._alone(lambda: self._changes.moved_to)

    def _ping(self) -> None:
        self._alone(self._folder.check_identity)

    def _storage(self) -> str:
        return f"journal, format {FORMAT}"

    def _place(self) -> str:
        return self._folder.path

    def _storage_info(self) -> StorageInfo:
        kept = Kept("everything", "each write is handed to the system before it is acknowledged")
        return StorageInfo(
            "files",
            self._folder.files(),
            process_crash=kept,
            server_crash=kept,
            machine_crash=_SURVIVING[self._fsync],
        )
