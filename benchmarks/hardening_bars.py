"""What hardening adds to a call of `memory://`, in microseconds: the bare board and a hardened one, in turn.

    python benchmarks/hardening_bars.py [PLAYERS]

First each part alone, which is held to nothing, then two stacks of all four, which are held to the bars: one as an app
would set it first, and one with everything on that costs time, where each update reads the standing score through the
other parts, is judged against both limits, and may give up a cached top. The exit status is 1 where a bar does not
hold. Players are many and drawn at random, so that what the parts remember of them is seldom in the processor's caches.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from math import inf
from statistics import median
from typing import Any, Final

from paired import Bar, Work, microseconds, paired_times
from players import SCORES, load, trace
from prometheus_client import CollectorRegistry

from leaderboard_backends import LeaderboardBackend, open_leaderboard

UPDATE_BAR: Final = 15.0
READ_BAR: Final = 10.0
ROUNDS: Final = 31
OPERATIONS: Final = 62_000

Updates = list[tuple[str, str, int]]
Call = Callable[[LeaderboardBackend, Updates], Work]

VALIDATION: Final = {"score_min": 0, "score_max": SCORES, "max_n": 1000, "max_radius": 50}
RATE_LIMIT: Final = {"updates_a_minute": 1_000_000}
"""As many players as there are stay within `max_players`, so that none is counted anew."""
FULL: Final[dict[str, Any]] = {"degradation": {}, "validation": VALIDATION, "rate_limit": RATE_LIMIT, "monitoring": {}}
ALL_ON: Final[dict[str, Any]] = {
    "degradation": {"cache_top": 100, "live_top": 5},
    "validation": {**VALIDATION, "max_change": SCORES, "max_username_bytes": 64},
    "rate_limit": {**RATE_LIMIT, "updates_a_second": 1_000_000},
    "monitoring": {},
}


def bars(size: int, operations: int = OPERATIONS) -> Iterator[Bar]:
    """Measure updates, increments, ranks and tops: of each part alone, and of whole stacks, held to the bars."""
    players = load(size)
    updates = trace(players, operations)
    for part, settings in FULL.items():
        yield from _measure(f"{part} alone", {part: settings}, players, updates, held=False)
    yield from _measure("the full stack", FULL, players, updates, held=True)
    yield from _measure("the full stack with everything on", ALL_ON, players, updates, held=True)


def _measure(name: str, text: dict[str, Any], players: Updates, updates: Updates, *, held: bool) -> Iterator[Bar]:
    bare, hardened = _open({}, players), _open(text, players)
    gc.collect()
    for operation, call, bar in OF_EACH:
        times = paired_times(call(hardened, updates), call(bare, updates), len(updates), ROUNDS)
        added = [(ours - theirs) * 1e6 for ours, theirs in times]
        subject = f"{name}, added to {operation} of memory://, {len(players):,} players"
        yield Bar(subject, median(added), bar if held else inf, "µs", min(added), max(added), note=microseconds(times))
    assert list(bare) == list(hardened), "the two disagree"


def _open(text: dict[str, Any], players: Updates) -> LeaderboardBackend:
    parts = {name: dict(settings) for name, settings in text.items()}
    if "monitoring" in parts:
        parts["monitoring"]["registry"] = CollectorRegistry()
    if "rate_limit" in parts:
        parts["rate_limit"]["max_players"] = len(players) + 1
    board = open_leaderboard({"url": "memory://", **parts})
    board.update_scores(players)
    return board


def _update(board: LeaderboardBackend, updates: Updates) -> Work:
    def work(start: int, stop: int) -> None:
        for player_id, username, score in updates[start:stop]:
            board.update_score(player_id, username, score)

    return work


def _increment(board: LeaderboardBackend, updates: Updates) -> Work:
    def work(start: int, stop: int) -> None:
        for number, (player_id, username, _) in enumerate(updates[start:stop]):
            board.increment_score(player_id, username, number % 2)

    return work


def _rank(board: LeaderboardBackend, updates: Updates) -> Work:
    def work(start: int, stop: int) -> None:
        for player_id, _, _ in updates[start:stop]:
            board.get_rank(player_id)

    return work


def _top(board: LeaderboardBackend, updates: Updates) -> Work:
    del updates

    def work(start: int, stop: int) -> None:
        for _ in range(start, stop):
            board.get_top_n(10)

    return work


OF_EACH: Final[tuple[tuple[str, Call, float], ...]] = (
    ("update_score", _update, UPDATE_BAR),
    ("increment_score", _increment, UPDATE_BAR),
    ("get_rank", _rank, READ_BAR),
    ("get_top_n(10)", _top, READ_BAR),
)


def line(bar: Bar) -> str:
    """Return one figure in words."""
    verdict = "       " if bar.bar == inf else "holds  " if bar.holds else "MISSED "
    against = "" if bar.bar == inf else f", bar at most {bar.bar:g}"
    return (
        f"{verdict}{bar.figure:6.2f} {bar.unit} ({bar.low:.2f} to {bar.high:.2f}){against}: {bar.subject}; {bar.note}"
    )


def main(size: int) -> int:
    """Measure, print a line each, and return the exit status."""
    missed = 0
    for bar in bars(size):
        print(line(bar), flush=True)
        missed += not bar.holds
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
