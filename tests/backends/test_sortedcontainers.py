"""The in-process board: exact keys, order that survives an interrupt, reads that touch only what they return."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from math import inf, nextafter
from typing import Any, TypeAlias

import pytest
import sortedcontainers
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboard_backends import Keep, Order, Score, in_process
from leaderboard_backends.backends import sortedcontainers as backend
from leaderboard_backends.backends.sortedcontainers import _REACHED_BITS, SortedContainersLeaderboard, _pack, _unpack
from leaderboard_backends.model import MAX_INTEGER, check_score

from ..interrupting import InterruptAt

Update: TypeAlias = tuple[str, str, Score]

scores = st.one_of(
    st.integers(-MAX_INTEGER, MAX_INTEGER),
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-4, 4).map(lambda value: round(value * 4) / 4),
).map(check_score)
reached = st.integers(1, 2**_REACHED_BITS - 1)
EDGES: list[Score] = [
    0,
    1,
    -1,
    5e-324,
    -5e-324,
    nextafter(1.0, 0.0),
    nextafter(1.0, 2.0),
    0.5,
    -0.5,
    2**52 + 0.5,
    2**53 - 1,
    2**53,
    -(2**53),
    float(2**53 + 2),
    -float(2**53 + 2),
    sys.float_info.max,
    -sys.float_info.max,
]


def whole(board: SortedContainersLeaderboard) -> list[tuple[str, str, Score]]:
    """Check every invariant of a board at rest and return it, best first."""
    assert not board._inside
    board._ordered._check()  # type: ignore[attr-defined]  # the library's own check, which the stubs leave out
    assert list(board._ordered) == sorted(board._records.values())
    assert all(player_id == record[1] for player_id, record in board._records.items())
    assert [entry.rank for entry in board] == list(range(1, len(board) + 1))
    return [entry[1:] for entry in board]


def filled(updates: list[Update], order: Order = "descending", keep: Keep = "last") -> SortedContainersLeaderboard:
    board = SortedContainersLeaderboard(order=order, keep=keep)
    for update in updates:
        board.update_score(*update)
    return board


# ---------------------------------------------------------------------- keys


@given(scores)
def test_a_packed_score_comes_back_as_it_was(score: Score) -> None:
    found = _unpack(_pack(score))
    assert (found, type(found)) == (score, type(score))


@given(scores, scores)
@example(nextafter(1.0, 0.0), 1)
@example(2**53, float(2**53 + 2))
@example(-5e-324, 0)
def test_packed_scores_order_as_the_scores_do(one: Score, other: Score) -> None:
    assert (_pack(one) < _pack(other)) == (Fraction(one) < Fraction(other))
    assert (_pack(one) == _pack(other)) == (Fraction(one) == Fraction(other))


@given(scores, scores, reached, reached)
def test_the_number_of_an_update_decides_within_a_score_and_never_beyond_it(
    one: Score, other: Score, first: int, second: int
) -> None:
    key, other_key = _pack(one) + first, _pack(other) + second
    assert _unpack(key >> _REACHED_BITS << _REACHED_BITS) == one
    assert (key < other_key) == ((Fraction(one), first) < (Fraction(other), second))


def test_the_edges_of_the_doubles_are_all_apart_and_in_order() -> None:
    ordered = sorted(EDGES, key=Fraction)
    assert sorted(EDGES, key=_pack) == ordered
    assert [_unpack(_pack(score)) for score in ordered] == ordered
    assert len({_pack(score) for score in EDGES}) == len(EDGES)


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_a_board_of_edges_reads_back_exactly_in_order_with_its_ties(order: Order) -> None:
    updates: list[Update] = [(f"{position}-{score}", "", score) for score in EDGES for position in range(3)]
    board = filled(updates, order)
    expected = sorted(updates, key=lambda update: Fraction(update[2]), reverse=order == "descending")
    assert whole(board) == expected
    for score in EDGES:
        found = board.get_by_score(score, score)
        assert [entry.player_id for entry in found] == [f"{position}-{score}" for position in range(3)]
        assert board.count_by_score(score, inf) + board.count_by_score(-inf, score) == len(board) + 3


# ---------------------------------------------------------------------- bulk

batches = st.lists(
    st.tuples(st.integers(0, 30).map("p{}".format), st.sampled_from(["", "Ada", "Grace"]), scores), max_size=60
)


@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize("order", ["descending", "ascending"])
@given(before=batches, updates=batches)
def test_a_batch_ends_as_the_same_updates_one_by_one(
    order: Order, keep: Keep, before: list[Update], updates: list[Update]
) -> None:
    board, single = filled(before, order, keep), filled(before + updates, order, keep)
    assert board.update_scores(updates) == len(updates)
    assert whole(board) == whole(single)


def test_a_small_batch_moves_players_and_a_large_one_sorts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    board = filled([(f"p{number}", "", number) for number in range(160)])
    sorts: list[int] = []
    replace = SortedContainersLeaderboard._replace

    def counted(board: SortedContainersLeaderboard, records: dict[str, Any]) -> None:
        sorts.append(len(records))
        replace(board, records)

    monkeypatch.setattr(SortedContainersLeaderboard, "_replace", counted)
    board.update_scores([(f"p{number}", "", 1000 + number) for number in range(19)])
    assert sorts == []
    board.update_scores([(f"p{number}", "", 2000 + number) for number in range(20)])
    assert sorts == [160]
    assert [entry.score for entry in board.get_top_n(3)] == [2019, 2018, 2017]
    whole(board)


# ---------------------------------------------------------------------- interrupts

TRACED = {in_process.__file__, backend.__file__, sys.modules[sortedcontainers.SortedKeyList.__module__].__file__}


START: list[Update] = [(f"p{number}", "", number % 7) for number in range(40)]


def at_every_point(
    act: Callable[[SortedContainersLeaderboard], object],
) -> Iterator[list[tuple[str, str, Score]]]:
    """Interrupt an operation at its first point, its second and so on to its end; yield the board after each."""
    for step in range(1, 10_000):
        board = SortedContainersLeaderboard()
        board._ordered._reset(4)  # short sub-lists, so that they split and merge
        for update in START:
            board.update_score(*update)
        try:
            with InterruptAt(step, TRACED):
                act(board)
        except KeyboardInterrupt:
            yield whole(board)
        else:
            assert step > 1
            return
    pytest.fail("the operation has no end")


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda board: board.update_score("p3", "Ada", 6), id="move"),
        pytest.param(lambda board: board.update_score("new", "Ada", 3), id="join"),
        pytest.param(lambda board: board.update_score("p3", "Ada", 2.5), id="move-to-a-fraction"),
        pytest.param(lambda board: board.update_score("p3", "Ada", 3), id="rename"),
        pytest.param(lambda board: board.increment_score("p3", "Ada", -2), id="increment"),
        pytest.param(lambda board: board.remove_player("p3"), id="remove"),
        pytest.param(lambda board: board.clear(), id="clear"),
        pytest.param(lambda board: board.update_scores([(f"q{n}", "", n) for n in range(20)]), id="large-batch"),
    ],
)
def test_an_interrupt_leaves_the_board_whole_as_before_or_as_after(
    act: Callable[[SortedContainersLeaderboard], object],
) -> None:
    done = filled(START)
    before = whole(done)
    act(done)
    after = whole(done)
    found = list(at_every_point(act))
    assert before in found
    assert [state for state in found if state not in (before, after)] == []


def test_a_second_interrupt_while_the_order_is_mended_leaves_it_to_the_next_call() -> None:
    board, before = filled(START), whole(filled(START))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sortedcontainers.SortedKeyList, "remove", interrupt)
        with pytest.raises(KeyboardInterrupt):
            board.update_score("p3", "Ada", 6)
        patched.setattr(SortedContainersLeaderboard, "_replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            board.get_rank("p3")
    assert whole(board) == before


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_an_interrupt_of_a_small_batch_leaves_it_whole_after_some_of_its_updates() -> None:
    updates: list[Update] = [("p1", "Ada", 6), ("new", "", 3), ("p2", "", 0), ("p1", "", 0.5)]
    states = [whole(filled(START + updates[:number])) for number in range(len(updates) + 1)]
    found = list(at_every_point(lambda board: board.update_scores(updates)))
    assert [state for state in found if state not in states] == []
    assert all(state in found for state in states[:-1])


def test_reads_that_are_interrupted_leave_the_board_whole() -> None:
    before = whole(filled(START))
    for read in (
        lambda board: board.get_top_n(5),
        lambda board: board.get_around("p3"),
        lambda board: board.get_by_score(1, 3),
        lambda board: board.get_percentile("p3"),
    ):
        assert all(state == before for state in at_every_point(read))


# ---------------------------------------------------------------------- what a read touches


class Watched:
    """A sorted list that counts the records drawn from it and the methods that were asked for."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.drawn = 0
        self.methods: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.methods.append(name)
        return getattr(self.inner, name)

    def __len__(self) -> int:
        return len(self.inner)

    def islice(self, start: int, stop: int) -> Iterator[Any]:
        self.methods.append("islice")
        for record in self.inner.islice(start, stop):
            self.drawn += 1
            yield record


