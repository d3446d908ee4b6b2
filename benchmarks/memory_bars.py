"""`memory://` against the idiom that people write by hand, and against `sortedcontainers://`.

The idiom is a dict and a SortedList, without lock or checks. Times are the
processor's, taken in turn; private memory is that of fresh processes.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from math import inf
from random import Random
from statistics import median
from time import thread_time
from typing import Any, Final, NamedTuple

from paired import Bar, batches, microseconds, paired_times, ratio_bar, ratios
from players import SCORES, load, trace
from sortedcontainers_bars import Idiom

from leaderboard_backends.backends.memory import MemoryLeaderboard
from leaderboard_backends.backends.memory.chunks import BEYOND
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.usage import settled_private_bytes

ROUNDS: Final = 45
NO_BARS: Final = (("idiom", inf), ("sortedcontainers", inf))
"""Of a board that is smaller than the bar's."""
LARGE: Final = 1_000_000
KINDS: Final[dict[str, Callable[[], Any]]] = {
    "board": MemoryLeaderboard,
    "sortedcontainers": SortedContainersLeaderboard,
    "idiom": Idiom,
}


make: Final = deque[object](maxlen=0).extend
"""Makes calls one by one, and keeps no answer: objects by the thousand have the collector run."""


class Case(NamedTuple):
    """An operation, and the largest share of each baseline's time: the idiom's, then that of `sortedcontainers://`."""

    name: str
    calls: Callable[[Any, list[tuple[str, str, int]]], Iterator[object]]
    shares: tuple[float | None, float | None]
    large: tuple[float | None, float | None] | None = None
    """The shares from a million players on, where they are others."""
    least: int = 0
    """The players from which on the bar is one."""


def _cold(board: Any) -> Any:
    if isinstance(board, MemoryLeaderboard):
        board._first, board._first_end = [], -BEYOND  # noqa: SLF001 - as a change on the first page does
    return board


CASES: Final = (
    Case("update and rank", lambda b, part: (b.update_score(*each) for each in part), (0.75, 0.75), (0.8, 0.85)),
    Case("rank", lambda b, part: (b.get_rank(player) for player, _, _ in part), (0.85, 1.0)),
    Case("around ±5", lambda b, part: (b.get_around(player, 5) for player, _, _ in part), (0.9, 0.75)),
    Case(
        "by score, 50 rows",
        lambda b, part: (b.get_by_score(score, score + SCORES // 20, 50) for _, _, score in part),
        (0.75, 0.75),
        least=100_000,
    ),
    Case("top 100 while unchanged", lambda b, part: (b.get_top_n(100) for _ in part), (0.1, 0.1)),
    Case("top 100, changed", lambda b, part: (_cold(b).get_top_n(100) for _ in part), (None, 0.9)),
)


def bars(sizes: tuple[int, ...], operations: int) -> Iterator[Bar]:
    """Measure each operation at each size, loads of the largest one, and bytes per player."""
    for size in sizes:
        yield from _time_bars(size, operations)
    yield from _load_bars(sizes[-1])
    yield _fraction_bar(sizes[0])
    yield from _memory_bars(sizes[-1])


def _time_bars(size: int, operations: int) -> Iterator[Bar]:
    players = load(size)
    updates = trace(players, operations)
    for number, baseline in enumerate(("idiom", "sortedcontainers")):
        ours, theirs = KINDS["board"](), KINDS[baseline]()
        for board in (ours, theirs):
            board.update_scores(players)
        gc.collect()
        gc.freeze()
        for case in CASES:
            share = (case.large if case.large and size >= LARGE else case.shares)[number]
            if share is not None and size >= case.least:
                yield _pair(case, ours, theirs, updates, f"{size:,} players, against {baseline}", share)
    assert list(ours) == list(theirs), "the two disagree"


def _pair(case: Case, ours: Any, theirs: Any, updates: list[tuple[str, str, int]], what: str, share: float) -> Bar:
    count = len(updates) if case.name.startswith("update") else len(updates) // 10
    times = paired_times(
        lambda start, stop: make(case.calls(ours, updates[start:stop])),
        lambda start, stop: make(case.calls(theirs, updates[start:stop])),
        count,
        ROUNDS,
        thread_time,
    )
    return ratio_bar(f"memory:// {case.name}, {what}", ratios(times), share, note=microseconds(times))


def _load_bars(size: int) -> Iterator[Bar]:
    """Load fresh boards in turn. The bars are those of a million; on small boards the checks weigh more."""
    players, times = load(size), dict[str, list[float]]()
    for number in range(5):
        for name in (*KINDS,) if number % 2 else reversed(KINDS):
            board = KINDS[name]()
            gc.collect()
            before = thread_time()
            board.update_scores(players)
            times.setdefault(name, []).append(thread_time() - before)
    for baseline, share in (("idiom", 1.0), ("sortedcontainers", 0.85)) if size >= LARGE else NO_BARS:
        pairs = list(zip(times["board"], times[baseline], strict=True))
        note = f"{median(times['board']):.2f} against {median(times[baseline]):.2f} s"
        yield ratio_bar(f"memory:// load of {size:,}, against {baseline}", ratios(pairs), share, note=note)


def _fraction_bar(size: int) -> Bar:
    whole, fractions, players = MemoryLeaderboard(), MemoryLeaderboard(), load(size)
    whole.update_scores(players)
    fractions.update_scores((player, name, score + 0.5) for player, name, score in players)
    case = CASES[-1]
    return _pair(case, fractions, whole, players * 9, f"{size:,} players, fractions against whole numbers", 2.0)


def _memory_bars(size: int) -> Iterator[Bar]:
    """Bytes after ten updates per player, each with texts of its own, as those that a server parses are."""
    found = {kind: [_probe(kind, size, 0) for _ in range(3)] for kind in KINDS}
    for baseline, share in (("idiom", 0.65), ("sortedcontainers", 0.65)) if size >= LARGE else NO_BARS:
        pairs = list(zip(found["board"], found[baseline], strict=True))
        note = f"{median(found['board']):.0f} against {median(found[baseline]):.0f} bytes per player"
        subject = f"memory:// private memory, {size:,} players, against {baseline}"
        yield ratio_bar(subject, ratios(pairs), share, note=note)
    moved = _probe("board", size, 10 * size)
    note = f"{moved:.0f} against {median(found['board']):.0f} bytes per player"
    subject = f"memory:// private memory after {10 * size:,} updates with fresh texts, against the same without"
    yield ratio_bar(subject, [moved / each for each in found["board"]], 1.15, note=note)


def _probe(kind: str, size: int, updates: int) -> float:
    command = [sys.executable, __file__, kind, str(size), str(updates)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def probe(kind: str, size: int, updates: int) -> float:
    """Return private bytes per player beyond the texts, in this fresh process; loaded in ten batches."""
    players, random = load(size), Random(3)
    before = settled_private_bytes()
    board = KINDS[kind]()
    for batch in [players] if kind == "idiom" else batches(players, size // 10):
        board.update_scores(batch)
    for _ in range(updates):
        player, username, _ = players[random.randrange(size)]
        board.update_score(player[:3] + player[3:], username[:3] + username[3:], random.randrange(SCORES))
    return (settled_private_bytes() - before) / size


if __name__ == "__main__":
    print(json.dumps(probe(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
