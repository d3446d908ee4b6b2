"""What follows a board and what stops it: its version, its fence, and the feed of its latest changes.

The version is the counter of the board's row. A write reads the row when its turn has come, counts each change, and
stores all at its end, in its own transaction. A board without a feed writes nothing else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from sqlite3 import Connection
from sys import maxsize
from typing import Final, Self, TypeAlias

from leaderboard_backends.changes import (
    Change,
    Changes,
    Version,
    check_expected,
    check_fence,
    check_position,
    no_feed,
)
from leaderboard_backends.errors import BoardMismatchError
from leaderboard_backends.model import Score

_Noted: TypeAlias = tuple[int, bytes | None, bytes, float | None, int]
"""A row of `change`, without the board."""

_SLACK: Final = 8
"""A feed is trimmed once for each such part of its length that was added, not at each change."""


class StoredChanges:
    """The changes of one board in one transaction, seen through one connection."""

    __slots__ = ("_board", "_execute", "_many", "_noted", "_start", "feed", "history", "moved_to", "version")

    history: str
    version: int
    feed: int
    moved_to: str | None
    _noted: deque[_Noted]

    def __init__(self, connection: Connection, board: int) -> None:
        self._execute = connection.execute
        self._many = connection.executemany
        self._board = board

    def load(self) -> Self:
        """Read the board's row."""
        row = self._execute(
            "SELECT history, version, feed, moved_to FROM board WHERE id = ?", (self._board,)
        ).fetchone()
        if row is None:
            path = self._execute("PRAGMA database_list").fetchone()[2]
            raise BoardMismatchError(f"the board was deleted from {path}: open it again.")
        self.history, self.version, self.feed, self.moved_to = row
        return self

    # ------------------------------------------------------------------ a write

    def begin(self) -> None:
        """Read the board's row for a write. Raises `BoardMovedError` where the board is fenced, and it has no pass."""
        self.load()
        check_fence(self.moved_to)
        self._start = self.version
        if self.feed:
            self._noted = deque(maxlen=self.feed)

    def reached(self, player: bytes, username: bytes, key: float) -> int:
        """Count that a player reached a score, and return the number of that change."""
        self.version += 1
        if self.feed:
            self._noted.append((self.version, player, username, key, self.version))
        return self.version

    def note(self, player: bytes | None, username: bytes = b"", key: float | None = None, reached: int = 0) -> None:
        """Count another change: a new name, a removal, or the removal of all."""
        self.version += 1
        if self.feed:
            self._noted.append((self.version, player, username, key, reached))

    def finish(self) -> None:
        """Store the version and, where the board keeps a feed, what was counted."""
        if self.version == self._start:
            return
        self._execute("UPDATE board SET version = ? WHERE id = ?", (self.version, self._board))
        if self.feed:
            board = self._board
            self._many("INSERT INTO change VALUES (?, ?, ?, ?, ?, ?)", ((board, *change) for change in self._noted))
            part = self.feed // _SLACK + 1
            if self.version // part != self._start // part:
                self._trim()

    def _trim(self) -> None:
        self._execute(
            "DELETE FROM change WHERE board = ? AND number <= ?", (self._board, max(self.version - self.feed, 0))
        )

    # ------------------------------------------------------------------ settings

    def keep(self, feed: int) -> None:
        """Keep so many changes from now on; 0 forgets those that were kept."""
        self.load()
        self.feed = feed
        self._execute("UPDATE board SET feed = ? WHERE id = ?", (feed, self._board))
        self._trim()

    def fence(self, moved_to: str | None) -> None:
        """Fence the board, or lift its fence. Raises `BoardMovedError` where another fence is expected."""
        self.load()
        check_expected(self.moved_to, moved_to)
        self._execute("UPDATE board SET moved_to = ? WHERE id = ?", (moved_to, self._board))

    # ------------------------------------------------------------------ a read

    def at(self) -> Version:
        """Return the version as it is."""
        return Version(self.history, self.version)

    def since(self, after: Version | None, limit: int, score_of: Callable[[float], Score]) -> Changes:
        """Return at most `limit` changes after a version, or the present version alone. O(limit)."""
        version = self.load().at()
        if after is None:
            return Changes(version, [])
        if not self.feed:
            raise no_feed()
        (oldest,) = self._execute("SELECT min(number) FROM change WHERE board = ?", (self._board,)).fetchone()
        check_position(after, version, version.number if oldest is None else oldest - 1)
        rows = self._execute(
            "SELECT number, id, username, key, reached FROM change WHERE board = ? AND number > ? "
            "ORDER BY number LIMIT ?",
            (self._board, after.number, min(limit, maxsize)),
        )
        return Changes(version, [_change(row, score_of) for row in rows])


def _change(row: _Noted, score_of: Callable[[float], Score]) -> Change:
    number, player, username, key, reached = row
    player_id = None if player is None else player.decode()
    return Change(number, player_id, username.decode(), None if key is None else score_of(key), reached)