@pytest.mark.parametrize(
    ("read", "drawn"),
    [
        (lambda board: board.get_top_n(10), 10),
        (lambda board: board.get_range(4_000, 4_010), 11),
        (lambda board: board.get_range(9_999, 20_000), 2),
        (lambda board: board.get_around("p5000", 5), 11),
        (lambda board: board.get_by_score(100, 9_000, limit=7), 7),
        (lambda board: board.get_by_score(-inf, inf, limit=3), 3),
        (lambda board: board.count_by_score(100, 9_000), 0),
        (lambda board: board.get_rank("p5000"), 0),
        (lambda board: board.get_percentile("p5000"), 0),
        (lambda board: board.get_entries(["p1", "p9000"]), 0),
        (lambda board: board.get_score("p5000"), 0),
        (len, 0),
        (lambda board: "p5000" in board, 0),
    ],
)
def test_a_read_draws_the_records_it_returns_and_no_others(
    read: Callable[[SortedContainersLeaderboard], object], drawn: int
) -> None:
    board = SortedContainersLeaderboard()
    board.update_scores([(f"p{number}", "", number) for number in range(10_000)])
    watched = Watched(board._ordered)
    board._ordered = watched  # type: ignore[assignment]  # it stands in for the list
    read(board)
    assert watched.drawn == drawn
    assert set(watched.methods) <= {"islice", "bisect_key_left"}


