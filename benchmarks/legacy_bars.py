"""What shadowed reads cost a caller, tables against the least they can take, and trees against those of bintrees."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from importlib import import_module
from io import StringIO
from math import inf
from random import Random
from statistics import median
from time import perf_counter
from typing import Any

from paired import Bar, Work, microseconds, paired_times, ratio_bar, ratios
from players import load

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.migration import ParallelTrees, ShadowReads, export_board, import_rows, read_table
from leaderboard_backends.migration.bintrees import RBTree
from leaderboard_backends.migration.tables import Format
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

SHARE = 0.01
IN_PROCESS_BAR = 0.5
"""Microseconds that shadowing 1 % of the reads may add to a read of a board in the process."""
SERVER_BAR = 1.1
EXPORT_BAR = 4.0
IMPORT_BAR = 2.0
ROUNDS = 15
TREE_BARS = {"look-up": 0.7, "remove and insert": 0.7, "floor": inf, "range of 10 keys": 0.1}


def bars(players: int, reads: int) -> Iterator[Bar]:
    """Measure all of it on boards and trees of so many players, with so many reads in the process."""
    rows = load(players)
    with open_leaderboard("memory://one") as first, open_leaderboard("memory://two") as second:
        first.update_scores(rows)
        second.update_scores(rows)
        times = _shadowed(first, second, rows, reads)
        added = [(ours - theirs) * 1e6 for ours, theirs in times]
        subject = f"shadowing 1 % of get_rank, added to each, memory:// to memory://, {players:,} players"
        yield Bar(subject, median(added), IN_PROCESS_BAR, "µs", min(added), max(added), note=microseconds(times))
    with (
        EmbeddedServer(NO_PASSWORD) as server,
        open_leaderboard(server.unix_url, board="one") as first,
        open_leaderboard(server.unix_url, board="two") as second,
    ):
        first.update_scores(rows)
        second.update_scores(rows)
        times = _shadowed(first, second, rows, max(3_000, reads // 20))
        subject = f"get_rank with 1 % shadowed against without, redis to redis, {players:,} players"
        yield ratio_bar(subject, ratios(times), SERVER_BAR, note=microseconds(times))
        yield from _tables(first, second)
    yield from _trees(players)
    yield from _parallel_trees(players)


def _shadowed(
    first: LeaderboardBackend, second: LeaderboardBackend, rows: list[tuple[str, str, int]], reads: int
) -> list[tuple[float, float]]:
    """Time reads with and without a shadow; what waits to be compared at the end counts, too."""
    ids = [rows[Random(3).randrange(len(rows))][0] for _ in range(reads)]
    shadow = ShadowReads(first, second, SHARE)

    def shadowed(start: int, stop: int) -> None:
        for player_id in ids[start:stop]:
            first.get_rank(player_id)
            shadow.asked("get_rank", player_id)
        shadow.wait()

    def bare(start: int, stop: int) -> None:
        for player_id in ids[start:stop]:
            first.get_rank(player_id)

    times = paired_times(shadowed, bare, reads, ROUNDS)
    shadow.close()
    assert shadow.report().differing == 0
    return times


def _tables(source: LeaderboardBackend, target: LeaderboardBackend) -> Iterator[Bar]:
    """Measure an export against iterating, and an import against writing the same rows."""
    rows = [entry[1:] for entry in source]
    forms: list[Format] = ["jsonl", "csv"]
    for form in forms:
        rounds = [_table(source, target, rows, form) for _ in range(3)]
        where = f"redis, {len(rows):,} players"
        exports, imports = zip(*rounds, strict=True)
        yield ratio_bar(f"export_board to {form} against iterating the board, {where}", exports, EXPORT_BAR)
        yield ratio_bar(f"import_rows of {form} against update_scores, {where}", imports, IMPORT_BAR)


def _table(
    source: LeaderboardBackend, target: LeaderboardBackend, rows: list[tuple[str, str, Any]], form: Format
) -> tuple[float, float]:
    file = StringIO(newline="")
    export = _seconds(lambda: export_board(source, file, form)) / _seconds(lambda: deque(source, 0))
    file.seek(0)
    target.clear()
    ours = _seconds(lambda: import_rows(read_table(file, form), target))
    target.clear()
    return export, ours / _seconds(lambda: target.update_scores(rows))


def _seconds(work: Callable[[], object]) -> float:
    before = perf_counter()
    work()
    return perf_counter() - before


def _trees(size: int) -> Iterator[Bar]:
    keys = list(range(size))
    Random(4).shuffle(keys)
    ours, theirs = RBTree[int, int](dict.fromkeys(keys, 1)), import_module("bintrees").RBTree(dict.fromkeys(keys, 1))
    for (name, work), operations in zip(_works(keys).items(), (15_000, 15_000, 15_000, 15), strict=True):
        times = paired_times(work(ours), work(theirs), operations, ROUNDS)
        subject = f"RBTree against that of bintrees: {name}, {size:,} keys"
        yield ratio_bar(subject, ratios(times), TREE_BARS[name], note=microseconds(times))


def _parallel_trees(size: int) -> Iterator[Bar]:
    """Measure both as a program that runs them side by side does, which also compares what they return."""
    keys = list(range(size))
    Random(4).shuffle(keys)
    trees = ParallelTrees(import_module("bintrees").RBTree)
    tree = trees(dict.fromkeys(keys, 1))
    for key in keys[:1_000]:
        _ = key in tree, tree[key], tree.floor_key(key + 0.5), tree.ceiling_key(key - 0.5), tree.min_key()
        tree.remove(key)
        tree.insert(key, 2)
    report = trees.report()
    assert report.differing == 0
    for name, found in sorted(report.operations.items()):
        if found.first is None or found.second is None or found.compared < 1_000:
            continue
        times = [(found.second.p50, found.first.p50)]
        subject = f"RBTree against that of bintrees, side by side: {name}, {size:,} keys"
        yield ratio_bar(subject, ratios(times), inf, note=microseconds(times))


def _works(keys: list[int]) -> dict[str, Callable[[Any], Work]]:
    def each(do: Callable[[Any, int], object]) -> Callable[[Any], Work]:
        def of(tree: Any) -> Work:
            def work(start: int, stop: int) -> None:
                for key in keys[start:stop]:
                    do(tree, key)

            return work

        return of

    return {
        "look-up": each(lambda tree, key: tree[key]),
        "remove and insert": each(lambda tree, key: (tree.remove(key), tree.insert(key, 2))),
        "floor": each(lambda tree, key: tree.floor_key(key + 0.5)),
        "range of 10 keys": each(lambda tree, key: list(tree[key : key + 10])),
    }
