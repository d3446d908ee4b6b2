"""The board: what the contract asks, as operations in transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from os import PathLike
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar, Concatenate, Final, ParamSpec, Self, TypeVar
from urllib.parse import quote

from leaderboard_backends.capabilities import Capabilities, Kept, StorageInfo
from leaderboard_backends.changes import FEED_OPTION, Changes, Version, note_version, version_wanted
from leaderboard_backends.errors import BackendError, BoardMismatchError, LeaderboardClosedError, ScoreLimitError
from leaderboard_backends.files import check_path
from leaderboard_backends.location import Location, Option, boolean, check_options, integer, seconds
from leaderboard_backends.model import Entry, Keep, Order, Score, add_scores, check_count
from leaderboard_backends.protocol import LeaderboardBackend
from leaderboard_backends.score_limits import limits_wanted

from .changes import StoredChanges
from .counts import Sizes
from .failures import BESIDE, ODD_ROWS
from .files import release, share_file
from .invariants import check_board
from .opening import Settings, check_version
from .order import StoredBoard
from .transactions import read, write

Given = ParamSpec("Given")
Result = TypeVar("Result")

BUSY_TIMEOUT: Final = 5.0
BATCH_SIZE: Final = 1_000
CACHE_MIB: Final = 8
EXAMPLE: Final = "/var/lib/app/board.db"


def synchronous_option(value: object) -> str:
    """Parse `full` or `normal`."""
    if value not in ("full", "normal"):
        raise ValueError("it must be full or normal")
    return "full" if value == "full" else "normal"


class SQLiteLeaderboard(LeaderboardBackend):
    """A board in an SQLite file, which any number of boards, threads and processes of one machine share.

    `path` names the file. `create=False` refuses a path where there is no file. `synchronous` is `full`, where each
    commit waits for the disk, or `normal`, where only the copying of the log does. `busy_timeout` is how many seconds
    a write waits for those of other processes before it raises `WriteConflictError`. `batch_size` is what
    `update_scores` commits at once. `feed` is how many of the latest changes the board keeps, whoever writes it; it is
    stored with the board, and stays as it was where it is not given. `cache_mib` bounds the pages that each connection
    keeps in memory; there is a connection for each thread that is in an operation at the same time, and up to 8 are
    kept. Boards of a process on one file share connections where `busy_timeout`, `synchronous` and `cache_mib` agree.

    Raises `ConfigurationError`, `BackendUnavailableError`, `BackendReadOnlyError`, `BackendFullError` or
    `BoardMismatchError` where there can be no such board. A forked child may go on using it, with connections of its
    own. What operations cost is in the docstring of `leaderboard_backends_sqlite`: O(log n) and sums of counts, one
    commit per write, no round trip.
    """

    _sizes: ClassVar[Sizes] = Sizes()
    capabilities = Capabilities(
        durable=True,
        shared=True,
        lives_in="files",
        survives="a power cut, if the disk honours fsync (with synchronous=normal: a crash of a process)",
        feed=True,
        fence=True,
        fence_pass=True,
        limits=True,
    )
    options: ClassVar[Mapping[str, Option]] = {
        "create": Option(boolean, "create the file if it does not exist (true)"),
        "busy_timeout": Option(seconds, "seconds that a write waits for writes of other processes (5)"),
        "synchronous": Option(
            synchronous_option, "full: a commit survives a power cut; normal: it survives a crash of the process (full)"
        ),
        "batch_size": Option(integer(1), "updates per commit of update_scores (1000)"),
        "cache_mib": Option(integer(1, 1_000_000), "MiB of pages that each connection keeps in memory (8)"),
        "feed": FEED_OPTION,
    }

    def __init__(
        self,
        name: str = "default",
        *,
        path: str | PathLike[str],
        order: Order = "descending",
        keep: Keep = "last",
        create: bool = True,
        busy_timeout: float = BUSY_TIMEOUT,
        synchronous: str = "full",
        batch_size: int = BATCH_SIZE,
        cache_mib: int = CACHE_MIB,
        feed: int | None = None,
    ) -> None:
        super().__init__(name, order=order, keep=keep)
        self._closed = True  # until it is open
        check_version()
        self._batch_size = check_count(batch_size, "batch_size", 1)
        self._best_only = self._keep == "best"
        self._descending = self._order == "descending"
        given = {"busy_timeout": busy_timeout, "synchronous": synchronous, "cache_mib": cache_mib}
        settings = Settings(**check_options("sqlite://", self.options, given))
        self._file = share_file(check_path(path, EXAMPLE), settings, create=create)
        try:
            found = read(self._file, self._find)
            self._id = write(self._file, self._establish) if found is None else found
            if feed is not None:
                self._keep_feed(check_options("sqlite://", self.options, {"feed": feed})["feed"])
        except BaseException:
            release(self._file)
            raise
        self._closed = False

    def _find(self, connection: sqlite3.Connection) -> int | None:
        """Return the number of the board in the file; raises `BoardMismatchError` where its order is the other."""
        row = connection.execute("SELECT id, descending FROM board WHERE name = ?", (self._name,)).fetchone()
        if row is None:
            return None
        if row[1] != self._descending:
            standing = "descending" if row[1] else "ascending"
            raise BoardMismatchError(
                f"the board {self._name!r} at {self._place()} is {standing}, not {self._order}: open it with "
                f"order={standing!r}, or give the new board another name."
            )
        return int(row[0])

    def _establish(self, connection: sqlite3.Connection) -> int:
        found = self._find(connection)  # anew: another process may have been first
        if found is not None:
            return found
        connection.execute(
            "INSERT INTO board (name, descending, history, version, feed) VALUES (?, ?, ?, 0, 0)",
            (self._name, self._descending, token_hex(8)),
        )
        made: int = connection.execute("SELECT last_insert_rowid()").fetchone()[0]
        StoredBoard(connection, made, self._sizes, descending=self._descending).counts.rebuild(())
        return made

    def _keep_feed(self, feed: int) -> None:
        """Store how many changes the board keeps, where that is another number."""
        if read(self._file, lambda connection: self._changes(connection).load().feed) != feed:
            write(self._file, lambda connection: self._changes(connection).keep(feed))

    @classmethod
    def from_location(cls, location: Location, name: str | None, order: Order, keep: Keep, **options: Any) -> Self:
        """Open the board of `sqlite:///absolute/path?board=NAME`."""
        board = cls.check_location(location, name)
        return cls(board, path=location.file_path(EXAMPLE), order=order, keep=keep, **options)

    @classmethod
    def check_location(cls, location: Location, name: str | None, **options: Any) -> str:
        """Return the board's name; raises `ConfigurationError` where the URL names no file."""
        del options
        location.file_path(EXAMPLE)
        return name or location.default_board

    @classmethod
    def open_trial(cls, scheme: str, directory: Path) -> AbstractContextManager[str]:
        """Yield the URL of a new file."""
        return nullcontext(f"{scheme}://{quote(str(directory.resolve() / 'board.db'))}")

    # ------------------------------------------------------------------ writes

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._write(_update, player_id, username, score, best_only=self._best_only)

    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        return self._write(_increment, player_id, username, delta, best_only=self._best_only)

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        if len(updates) > self._batch_size and self._write(_load, updates, best_only=self._best_only):
            return
        applied = 0
        try:
            while applied < len(updates):
                batch = updates[applied : applied + self._batch_size]
                self._write(_update_all, batch, best_only=self._best_only)
                applied += len(batch)
        except (BackendError, LeaderboardClosedError, ScoreLimitError) as error:
            error.applied = applied
            raise

    def _remove_player(self, player_id: str) -> bool:
        return self._write(StoredBoard.remove, player_id)

    def _clear(self) -> None:
        self._write(StoredBoard.clear)

    def _delete(self) -> None:
        write(self._file, lambda connection: self._stored(connection).delete())

    # ------------------------------------------------------------------ reads

    def _get_score(self, player_id: str) -> Score | None:
        return self._read(StoredBoard.score, player_id)

    def _get_rank(self, player_id: str) -> int | None:
        return self._read(StoredBoard.rank, player_id)

    def _get_percentile(self, player_id: str) -> float | None:
        return self._read(StoredBoard.percentile, player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return self._read(StoredBoard.entries_of, player_ids)

    def _get_top_n(self, n: int) -> list[Entry]:
        return self._read(StoredBoard.top, n)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        return self._read(StoredBoard.range, first_rank, last_rank)

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        return self._read(StoredBoard.around, player_id, radius)

    def _get_by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        return self._read(StoredBoard.by_score, low, high, limit)

    def _count_by_score(self, low: Score, high: Score) -> int:
        return self._read(StoredBoard.count_by_score, low, high)

    def _count(self) -> int:
        return self._read(_count)

    def _ping(self) -> None:
        self._file.check_identity()
        self._read(_count)

    # ------------------------------------------------------------------ changes

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        def since(connection: sqlite3.Connection) -> Changes:
            return self._changes(connection).since(after, limit, self._stored(connection).score_of)

        return read(self._file, since)

    def _fence(self, moved_to: str | None) -> None:
        write(self._file, lambda connection: self._changes(connection).fence(moved_to))

    def _fenced(self) -> str | None:
        def stored(connection: sqlite3.Connection) -> str | None:
            return self._changes(connection).load().moved_to

        return read(self._file, stored)

    # ------------------------------------------------------------------ how

    def _read(
        self,
        operation: Callable[Concatenate[StoredBoard, Given], Result],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Result:
        def on_board(connection: sqlite3.Connection) -> Result:
            stored = self._stored(connection)
            if version_wanted():
                note_version(self._changes(connection).load().at())
            try:
                answer = operation(stored, *args, **kwargs)
            except ODD_ROWS:
                self._changes(connection).load()  # a deleted board has no counts
                raise
            if _is_empty(answer):
                self._changes(connection).load()
            return answer

        return read(self._file, on_board)

    def _write(
        self,
        operation: Callable[Concatenate[StoredBoard, Given], Result],
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Result:
        def on_board(connection: sqlite3.Connection) -> Result:
            stored = self._stored(connection)
            stored.changes = changes = self._changes(connection)
            changes.begin()
            result = operation(stored, *args, **kwargs)
            changes.finish()
            if version_wanted():
                note_version(changes.at())
            return result

        return write(self._file, on_board)

    def _stored(self, connection: sqlite3.Connection) -> StoredBoard:
        return StoredBoard(connection, self._id, self._sizes, descending=self._descending)

    def _changes(self, connection: sqlite3.Connection) -> StoredChanges:
        return StoredChanges(connection, self._id)

    def _close(self) -> None:
        release(self._file)

    def _check(self) -> None:
        """Raise `AssertionError` unless the stored board agrees with itself. O(n)."""
        read(self._file, lambda connection: check_board(connection, self._id, self._sizes))

    def _storage(self) -> str:
        return f"SQLite {sqlite3.sqlite_version}"

    def _storage_info(self) -> StorageInfo:
        path, synchronous = self._file.path, self._file.settings.synchronous
        setting = f"synchronous={synchronous}"
        kept = Kept("everything", setting)
        synced = (
            kept
            if synchronous == "full"
            else Kept("other", f"{setting}: a consistent earlier state; the last commits may be lost")
        )
        files = (Path(path), *(Path(f"{path}{ending}") for ending in BESIDE))
        return StorageInfo("files", files, process_crash=kept, server_crash=kept, machine_crash=synced)

    def _place(self) -> str:
        return self._file.path


def _is_empty(answer: object) -> bool:
    """Whether a deleted board would answer so; any other answer proves that the board is there."""
    return not answer or (isinstance(answer, list) and not any(answer))


def _count(stored: StoredBoard) -> int:
    return stored.counts.total()


def _update(stored: StoredBoard, player_id: str, username: str, score: Score, *, best_only: bool) -> int:
    if limits := limits_wanted():
        limits.check(stored.score(player_id), score, None, *_rules(stored, best_only=best_only))
    return stored.counts.position(stored.place(player_id, username, score, best_only=best_only))


def _update_all(stored: StoredBoard, updates: Sequence[tuple[str, str, Score]], *, best_only: bool) -> None:
    _check_limits(stored, updates, best_only=best_only)
    for player_id, username, score in updates:
        stored.place(player_id, username, score, best_only=best_only)


def _load(stored: StoredBoard, updates: Sequence[tuple[str, str, Score]], *, best_only: bool) -> bool:
    _check_limits(stored, updates, best_only=best_only)
    return stored.rebuild(updates, best_only=best_only)


def _increment(stored: StoredBoard, player_id: str, username: str, delta: Score, *, best_only: bool) -> Entry:
    standing = stored.score(player_id)
    score = add_scores(standing or 0, delta)
    if limits := limits_wanted():
        limits.check(standing, score, delta, *_rules(stored, best_only=best_only))
    return stored.entry_at(player_id, stored.place(player_id, username, score, best_only=best_only))


def _check_limits(stored: StoredBoard, updates: Sequence[tuple[str, str, Score]], *, best_only: bool) -> None:
    if limits := limits_wanted():
        limits.check_all(updates, stored.score, *_rules(stored, best_only=best_only))


def _rules(stored: StoredBoard, *, best_only: bool) -> tuple[Order, Keep]:
    return "descending" if stored.descending else "ascending", "best" if best_only else "last"
