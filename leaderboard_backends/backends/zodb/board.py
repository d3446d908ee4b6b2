"""The boards: opening them, and carrying out the operations of the contract in transactions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib.metadata import version
from math import isfinite
from os import PathLike
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar, Concatenate, Final, ParamSpec, Self, TypeVar
from urllib.parse import quote

from ...capabilities import IN_PROCESS, Capabilities, Kept, StorageInfo
from ...changes import (
    FEED_OPTION,
    Changes,
    Version,
    check_expected,
    note_version,
    version_wanted,
)
from ...errors import (
    BackendError,
    BackendUnavailableError,
    BoardMismatchError,
    ConfigurationError,
    InvalidArgumentError,
    LeaderboardClosedError,
    LeaderboardError,
    ScoreLimitError,
)
from ...files import check_path
from ...location import Location, Option, boolean, integer
from ...model import Entry, Keep, Order, Score, check_count, shorten
from ...protocol import LeaderboardBackend
from . import operations
from .attempts import read, transact, unavailable, write
from .database import Database, ForeignDatabase, release, share_file
from .memory import MemoryStorage
from .order import StoredBoard
from .session import Named, Session

Changed = TypeVar("Changed")
Given = ParamSpec("Given")
Result = TypeVar("Result")

CACHE_SIZE: Final = 250_000
BATCH_SIZE: Final = 1_000
ATTEMPTS: Final = 20
EXAMPLE: Final = "/var/lib/app/board.fs"

TUNING: Final = {
    "batch_size": Option(integer(1), "updates per commit of update_scores (1000)"),
    "feed": FEED_OPTION,
    "attempts": Option(integer(1), "how often a conflicting write is tried (20)"),
}
"""What boards over any storage take."""

OBJECTS: Final = Option(
    integer(100, 2**31 - 1), "objects that each connection keeps in memory, about 2 KB each (250000)"
)
_OPTIONS: Final = {
    "cache_size": OBJECTS,
    **TUNING,
}


class StoredLeaderboard(LeaderboardBackend):
    """A board in a ZODB database."""

    def __init__(
        self,
        database: Database,
        name: str,
        order: Order,
        keep: Keep,
        *,
        batch_size: int,
        attempts: int,
        feed: int | None,
    ) -> None:
        self._database = database
        self._feed = feed
        self._branch = ""
        """What tells the history of a copy in a forked child from that of its parent."""
        try:
            super().__init__(name, order=order, keep=keep)
            self._batch_size = check_count(batch_size, "batch_size", 1)
            self._attempts = check_count(attempts, "attempts", 1)
            self._best_only = self._keep == "best"
            self._descending = self._order == "descending"
            self._board = Named(self._name, self._descending)
            transact(database, attempts, self._establish)
        except BaseException:
            self._closed = True
            release(database)
            raise

    def _establish(self, session: Session) -> None:
        session.begin()
        stored = session.establish(self._name, descending=self._descending)
        if stored.descending != self._descending:
            standing = "descending" if stored.descending else "ascending"
            raise BoardMismatchError(
                f"the board {self._name!r} at {self._place()} is {standing}, not {self._order}: open it with "
                f"order={standing!r}, or give the new board another name."
            )
        if self._feed is not None:
            stored.keep_feed(check_count(self._feed, "feed"))

    def pack(self, days: float = 0.0) -> None:
        """Drop the records that updates replaced more than `days` ago; the board stays in use meanwhile.

        The file grows with every update and shrinks only here. Takes time and, for a while, room in proportion
        to what remains. Raises `BackendFullError` where there is no such room, `BackendUnavailableError` where the file
        was moved, removed or replaced, and `InvalidArgumentError` for `days` that are no number of at least 0.
        """
        if self._closed:
            self._refuse_closed()
        if isinstance(days, bool) or not isinstance(days, int | float) or not isfinite(days) or days < 0:
            raise InvalidArgumentError(f"days must be a number of at least 0, not {shorten(days)}.")
        try:
            self._database.pack(days)
        except LeaderboardError:
            raise
        except Exception as error:
            raise unavailable(self._database, error) from error

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._write(operations.rank_at, operations.update, player_id, username, score, best_only=self._best_only)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._write(
            operations.entry_at, operations.increment, player_id, username, delta, best_only=self._best_only
        )

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        best_only, as_it_is = self._best_only, operations.itself
        if len(updates) > self._batch_size and self._write(as_it_is, operations.load, updates, best_only=best_only):
            return
        applied = 0
        try:
            while applied < len(updates):
                batch = updates[applied : applied + self._batch_size]
                self._write(as_it_is, operations.update_all, batch, best_only=best_only)
                applied += len(batch)
        except (BackendError, LeaderboardClosedError, ScoreLimitError) as error:
            error.applied = applied
            raise

    def _remove_player(self, player_id: str) -> bool:
        return self._write(operations.itself, StoredBoard.remove, player_id)

    def _clear(self) -> None:
        self._write(operations.itself, StoredBoard.clear)

    def _delete(self) -> None:
        transact(self._database, self._attempts, lambda session: session.delete(self._board))

    # ------------------------------------------------------------------ reads

    def _get_score(self, player_id: str) -> Score | None:
        return self._read(operations.player_score, player_id)

    def _get_rank(self, player_id: str) -> int | None:
        return self._read(operations.player_rank, player_id)

    def _get_percentile(self, player_id: str) -> float | None:
        return self._read(operations.player_percentile, player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._read(operations.entries_of, player_ids)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._read(operations.entries_between, first_rank - 1, last_rank)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._read(operations.around, player_id, radius)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._read(operations.by_score, low, high, limit)

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._read(operations.count_by_score, low, high)

    def _count(self) -> int:
        return self._read(StoredBoard.count)

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        return read(self._database, self._board, operations.changes_since, self._branch, after, limit)

    def _fence(self, moved_to: str | None) -> None:
        def fence(session: Session) -> None:
            stored = session.write(self._board)
            check_expected(stored.moved_to, moved_to)
            stored.moved_to = moved_to

        transact(self._database, self._attempts, fence)

    def _fenced(self) -> str | None:
        return self._read(operations.moved_to)

    def _ping(self) -> None:
        self._database.check_identity()
        self._read(operations.nothing)

    # ------------------------------------------------------------------ how

    def _read(
        self,
        operation: Callable[Concatenate[StoredBoard, Given], Result],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Result:
        if not version_wanted():
            return read(self._database, self._board, operation, *args, **kwargs)
        noting = partial(operations.with_version, operation, self._branch)
        return self._noted(read(self._database, self._board, noting, *args, **kwargs))

    def _write(
        self,
        answer: Callable[[StoredBoard, Changed], Result],
        operation: Callable[Concatenate[StoredBoard, Given], Changed],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Result:
        if not version_wanted():
            return write(self._database, self._board, self._attempts, answer, operation, *args, **kwargs)
        noting = partial(operations.with_version, answer, self._branch)
        return self._noted(write(self._database, self._board, self._attempts, noting, operation, *args, **kwargs))

    def _noted(self, answer: tuple[Result, Version]) -> Result:
        note_version(answer[1])
        return answer[0]

    def _close(self) -> None:
        """Close the database with the last of its boards.

        In the middle of another call of this thread there, `BackendUnavailableError`, and the board stays open.
        """
        try:
            self._database.check_close()
        except BackendUnavailableError:
            self._closed = False
            raise
        release(self._database)

    def _storage(self) -> str:
        return f"ZODB {version('ZODB')}, BTrees {version('BTrees')}"

    def _place(self) -> str:
        return self._database.place

    def _check(self) -> None:
        """Raise `AssertionError` unless the stored board agrees with itself. O(n)."""
        self._read(StoredBoard._check)  # noqa: SLF001 - the check of the same package


class FileLeaderboard(StoredLeaderboard):
    """A board whose URL names a file."""

    example: ClassVar[str]
    """A path of such a file."""

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` where the URL names no file."""
        del options
        location.file_path(cls.example)
        return name or location.default_board


