"""A forked child goes on, whatever the threads of its parent were at when it was forked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Event
from typing import Any

import pytest

from leaderboard_backends import BackendUnavailableError, Entry, LeaderboardBackend, described, forks, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.hardening import (
    DegradableLeaderboard,
    RateLimitedLeaderboard,
    ValidatedLeaderboard,
    ask,
)
from leaderboard_backends.testing.conformance.foundation import OPERATIONS
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.forking import Child

SECONDS = 10.0

pytestmark = pytest.mark.filterwarnings("ignore::leaderboard_backends.ForkedBoardWarning")


class Hanging(DelegatingLeaderboard):
    """A board whose reads of the top hang while it is told to."""

    def __init__(self, inner: LeaderboardBackend) -> None:
        super().__init__(inner)
        self.begun, self.go_on = Event(), Event()
        self.go_on.set()

    def _get_top_n(self, n: int) -> list[Entry]:
        self.begun.set()
        assert self.go_on.wait(10)
        return super()._get_top_n(n)


def told(work: Callable[[Callable[[Any], None]], object]) -> list[Any]:
    """Return what a forked child tells."""
    with Child(work, SECONDS) as child:
        return list(child)


@contextmanager
def every_lock_held() -> Iterator[None]:
    """Hold all the locks that a forked child finds free, as threads might at any moment."""
    with ExitStack() as held:
        for lock in list(forks._guarded.values()):
            held.enter_context(lock)
        yield


def test_a_child_that_is_forked_while_every_lock_is_held_does_all_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forks, "PATIENCE", 0)
    monkeypatch.setattr(described, "torn", bool)  # the board inside refuses then; here it is about what is around it
    board = RateLimitedLeaderboard(
        ValidatedLeaderboard(
            DegradableLeaderboard(open_leaderboard("memory://"), cache_top=3),
            score_max=100,
            max_change=100,
            player_exists=bool,
        )
    )
    board.update_score("bob", "", 1)

    def work(tell: Callable[[Any], None]) -> None:
        for operation in OPERATIONS.values():
            operation(board)
        tell("done")

    with every_lock_held():
        assert told(work) == ["done"]


def test_a_child_reads_the_top_that_a_thread_of_its_parent_is_reading() -> None:
    inner = Hanging(open_leaderboard("memory://"))
    board = DegradableLeaderboard(inner, cache_top=3)
    board.update_score("ada", "", 1)
    inner.go_on.clear()
    reading = Crew([lambda: board.get_top_n(3)])
    assert inner.begun.wait(10)

    def work(tell: Callable[[Any], None]) -> None:
        inner.go_on = Event()
        inner.go_on.set()
        tell(ask(board.get_top_n, 3)[0])

    expected = [Entry(1, "ada", "", 1)]
    assert told(work) == [expected]
    inner.go_on.set()
    assert reading.join(10) == [expected]


def test_a_child_tries_the_storage_that_a_thread_of_its_parent_is_trying() -> None:
    class Failing(Hanging):
        down = True

        def _get_rank(self, player_id: str) -> int | None:
            self.begun.set()
            assert self.go_on.wait(10)
            if self.down:
                raise BackendUnavailableError("no answer")
            return super()._get_rank(player_id)

    now = 100.0
    inner = Failing(open_leaderboard("memory://"))
    board = DegradableLeaderboard(inner, failures=1, clock=lambda: now)
    board.update_score("ada", "", 1)
    refused(board)
    assert board.circuit == "open"
    now += 1.0
    inner.begun.clear()
    inner.go_on.clear()
    trying = Crew([lambda: refused(board)])
    assert inner.begun.wait(10)

    def work(tell: Callable[[Any], None]) -> None:
        inner.go_on = Event()
        inner.go_on.set()
        inner.down = False
        tell((board.get_rank("ada"), board.circuit))

    assert told(work) == [(1, "closed")]
    inner.go_on.set()
    trying.join(10)


def refused(board: LeaderboardBackend) -> None:
    """Read a rank, which is refused."""
    try:
        board.get_rank("ada")
    except BackendUnavailableError:
        return
    raise AssertionError("it was answered")
