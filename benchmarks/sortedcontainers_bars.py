"""`sortedcontainers://` against the idiom that people write by hand: dict and SortedList, without lock or checks."""

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

    def update_scores(self, players: list[tuple[str, str, int]]) -> None:
        """Take the players of an empty board."""
        for player_id, _, score in players:
            self.sequence += 1
            self.records[player_id] = (-score, self.sequence, player_id)
        self.ordered = SortedList(self.records.values())

    def update_score(self, player_id: str, _username: str, score: int) -> int:
        """Move a player, and return the rank."""
        old = self.records.get(player_id)
        if old is not None:
            self.ordered.remove(old)
        self.sequence += 1
        record = (-score, self.sequence, player_id)
        self.records[player_id] = record
        self.ordered.add(record)
        return self.ordered.index(record) + 1

    def get_rank(self, player_id: str) -> int:
        """Return the player's rank."""
        return self.ordered.index(self.records[player_id]) + 1

    def get_top_n(self, n: int) -> list[tuple[int, str, int]]:
        """Return the first rows."""
        return self._rows(0, n)

    def get_around(self, player_id: str, radius: int) -> list[tuple[int, str, int]]:
        """Return the rows around a player."""
        at = self.ordered.index(self.records[player_id])
        return self._rows(max(0, at - radius), at + radius + 1)

    def get_by_score(self, low: int, high: int, limit: int) -> list[tuple[int, str, int]]:
        """Return the rows of a range of scores."""
        start, stop = self.ordered.bisect_left((-high, 0, "")), self.ordered.bisect_left((1 - low, 0, ""))
        return self._rows(start, min(stop, start + limit))

    def _rows(self, start: int, stop: int) -> list[tuple[int, str, int]]:
        return [(rank, r[2], -r[0]) for rank, r in enumerate(self.ordered.islice(start, stop), start + 1)]


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
    idiom.update_scores(players)
    gc.collect()

    def update(start: int, stop: int) -> None:
        for player_id, username, score in updates[start:stop]:
            board.update_score(player_id, username, score)

    def idiom_update(start: int, stop: int) -> None:
        for player_id, username, score in updates[start:stop]:
            idiom.update_score(player_id, username, score)

    def rank(start: int, stop: int) -> None:
        for player_id, _, _ in updates[start:stop]:
            board.get_rank(player_id)

    def idiom_rank(start: int, stop: int) -> None:
        for player_id, _, _ in updates[start:stop]:
            idiom.get_rank(player_id)

    for name, ours, theirs in (("update_score", update, idiom_update), ("get_rank", rank, idiom_rank)):
        times = paired_times(ours, theirs, operations, ROUNDS)
        subject = f"sortedcontainers:// {name}, {size:,} players, against the idiom"
        yield ratio_bar(subject, ratios(times), BAR, note=microseconds(times))
    assert [entry.player_id for entry in board] == [record[2] for record in idiom.ordered], "the two disagree"


def _memory_bar(size: int) -> Bar:
    pairs = [(_probe("board", size), _probe("idiom", size)) for _ in range(3)]
    note = f"{pairs[0][0]:.0f} against {pairs[0][1]:.0f} bytes per player; the idiom stores no username"
    return ratio_bar(
        f"sortedcontainers:// private memory, {size:,} players, against the idiom", ratios(pairs), BAR, note=note
    )


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
    idiom.update_scores(players)
    return (settled_private_bytes() - before) / len(idiom.records)


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], int(sys.argv[2]))))
