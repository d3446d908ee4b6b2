"""`zodb://` against plain BTrees: an OOBTree in order beside an OOBTree index, a commit each update."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import transaction
from BTrees.OOBTree import OOBTree
from paired import Bar, microseconds, paired_times, ratio_bar, ratios
from players import load, trace
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.POSException import ConflictError

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.backends.zodb import ZODBLeaderboard
from leaderboard_backends.backends.zodb.keys import score_prefix
from leaderboard_backends.backends.zodb.session import Named, Session

Updates = list[tuple[str, str, int]]

RANK_BAR = 5.0
RANK_BAR_PLAYERS = 1_000_000
"""The bar is set at a million players: a walk through the whole tree is O(n), so its lead shrinks with the board."""
TIME_BAR = 1.5
BYTES_BAR = 2.0
CONFLICT_BAR = 5.0
CONFLICT_PLAYERS = 10_000
ROUNDS = 15


class PlainTrees:
    """What people write first with BTrees: `{(-score, sequence): player}` and `{player: (-score, sequence)}`.

    It keeps no usernames, which ours writes along.
    """

    def __init__(self, path: Path) -> None:
        self.database = DB(FileStorage(str(path)), cache_size=1_000_000)
        self.manager = transaction.TransactionManager(explicit=False)
        self.connection = self.database.open(self.manager)
        root = self.connection.root()
        root["order"], root["index"] = OOBTree(), OOBTree()
        self.order, self.index = root["order"], root["index"]
        self.sequence = 0

    def load(self, players: Updates) -> None:
        """Load in order, so that the leaves lie in memory as they are walked."""
        keys = {player_id: (-score, number) for number, (player_id, _, score) in enumerate(players)}
        self.sequence = len(players)
        self.order.update(sorted((key, player_id) for player_id, key in keys.items()))
        self.index.update(keys)
        self.manager.commit()

    def update(self, player_id: str, score: int) -> None:
        del self.order[self.index[player_id]]
        self.sequence += 1
        key = (-score, self.sequence)
        self.order[key] = player_id
        self.index[player_id] = key
        self.manager.commit()

    def rank(self, player_id: str) -> int:
        self.manager.begin()
        return len(self.order.keys(max=self.index[player_id]))

    def close(self) -> None:
        self.connection.close()
        self.database.close()


def bars(players_count: int, commits: int, look_ups: int) -> Iterator[Bar]:
    """Measure rank, the time of a commit and the bytes it writes, on two files in one folder; then conflicts."""
    players = load(players_count)
    with tempfile.TemporaryDirectory(prefix="leaderboard-bars-") as folder:
        ours_path, plain_path = Path(folder, "ours.fs"), Path(folder, "plain.fs")
        plain = PlainTrees(plain_path)
        with open_leaderboard(f"zodb://{ours_path}", board="bars", cache_size=1_000_000) as board:
            plain.load(players)
            board.update_scores(players)
            yield _rank_bar(board, plain, [player_id for player_id, _, _ in trace(players, look_ups)])
            sizes = partial(_sizes, ours_path, plain_path)
            yield from _commit_bars(board, plain, trace(players, commits), sizes)
            assert [entry.player_id for entry in board] == list(plain.order.values()), "the two disagree"
        plain.close()
    yield conflict_bar(commits)


def _rank_bar(board: LeaderboardBackend, plain: PlainTrees, asked: list[str]) -> Bar:
    def rank(start: int, stop: int) -> None:
        for player_id in asked[start:stop]:
            board.get_rank(player_id)

    def plain_rank(start: int, stop: int) -> None:
        for player_id in asked[start:stop]:
            plain.rank(player_id)

    rank(0, len(asked))
    plain_rank(0, len(asked))
    times = paired_times(plain_rank, rank, len(asked), ROUNDS)
    subject = f"zodb get_rank, times faster than len(tree.keys(…)), {len(board):,} players"
    bar = RANK_BAR if len(board) >= RANK_BAR_PLAYERS else 1.0
    return ratio_bar(subject, ratios(times), bar, at_most=False, note=microseconds(times))


def _commit_bars(
    board: LeaderboardBackend, plain: PlainTrees, updates: Updates, sizes: Callable[[], tuple[int, int]]
) -> Iterator[Bar]:
    def update(start: int, stop: int) -> None:
        for player_id, username, score in updates[start:stop]:
            board.update_score(player_id, username, score)

    def plain_update(start: int, stop: int) -> None:
        for player_id, _, score in updates[start:stop]:
            plain.update(player_id, score)

    where = f"against plain OOBTrees, {len(board):,} players"
    before = sizes()
    times = paired_times(update, plain_update, len(updates), ROUNDS)
    yield ratio_bar(f"zodb update_score, one commit each, {where}", ratios(times), TIME_BAR, note=microseconds(times))
    done = len(updates) // ROUNDS * ROUNDS
    ours, theirs = ((after - size) / done for after, size in zip(sizes(), before, strict=True))
    note = f"{ours:.0f} against {theirs:.0f} bytes"
    yield ratio_bar(f"zodb bytes written per commit, {where}", [ours / theirs], BYTES_BAR, note=note)


def _sizes(ours: Path, plain: Path) -> tuple[int, int]:
    return ours.stat().st_size, plain.stat().st_size


def conflict_bar(updates: int) -> Bar:
    """Measure how many commits conflict where each of two clients commits while the other is in a transaction."""
    players = load(CONFLICT_PLAYERS)
    moves = trace(players, updates)
    conflicts = 0
    with tempfile.TemporaryDirectory(prefix="leaderboard-bars-") as folder:
        database = DB(str(Path(folder, "shared.fs")), cache_size=100_000)
        with ZODBLeaderboard(database=database) as board:
            board.update_scores(players)
            clients = Session(database, None), Session(database, None)
            for start in range(0, updates, 2):
                for client, (player_id, username, score) in zip(clients, moves[start : start + 2], strict=True):
                    prefix = score_prefix(score, descending=True)
                    client.write(Named(board.name, descending=True)).place(player_id, username, prefix, best_only=False)
                for client in clients:
                    try:
                        client.commit()
                    except ConflictError:
                        client.forget()
                        conflicts += 1
            for client in clients:
                client.close()
        database.close()
    percent = 100 * conflicts / updates
    subject = f"zodb commits that conflict, two clients always at once, {CONFLICT_PLAYERS:,} players"
    return Bar(subject, percent, CONFLICT_BAR, "%", percent, percent, note=f"{conflicts} of {updates:,} commits")
