"""Ranks, deep pages and updates beside plain SQL on SQLite: `python benchmarks/beside_plain_sql.py [PLAYERS…]`.

Both sides of a line do the same in turn, round by round, in one run: so a slow machine slows both. Each figure is the
median of the rounds, with the lowest and highest ratio. A rank and a page are read from the very same table; updates
go to a plain table with an index, in a file beside ours, with the same settings, and return no rank there.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter

from leaderboard_backends_sqlite import SQLiteLeaderboard

ROUNDS = 15
SCORES = 1_000_000
CACHE_MIB = 64

Work = Callable[[int], object]
"""Do the operation of this number."""

COUNT = """
SELECT count(*) FROM player AS me JOIN standing
ON standing.board = me.board AND (standing.key, standing.reached) <= (me.key, me.reached)
WHERE me.board = 1 AND me.id = ?
"""

PAGE = "SELECT key, id, username FROM standing WHERE board = 1 ORDER BY key, reached LIMIT 10 OFFSET ?"

PLAIN = """
CREATE TABLE plain (id TEXT PRIMARY KEY, username TEXT NOT NULL, score INTEGER NOT NULL, sequence INTEGER NOT NULL);
CREATE INDEX plain_order ON plain (score DESC, sequence);
"""


class PlainTable:
    """What people write first: a table, an index over score and sequence, a commit each update."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = wal", f"synchronous = {synchronous}", f"cache_size = {-1024 * CACHE_MIB}"):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.executescript(PLAIN)
        self.sequence = 0

    def load(self, players: list[tuple[str, str, int]]) -> None:
        self.connection.execute("BEGIN")
        self.connection.executemany(
            "INSERT INTO plain VALUES (?, ?, ?, ?)", ((*player, number) for number, player in enumerate(players))
        )
        self.connection.execute("COMMIT")
        self.sequence = len(players)

    def update(self, player: str, score: int) -> None:
        self.sequence += 1
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("UPDATE plain SET score = ?, sequence = ? WHERE id = ?", (score, self.sequence, player))
        self.connection.execute("COMMIT")


def paired(ours: Work, theirs: Work, share: int, their_share: int) -> tuple[float, float, list[float]]:
    """Return the median seconds of ours and of theirs, and the ratios theirs / ours of the rounds."""
    times: list[tuple[float, float]] = []
    for turn in range(ROUNDS + 1):
        pair = {}
        sides = [(ours, share), (theirs, their_share)]
        for work, count in sides if turn % 2 else reversed(sides):
            start = perf_counter()
            for number in range(turn * count, (turn + 1) * count):
                work(number)
            pair[work] = (perf_counter() - start) / count
        times.append((pair[ours], pair[theirs]))
    del times[0]  # warms both sides up
    mine, other = (median(side) for side in zip(*times, strict=True))
    return mine, other, [theirs / ours for ours, theirs in times]


def line(what: str, players: int, result: tuple[float, float, list[float]]) -> str:
    ours, theirs, ratios = result
    return (
        f"{what:<28} {players:>9,} players: {ours * 1e6:9.1f} against {theirs * 1e6:10.1f} µs, "
        f"{median(ratios):8.2f} times ({min(ratios):.2f} to {max(ratios):.2f})"
    )


def reads(board: SQLiteLeaderboard, asked: list[str]) -> Iterator[str]:
    """Measure rank and a deep page against the same file read with plain SQL."""
    players = len(board)
    slow = max(2, 200_000 // players)
    deep = [players // 2 + number % 1000 for number in range(2000)]
    with closing(sqlite3.connect(board._file.path, isolation_level=None)) as plain:  # noqa: SLF001 - its very file
        plain.execute(f"PRAGMA cache_size = {-1024 * CACHE_MIB}")
        for player in asked[:20]:
            assert board.get_rank(player) == plain.execute(COUNT, (player.encode(),)).fetchone()[0]

        def rank(number: int) -> object:
            return board.get_rank(asked[number % len(asked)])

        def count(number: int) -> object:
            return plain.execute(COUNT, (asked[number % len(asked)].encode(),)).fetchone()

        def page(number: int) -> object:
            first = deep[number % len(deep)] + 1
            return board.get_range(first, first + 9)

        def offset(number: int) -> object:
            return plain.execute(PAGE, (deep[number % len(deep)],)).fetchall()

        yield line("rank, SELECT count(*)", players, paired(rank, count, 200, slow))
        yield line("ten in the middle, OFFSET", players, paired(page, offset, 200, slow))


def updates(
    board: SQLiteLeaderboard, plain: PlainTable, trace: list[tuple[str, str, int]], synchronous: str
) -> Iterator[str]:
    """Measure an update with its commit, ours with the rank returned."""

    def update(number: int) -> object:
        return board.update_score(*trace[number])

    def plain_update(number: int) -> object:
        player, _, score = trace[number]
        plain.update(player, score)
        return None

    share = len(trace) // (ROUNDS + 1)
    yield line(f"update, {synchronous}", len(board), paired(update, plain_update, share, share))


def file_size(path: Path) -> int:
    """Return the bytes of the file, those that are still in the log included."""
    with closing(sqlite3.connect(path)) as plain:
        pages, size = (plain.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages * size)


def bars(players: int, commits: int) -> Iterator[str]:
    """Load both sides alike and measure everything at one size."""
    chance = Random(1)
    rows = [(f"player-{number:07d}", f"user{number:08d}", chance.randrange(SCORES)) for number in range(players)]
    asked = [chance.choice(rows)[0] for _ in range(2000)]
    for synchronous in ("full", "normal"):
        trace = [(*chance.choice(rows)[:2], chance.randrange(SCORES)) for _ in range(commits)]
        with tempfile.TemporaryDirectory(prefix="leaderboard-sqlite-") as folder:
            path = Path(folder, "ours.db")
            with SQLiteLeaderboard(path=path, synchronous=synchronous, cache_mib=CACHE_MIB) as board:
                plain = PlainTable(Path(folder, "plain.db"), synchronous)
                start = perf_counter()
                board.update_scores(rows)
                seconds = perf_counter() - start
                plain.load(rows)
                if synchronous == "full":
                    size = file_size(path) / players
                    yield f"load: {seconds / players * 1e6:.1f} µs and {size:.0f} bytes a player, {players:,} players"
                    yield from reads(board, asked)
                yield from updates(board, plain, trace, synchronous)
                plain.connection.close()


def main() -> None:
    """Print a line a bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("players", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--commits", type=int, default=3200)
    arguments = parser.parse_args()
    print(f"SQLite {sqlite3.sqlite_version}")
    for players in arguments.players:
        for text in bars(players, arguments.commits):
            print(text, flush=True)


if __name__ == "__main__":
    main()
