"""Between reading what stands and writing, no other thread changes the player; a remembered answer decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from threading import Barrier, Event, Thread

import pytest

from leaderboard_backends import Entry, LeaderboardBackend, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import BackendUnavailableError, UpdateRefusedError
from leaderboard_backends.hardening import ValidatedLeaderboard
from leaderboard_backends.hardening.validation.stripes import stripe_of
from leaderboard_backends.model import Score
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.wrapper import LIVE, Answer, answered, ask, last_answer

BLOCKED = 0.2
"""Seconds to wait for a thread that must not come to an end."""


class Unlimited(DelegatingLeaderboard):
    """A board whose storage cannot check limits as it writes."""

    def __init__(self) -> None:
        super().__init__(open_leaderboard("memory://"))
        self.capabilities = replace(self.capabilities, limits=False)


class Pausing(Unlimited):
    """A board on which the first read of a score waits, once it has been answered, until `go`."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.go = Event(), Event()

    def _get_score(self, player_id: str) -> Score | None:
        score = super()._get_score(player_id)
        if not self.read.is_set():
            self.read.set()
            assert self.go.wait(10)
        return score


OTHERS: dict[str, Callable[[LeaderboardBackend], object]] = {
    "update": lambda board: board.update_score("ada", "other", 12),
    "increment": lambda board: board.increment_score("ada", "other", 1),
    "batch": lambda board: board.update_scores([("bob", "other", 1), ("ada", "other", 12)]),
    "remove": lambda board: board.remove_player("ada"),
    "clear": lambda board: board.clear(),
}


@pytest.mark.parametrize("other", OTHERS)
def test_nothing_comes_between_the_read_and_the_write(other: str) -> None:
    inner = Pausing()
    inner.update_score("ada", "first", 10)
    board = ValidatedLeaderboard(inner, max_change=10, score_max=20)
    ours = Thread(target=board.update_score, args=("ada", "ours", 19))
    theirs = Thread(target=OTHERS[other], args=(board,))
    ours.start()
    assert inner.read.wait(10)
    theirs.start()
    theirs.join(BLOCKED)
    assert inner.get_entry("ada") == Entry(1, "ada", "first", 10), "the other write came in between"
    inner.go.set()
    ours.join(10)
    theirs.join(10)
    found = inner.get_entry("ada")
    assert found is None if other in ("remove", "clear") else found is not None and found.username == "other"


class Interrupted(Unlimited):
    """A board on which the first read of a score calls something first, as a finalizer or a signal handler may."""

    def __init__(self) -> None:
        super().__init__()
        self.first: Callable[[], object] | None = None

    def _get_score(self, player_id: str) -> Score | None:
        first, self.first = self.first, None
        if first is not None:
            first()
        return super()._get_score(player_id)


@pytest.mark.parametrize("other", OTHERS)
def test_a_call_amid_another_of_its_thread_is_refused_and_that_goes_on(other: str) -> None:
    """It would wait for ever for the lock of the player, which its own thread has."""
    inner, refused = Interrupted(), list[str]()
    inner.update_score("ada", "first", 10)
    board = ValidatedLeaderboard(inner, max_change=10, score_max=20)

    def handle() -> None:
        with pytest.raises(BackendUnavailableError, match="in the middle of another call of this thread"):
            OTHERS[other](board)
        refused.append(other)

    inner.first = handle
    assert Crew([lambda: board.update_score("ada", "ours", 19)]).join(20) == [1]
    assert refused == [other]
    assert inner.get_entry("ada") == Entry(1, "ada", "ours", 19)


def test_a_call_for_another_player_amid_one_of_its_thread_is_refused_as_well() -> None:
    """It could wait for a batch of another thread, which waits for the lock of the player of the first one."""
    inner, refused = Interrupted(), list[str]()
    board = ValidatedLeaderboard(inner, max_change=10, score_max=20)
    other = next(name for name in map(str, range(1000)) if stripe_of(name) != stripe_of("ada"))

    def handle() -> None:
        with pytest.raises(BackendUnavailableError, match="in the middle of another call of this thread"):
            board.update_score(other, "", 1)
        refused.append(other)

    inner.first = handle
    assert board.update_score("ada", "", 2) == 1
    assert refused == [other]
    assert board.update_score(other, "", 1) == 2


@pytest.mark.parametrize("inner", [Unlimited, partial(open_leaderboard, "memory://")])
def test_many_threads_never_get_a_sum_past_its_bound(inner: Callable[[], LeaderboardBackend]) -> None:
    board = ValidatedLeaderboard(inner(), score_max=100, on_flag=lambda _: None)
    start, done = Barrier(4), []

    def climb() -> None:
        start.wait()
        for _ in range(60):
            try:
                board.increment_score("ada", "Ada", 1)
            except UpdateRefusedError:
                continue
            done.append(1)

    threads = [Thread(target=climb) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert board.get_score("ada") == len(done) == 100
    assert board.counts.refused["score_max"] == 140


def test_batches_of_the_same_players_in_opposite_orders_do_not_wait_for_each_other() -> None:
    board = ValidatedLeaderboard(open_leaderboard("memory://"), max_change=10)
    players = [f"p{number}" for number in range(300)]
    batches = [[(player, "", 1) for player in players], [(player, "", 2) for player in reversed(players)]]

    def load(batch: Sequence[tuple[str, str, int]]) -> None:
        for _ in range(20):
            board.update_scores(batch)

    threads = [Thread(target=load, args=(batch,), daemon=True) for batch in batches * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    assert len(board) == 300


class Remembering(Unlimited):
    """A board that answers reads from memory, as one whose storage is down."""

    def _get_score(self, player_id: str) -> Score | None:
        answered(Answer("stale", 3.0))
        return super()._get_score(player_id)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        answered(Answer("cached", 0.5))
        return super()._get_entries(player_ids)


def test_an_answer_from_memory_decides_nothing() -> None:
    inner = Remembering()
    board = ValidatedLeaderboard(inner, max_change=10)
    with pytest.raises(BackendUnavailableError, match=r"is stale and 3\.0 s old: nothing was written"):
        board.update_score("ada", "Ada", 1)
    with pytest.raises(BackendUnavailableError, match=r"is cached and 0\.5 s old"):
        board.update_scores([("ada", "Ada", 1)])
    assert len(board) == 0


def test_checking_an_update_leaves_the_last_answer_as_it_was() -> None:
    board = ValidatedLeaderboard(Remembering(), score_max=100, on_flag=lambda _: None)
    _, before = ask(board.get_score, "ada")
    assert before.source == "stale"
    with pytest.raises(UpdateRefusedError):
        board.update_score("ada", "Ada", 101)
    assert last_answer() == before
    answered(LIVE)


def test_a_batch_reads_more_players_than_a_page_has() -> None:
    board = ValidatedLeaderboard(open_leaderboard("memory://"), max_change=10)
    players = [f"p{number}" for number in range(2500)]
    board.update_scores([(player, "", 10) for player in players])
    assert board.update_scores([(player, "", 20) for player in players]) == 2500
    with pytest.raises(UpdateRefusedError, match="update 2499: score 31"):
        board.update_scores([(player, "", 30) for player in players[:-1]] + [(players[-1], "", 31)])
    assert board.get_score("p0") == 20