class ZODBLeaderboard(FileLeaderboard):
    """A board in a ZODB file, or in a database that the app opened.

    `path` names the file; the boards of one process on one file share it, and no other process may open it
    meanwhile. Or `database` is an open `ZODB.DB`, over any storage, which the app closes after its boards; then
    several clients may write, each with a board object of its own, and the rank that an update returns leaves out
    updates of others that committed between its reading and its commit.

    `cache_size` is how many objects each connection keeps in memory, about 2 KB each: one for every six players
    holds a whole board, and a board that does not fit reads its file at nearly every operation. There is a connection
    for each thread that is in an operation at the same time, and up to 4 are kept. `create=False` refuses a path where
    there is no file; `batch_size` is what `update_scores` commits at once; `attempts` bounds how often a write that
    conflicts is tried.
    """

    capabilities = Capabilities(
        durable=True,
        shared=False,
        limits=True,
        feed=True,
        fence=True,
        fence_pass=True,
        lives_in="files",
        survives="a power cut, if the disk honours fsync (FileStorage)",
    )
    example: ClassVar[str] = EXAMPLE
    options: ClassVar[Mapping[str, Option]] = {
        **_OPTIONS,
        "create": Option(boolean, "create the file if it does not exist (true)"),
    }

    def __init__(
        self,
        name: str = "default",
        *,
        path: str | PathLike[str] | None = None,
        database: Any = None,
        order: Order = "descending",
        keep: Keep = "last",
        cache_size: int = CACHE_SIZE,
        create: bool = True,
        batch_size: int = BATCH_SIZE,
        attempts: int = ATTEMPTS,
        feed: int | None = None,
    ) -> None:
        if (path is None) == (database is None):
            raise ConfigurationError("a ZODB board needs either a path or a database: path='/var/lib/board.fs'.")
        found = (
            ForeignDatabase(database)
            if path is None
            else share_file(check_path(path, EXAMPLE), cache_size=cache_size, create=create)
        )
        super().__init__(found, name, order, keep, batch_size=batch_size, attempts=attempts, feed=feed)

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board of `zodb:///absolute/path?board=NAME`."""
        board = cls.check_location(location, name)
        return cls(board, path=location.file_path(EXAMPLE), order=order, keep=keep, **options)

    def _storage_info(self) -> StorageInfo:
        """Return the file; of a database that the app opened, nothing is known."""
        if isinstance(self._database, ForeignDatabase):
            return StorageInfo(process_crash=Kept(detail="the app opened the database itself"))
        files = tuple(Path(self._database.place + suffix) for suffix in ("", ".index", ".lock", ".tmp"))
        kept = Kept("everything", "each commit is synced to the disk")
        return StorageInfo("files", files, process_crash=kept, server_crash=kept, machine_crash=kept)

    @classmethod
    def open_trial(cls, scheme: str, directory: Path) -> AbstractContextManager[str]:
        """Yield the URL of a new file."""
        return nullcontext(f"{scheme}://{quote(str(directory.resolve() / 'board.fs'))}")


class ZODBMemoryLeaderboard(StoredLeaderboard):
    """A board in a ZODB database in this process's memory, fresh at each opening: the same code without a file."""

    capabilities = Capabilities(
        durable=False, shared=False, limits=True, feed=True, fence=True, fence_pass=True, lives_in="process"
    )
    options: ClassVar[Mapping[str, Option]] = _OPTIONS

    def __init__(
        self,
        name: str = "default",
        *,
        order: Order = "descending",
        keep: Keep = "last",
        cache_size: int = CACHE_SIZE,
        batch_size: int = BATCH_SIZE,
        attempts: int = ATTEMPTS,
        feed: int | None = None,
    ) -> None:
        database = Database(MemoryStorage, "memory", cache_size)
        super().__init__(database, name, order, keep, batch_size=batch_size, attempts=attempts, feed=feed)

    def _storage_info(self) -> StorageInfo:
        return IN_PROCESS

    def _inherit(self) -> None:
        super()._inherit()
        self._branch = f".{token_hex(4)}"

    @classmethod
    def open_trial(cls, scheme: str, directory: Path) -> AbstractContextManager[str]:
        """Yield the URL of a board in memory, which is new each time."""
        del directory
        return nullcontext(f"{scheme}://")
