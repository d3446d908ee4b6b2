"""Whatever an exception from a signal cuts in two: no lock stays held, no board is torn, nobody hangs.

The points at which such exceptions come are those at which Python looks for signals: after calls, at the start of
functions and at jumps backwards, but never between taking a lock of the standard library and entering its `with` block.
"""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from threading import Event
from time import monotonic, sleep
from types import FrameType
from typing import Final

import pytest
from prometheus_client import CollectorRegistry

from leaderboard_backends import LeaderboardBackend, LeaderboardError, forks, open_leaderboard
from leaderboard_backends.answers import live_wanted
from leaderboard_backends.changes import version_wanted
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import BackendUnavailableError
from leaderboard_backends.hardening import DegradableLeaderboard, MonitoredLeaderboard, ValidatedLeaderboard
from leaderboard_backends.hardening.degradation.breaker import Breaker
from leaderboard_backends.hardening.degradation.single_flight import SingleFlight
from leaderboard_backends.score_limits import limits_wanted
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.zeo import EmbeddedZEO
from leaderboard_backends.wrapper import layer

from .interruptible import Interruptible

pytestmark = pytest.mark.usefixtures("unlogged")

INTERRUPTS: Final = 300
MANY: Final = 3000
PLAYERS: Final = [f"p{number}" for number in range(300)]
FILES: Final = ("journal", "zodb", "sqlite")
LONGEST: Final = 0.0002
"""Seconds until an interrupt: about as long as an operation takes."""


class Stop(BaseException):
    """What a time limit raises in the middle of a call."""


class Unlimited(DelegatingLeaderboard):
    """A board whose storage leaves limits to validation, which then needs its locks."""

    def __init__(self, inner: LeaderboardBackend) -> None:
        super().__init__(inner)
        self.capabilities = replace(inner.capabilities, limits=False)


def hardened() -> LeaderboardBackend:
    plenty = {"updates_a_second": 10**6, "updates_a_minute": 10**6}
    inner = open_leaderboard("memory://", degradation={"cache_top": 10}, rate_limit=plenty)
    board: LeaderboardBackend = Unlimited(inner)
    board = ValidatedLeaderboard(board, score_max=10**6, max_change=10**6)
    return MonitoredLeaderboard(board, registry=CollectorRegistry())


def _open(kind: str, folder: Path) -> LeaderboardBackend:
    if kind == "hardened":
        return hardened()
    return open_leaderboard(f"{kind}://{folder / 'board'}" if kind in FILES else f"{kind}://")


