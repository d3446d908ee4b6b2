"""Shadowed reads: what they find, what they cost a caller, and what they survive."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from math import nan
from queue import SimpleQueue
from time import perf_counter, sleep
from timeit import repeat

import pytest

from leaderboard_backends import (
    BackendUnavailableError,
    Entry,
    InvalidArgumentError,
    LeaderboardBackend,
    open_leaderboard,
)
from leaderboard_backends.answers import Answer, answered
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.migration import shadow
from leaderboard_backends.migration.shadow import ShadowReads
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from ..interrupting import InterruptAt
from .boards import ODD, rows

READS: list[tuple[object, ...]] = [
    ("get_score", "player-1"),
    ("get_rank", "nobody"),
    ("get_entry", "player-1"),
    ("get_entries", ["player-1", "nobody"]),
    ("get_percentile", "player-1"),
    ("get_top_n", 10),
    ("get_range", 5, 9),
    ("get_around", "player-1", 2),
    ("get_by_score", 0, 1, 5),
    ("count_by_score", 0, 1),
    ("__contains__", "player-1"),
    ("__len__",),
]


@pytest.fixture
def boards() -> Iterator[tuple[LeaderboardBackend, LeaderboardBackend]]:
    with open_leaderboard("memory://one") as first, open_leaderboard("naive://two") as second:
        for board in (first, second):
            board.update_scores([*rows(200, 3), *ODD])
        yield first, second


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    yield
    assert not [each for each in threading.enumerate() if each.name == "leaderboard-shadow"]


@pytest.fixture
def reads(boards: tuple[LeaderboardBackend, LeaderboardBackend]) -> Iterator[ShadowReads]:
    both = ShadowReads(*boards, 1.0)
    yield both
    both.close()


class BlockedBoard(DelegatingLeaderboard):
    """Its reads of a rank wait until they are let go, and may then fail."""

    def __init__(self, inner: LeaderboardBackend) -> None:
        super().__init__(inner)
        self.reached = threading.Event()
        self.go = threading.Event()
        self.error: Exception | None = None

    def _get_rank(self, player_id: str) -> int | None:
        self.reached.set()
        assert self.go.wait(30)
        if self.error is not None:
            raise self.error
        return super()._get_rank(player_id)


# ---------------------------------------------------------------------- what it finds


def test_every_read_of_equal_boards_is_the_same_and_timed(reads: ShadowReads) -> None:
    for read in READS:
        reads.asked(*read)  # type: ignore[arg-type]  # the name comes first
    assert reads.wait()
    report = reads.report()
    assert sorted(report.operations) == sorted(str(name).strip("_") for name, *_ in READS)
    assert (report.differing, report.differences, report.problem) == (0, (), "")
    for name, found in report.operations.items():
        assert (found.asked, found.compared, found.failed, found.dropped) == (1, 1, 0, 0), name
        assert found.first is not None
        assert found.second is not None
        assert 0 < found.first.p50 <= found.first.p99
        assert 0 < found.second.p50 <= found.second.p99


def test_an_answer_that_stays_different_counts_and_is_shown(
    reads: ShadowReads, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shadow, "PAUSES", (0.0, 0.0))
    reads.second.remove_player("player-1")
    for _ in range(3):
        reads.asked("get_score", "player-1")
    reads.asked("__contains__", "player-2")
    assert reads.wait()
    report = reads.report()
    assert report.operations["get_score"][:6] == (3, 3, 3, 0, 0, 0)
    assert report.operations["contains"].differing == 0
    example = report.differences[0]
    assert example.operation == "get_score"
    assert example.arguments == "('player-1',)"
    assert example.second == "None"
    assert len([each for each in caplog.records if "get_score of the boards" in each.message]) == 1


class LateBoard(DelegatingLeaderboard):
    """Gets the removal of a player right after it was asked for the player's rank."""

    def _get_rank(self, player_id: str) -> int | None:
        found = super()._get_rank(player_id)
        self.inner.remove_player(player_id)
        return found


def test_a_second_board_that_catches_up_has_settled(reads: ShadowReads) -> None:
    behind = ShadowReads(reads.first, LateBoard(reads.second), 1.0)
    best = reads.first.get_top_n(1)[0]
    reads.first.remove_player(best.player_id)
    behind.asked("get_rank", best.player_id)
    assert behind.wait()
    found = behind.report().operations["get_rank"]
    assert (found.compared, found.differing, found.settled) == (1, 0, 1)
    behind.close()


