"""`journal://`: what durability costs beside a board in memory, how long a restore takes, how long writers wait."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Thread
from time import perf_counter
from typing import Final

from paired import Bar, Work, microseconds, paired_times, ratio_bar, ratios
from players import load, trace

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.backends.journal import JournalLeaderboard

ROUNDS: Final = 15
UPDATE_BARS: Final = {"never": 1.1, "everysec": 1.3}
"""Against an update of `sortedcontainers://`, which loses all in a crash."""
RESTORE_BAR: Final = 0.35
RESTORES: Final = 5
STOPPED_BAR: Final = 150.0
SNAPSHOTS: Final = 5


def bars(size: int, operations: int) -> Iterator[Bar]:
    """Measure updates by class of durability, the restore of a board, and the longest wait beside a snapshot."""
    with TemporaryDirectory() as folder:
        yield from _update_bars(Path(folder), min(size, 100_000), operations)
        yield _synced_bar(Path(folder), operations)
        yield _restore_bar(Path(folder), size)
        yield _stopped_bar(Path(folder), size)


def _updating(board: LeaderboardBackend, updates: Sequence[tuple[str, str, int]]) -> Work:
    def update(start: int, stop: int) -> None:
        for player_id, username, score in updates[start:stop]:
            board.update_score(player_id, username, score)

    return update


def _update_bars(folder: Path, size: int, operations: int) -> Iterator[Bar]:
    players = load(size)
    updates = trace(players, operations)
    for fsync, bar in UPDATE_BARS.items():
        with (
            open_leaderboard(f"journal://{folder}/boards", board=fsync, fsync=fsync) as board,
            open_leaderboard("sortedcontainers://") as plain,
        ):
            board.update_scores(players)
            plain.update_scores(players)
            gc.collect()
            times = paired_times(_updating(board, updates), _updating(plain, updates), operations, ROUNDS)
        subject = f"update of a journal ({fsync}) and of sortedcontainers, {size:,} players"
        yield ratio_bar(subject, ratios(times), bar, note=microseconds(times))


def _synced_bar(folder: Path, operations: int) -> Bar:
    players = load(10_000)
    updates = trace(players, operations // 30)
    with (
        open_leaderboard(f"journal://{folder}/boards", board="always", fsync="always") as board,
        open_leaderboard(f"sqlite://{folder}/board.db") as other,
    ):
        board.update_scores(players)
        other.update_scores(players)
        times = paired_times(_updating(board, updates), _updating(other, updates), len(updates), ROUNDS)
    subject = "synced update of a journal (always) and of sqlite, 10,000 players"
    return ratio_bar(subject, ratios(times), 1.0, note=microseconds(times))


def _restore_bar(folder: Path, size: int) -> Bar:
    players = load(size)
    url = f"journal://{folder}/boards?board=restored"
    with open_leaderboard(url) as board:
        board.update_scores(players)
    found = []
    for _ in range(RESTORES):
        plain = open_leaderboard("sortedcontainers://")
        loading = _seconds(partial(plain.update_scores, players))
        plain.close()
        del plain
        gc.collect()
        found.append((_seconds(lambda: open_leaderboard(url).close()), loading))
    subject = f"opening a journal and loading sortedcontainers, {size:,} players"
    note = f"{min(ours for ours, _ in found):.2f} against {min(theirs for _, theirs in found):.2f} s, the shortest"
    return ratio_bar(subject, ratios(found), RESTORE_BAR, note=note)


def _seconds(work: Callable[[], object]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def _stopped_bar(folder: Path, size: int) -> Bar:
    """Write without a pause beside snapshots, and time how long each step of one keeps the board's lock."""
    players = load(size)
    updates = iter(trace(players, size * 5))
    stopped, waited = [], []
    with open_leaderboard(f"journal://{folder}/boards", board="stopped", fsync="never") as board:
        assert isinstance(board, JournalLeaderboard)
        board.update_scores(players)
        steps: list[float] = []
        _time_steps(board, steps)
        for _ in range(SNAPSHOTS):
            steps.clear()
            snapshot = Thread(target=board._keep_snapshot)  # noqa: SLF001 - what the board itself begins
            snapshot.start()
            longest = 0.0
            while snapshot.is_alive():
                update = next(updates)
                start = perf_counter()
                board.update_score(*update)
                longest = max(longest, perf_counter() - start)
            stopped.append(max(steps) * 1000)
            waited.append(longest * 1000)
    return Bar(
        f"writers stopped by a snapshot of {size:,} players, median of {SNAPSHOTS}",
        median(stopped),
        STOPPED_BAR,
        "ms",
        min(stopped),
        max(stopped),
        note=f"the longest update took {median(waited):.0f} ms, with waits for the interpreter and the machine",
    )


def _time_steps(board: JournalLeaderboard, seconds: list[float]) -> None:
    """Note how long each step takes that keeps the lock."""
    for name in ("_cut", "_collect"):
        step = getattr(board, name)

        def timed(*given: object, step: Callable[..., object] = step) -> object:
            start = perf_counter()
            try:
                return step(*given)
            finally:
                seconds.append(perf_counter() - start)

        setattr(board, name, timed)