@pytest.fixture(params=["memory", "sortedcontainers", "naive", "zodb+memory", "journal", "zodb", "sqlite", "hardened"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LeaderboardBackend]:
    with _open(request.param, tmp_path) as board:
        board.update_scores((player, "", number) for number, player in enumerate(PLAYERS))
        yield board


def use(board: LeaderboardBackend, chance: Random) -> None:
    """Do one operation; an error of the tree is an answer."""
    player = chance.choice(PLAYERS)
    operations: list[Callable[[], object]] = [
        partial(board.update_score, player, "", chance.randrange(1000)),
        partial(board.update_score, player, "", chance.randrange(1000) + 0.5),
        partial(board.increment_score, player, "", chance.randrange(-3, 5)),
        partial(board.update_scores, [(chance.choice(PLAYERS), "", chance.randrange(1000)) for _ in range(5)]),
        partial(board.remove_player, player),
        partial(board.get_top_n, 10),
        partial(board.get_rank, player),
        partial(board.get_around, player, 3),
        partial(board.get_by_score, 0, 50, 5),
        board.__len__,
    ]
    try:
        chance.choice(operations)()
    except BackendUnavailableError:
        return


def interrupted_by_signals(
    work: Callable[[], object], chance: Random, times: int = INTERRUPTS, longest: float = LONGEST
) -> None:
    """Repeat work until a timer has cut it short so many times."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Stop

    before = signal.signal(signal.SIGALRM, stop)
    while times:
        try:
            signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-6, longest))
            work()
            signal.setitimer(signal.ITIMER_REAL, 0)
        except Stop:
            times -= 1
    signal.signal(signal.SIGALRM, before)


def running() -> int:
    """Return how many threads run; one whose start an interrupt cut is listed by `threading`, too, and never begins."""
    return sum(thread.is_alive() for thread in threading.enumerate())


def stuck() -> list[object]:
    """Return the locks that somebody holds, and what is wanted of answers, while nobody is at work."""
    gc.collect()
    found: list[object] = [wanted for wanted in (live_wanted(), limits_wanted(), version_wanted()) if wanted]

    def look() -> None:
        for lock in list(forks._guarded.values()):
            if lock.acquire(timeout=1):
                lock.release()
            else:
                found.append(lock)

    Crew([look]).join(30)
    return found


def check(board: LeaderboardBackend) -> None:
    """Ask another thread for everything that depends on order and index, and for a write; then this one, for a read."""

    def look() -> None:
        board.update_score("new", "", 5)
        entries = list(board)
        assert [entry.rank for entry in entries] == list(range(1, len(board) + 1))
        assert entries == sorted(entries, key=lambda entry: (-entry.score, entry.rank))
        assert board.get_entries([entry.player_id for entry in entries]) == entries
        board.get_top_n(5)

    Crew([look]).join(20)
    assert board.get_score("new") == 5


@pytest.mark.parametrize("times", [INTERRUPTS, pytest.param(MANY, marks=pytest.mark.proof)])
def test_interrupts_by_a_signal_leave_a_whole_board_and_no_lock(board: LeaderboardBackend, times: int) -> None:
    chance = Random(7)
    interrupted_by_signals(lambda: use(board, chance), chance, times)
    assert stuck() == []
    check(board)


def test_interrupts_leave_a_board_on_a_zeo_server_usable() -> None:
    """Each has the server asked anew, by a connection of its own; none of them stays behind."""
    chance = Random(7)
    with EmbeddedZEO() as server, open_leaderboard(server.url) as board:
        board.update_scores((player, "", number) for number, player in enumerate(PLAYERS))
        before = running()
        interrupted_by_signals(lambda: use(board, chance), chance, 40, longest=0.02)
        assert stuck() == []
        check(board)
        end = monotonic() + 30
        while running() > before and monotonic() < end:
            sleep(0.01)  # a thread that has done its last is counted for a moment more
        assert running() <= before


def test_interrupts_of_one_of_two_threads_leave_a_whole_board_and_no_lock(board: LeaderboardBackend) -> None:
    chance = Random(8)
    with Interruptible(Stop, lambda: use(board, chance)) as thread, Interruptible(Stop, lambda: use(board, chance)):
        for _ in range(INTERRUPTS // 10):
            thread.interrupt(chance.uniform(0, 10 * LONGEST))
    assert thread.caught > 0
    assert stuck() == []
    check(board)


def test_interrupts_leave_no_write_that_holds_back_a_cached_top() -> None:
    board, chance = open_leaderboard("memory://", degradation={"cache_top": 10}), Random(9)
    degradable = layer(board, DegradableLeaderboard)
    assert degradable is not None
    cache = degradable._cache
    assert cache is not None
    interrupted_by_signals(lambda: use(board, chance), chance)
    board.get_top_n(5)
    assert not cache._in_work
    assert not cache._holding_back
    assert cache._fresh() is not None


def test_interrupts_leave_a_breaker_that_tries_again() -> None:
    chance, breaker = Random(10), Breaker("weekly", failures=1, retry_after=0.0)

    def fail() -> None:
        raise BackendUnavailableError("no answer")

    def call() -> None:
        try:
            breaker.call(fail)
        except BackendUnavailableError:
            return

    interrupted_by_signals(call, chance)
    assert breaker.call(str, 1) == "1"
    assert breaker.state == "closed"


def test_interrupts_of_who_works_or_waits_leave_nobody_waiting() -> None:
    chance, flight, ended = Random(11), SingleFlight[int](), Event()

    def others() -> int:
        runs = 0
        while not ended.is_set():
            flight.run(lambda: 1)
            runs += 1
        return runs

    crew = Crew([others])
    try:
        interrupted_by_signals(lambda: flight.run(lambda: 2), chance)
    finally:
        ended.set()
    assert crew.join(10)[0] > 0
    assert not flight.busy
    with pytest.raises(LeaderboardError):
        flight.run(lambda: open_leaderboard("memory://").get_top_n(-1))  # type: ignore[arg-type,return-value]  # raises
