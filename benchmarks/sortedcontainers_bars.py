"""`memory://` against the idiom that people write by hand: a dict and a SortedList, without lock or checks."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections.abc import Iterator

from paired import Bar, batches, microseconds, paired_times, ratio_bar, ratios
from players import load, trace
from sortedcontainers import SortedList

from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.usage import settled_private_bytes

BAR = 1.25
ROUNDS = 15


class Idiom:
    """The hand-written board: no username, no lock, no check, whole scores alone."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[int, int, str]] = {}
        self.ordered: SortedList[tuple[int, int, str]] = SortedList()
        self.sequence = 0

    def load(self, players: list[tuple[str, str, int]]) -> None:
        for player_id, _, score in players:
            self.sequence += 1
            self.records[player_id] = (-score, self.sequence, player_id)
        self.ordered = SortedList(self.records.values())

    def update(self, player_id: str, score: int) -> int:
        old = self.records.get(player_id)
        if old is not None:
            self.ordered.remove(old)
        self.sequence += 1
        record = (-score, self.sequence, player_id)
        self.records[player_id] = record
        self.ordered.add(record)
        return self.ordered.index(record) + 1

    def rank(self, player_id: str) -> int:
        return self.ordered.index(self.records[player_id]) + 1


def bars(sizes: tuple[int, ...], operations: int) -> Iterator[Bar]:
    """Measure updates (move and new rank), rank look-ups and memory at each size."""
    for size in sizes:
        yield from _time_bars(size, operations)
        yield _memory_bar(size)


def _time_bars(size: int, operations: int) -> Iterator[Bar]:
    players = load(size)
    updates = trace(players, operations)
    board, idiom = SortedContainersLeaderboard(), Idiom()
    board.update_scores(players)
    idiom.load(players)
    gc.collect()

    def update(start: int, stop: int) -> None:
        for player_id, username, score in updates[start:stop]:
            board.update_score(player_id, username, score)

    def idiom_update(start: int, stop: int) -> None:
        for player_id, _, score in updates[start:stop]:
            idiom.update(player_id, score)

    def rank(start: int, stop: int) -> None:
        for player_id, _, _ in updates[start:stop]:
            board.get_rank(player_id)

    def idiom_rank(start: int, stop: int) -> None:
        for player_id, _, _ in updates[start:stop]:
            idiom.rank(player_id)

    for name, ours, theirs in (("update_score", update, idiom_update), ("get_rank", rank, idiom_rank)):
        times = paired_times(ours, theirs, operations, ROUNDS)
        subject = f"memory:// {name}, {size:,} players, against the idiom"
        yield ratio_bar(subject, ratios(times), BAR, note=microseconds(times))
    assert [entry.player_id for entry in board] == [record[2] for record in idiom.ordered], "the two disagree"


def _memory_bar(size: int) -> Bar:
    pairs = [(_probe("board", size), _probe("idiom", size)) for _ in range(3)]
    note = f"{pairs[0][0]:.0f} against {pairs[0][1]:.0f} bytes per player; the idiom stores no username"
    return ratio_bar(f"memory:// private memory, {size:,} players, against the idiom", ratios(pairs), BAR, note=note)


def _probe(kind: str, size: int) -> float:
    done = subprocess.run([sys.executable, __file__, kind, str(size)], check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout))


def probe(kind: str, size: int) -> float:
    """Return private bytes a player beyond the texts, in this fresh process; loaded in ten batches."""
    players = load(size)
    before = settled_private_bytes()
    if kind == "board":
        board = SortedContainersLeaderboard()
        for batch in batches(players, size // 10):
            board.update_scores(batch)
        return (settled_private_bytes() - before) / len(board)
    idiom = Idiom()
    idiom.load(players)
    return (settled_private_bytes() - before) / len(idiom.records)


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], int(sys.argv[2]))))
