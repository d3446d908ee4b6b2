"""A forked child gets boards that answer or refuse with words, whatever the threads of its parent were at."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import count
from pathlib import Path
from threading import Event, Lock, RLock, Thread
from typing import Any, cast
from weakref import WeakValueDictionary

import pytest
from prometheus_client import CollectorRegistry

from leaderboard_backends import (
    BackendUnavailableError,
    Entry,
    ForkedBoardWarning,
    LeaderboardBackend,
    LeaderboardError,
    forks,
    open_leaderboard,
)
from leaderboard_backends.backends.memory import MemoryLeaderboard
from leaderboard_backends.hardening import MonitoredLeaderboard
from leaderboard_backends.migration.holding import Holder
from leaderboard_backends.migration.shadow import ShadowReads
from leaderboard_backends.migration.steering import Agent
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.zeo import EmbeddedZEO

from .interrupting import InterruptAt

IN_PROCESS = ["memory://", "sortedcontainers://", "naive://", "fakeredis://", "zodb+memory://"]
HARDENED = {
    "validation": {"score_max": 10**6, "max_change": 10**6, "player_exists": bool},
    "rate_limit": {"updates_a_second": 10**6, "updates_a_minute": 10**6},
    "degradation": {"cache_top": 10, "failures": 3},
}
PLAYERS = 300
FORKS = 8
SECONDS = 20.0

Tell = Callable[[Any], None]


def told(work: Callable[[Tell], object]) -> list[Any]:
    """Return what a forked child tells."""
    with Child(work, SECONDS) as child:
        return list(child)


@contextmanager
def busy(*works: Callable[[], object], pause: float = 0.0) -> Iterator[None]:
    """Have a thread repeat each piece of work, with a pause of so many seconds in between."""
    ended = Event()

    def repeat(work: Callable[[], object]) -> None:
        while not ended.wait(pause) if pause else not ended.is_set():
            work()

    threads = [Thread(target=repeat, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@contextmanager
def held(lock: Any) -> Iterator[None]:
    """Have another thread hold a lock."""
    taken, ended = Event(), Event()

    def hold() -> None:
        with lock:
            taken.set()
            ended.wait()

    thread = Thread(target=hold)
    thread.start()
    taken.wait()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def filled(board: LeaderboardBackend) -> LeaderboardBackend:
    board.update_scores((f"p{number}", "", number) for number in range(PLAYERS))
    return board


def hardened() -> LeaderboardBackend:
    return MonitoredLeaderboard(open_leaderboard("memory://", **HARDENED), registry=CollectorRegistry())


def shuffle(board: LeaderboardBackend) -> None:
    """Move a player up and down, alone and with others."""
    board.update_score("p7", "", PLAYERS)
    board.update_scores([("p7", "", 7), ("p8", "", 8)])


def ask(board: LeaderboardBackend) -> Callable[[Tell], None]:
    def work(tell: Tell) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ForkedBoardWarning)
            board.update_score("p9", "", 9.5)
            entries = list(board)
            tell((board.get_rank(f"p{PLAYERS - 1}") in (1, 2), entries == board.get_top_n(PLAYERS), len(entries)))
            tell(sorted(entries, key=lambda entry: -entry.score) == entries)

    return work


@pytest.mark.parametrize("url", IN_PROCESS)
def test_a_child_that_is_forked_while_threads_use_a_board_gets_a_whole_one(url: str) -> None:
    board = filled(open_leaderboard(url))
    with busy(lambda: board.get_top_n(1000), lambda: shuffle(board)):
        for _ in range(FORKS):
            assert told(ask(board)) == [(True, True, PLAYERS), True]


def test_a_child_that_is_forked_while_threads_use_a_hardened_board_goes_on() -> None:
    board = filled(hardened())
    with busy(lambda: board.get_top_n(1000), lambda: shuffle(board), lambda: board.get_top_n(5)):
        for _ in range(FORKS):
            assert told(ask(board)) == [(True, True, PLAYERS), True]


def test_a_child_of_a_process_with_a_busy_file_is_refused_with_words(tmp_path: Path) -> None:
    board = filled(open_leaderboard(f"zodb://{tmp_path / 'board.fs'}"))

    def work(tell: Tell) -> None:
        with pytest.raises(BackendUnavailableError, match="opened before this process was forked"):
            board.get_rank("p1")
        tell("refused")

    with board, busy(lambda: board.get_top_n(1000), lambda: shuffle(board)):
        for _ in range(FORKS):
            assert told(work) == ["refused"]


@pytest.mark.parametrize("kind", ["sqlite", "redis", "zeo"])
def test_a_child_of_a_process_with_a_busy_shared_board_shares_it(kind: str, tmp_path: Path) -> None:
    with ExitStack() as opened:
        url = {
            "redis": lambda: opened.enter_context(EmbeddedServer()).unix_url,
            "zeo": lambda: opened.enter_context(EmbeddedZEO()).url,
            "sqlite": lambda: f"sqlite://{tmp_path / 'board.db'}",
        }[kind]()
        board = filled(opened.enter_context(open_leaderboard(url)))
        pause = 0.005  # without it, the child's commits conflict with those of this process again and again
        opened.enter_context(busy(lambda: board.get_top_n(1000), lambda: shuffle(board), pause=pause))
        for number in range(FORKS):

            def work(tell: Tell, number: int = number) -> None:
                board.update_score("child", "", -1 - number)
                tell((board.get_rank("child"), board.get_score("p1")))

            assert told(work) == [(PLAYERS + 1, 1)]
            assert board.get_score("child") == -1 - number


@pytest.mark.parametrize("url", IN_PROCESS)
def test_an_in_process_board_warns_once_in_a_child_and_never_in_its_own_process(url: str) -> None:
    board = open_leaderboard(url, validation={"score_max": 100})
    board.update_score("ada", "Ada", 1)

    def work(tell: Tell) -> None:
        for _ in range(2):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                tell((board.get_rank("ada"), [warning.category for warning in caught]))
        tell(board.closed)

    assert told(work) == [(1, [ForkedBoardWarning]), (1, []), False]
    assert board.get_rank("ada") == 1


def test_an_inherited_board_can_be_closed_in_a_child() -> None:
    board = open_leaderboard("memory://")

    def work(tell: Tell) -> None:
        was_closed = board.closed
        board.close()
        tell((was_closed, board.closed))

    assert told(work) == [(False, True)]


def test_a_board_that_was_in_a_change_for_too_long_is_refused_in_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    board = filled(open_leaderboard("memory://"))
    assert isinstance(board, MemoryLeaderboard)
    monkeypatch.setattr(forks, "PATIENCE", 0.01)

    def work(tell: Tell) -> None:
        with pytest.raises(BackendUnavailableError, match="incomplete: open boards after the fork"):
            board.get_rank("p1")
        with open_leaderboard("memory://") as new:
            tell(new.update_score("ada", "", 1))

    with held(board._lock):
        assert told(work) == [1]
    assert board.get_rank("p1") == PLAYERS - 1


def test_a_guarded_lock_is_free_in_the_child_and_as_it_was_in_the_parent() -> None:
    plain, reentrant = forks.guard(Lock()), forks.guard(RLock())
    reentrant.acquire()

    def work(tell: Tell) -> None:
        tell((plain.acquire(blocking=False), reentrant.acquire(blocking=False)))

    assert told(work) == [(True, True)]
    assert not plain.locked()
    reentrant.release()
    with pytest.raises(RuntimeError):
        reentrant.release()


def test_interrupts_amid_a_fork_leave_no_lock_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """At each line in turn, as Ctrl-C may come; the hook for the parent is there twice."""
    monkeypatch.setattr(forks, "_guarded", WeakValueDictionary())
    locks: list[Any] = [forks.guard(Lock()), forks.guard(RLock())]
    points = count(1)
    interrupted = True
    while interrupted:
        with InterruptAt(next(points), {forks.__file__}) as interrupt:
            for hook in (forks._before, forks._after_in_parent, forks._after_in_parent):
                with suppress(KeyboardInterrupt):
                    hook()
        interrupted = interrupt.left <= 0
        assert Crew([lambda: [lock.acquire(blocking=False) and lock.release() for lock in locks]]).join(20) == [
            [None, None]
        ]
    assert next(points) > 10


def of_kind(kind: str, folder: Path) -> LeaderboardBackend:
    if kind == "hardened":
        return hardened()
    return open_leaderboard(f"{kind}://{folder / 'board'}" if kind in ("journal", "zodb") else f"{kind}://")


@pytest.mark.parametrize("kind", ["memory", "sortedcontainers", "naive", "zodb+memory", "zodb", "journal", "hardened"])
def test_a_signal_handler_may_call_a_board_while_its_thread_forks(kind: str, tmp_path: Path) -> None:
    """It comes right after the fork, which has its thread hold all locks: the board answers, or refuses with words."""
    calls: list[Callable[[LeaderboardBackend], object]] = [
        lambda board: board.update_score("ada", "", 2),
        lambda board: board.update_score("ada", "", 10**7),
        lambda board: board.get_top_n(5),
        lambda board: board.get_rank("ada"),
        lambda board: board.count(),
    ]

    def fork(board: LeaderboardBackend) -> None:
        forks._before()
        for call in calls:
            with suppress(LeaderboardError):
                call(board)
        forks._after_in_parent()

    with of_kind(kind, tmp_path) as board:
        board.update_score("ada", "", 1)
        Crew([lambda: fork(board)]).join(20)
        assert board.get_rank("ada") == 1


def test_a_child_that_nobody_announced_is_one_all_the_same() -> None:
    """A server written in C may fork by itself, and call the hooks for the child alone."""

    def work(tell: Tell) -> None:
        board = filled(open_leaderboard("memory://"))
        forks._after_in_child()
        with pytest.warns(ForkedBoardWarning):
            tell(board.get_rank("p1"))

    assert told(work) == [PLAYERS - 1]


def test_a_lock_that_is_made_while_the_process_forks_tears_nothing() -> None:
    def work(tell: Tell) -> None:
        forks._before()
        lock = forks.guard(Lock())
        forks._after_in_child()
        tell((forks.torn(), lock.acquire(blocking=False)))

    assert told(work) == [(False, True)]


def test_what_is_no_more_is_not_made_anew() -> None:
    begun: list[int] = []

    class Part:
        def __init__(self) -> None:
            forks.survive_forks(self.begin_anew)

        def begin_anew(self) -> None:
            begun.append(os.getpid())

    gone, here = Part(), Part()
    del gone
    gc.collect()
    assert told(lambda tell: tell(len(begun))) == [1]
    assert here is not None
    assert begun == []


class NoRecord:
    """A record of a migration that nobody writes."""

    def read(self, _part: str) -> dict[str, Any]:
        return {}

    def write(self, _part: str, _document: object) -> None:
        return

    def close(self) -> None:
        return


def watched(_: Path) -> tuple[Any, Any]:
    board: Any = MonitoredLeaderboard(open_leaderboard("memory://"), alerts=True, registry=CollectorRegistry())
    return board, board._watch._stopped


def journaled(folder: Path) -> tuple[Any, Any]:
    board: Any = open_leaderboard(f"journal://{folder / 'boards'}")
    return board, board._closing


def shadowed(_: Path) -> tuple[Any, Any]:
    reads: Any = ShadowReads(open_leaderboard("memory://"), open_leaderboard("memory://"), 1.0)
    return reads, reads._closed


def steered(_: Path) -> tuple[Any, Any]:
    agent: Any = Agent("weekly", cast("Any", NoRecord), cast("Any", NoRecord))
    return agent, agent._closed


def claimed(_: Path) -> tuple[Any, Any]:
    holder: Any = Holder("weekly", cast("Any", NoRecord), "source", "history")
    return holder, holder._closed


@pytest.mark.parametrize("opened", [watched, journaled, shadowed, steered, claimed])
def test_a_child_closes_what_a_thread_of_its_parent_waits_in(
    opened: Callable[[Path], tuple[Any, Any]], tmp_path: Path
) -> None:
    """An event has a lock, which such a thread has each time that it begins to wait, and as it ends."""
    part, event = opened(tmp_path)
    with closing(part), held(event._cond):
        assert told(lambda tell: tell(part.close())) == [None]


def test_entries_of_a_child_are_its_own() -> None:
    board = open_leaderboard("memory://")

    def work(tell: Tell) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ForkedBoardWarning)
            board.update_score("ada", "", 1)
        tell(board.get_top_n())

    assert told(work) == [[Entry(1, "ada", "", 1)]]
    assert board.get_top_n() == []


def test_an_interpreter_that_ends_with_open_boards_says_nothing() -> None:
    code = """if True:
        from leaderboard_backends import open_leaderboard
        board = open_leaderboard("memory://weekly", degradation=True)
    """
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