# ---------------------------------------------------------------------- threads


class CountedLock:
    """A lock that counts how often it was taken."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.taken = 0

    def __enter__(self) -> None:
        self.lock.acquire()
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.lock.release()


OPERATIONS: dict[str, Callable[[SortedContainersLeaderboard], object]] = {
    "update_score": lambda board: board.update_score("p1", "", 9),
    "increment_score": lambda board: board.increment_score("p1", "", 9),
    "update_scores (small)": lambda board: board.update_scores([("p1", "", 9)]),
    "update_scores (large)": lambda board: board.update_scores(START),
    "remove_player": lambda board: board.remove_player("p1"),
    "clear": lambda board: board.clear(),
    "get_score": lambda board: board.get_score("p1"),
    "get_rank": lambda board: board.get_rank("p1"),
    "get_entry": lambda board: board.get_entry("p1"),
    "get_entries": lambda board: board.get_entries(["p1", "p2", "p3"]),
    "get_percentile": lambda board: board.get_percentile("p1"),
    "get_top_n": lambda board: board.get_top_n(5),
    "get_range": lambda board: board.get_range(2, 5),
    "get_around": lambda board: board.get_around("p1"),
    "get_by_score": lambda board: board.get_by_score(0, 9),
    "count_by_score": lambda board: board.count_by_score(0, 9),
    "len": len,
    "in": lambda board: "p1" in board,
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_takes_the_lock_once_so_that_none_sees_half_of_another(operation: str) -> None:
    board = filled(START)
    lock = CountedLock()
    board._lock = lock  # type: ignore[assignment]  # it stands in for the lock
    OPERATIONS[operation](board)
    assert lock.taken == 1


def test_increments_of_many_threads_all_count() -> None:
    board = SortedContainersLeaderboard()
    start = threading.Barrier(4)

    def play(seed: int) -> None:
        choose = random.Random(seed)
        start.wait()
        for _ in range(1_000):
            board.increment_score(f"p{choose.randrange(20)}", "", 1)
            page = board.get_top_n(20)
            assert [entry.score for entry in page] == sorted((entry.score for entry in page), reverse=True)

    threads = [Raising(play, seed) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.finish()
    assert sum(entry.score for entry in board) == 4_000
    whole(board)


class Raising(threading.Thread):
    """A thread whose error reaches the test."""

    def __init__(self, act: Callable[[int], None], seed: int) -> None:
        super().__init__(daemon=True)
        self.act, self.seed = act, seed
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.act(self.seed)
        except BaseException as error:  # noqa: BLE001 - it is raised where the thread is joined
            self.error = error

    def finish(self) -> None:
        self.join(60)
        assert not self.is_alive()
        if self.error:
            raise self.error
