"""One board in its tables: moves of players, and the reads, in terms of keys and of versions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from sqlite3 import Connection
from sys import maxsize
from typing import Any, Final, TypeAlias

from leaderboard_backends.model import Entry, Score, make_entry, percentile, score_from_float

from .changes import StoredChanges
from .counts import FIRST, Bound, Counts, Sizes

Row: TypeAlias = tuple[float, int, bytes, bytes]
"""Key, the version that reached it, player id and username of a standing."""

_Standing: TypeAlias = tuple[float, int, bytes]
"""The same of a player whose id is known."""

LAST: Final = 2**63 - 1
"""Behind all of a tie."""

_SCATTERED: Final = 256
"""Entries that are read by their ranks, whatever the size of the board."""

_ROWS_PER_RANK: Final = 32
"""Rows that a walk reads in the time of one rank, with room to spare."""

_NO_LIMIT: Final = -1
"""SQLite's word for as many as there are."""


class StoredBoard:
    """A board seen through one connection; a read that takes several statements needs a transaction around it."""

    __slots__ = ("_connection", "_execute", "changes", "counts", "descending", "id")

    changes: StoredChanges
    """Of a board that is written."""

    def __init__(self, connection: Connection, board: int, sizes: Sizes, *, descending: bool) -> None:
        self._connection = connection
        self._execute = connection.execute
        self.descending = descending
        self.id = board
        self.counts = Counts(connection, board, sizes)

    # ------------------------------------------------------------------ scores and keys

    def key_of(self, score: Score) -> float:
        """Return a score's key: the best has the smallest. Exact, as every score is a double's value."""
        return float(-score if self.descending else score)

    def score_of(self, key: float) -> Score:
        """Return a key's score."""
        return score_from_float(-key if self.descending else key)

    # ------------------------------------------------------------------ writes

    def place(self, player_id: str, username: str, score: Score, *, best_only: bool) -> Bound:
        """Store a player's score and username by the keep rule, and return where the player stands. O(log n)."""
        player, name, key = player_id.encode(), username.encode(), self.key_of(score)
        old = self.find(player_id)
        if old is not None and (old[0] == key or (best_only and old[0] < key)):
            self._rename(old, player, name)
            return old
        new = (key, self.changes.reached(player, name, key))
        if old is None:
            self._execute("INSERT INTO player VALUES (?, ?, ?, ?)", (self.id, player, *new))
        else:
            self._execute("UPDATE player SET key = ?, reached = ? WHERE board = ? AND id = ?", (*new, self.id, player))
            self._delete(old)
        self._execute("INSERT INTO standing VALUES (?, ?, ?, ?, ?)", (self.id, *new, player, name))
        self.counts.shift(old, new)
        return new

    def rebuild(self, updates: Sequence[tuple[str, str, Score]], *, best_only: bool) -> bool:
        """Apply the updates by writing the board anew; returns whether that was done. O((n + m) log (n + m)).

        Left to single moves where the board has more players than there are updates, so that the memory this takes is
        in proportion to what the caller holds already.
        """
        if self.counts.total() > len(updates):
            return False
        standings: dict[bytes, _Standing] = {player: (key, reached, name) for key, reached, player, name in self.rows()}
        changes = self.changes
        for player_id, username, score in updates:
            player, name, key = player_id.encode(), username.encode(), self.key_of(score)
            old = standings.get(player)
            if old is None or not (old[0] == key or (best_only and old[0] < key)):
                standings[player] = (key, changes.reached(player, name, key), name)
            elif old[2] != name:
                standings[player] = (old[0], old[1], name)
                changes.note(player, name, old[0], old[1])
        ordered = sorted(standings.items(), key=itemgetter(1))
        self.replace_all([(key, reached, player, name) for player, (key, reached, name) in ordered])
        return True

    def remove(self, player_id: str) -> bool:
        """Remove a player; returns whether there was one. O(log n)."""
        old = self.find(player_id)
        if old is None:
            return False
        player = player_id.encode()
        self._delete(old)
        self._execute("DELETE FROM player WHERE board = ? AND id = ?", (self.id, player))
        self.counts.shift(old, None)
        self.changes.note(player)
        return True

    def clear(self) -> None:
        """Remove all players. O(n)."""
        if self.counts.total():
            self.replace_all(())
            self.changes.note(None)

    def delete(self) -> None:
        """Remove the board itself, with its counts, its feed and its fence. O(n)."""
        self.replace_all(())
        self.counts.drop()
        self._execute("DELETE FROM change WHERE board = ?", (self.id,))
        self._execute("DELETE FROM board WHERE id = ?", (self.id,))

    def replace_all(self, rows: Sequence[Row]) -> None:
        """Make these, which are sorted, all the players there are. O(n log n)."""
        board = self.id
        self._execute("DELETE FROM standing WHERE board = ?", (board,))
        self._execute("DELETE FROM player WHERE board = ?", (board,))
        many = self._connection.executemany
        many("INSERT INTO standing VALUES (?, ?, ?, ?, ?)", ((board, *row) for row in rows))
        players = sorted((player, key, reached) for key, reached, player, _ in rows)
        many("INSERT INTO player VALUES (?, ?, ?, ?)", ((board, *player) for player in players))
        self.counts.rebuild([(key, reached) for key, reached, _, _ in rows])

    def _rename(self, bound: Bound, player: bytes, username: bytes) -> None:
        changed = self._execute(
            "UPDATE standing SET username = ? WHERE board = ? AND key = ? AND reached = ? AND username <> ?",
            (username, self.id, *bound, username),
        ).rowcount
        if changed:
            self.changes.note(player, username, *bound)

    def _delete(self, bound: Bound) -> None:
        self._execute("DELETE FROM standing WHERE board = ? AND key = ? AND reached = ?", (self.id, *bound))

    # ------------------------------------------------------------------ reads of players

    def find(self, player_id: str) -> Bound | None:
        """Return where a player stands. O(log n)."""
        found: Bound | None = self._execute(
            "SELECT key, reached FROM player WHERE board = ? AND id = ?", (self.id, player_id.encode())
        ).fetchone()
        return found

    def score(self, player_id: str) -> Score | None:
        """Return a player's score."""
        bound = self.find(player_id)
        return None if bound is None else self.score_of(bound[0])

    def rank(self, player_id: str) -> int | None:
        """Return a player's rank."""
        bound = self.find(player_id)
        return None if bound is None else self.counts.position(bound)

    def percentile(self, player_id: str) -> float | None:
        """Return a player's percentile."""
        rank = self.rank(player_id)
        return None if rank is None else percentile(rank, self.counts.total())

    def entries_of(self, player_ids: Sequence[str]) -> list[Entry | None]:
        """Return the entries of these players: by their ranks, or in one walk where they are a part of the board."""
        if len(player_ids) > _SCATTERED and len(player_ids) * _ROWS_PER_RANK > self.counts.total():
            return self._entries_by_walk(player_ids)
        bounds = [(player_id, self.find(player_id)) for player_id in player_ids]
        return [None if bound is None else self.entry_at(player_id, bound) for player_id, bound in bounds]

    def _entries_by_walk(self, player_ids: Sequence[str]) -> list[Entry | None]:
        players = [player_id.encode() for player_id in player_ids]
        asked, found = set(players), dict[bytes, Entry]()
        for rank, (key, _, player, name) in enumerate(self.rows(), 1):
            if player in asked:
                found[player] = Entry(rank, player.decode(), name.decode(), self.score_of(key))
        return list(map(found.get, players))

    def entry_at(self, player_id: str, bound: Bound) -> Entry:
        """Return the entry of a player who stands there."""
        username: bytes = self._execute(
            "SELECT username FROM standing WHERE board = ? AND key = ? AND reached = ?", (self.id, *bound)
        ).fetchone()[0]
        return Entry(self.counts.position(bound), player_id, username.decode(), self.score_of(bound[0]))

    # ------------------------------------------------------------------ reads of ranges

    def rows(self) -> Iterable[Row]:
        """Return the standings of everybody, best first."""
        return self._execute(
            "SELECT key, reached, id, username FROM standing WHERE board = ? ORDER BY key, reached", (self.id,)
        )

    def top(self, n: int) -> list[Entry]:
        """Return the first entries. O(n)."""
        return self._entries(self._from(FIRST, n, 0), 1)

    def range(self, first_rank: int, last_rank: int) -> list[Entry]:
        """Return the entries of these ranks."""
        at = self.counts.seek(first_rank - 1)
        if at is None:
            return []
        return self._entries(self._from(at[0], last_rank - first_rank + 1, at[1]), first_rank)

    def around(self, player_id: str, radius: int) -> list[Entry]:
        """Return a player and those who stand next."""
        bound = self.find(player_id)
        if bound is None:
            return []
        before = self._execute(
            "SELECT key, id, username FROM standing WHERE board = ? AND (key, reached) < (?, ?) "
            "ORDER BY key DESC, reached DESC LIMIT ?",
            (self.id, *bound, min(radius, maxsize)),
        ).fetchall()
        before.reverse()
        rows = before + self._from(bound, min(radius, maxsize - 1) + 1, 0)
        return self._entries(rows, self.counts.position(bound) - len(before))

    def by_score(self, low: Score, high: Score, limit: int | None) -> list[Entry]:
        """Return the entries with these scores, best first."""
        first, last = self._bounds(low, high)
        rows = self._execute(
            "SELECT key, id, username FROM standing WHERE board = ? AND key >= ? AND key <= ? "
            "ORDER BY key, reached LIMIT ?",
            (self.id, first[0], last[0], _NO_LIMIT if limit is None else min(limit, maxsize)),
        ).fetchall()
        return self._entries(rows, self.counts.position(first) + 1) if rows else []

    def count_by_score(self, low: Score, high: Score) -> int:
        """Return how many have these scores."""
        first, last = self._bounds(low, high)
        return self.counts.position(last) - self.counts.position(first)

    def _bounds(self, low: Score, high: Score) -> tuple[Bound, Bound]:
        """Return a bound before and a bound behind all players with these scores."""
        best, worst = (high, low) if self.descending else (low, high)
        return (self.key_of(best), -1), (self.key_of(worst), LAST)

    def _from(self, bound: Bound, n: int, skipped: int) -> list[Any]:
        return self._execute(
            "SELECT key, id, username FROM standing WHERE board = ? AND (key, reached) >= (?, ?) "
            "ORDER BY key, reached LIMIT ? OFFSET ?",
            (self.id, *bound, min(n, maxsize), skipped),
        ).fetchall()

    def _entries(self, rows: Iterable[tuple[float, bytes, bytes]], first_rank: int) -> list[Entry]:
        score_of = self.score_of
        return [
            make_entry((rank, player.decode(), name.decode(), score_of(key)))
            for rank, (key, player, name) in enumerate(rows, first_rank)
        ]