class RestlessBoard(DelegatingLeaderboard):
    """Is written between any two reads."""

    def _get_score(self, player_id: str) -> int | float | None:
        self.inner.increment_score(player_id, "", 1)
        return super()._get_score(player_id)


def test_where_the_first_board_changes_all_the_time_nothing_is_told(
    reads: ShadowReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "PAUSES", (0.0, 0.0))
    restless = ShadowReads(RestlessBoard(reads.first), reads.second, 1.0)
    reads.second.update_score("player-1", "", -5)
    restless.asked("get_score", "player-1")
    assert restless.wait()
    found = restless.report().operations["get_score"]
    assert (found.compared, found.differing, found.settled, found.unclear) == (1, 0, 0, 1)
    restless.close()


def test_an_answer_that_is_not_of_the_storage_is_no_answer(reads: ShadowReads) -> None:
    class Cached(DelegatingLeaderboard):
        def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
            answered(Answer("cached", 1.0))
            return super()._get_range(first_rank, last_rank)

    cached = ShadowReads(reads.first, Cached(reads.second), 1.0)
    cached.asked("get_range", 1, 3)
    assert cached.wait()
    assert cached.report().operations["get_range"].failed == 1
    assert "a shadowed read is cached" in cached.report().problem
    cached.close()


def test_about_the_share_of_the_reads_is_compared(boards: tuple[LeaderboardBackend, LeaderboardBackend]) -> None:
    some = ShadowReads(*boards, 0.1, capacity=10_000)
    for _ in range(5_000):
        some.asked("__len__")
    assert some.wait()
    assert 350 < some.report().operations["len"].compared < 650
    some.close()
    none = ShadowReads(*boards, 0)
    none.asked("__len__")
    assert none.report().operations == {}
    none.close()


@pytest.mark.parametrize("share", [-0.1, 1.1, nan])
def test_a_share_is_from_0_to_1(boards: tuple[LeaderboardBackend, LeaderboardBackend], share: float) -> None:
    with pytest.raises(InvalidArgumentError, match="from 0 to 1"):
        ShadowReads(*boards, share)


Updates = SimpleQueue[tuple[str, str, int] | None]


def write(board: LeaderboardBackend, updates: Updates, seconds: float) -> None:
    chance, until = random.Random(3), perf_counter() + seconds
    while perf_counter() < until:
        update = (f"player-{chance.randrange(200)}", "", chance.randrange(1_000))
        updates.put(update)
        board.update_score(*update)
        sleep(chance.choice([0.0, 0.001, 0.1]))
    updates.put(None)


def follow(board: LeaderboardBackend, updates: Updates) -> None:
    while (update := updates.get()) is not None:
        board.update_score(*update)
        if updates.empty():
            sleep(0.02)


@pytest.mark.proof
def test_a_second_board_that_follows_a_busy_first_one_never_differs(
    boards: tuple[LeaderboardBackend, LeaderboardBackend],
) -> None:
    """The second one gets the same updates in the same order, up to 20 ms later."""
    both = ShadowReads(*boards, 1.0)
    updates: Updates = SimpleQueue()
    threads = [
        threading.Thread(target=write, args=(boards[0], updates, 5.0)),
        threading.Thread(target=follow, args=(boards[1], updates)),
    ]
    for thread in threads:
        thread.start()
    while threads[0].is_alive():
        for read in READS:
            both.asked(*read)  # type: ignore[arg-type]  # the name comes first
        sleep(0.02)
    for thread in threads:
        thread.join()
    assert both.wait(120)
    report = both.report()
    assert (report.differing, report.problem) == (0, "")
    assert sum(found.settled for found in report.operations.values()) > 5
    assert sum(found.compared for found in report.operations.values()) > 300
    both.close()


# ---------------------------------------------------------------------- what it survives


def test_interrupts_of_who_waits_keep_the_thread_comparing(reads: ShadowReads) -> None:
    """At each line in turn: else it would wait for ever for a lock that nobody releases."""
    hanging = BlockedBoard(reads.second)
    both = ShadowReads(reads.first, hanging, 1.0)
    both.asked("get_rank", "player-1")
    assert hanging.reached.wait(30)
    for point in range(1, 25):
        with InterruptAt(point, {shadow.__file__, threading.__file__}), suppress(KeyboardInterrupt):
            both.wait(0.01)
    hanging.go.set()
    assert both.wait(20)
    both.close()


