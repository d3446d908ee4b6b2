"""The counts that make a rank cheap: buckets of players, and runs of buckets.

Bounds, `(key, reached)`, are compared as pairs. A bucket counts the players from its bound up to the next bucket's; a
run counts those of its buckets, and begins where its first bucket does. So a bucket may be split anywhere, and a run
between any two buckets, without touching a player. The first bucket of a run goes only together with the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from sqlite3 import Connection
from typing import Any, Final, NamedTuple, TypeAlias

Bound: TypeAlias = tuple[float, int]
"""Where a player stands: the key, and the number of the change that reached it, which orders a tie."""

FIRST: Final[Bound] = (float("-inf"), -1)
"""Before every player: where the first bucket and the first run of a board begin."""

_POSITION: Final = files(__package__).joinpath("sql", "position.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many players a bucket and how many buckets a run may hold; boards of any sizes read each other."""

    bucket: int = 256
    """A rank among a million players took 41 µs in a prototype, and 54 µs with 512."""
    run: int = 64
    """Runs of 128 gained nothing."""


class Bucket(NamedTuple):
    """A row of `bucket`."""

    key: float
    reached: int
    players: int


class Run(NamedTuple):
    """A row of `run`."""

    key: float
    reached: int
    players: int
    buckets: int


class Counts:
    """The counts of one board, seen through one connection."""

    __slots__ = ("_board", "_execute", "_many", "_sizes")

    def __init__(self, connection: Connection, board: int, sizes: Sizes) -> None:
        self._execute = connection.execute
        self._many = connection.executemany
        self._board = board
        self._sizes = sizes

    # ------------------------------------------------------------------ reading

    def position(self, bound: Bound) -> int:
        """Return how many players stand at or before a bound: the rank of the one who stands at it."""
        given = {"board": self._board, "key": bound[0], "reached": bound[1]}
        return int(self._execute(_POSITION, given).fetchone()[0])

    def total(self) -> int:
        """Return how many players there are."""
        return int(self._execute("SELECT total(players) FROM run WHERE board = ?", (self._board,)).fetchone()[0])

    def seek(self, position: int) -> tuple[Bound, int] | None:
        """Return the bucket that holds the player behind so many, and how many of its players to skip."""
        at = self._walk("SELECT key, reached, players FROM run WHERE board = ? ORDER BY key, reached", (), position)
        if at is None:
            return None
        return self._walk(
            "SELECT key, reached, players FROM bucket WHERE board = ? AND (key, reached) >= (?, ?) "
            "ORDER BY key, reached",
            *at,
        )

    def _walk(self, query: str, start: Sequence[Any], position: int) -> tuple[Bound, int] | None:
        for key, reached, players in self._execute(query, (self._board, *start)):
            if position < players:
                return (key, reached), position
            position -= players
        return None

    # ------------------------------------------------------------------ writing

    def rebuild(self, bounds: Sequence[Bound]) -> None:
        """Count anew these places of all players, best first; buckets and runs are filled to three quarters. O(n)."""
        self.drop()
        size, width = max(1, self._sizes.bucket * 3 // 4), max(1, self._sizes.run * 3 // 4)
        starts = [FIRST, *bounds[size::size]]
        players = [min(size, len(bounds) - at) for at in range(0, len(bounds), size)] or [0]
        board = self._board
        self._many(
            "INSERT INTO bucket VALUES (?, ?, ?, ?)",
            ((board, *start, count) for start, count in zip(starts, players, strict=True)),
        )
        runs = [(at, players[at : at + width]) for at in range(0, len(players), width)]
        self._many(
            "INSERT INTO run VALUES (?, ?, ?, ?, ?)",
            ((board, *starts[at], sum(counts), len(counts)) for at, counts in runs),
        )

    def drop(self) -> None:
        """Drop all counts, before `rebuild`."""
        self._execute("DELETE FROM bucket WHERE board = ?", (self._board,))
        self._execute("DELETE FROM run WHERE board = ?", (self._board,))

    def shift(self, old: Bound | None, new: Bound | None) -> None:
        """Count that a player left a place, joined another, or both; the standings show it already."""
        left = None if old is None else self._bucket_of(old)
        joined = None if new is None else self._bucket_of(new)
        if left == joined:
            return
        merged = left is not None and self._leave(left)
        if joined is not None and new is not None:
            self._join(self._bucket_of(new) if merged else joined)

    def _leave(self, bucket: Bucket) -> bool:
        """Count one player less; returns whether the bucket became one with a neighbour."""
        bucket = bucket._replace(players=bucket.players - 1)
        run = self._run_of(bucket)
        run = run._replace(players=run.players - 1)
        self._set_bucket(bucket)
        merged = bucket.players <= self._sizes.bucket // 4 and self._merge_bucket(bucket, run)
        if merged:
            run = run._replace(buckets=run.buckets - 1)
        self._set_run(run)
        if merged and run.buckets <= self._sizes.run // 4:
            self._merge_run(run)
        return merged

    def _join(self, bucket: Bucket) -> None:
        bucket = bucket._replace(players=bucket.players + 1)
        run = self._run_of(bucket)
        run = run._replace(players=run.players + 1)
        if bucket.players > self._sizes.bucket:
            bucket = self._split_bucket(bucket)
            run = run._replace(buckets=run.buckets + 1)
        self._set_bucket(bucket)
        if run.buckets > self._sizes.run:
            run = self._split_run(run)
        self._set_run(run)

    # ------------------------------------------------------------------ splitting and merging

    def _split_bucket(self, bucket: Bucket) -> Bucket:
        """Make a bucket of the second half, and return the first."""
        half = bucket.players // 2
        key, reached = self._execute(
            "SELECT key, reached FROM standing WHERE board = ? AND (key, reached) >= (?, ?) ORDER BY key, reached "
            "LIMIT 1 OFFSET ?",
            (self._board, bucket.key, bucket.reached, half),
        ).fetchone()
        self._execute("INSERT INTO bucket VALUES (?, ?, ?, ?)", (self._board, key, reached, bucket.players - half))
        return bucket._replace(players=half)

    def _split_run(self, run: Run) -> Run:
        """Make a run of the second half, and return the first."""
        buckets = self._execute(
            "SELECT key, reached, players FROM bucket WHERE board = ? AND (key, reached) >= (?, ?) "
            "ORDER BY key, reached LIMIT ?",
            (self._board, run.key, run.reached, run.buckets),
        ).fetchall()
        half = run.buckets // 2
        players = sum(count for _, _, count in buckets[:half])
        key, reached, _ = buckets[half]
        second = Run(key, reached, run.players - players, run.buckets - half)
        self._execute("INSERT INTO run VALUES (?, ?, ?, ?, ?)", (self._board, *second))
        return run._replace(players=players, buckets=half)

    def _merge_bucket(self, bucket: Bucket, run: Run) -> bool:
        """Join a bucket that became small with a neighbour of its run that has room; returns whether one had."""
        for first, second in self._neighbouring_buckets(bucket, run):
            players = first.players + second.players
            if not bucket.players or players <= self._sizes.bucket * 3 // 4:
                self._execute(
                    "DELETE FROM bucket WHERE board = ? AND key = ? AND reached = ?",
                    (self._board, second.key, second.reached),
                )
                self._set_bucket(first._replace(players=players))
                return True
        return False

    def _neighbouring_buckets(self, bucket: Bucket, run: Run) -> Iterable[tuple[Bucket, Bucket]]:
        if bucket[:2] != run[:2]:
            before = self._execute(
                "SELECT key, reached, players FROM bucket WHERE board = ? AND (key, reached) < (?, ?) "
                "ORDER BY key DESC, reached DESC LIMIT 1",
                (self._board, bucket.key, bucket.reached),
            ).fetchone()
            yield Bucket(*before), bucket
        after = self._execute(
            "SELECT key, reached, players FROM bucket WHERE board = ? AND (key, reached) > (?, ?) "
            "ORDER BY key, reached LIMIT 1",
            (self._board, bucket.key, bucket.reached),
        ).fetchone()
        if after is not None and self._run_of(Bucket(*after))[:2] == run[:2]:
            yield bucket, Bucket(*after)

    def _merge_run(self, run: Run) -> None:
        """Join a run that became small with a neighbour that has room."""
        for first, second in self._neighbouring_runs(run):
            if first.buckets + second.buckets <= self._sizes.run * 3 // 4:
                self._execute(
                    "DELETE FROM run WHERE board = ? AND key = ? AND reached = ?",
                    (self._board, second.key, second.reached),
                )
                players = first.players + second.players
                self._set_run(first._replace(players=players, buckets=first.buckets + second.buckets))
                return

    def _neighbouring_runs(self, run: Run) -> Iterable[tuple[Run, Run]]:
        before = self._execute(
            "SELECT key, reached, players, buckets FROM run WHERE board = ? AND (key, reached) < (?, ?) "
            "ORDER BY key DESC, reached DESC LIMIT 1",
            (self._board, run.key, run.reached),
        ).fetchone()
        if before is not None:
            yield Run(*before), run
        after = self._execute(
            "SELECT key, reached, players, buckets FROM run WHERE board = ? AND (key, reached) > (?, ?) "
            "ORDER BY key, reached LIMIT 1",
            (self._board, run.key, run.reached),
        ).fetchone()
        if after is not None:
            yield run, Run(*after)

    # ------------------------------------------------------------------ rows

    def _bucket_of(self, bound: Bound) -> Bucket:
        row = self._execute(
            "SELECT key, reached, players FROM bucket WHERE board = ? AND (key, reached) <= (?, ?) "
            "ORDER BY key DESC, reached DESC LIMIT 1",
            (self._board, *bound),
        ).fetchone()
        return Bucket(*row)

    def _run_of(self, bucket: Bucket) -> Run:
        row = self._execute(
            "SELECT key, reached, players, buckets FROM run WHERE board = ? AND (key, reached) <= (?, ?) "
            "ORDER BY key DESC, reached DESC LIMIT 1",
            (self._board, bucket.key, bucket.reached),
        ).fetchone()
        return Run(*row)

    def _set_bucket(self, bucket: Bucket) -> None:
        self._execute(
            "UPDATE bucket SET players = ? WHERE board = ? AND key = ? AND reached = ?",
            (bucket.players, self._board, bucket.key, bucket.reached),
        )

    def _set_run(self, run: Run) -> None:
        self._execute(
            "UPDATE run SET players = ?, buckets = ? WHERE board = ? AND key = ? AND reached = ?",
            (run.players, run.buckets, self._board, run.key, run.reached),
        )
