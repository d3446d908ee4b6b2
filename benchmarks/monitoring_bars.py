"""What monitoring adds to a call of `memory://`, in microseconds: the bare board and a monitored one, in turn.

    python benchmarks/monitoring_bars.py [PLAYERS]

Spans are measured without an SDK, as where an app has OpenTelemetry's API installed and records nothing.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping
from statistics import median

from paired import Bar, Work, microseconds, paired_times
from players import load, trace
from prometheus_client import CollectorRegistry

from leaderboard_backends import LeaderboardBackend, open_leaderboard

BAR = 4.0
"""Microseconds: of the 15 that the whole stack may add to an update, and the 10 to a read."""
SPANS_BAR = 8.0
ROUNDS = 31
OPERATIONS = 93_000

Updates = list[tuple[str, str, int]]


def bars(size: int, operations: int = OPERATIONS) -> Iterator[Bar]:
    """Measure updates and reads of a player, with metrics alone and with spans too."""
    players = load(size)
    updates = trace(players, operations)
    for name, settings, bar in (("monitoring", {}, BAR), ("monitoring with spans", {"spans": True}, SPANS_BAR)):
        bare, monitored = _open(players, None), _open(players, {"registry": CollectorRegistry(), **settings})
        gc.collect()
        for operation, work in (("update_score", _update), ("get_rank", _rank)):
            times = paired_times(work(monitored, updates), work(bare, updates), operations, ROUNDS)
            added = [(ours - theirs) * 1e6 for ours, theirs in times]
            subject = f"{name} added to a {operation} of memory://, {size:,} players"
            yield Bar(subject, median(added), bar, "µs", min(added), max(added), note=microseconds(times))


def _open(players: Updates, monitoring: Mapping[str, object] | None) -> LeaderboardBackend:
    board = open_leaderboard({"url": "memory://", "monitoring": False if monitoring is None else monitoring})
    board.update_scores(players)
    return board


def _update(board: LeaderboardBackend, updates: Updates) -> Work:
    def work(start: int, stop: int) -> None:
        for player_id, username, score in updates[start:stop]:
            board.update_score(player_id, username, score)

    return work


def _rank(board: LeaderboardBackend, updates: Updates) -> Work:
    def work(start: int, stop: int) -> None:
        for player_id, _, _ in updates[start:stop]:
            board.get_rank(player_id)

    return work


if __name__ == "__main__":
    for bar in bars(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000):
        print(
            f"{'holds ' if bar.holds else 'MISSED'} {bar.figure:5.2f} µs ({bar.low:.2f} to {bar.high:.2f}), "
            f"bar at most {bar.bar:g}: {bar.subject}; {bar.note}"
        )
