"""Whether the tables of a board agree with each other: for tests, and for doubts about a file."""

from __future__ import annotations

from itertools import pairwise
from sqlite3 import Connection
from typing import Any

from .counts import FIRST, Sizes


def check_board(connection: Connection, board: int, sizes: Sizes) -> None:
    """Raise `AssertionError` unless players, standings and counts of a board agree. O(n)."""
    standings = _rows(connection, "SELECT key, reached, id FROM standing WHERE board = ? ORDER BY key, reached", board)
    players = _rows(connection, "SELECT key, reached, id FROM player WHERE board = ? ORDER BY key, reached", board)
    _same("players", players, standings)
    buckets = _rows(connection, "SELECT key, reached, players FROM bucket WHERE board = ? ORDER BY key, reached", board)
    runs = _rows(
        connection, "SELECT key, reached, players, buckets FROM run WHERE board = ? ORDER BY key, reached", board
    )
    _same("the first bound", (buckets[0][:2], runs[0][:2]), (FIRST, FIRST))
    places = [row[:2] for row in standings]
    starts = [row[:2] for row in buckets]
    run_starts = [row[:2] for row in runs]
    _same("bucket counts", [row[2] for row in buckets], _between(starts, places))
    _same("run counts", [row[2] for row in runs], _between(run_starts, places))
    _same("buckets of runs", [row[3] for row in runs], _between(run_starts, starts))
    _same("runs that begin with no bucket", [start for start in run_starts if start not in set(starts)], [])
    _check_sizes(buckets, runs, sizes)
    _check_changes(connection, board, [row[1] for row in standings])


def _check_changes(connection: Connection, board: int, reached: list[int]) -> None:
    """No two changes of one number, none beyond the version, and a feed without a gap that ends with the version."""
    ((version, feed),) = _rows(connection, "SELECT version, feed FROM board WHERE id = ?", board)
    numbers = [row[0] for row in _rows(connection, "SELECT number FROM change WHERE board = ? ORDER BY number", board)]
    _same("versions that reached a score", len(set(reached)), len(reached))
    _same("versions to come", [number for number in reached if not 0 < number <= version], [])
    _same("the feed", numbers, [*range(version - len(numbers) + 1, version + 1)])
    _same("changes beyond the feed's length", max(len(numbers) - feed - feed // 8 - 1, 0), 0)


def _check_sizes(buckets: list[tuple[Any, ...]], runs: list[tuple[Any, ...]], sizes: Sizes) -> None:
    """No bucket or run too large, and never two small ones side by side where they could be one."""
    _same("too large buckets", [row for row in buckets if row[2] > sizes.bucket], [])
    _same("too large runs", [row for row in runs if row[3] > sizes.run], [])
    small = [(a, b) for a, b in pairwise(runs) if a[3] + b[3] <= sizes.run // 4]
    _same("runs that should be one", small, [])


def _between(starts: list[Any], bounds: list[Any]) -> list[int]:
    """Return how many bounds are from each start up to the next; both are sorted."""
    counts, at = [0] * len(starts), 0
    for bound in bounds:
        while at + 1 < len(starts) and starts[at + 1] <= bound:
            at += 1
        counts[at] += 1
    return counts


def _rows(connection: Connection, query: str, board: int) -> list[tuple[Any, ...]]:
    return connection.execute(query, (board,)).fetchall()


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise AssertionError(f"{what}: {found!r}, not {expected!r}")
