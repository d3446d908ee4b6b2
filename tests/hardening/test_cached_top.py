"""The cached top: exact on a board of its own, given up only where a write changes it, read by one thread at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from threading import Event
from time import sleep
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leaderboard_backends import (
    BackendUnavailableError,
    Entry,
    InvalidScoreError,
    Keep,
    LeaderboardBackend,
    Order,
    Score,
    open_leaderboard,
)
from leaderboard_backends.answers import Coverage, live_answers
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.hardening.degradation import DegradableLeaderboard
from leaderboard_backends.hardening.degradation.cached_top import CachedTop
from leaderboard_backends.hardening.degradation.top import Placing, Top
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.oracle import OracleBoard
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.wrapper import LIVE, Answer, answered, ask

from ..interrupting import HandlerAt, InterruptAt

READERS = 50


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Watched(SortedContainersLeaderboard):
    """A board in memory that counts its readings of ranks, and does something in the middle of its calls."""

    def __init__(self, *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(order=order, keep=keep)
        self.readings = 0
        self.error: BackendUnavailableError | None = None
        self.once_read: Callable[[], object] | None = None
        self.before_update: Callable[[], object] | None = None
        self.once_updated: Callable[[], object] | None = None

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        self.readings += 1
        if self.error is not None:
            raise self.error
        found = super()._get_range(first_rank, last_rank)
        self._do("once_read")
        return found

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        self._do("before_update")
        rank = super()._update_score(player_id, username, score)
        self._do("once_updated")
        return rank

    def _do(self, what: str) -> None:
        action = getattr(self, what)
        if action is not None:
            setattr(self, what, None)
            action()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inner() -> Watched:
    board = Watched()
    board.update_scores(
        [("ann", "Ann", 10), ("bob", "Bob", 9), ("cid", "Cid", 8), ("dan", "Dan", 8), ("eve", "Eve", 3)]
    )
    return board


@pytest.fixture
def board(inner: Watched, clock: Clock) -> DegradableLeaderboard:
    return DegradableLeaderboard(inner, cache_top=3, clock=clock)


def top(board: LeaderboardBackend, n: int = 3) -> list[str]:
    return [entry.player_id for entry in board.get_top_n(n)]


# ---------------------------------------------------------------------- what is served


def test_the_top_is_read_once_and_served_from_memory_with_its_age(
    inner: Watched, board: DegradableLeaderboard, clock: Clock
) -> None:
    first, live = ask(board.get_top_n, 3)
    clock.now += 0.5
    second, cached = ask(board.get_top_n, 2)
    third, also = ask(board.get_range, 2, 3)
    assert (second, third) == (first[:2], first[1:])
    assert (live, cached, also) == (LIVE, Answer("cached", 0.5), Answer("cached", 0.5))
    assert inner.readings == 1


def test_callers_get_lists_of_their_own(board: DegradableLeaderboard) -> None:
    expected = board.inner.get_top_n(3)
    for _ in range(3):
        found = board.get_top_n(3)
        assert found == expected
        found.clear()


def test_it_is_read_anew_before_it_is_too_old(inner: Watched, board: DegradableLeaderboard, clock: Clock) -> None:
    board.get_top_n(3)
    clock.now += 0.625
    assert ask(board.get_top_n, 3)[1] == Answer("cached", 0.625)
    clock.now += 0.125
    assert ask(board.get_top_n, 3)[1] == LIVE
    assert inner.readings == 2


def test_what_is_beyond_the_cached_part_is_live(inner: Watched, board: DegradableLeaderboard) -> None:
    board.get_top_n(3)
    assert ask(board.get_top_n, 4)[1] == LIVE
    assert ask(board.get_range, 3, 4)[1] == LIVE
    assert inner.readings == 3


def test_the_first_few_can_be_live_and_all_of_them_cached(inner: Watched, clock: Clock) -> None:
    board = DegradableLeaderboard(inner, cache_top=3, live_top=1, clock=clock)
    board.get_top_n(3)
    assert ask(board.get_top_n, 1)[1] == LIVE
    assert ask(board.get_range, 1, 1)[1] == LIVE
    assert ask(board.get_top_n, 2)[1] == Answer("cached", 0.0)


def test_the_live_first_few_are_taken_from_memory_while_the_storage_is_down(inner: Watched, clock: Clock) -> None:
    board = DegradableLeaderboard(inner, cache_top=3, live_top=2, clock=clock)
    expected = board.get_top_n(3)
    inner.error = BackendUnavailableError("no answer")
    clock.now += 4.0
    assert ask(board.get_top_n, 2) == (expected[:2], Answer("stale", 4.0))
    assert ask(board.get_range, 2, 2) == (expected[1:2], Answer("stale", 4.0))
    with pytest.raises(BackendUnavailableError):
        board.get_top_n(4)
    with pytest.raises(BackendUnavailableError):
        board.get_range(2, 4)


class OfReplicas(Watched):
    """A board that notes how it comes to its ranges, as one on several servers does."""

    answer = Answer("replica", 0.25)

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        found = super()._get_range(first_rank, last_rank)
        answered(self.answer)
        return found


def test_a_top_that_was_old_when_it_was_read_is_told_to_be_and_served_for_less_long(clock: Clock) -> None:
    inner = OfReplicas()
    board = DegradableLeaderboard(inner, cache_top=3, clock=clock)
    assert ask(board.get_top_n, 3)[1] == inner.answer
    clock.now += 0.25
    assert ask(board.get_top_n, 3)[1] == Answer("cached", 0.5)
    clock.now += 0.75
    assert ask(board.get_top_n, 3)[1] == inner.answer
    assert inner.readings == 2


def test_a_top_without_some_shards_is_for_its_reader_alone(clock: Clock) -> None:
    inner = OfReplicas()
    board = DegradableLeaderboard(inner, cache_top=3, clock=clock)
    inner.answer = Answer("partial", 0.0, Coverage(3, (1,)))
    for _ in range(2):
        assert ask(board.get_top_n, 3)[1] == inner.answer
    assert inner.readings == 2


def test_who_wants_a_live_answer_gets_none_from_memory(inner: Watched, board: DegradableLeaderboard) -> None:
    """Not an old one either while the storage is down; a copy, for example, must miss nobody."""
    expected = board.get_top_n(3)
    with live_answers():
        assert ask(board.get_top_n, 3) == (expected, LIVE)
        assert ask(board.get_range, 2, 3) == (expected[1:], LIVE)
        assert inner.readings == 3
        inner.error = BackendUnavailableError("no answer")
        with pytest.raises(BackendUnavailableError, match="no answer"):
            board.get_top_n(3)
        with pytest.raises(BackendUnavailableError, match="no answer"):
            board.get_range(2, 3)
    assert ask(board.get_top_n, 3) == (expected, Answer("cached", 0.0))


# ---------------------------------------------------------------------- what gives it up


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda board: board.update_score("eve", "Eve", 9), id="a player comes in"),
        pytest.param(lambda board: board.update_score("new", "New", 8.5), id="a new player comes in"),
        pytest.param(lambda board: board.update_score("cid", "Cid", 1), id="a shown player goes down"),
        pytest.param(lambda board: board.update_score("ann", "Anna", 10), id="a shown player is renamed"),
        pytest.param(lambda board: board.increment_score("eve", "Eve", 6), id="a player comes in by an increment"),
        pytest.param(lambda board: board.increment_score("ann", "Ann", 1), id="a shown player goes up"),
        pytest.param(lambda board: board.remove_player("ann"), id="a shown player goes"),
        pytest.param(lambda board: board.update_scores([("x", "", 1), ("y", "", 9)]), id="a batch comes in"),
        pytest.param(lambda board: board.update_scores([("x", "", 1), ("bob", "", 9)]), id="a batch renames"),
        pytest.param(lambda board: board.clear(), id="all go"),
    ],
)
def test_a_write_that_changes_the_top_shows_at_once(
    inner: Watched, board: DegradableLeaderboard, write: Callable[[LeaderboardBackend], object]
) -> None:
    before = board.get_top_n(3)
    write(board)
    assert board.get_top_n(3) == inner.get_top_n(3) != before


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda board: board.update_score("new", "New", 8), id="a new player ties with the last"),
        pytest.param(lambda board: board.update_score("dan", "Daniel", 8), id="one who is not shown is renamed"),
        pytest.param(lambda board: board.increment_score("eve", "Eve", 5), id="an increment up to the last"),
        pytest.param(lambda board: board.increment_score("eve", "Eve", -5), id="an increment downwards"),
        pytest.param(lambda board: board.remove_player("eve"), id="one who is not shown goes"),
        pytest.param(lambda board: board.remove_player("nobody"), id="nobody goes"),
        pytest.param(lambda board: board.update_scores([("x", "", 1), ("eve", "", 8)]), id="a batch stays below"),
    ],
)
def test_a_write_below_the_top_leaves_it_in_memory(
    inner: Watched, board: DegradableLeaderboard, write: Callable[[LeaderboardBackend], object]
) -> None:
    board.get_top_n(3)
    write(board)
    assert ask(board.get_top_n, 3) == (super(Watched, inner)._get_range(1, 3), Answer("cached", 0.0))
    assert inner.readings == 1


def test_while_the_board_is_short_every_new_player_shows() -> None:
    board = DegradableLeaderboard(Watched(), cache_top=3)
    for player, expected in [("ann", ["ann"]), ("bob", ["ann", "bob"]), ("cid", ["ann", "bob", "cid"])]:
        board.update_score(player, "", 1)
        assert top(board) == expected


def test_an_increment_that_is_refused_changes_nothing(board: DegradableLeaderboard) -> None:
    board.update_score("max", "", 2**53)
    before = board.get_top_n(3)
    with pytest.raises(InvalidScoreError):
        board.increment_score("max", "", 1)
    assert board.get_top_n(3) == before


players = st.sampled_from("abcdef")
scores = st.sampled_from([-1, 0, 1, 2, 2.5, 3])
writes = st.one_of(
    st.tuples(st.just("update_score"), players, st.sampled_from(["", "A"]), scores),
    st.tuples(st.just("increment_score"), players, st.sampled_from(["", "A"]), scores),
    st.tuples(st.just("update_scores"), st.lists(st.tuples(players, st.just("B"), scores), max_size=3)),
    st.tuples(st.just("remove_player"), players),
    st.tuples(st.just("clear")),
    st.tuples(st.just("pass time"), st.sampled_from([0.1, 0.5, 1])),
)


@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize("order", ["descending", "ascending"])
@settings(deadline=None)
@given(steps=st.lists(writes, max_size=25), size=st.integers(1, 4))
def test_whatever_is_written_the_top_is_what_the_board_has(
    order: Order, keep: Keep, steps: list[tuple[Any, ...]], size: int
) -> None:
    clock = Clock()
    board, oracle = (
        DegradableLeaderboard(Watched(order=order, keep=keep), cache_top=size, clock=clock),
        OracleBoard(order, keep),
    )
    for name, *arguments in steps:
        if name == "pass time":
            clock.now += arguments[0]
        else:
            assert getattr(board, name)(*arguments) == getattr(oracle, name)(*arguments)
        for n in range(1, size + 1):
            assert board.get_top_n(n) == oracle.get_top_n(n)
            assert board.get_range(n, size) == oracle.get_range(n, size)


# ---------------------------------------------------------------------- a write and a reading that meet


def test_a_write_that_is_answered_while_the_top_is_read_is_not_missed(
    inner: Watched, board: DegradableLeaderboard
) -> None:
    inner.once_read = lambda: board.update_score("eve", "Eve", 11)
    assert top(board) == ["ann", "bob", "cid"]
    assert top(board) == ["eve", "ann", "bob"]


def test_a_write_that_is_sent_while_the_top_is_read_and_applied_after_it_is_not_missed(
    inner: Watched, board: DegradableLeaderboard
) -> None:
    inner.before_update = lambda: top(board)
    board.update_score("eve", "Eve", 11)
    assert top(board) == ["eve", "ann", "bob"]


def test_a_write_below_the_old_top_and_within_the_new_one_is_not_missed(
    inner: Watched, board: DegradableLeaderboard
) -> None:
    """It is sent while the old top is served, and applied after the new one was read."""
    board.get_top_n(3)

    def meanwhile() -> None:
        board.remove_player("ann")
        board.remove_player("bob")
        assert top(board) == ["cid", "dan", "eve"]

    inner.before_update = meanwhile
    board.update_score("new", "New", 5)
    assert top(board) == ["cid", "dan", "new"]


def test_once_a_write_can_be_seen_anywhere_it_shows_in_the_top(inner: Watched, board: DegradableLeaderboard) -> None:
    """The write is applied and not yet answered; a reader who sees the score must see the rank."""
    board.get_top_n(3)
    seen: list[object] = []
    inner.once_updated = lambda: seen.extend([board.get_score("eve"), top(board)])
    board.update_score("eve", "Eve", 11)
    assert seen == [11, ["eve", "ann", "bob"]]


def test_before_a_write_is_applied_it_shows_nowhere(inner: Watched, board: DegradableLeaderboard) -> None:
    board.get_top_n(3)
    seen: list[object] = []
    inner.before_update = lambda: seen.extend([board.get_score("eve"), top(board)])
    board.update_score("eve", "Eve", 11)
    assert seen == [3, ["ann", "bob", "cid"]]


def test_after_a_write_that_only_might_have_changed_it_the_top_is_served_from_memory_again(
    inner: Watched, board: DegradableLeaderboard
) -> None:
    board.get_top_n(3)
    board.increment_score("eve", "Eve", 1)
    assert ask(board.get_top_n, 3)[1] == Answer("cached", 0.0)
    assert inner.readings == 1


def test_a_reading_amid_another_of_its_thread_does_not_wait_for_it_and_misses_no_write(
    inner: Watched, board: DegradableLeaderboard
) -> None:
    """As in a signal handler: what the first one is about to serve is from before the write."""
    seen: list[list[str]] = []

    def handle() -> None:
        board.update_score("eve", "Eve", 11)
        seen.append(top(board))

    inner.once_read = handle
    assert Crew([lambda: top(board)]).join(20) == [["ann", "bob", "cid"]]
    assert seen == [["eve", "ann", "bob"]]
    assert top(board) == ["eve", "ann", "bob"]


def test_writes_amid_the_notes_of_another_of_their_thread_wait_for_nothing_and_are_noted(
    board: DegradableLeaderboard,
) -> None:
    """As in a signal handler, while a write is listed, and while its end is settled."""
    cache, pending, handled = board._cache, [True], list[int]()
    assert cache is not None
    board.get_top_n(3)

    class Interrupted(Placing):
        def touches(self, top: Top) -> bool:
            if pending:
                pending.clear()
                handled.append(board.update_score("zoe", "Zoe", 1))
            return super().touches(top)

    change = Interrupted("eve", "", 11)

    def write() -> None:
        cache.begin(change)
        pending.append(True)
        cache.note_end(change)
        cache.settle_ended()

    Crew([write]).join(20)
    assert handled == [6, 6]
    assert not cache._in_work
    assert not cache._holding_back
    assert top(board) == ["ann", "bob", "cid"]


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("reads", [False, True])
def test_a_signal_handler_at_any_point_of_a_reading_breaks_nothing_and_its_write_is_seen(
    *, alone: bool, reads: bool
) -> None:
    """It comes at each line in turn, also while the ends of writes that came meanwhile are settled."""

    def is_called_at(point: int) -> bool:
        players = {"ann": 10}

        def write(player_id: str) -> None:
            change = Placing(player_id, "", 5)
            cache.begin(change)
            players[player_id] = 5
            cache.note_end(change)

        def read(_: int) -> list[Entry]:
            found = [Entry(rank, name, name, score) for rank, (name, score) in enumerate(players.items(), 1)]
            for name in [name for name in ("bob", "cid") if name not in players]:
                write(name)
            return found

        def handle() -> None:
            write("zoe")
            cache.settle_ended()
            if reads:
                cache.get()

        cache = CachedTop(read, 9, 60.0, 60.0, order="descending", alone=alone, clock=lambda: 100.0)
        with HandlerAt(point, {CachedTop.get.__code__.co_filename}, handle) as handler:
            cache.get()
        cache.settle_ended()
        found = cache.get()
        assert found is not None
        assert {entry.player_id for entry in found[0].entries} == set(players)
        assert not cache._in_work
        return handler.left <= 0

    assert next(point for point in count(1) if not is_called_at(point)) > 20


@pytest.mark.parametrize("alone", [False, True])
def test_an_interrupt_at_any_point_of_a_reading_keeps_none_that_missed_a_write(*, alone: bool) -> None:
    """It comes at each line in turn; the write was answered after the players were read."""

    def is_interrupted_at(point: int) -> bool:
        players, changes = {"ann": 10}, [Placing("bob", "", 5)]

        def read(_: int) -> list[Entry]:
            found = [Entry(rank, name, name, score) for rank, (name, score) in enumerate(players.items(), 1)]
            if changes:
                change = changes.pop()
                try:
                    cache.begin(change)
                    players["bob"] = 5
                finally:
                    cache.note_end(change)
            return found

        cache = CachedTop(read, 9, 60.0, 60.0, order="descending", alone=alone, clock=lambda: 100.0)
        with suppress(KeyboardInterrupt), InterruptAt(point, {CachedTop.get.__code__.co_filename}) as interrupt:
            cache.get()
        cache.settle_ended()
        cache.get()
        found = cache.get()
        assert found is not None
        assert {entry.player_id for entry in found[0].entries} == set(players)
        assert not cache._in_work
        return interrupt.left <= 0

    assert next(point for point in count(1) if not is_interrupted_at(point)) > 20


# ---------------------------------------------------------------------- one reading at a time


def reading_in_the_background(inner: Watched, board: DegradableLeaderboard) -> tuple[Crew[Any], Event]:
    """Start a thread that reads the top and stays at it until the event is set."""
    begun, may_end = Event(), Event()

    def wait() -> None:
        begun.set()
        assert may_end.wait(10)

    inner.once_read = wait
    crew = Crew([lambda: ask(board.get_top_n, 3)])
    assert begun.wait(10)
    return crew, may_end


def wait_for_waiters(board: DegradableLeaderboard, number: int) -> None:
    """Wait until so many threads wait for the one that reads, of which they tell nobody."""
    flight = board._cache._flight._flight  # type: ignore[union-attr]
    assert flight is not None
    for _ in range(10_000):
        if flight.joined == number:
            return
        sleep(0.001)
    raise AssertionError(f"{flight.joined} of {number} wait")


def test_while_one_thread_reads_anew_others_are_served_from_memory(
    inner: Watched, board: DegradableLeaderboard, clock: Clock
) -> None:
    board.get_top_n(3)
    clock.now += 0.75
    crew, may_end = reading_in_the_background(inner, board)
    clock.now += 0.25
    assert ask(board.get_top_n, 3)[1] == Answer("cached", 1.0)
    may_end.set()
    assert crew.join(10)[0][1] == LIVE
    assert inner.readings == 2


def test_a_storage_that_takes_long_holds_up_one_thread_and_the_others_are_told_that_it_is_old(
    inner: Watched, board: DegradableLeaderboard, clock: Clock
) -> None:
    board.get_top_n(3)
    clock.now += 1.25
    crew, may_end = reading_in_the_background(inner, board)
    for _ in range(3):
        assert ask(board.get_top_n, 3)[1] == Answer("stale", 1.25)
    may_end.set()
    assert crew.join(10)[0][1] == LIVE
    assert inner.readings == 2


def test_without_a_memory_nobody_is_given_what_is_old_however_long_it_takes(inner: Watched, clock: Clock) -> None:
    board = DegradableLeaderboard(inner, cache_top=3, cache_seconds=0.01, stale_entries=0, clock=clock)
    board.get_top_n(3)
    clock.now += 600
    crew, may_end = reading_in_the_background(inner, board)
    other = Crew([lambda: ask(board.get_top_n, 3)])
    wait_for_waiters(board, 1)
    may_end.set()
    crew.join(10)
    assert other.join(10)[0][1] == Answer("cached", 0.0)


def test_what_was_served_long_ago_is_not_served_while_it_is_read_anew(inner: Watched, clock: Clock) -> None:
    board = DegradableLeaderboard(inner, cache_top=3, cache_seconds=60, clock=clock)
    board.get_top_n(3)
    clock.now += 600
    crew, may_end = reading_in_the_background(inner, board)
    others = Crew([lambda: ask(board.get_top_n, 3)[1]] * READERS)
    wait_for_waiters(board, READERS)
    may_end.set()
    crew.join(10)
    assert others.join(10) == [Answer("cached", 0.0)] * READERS
    assert inner.readings == 2


def test_fifty_threads_read_it_once_each_time_it_is_too_old(
    inner: Watched, board: DegradableLeaderboard, clock: Clock
) -> None:
    for readings in (1, 2, 3):
        Crew([lambda: [board.get_top_n(3) for _ in range(10)]] * READERS).join(30)
        assert inner.readings == readings
        clock.now += 1.5


def test_a_thread_that_comes_to_read_after_another_one_has_read_is_served_from_memory(clock: Clock) -> None:
    """It found that the top is too old, and was not at work until the other one had read it anew."""
    storage, looks = Storage(), list[str]()

    def clock_beside_another() -> float:
        if looks == ["old"]:
            looks.append("read anew by another thread")
            Crew([cache.get]).join(20)
        return clock.now

    cache = CachedTop(storage.read, 3, 1.0, 300.0, order="descending", alone=True, clock=clock_beside_another)
    cache.get()
    clock.now += 1.5
    looks.append("old")
    found = cache.get()
    assert found is not None
    assert found[1] == Answer("cached", 0.0)
    assert storage.readings == 2


def test_where_nothing_is_in_memory_others_wait_for_the_one_that_reads(
    inner: Watched, board: DegradableLeaderboard
) -> None:
    crew, may_end = reading_in_the_background(inner, board)
    others = Crew([lambda: ask(board.get_top_n, 3)] * READERS)
    wait_for_waiters(board, READERS)
    may_end.set()
    expected = inner.get_top_n(3)
    assert crew.join(10) == [(expected, LIVE)]
    assert others.join(10) == [(expected, Answer("cached", 0.0))] * READERS
    assert inner.readings == 2  # one of them here


def test_those_who_waited_for_a_reading_that_a_write_outdated_ask_for_themselves(
    inner: Watched, board: DegradableLeaderboard
) -> None:
    crew, may_end = reading_in_the_background(inner, board)
    board.update_score("eve", "Eve", 11)
    other = Crew([lambda: top(board)])
    may_end.set()
    crew.join(10)
    assert other.join(10) == [["eve", "ann", "bob"]]


class Storage:
    """A number that is written, and read by one thread at a time, or told of it."""

    def __init__(self) -> None:
        self.written = self.acknowledged = 0
        self.readings = self.at_once = self.most_at_once = 0

    def read(self, size: int) -> list[Entry]:
        self.readings += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        found = [Entry(1, "ann", "", self.written)][:size]
        sleep(0.001)  # a round trip
        self.at_once -= 1
        return found

    def write(self, cache: CachedTop) -> None:
        change = Placing("ann", "", self.written + 1)
        cache.begin(change)
        self.written += 1
        change.settle(1)
        cache.note_end(change)
        cache.settle_ended()
        self.acknowledged = self.written


def test_however_often_a_shared_top_is_written_one_thread_reads_at_a_time_and_misses_no_own_write(
    clock: Clock,
) -> None:
    storage, stop = Storage(), Event()
    cache = CachedTop(storage.read, 3, 1.0, 300.0, order="descending", alone=False, clock=clock)

    def write() -> int:
        while not stop.wait(0.0005):
            storage.write(cache)
        return 0

    def read() -> int:
        for _ in range(10):
            acknowledged = storage.acknowledged
            found = cache.get()
            assert found is not None
            assert found[0].entries[0].score >= acknowledged
        return 10

    writer = Crew([write])
    try:
        answers = sum(Crew([read] * READERS).join(60))
    finally:
        stop.set()
    writer.join(10)
    assert storage.most_at_once == 1
    assert storage.readings < answers / 5, "readers share what one of them reads"


# ---------------------------------------------------------------------- a storage that is down, or shared


def test_while_the_storage_is_down_the_last_top_is_stale_whatever_was_asked_before(
    inner: Watched, board: DegradableLeaderboard, clock: Clock
) -> None:
    expected = board.get_top_n(3)
    inner.error = BackendUnavailableError("no answer")
    clock.now += 1.5
    assert ask(board.get_range, 2, 3) == (expected[1:], Answer("stale", 1.5))
    clock.now += 300
    with pytest.raises(BackendUnavailableError):
        board.get_range(2, 3)
    inner.error = None
    clock.now += 1
    assert ask(board.get_range, 2, 3) == (expected[1:], LIVE)


def test_without_a_memory_nothing_stale_is_served(inner: Watched, clock: Clock) -> None:
    board = DegradableLeaderboard(inner, cache_top=3, stale_entries=0, clock=clock)
    board.get_top_n(3)
    inner.error = BackendUnavailableError("no answer")
    clock.now += 1.5
    with pytest.raises(BackendUnavailableError, match="no answer"):
        board.get_top_n(3)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer() as running:
        yield running


def test_on_a_shared_board_own_writes_show_at_once_and_others_in_time(server: EmbeddedServer, clock: Clock) -> None:
    with (
        open_leaderboard(server.unix_url) as other,
        DegradableLeaderboard(open_leaderboard(server.unix_url), cache_top=2, clock=clock) as board,
    ):
        assert board.capabilities.consistency == "eventual"
        assert other.capabilities.consistency == "linearizable"
        board.update_scores([("ann", "", 5), ("bob", "", 4)])
        assert top(board, 2) == ["ann", "bob"]
        board.update_score("cid", "", 6)
        assert top(board, 2) == ["cid", "ann"]
        other.update_score("dan", "", 7)
        clock.now += 0.7
        assert top(board, 2) == ["cid", "ann"]
        clock.now += 0.3
        assert top(board, 2) == ["dan", "cid"]


def test_a_board_of_its_own_promises_what_it_did(board: DegradableLeaderboard) -> None:
    assert board.capabilities == SortedContainersLeaderboard.capabilities