def test_a_second_board_that_hangs_holds_nobody_up_and_what_is_too_much_is_dropped(reads: ShadowReads) -> None:
    hanging = BlockedBoard(reads.second)
    bounded = ShadowReads(reads.first, hanging, 1.0, capacity=5)
    bounded.asked("get_rank", "player-1")
    assert hanging.reached.wait(30)
    for _ in range(20):
        bounded.asked("get_rank", "player-1")  # returns, or the test would hang
    assert bounded.waiting == 5
    assert bounded.report().operations["get_rank"].dropped == 15
    hanging.go.set()
    assert bounded.wait()
    found = bounded.report().operations["get_rank"]
    assert (found.asked, found.compared, found.dropped) == (21, 6, 15)
    bounded.close()


def test_errors_of_a_board_are_counted_and_told(reads: ShadowReads) -> None:
    failing = BlockedBoard(reads.second)
    failing.go.set()
    failing.error = BackendUnavailableError("the server is gone.")
    tried = ShadowReads(reads.first, failing, 1.0)
    tried.asked("get_rank", "player-1")
    tried.asked("get_score", "player-1")
    tried.asked("get_rank", 5)
    assert tried.wait()
    failing.error = None
    assert (tried.report().operations["get_rank"].failed, tried.report().operations["get_score"].compared) == (2, 1)
    assert tried.report().problem.startswith("InvalidPlayerError: ")
    tried.close()


def test_close_ends_a_comparison_in_work_and_drops_what_waits(reads: ShadowReads) -> None:
    hanging = BlockedBoard(reads.second)
    closed = ShadowReads(reads.first, hanging, 1.0)
    for _ in range(3):
        closed.asked("get_rank", "player-1")
    assert hanging.reached.wait(30)
    closer = threading.Thread(target=closed.close)
    closer.start()
    assert closed._closed.wait(30)
    hanging.go.set()
    closer.join(30)
    assert not closer.is_alive()
    closed.asked("get_rank", "player-1")
    closed.close()
    found = closed.report().operations["get_rank"]
    assert (found.asked, found.dropped) == (3, 2)


def test_the_thread_ends_when_idle_and_another_one_starts(reads: ShadowReads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "IDLE", 0.01)
    for _ in range(3):
        reads.asked("__len__")
        assert reads.wait()
        ended = reads._thread
        if ended is not None:
            ended.join(30)
            assert not ended.is_alive()
    assert reads.report().operations["len"].compared == 3


def test_who_waits_and_many_reads_cut_the_gathering_short(
    boards: tuple[LeaderboardBackend, LeaderboardBackend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadow, "GATHERING", 1000.0)
    gathering = ShadowReads(*boards, 1.0, capacity=4)
    deadline = perf_counter() + 30
    for at_once in (1, 4):
        for _ in range(at_once):
            gathering.asked("__len__")
        while not gathering.report().operations or gathering.waiting:
            assert perf_counter() < deadline
            sleep(0.001)
    for _ in range(3):
        gathering.asked("__len__")
        assert gathering.wait()
    gathering.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_forked_child_compares_its_own_reads() -> None:
    with (
        EmbeddedServer(NO_PASSWORD, tcp=True) as server,
        open_leaderboard(server.url, board="one") as first,
        open_leaderboard(server.url, board="two") as second,
    ):
        hanging = BlockedBoard(second)
        both = ShadowReads(first, hanging, 1.0)
        both.asked("get_rank", "ada")
        assert hanging.reached.wait(30)  # the parent's thread is in the middle of a comparison
        child = os.fork()
        if not child:
            hanging.go.set()
            both.asked("get_rank", "ada")
            good = both.wait() and both.report().operations["get_rank"][:3] == (1, 1, 0)
            both.close()
            os._exit(0 if good else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        hanging.go.set()
        assert both.wait()
        assert both.report().operations["get_rank"].compared == 1
        both.close()


def test_many_threads_may_ask_at_once(reads: ShadowReads) -> None:
    def ask() -> None:
        for _ in range(50):
            reads.asked("get_rank", "player-1")

    callers = [threading.Thread(target=ask) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert reads.wait()
    assert reads.report().operations["get_rank"][:4] == (400, 400, 0, 0)


def test_a_read_that_is_not_of_the_sample_costs_a_caller_next_to_nothing(
    boards: tuple[LeaderboardBackend, LeaderboardBackend],
) -> None:
    few = ShadowReads(*boards, 0.0)
    took = min(repeat(lambda: few.asked("get_rank", "player-1"), number=500, repeat=20)) / 500
    assert took < 20e-6  # the best of 20 takes some 0.1 µs each; 20 µs would be a lock or a copy
    few.close()
