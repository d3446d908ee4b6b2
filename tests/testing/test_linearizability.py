"""The checker of histories: its model against the oracle, its search against brute force, and examples by hand."""

from __future__ import annotations

import pickle
import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations
from math import inf
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from leaderboard_backends import (
    BackendUnavailableError,
    Entry,
    InvalidScoreError,
    Keep,
    Order,
    Score,
    WriteConflictError,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.errors import BatchOutcomes
from leaderboard_backends.testing.linearizability import (
    ANY,
    EMPTY,
    READS,
    UNKNOWN,
    WRITES,
    Operation,
    Recorder,
    SearchBudgetError,
    Standing,
    State,
    apply,
    assert_linearizable,
    linearize,
    state_of,
    told,
)
from leaderboard_backends.testing.oracle import OracleBoard

ORDERS: list[Order] = ["descending", "ascending"]
KEEPS: list[Keep] = ["last", "best"]
WHOLE: list[Score] = [0, 1, 2, 3, -1, -0.0, 2.0, 2**53, 2**53 - 1, -(2**53)]
PLAYERS = st.sampled_from("abcd")
NAMES = st.sampled_from(["", "A", "B"])
SCORES = st.sampled_from([*WHOLE, 0.5, 0.1, 1e300, 1.7e308])
COUNTS = st.integers(0, 5)
RANKS = st.tuples(st.integers(1, 5), st.integers(1, 5)).map(sorted).map(tuple)
BOUNDS = st.tuples(SCORES | st.just(-inf), SCORES | st.just(inf)).map(sorted)

ARGUMENTS: dict[str, st.SearchStrategy[Any]] = {
    "update_score": st.tuples(PLAYERS, NAMES, SCORES),
    "increment_score": st.tuples(PLAYERS, NAMES, SCORES),
    "update_scores": st.tuples(st.lists(st.tuples(PLAYERS, NAMES, SCORES), max_size=4)),
    "remove_player": st.tuples(PLAYERS),
    "clear": st.tuples(),
    "get_score": st.tuples(PLAYERS),
    "get_rank": st.tuples(PLAYERS),
    "get_entry": st.tuples(PLAYERS),
    "get_entries": st.tuples(st.lists(PLAYERS, max_size=4)),
    "get_percentile": st.tuples(PLAYERS),
    "get_top_n": st.tuples(COUNTS),
    "get_range": RANKS,
    "get_around": st.tuples(PLAYERS, COUNTS),
    "get_by_score": st.tuples(BOUNDS, st.none() | COUNTS).map(lambda drawn: (*drawn[0], drawn[1])),
    "count_by_score": BOUNDS.map(tuple),
    "__len__": st.tuples(),
    "__contains__": st.tuples(PLAYERS),
}
CALLS = st.sampled_from([*ARGUMENTS, *["update_score"] * 12, *["update_scores"] * 3]).flatmap(
    lambda call: st.tuples(st.just(call), ARGUMENTS[call])
)


def answer_of(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except InvalidScoreError:
        return InvalidScoreError


# ---------------------------------------------------------------------- the model


def test_the_model_knows_every_operation_that_programs_are_made_of() -> None:
    assert set(ARGUMENTS) == READS.keys() | WRITES.keys()


@pytest.mark.parametrize("keep", KEEPS)
@pytest.mark.parametrize("order", ORDERS)
@settings(database=None)
@given(program=st.lists(CALLS, max_size=40))
def test_the_model_answers_as_the_oracle_does(
    order: Order, keep: Keep, program: list[tuple[str, tuple[Any, ...]]]
) -> None:
    oracle, state = OracleBoard(order, keep), EMPTY
    for call, arguments in program:
        before = state
        expected = answer_of(lambda: getattr(oracle, call)(*arguments))  # noqa: B023 - called at once
        try:
            state, answer = apply(before, call, arguments, order, keep)
        except InvalidScoreError:
            answer = InvalidScoreError
        assert (answer, repr(answer)) == (expected, repr(expected))
        assert repr(state) == repr(state_of(oracle)), "the state is all that the board is"
        assert call in WRITES or state == before


def test_the_model_leaves_the_state_that_it_was_given_alone() -> None:
    state = (Standing("a", "A", 2), Standing("b", "B", 1))
    after, rank = apply(state, "update_score", ("b", "new", 2), "descending", "last")
    assert (after, rank) == ((Standing("a", "A", 2), Standing("b", "new", 2)), 2)
    assert state == (Standing("a", "A", 2), Standing("b", "B", 1))


# ---------------------------------------------------------------------- histories by hand


def history(*rows: tuple[int, float, str, tuple[object, ...], object]) -> list[Operation]:
    """Each row: called at, returned at, operation, arguments, answer; every operation in a thread of its own."""
    return [
        Operation(number, call, arguments, answer, invoked, returned)
        for number, (invoked, returned, call, arguments, answer) in enumerate(rows)
    ]


ADA = (Standing("ada", "", 0),)

LINEARIZABLE: dict[str, list[Operation]] = {
    "nothing happened": [],
    "a read beside a write sees the state before it": history(
        (0, 10, "update_score", ("ada", "", 1), 1), (1, 2, "get_score", ("ada",), 0)
    ),
    "a read beside a write sees the state after it": history(
        (0, 10, "update_score", ("ada", "", 1), 1), (1, 2, "get_score", ("ada",), 1)
    ),
    "operations that touch at one moment may go either way": history(
        (0, 5, "update_score", ("ada", "", 1), 1), (5, 6, "get_score", ("ada",), 0)
    ),
    "an unknown write that must have happened": history(
        (0, inf, "update_score", ("ada", "", 1), UNKNOWN), (1, 2, "get_score", ("ada",), 1)
    ),
    "an unknown write that never happened": history(
        (0, inf, "update_score", ("ada", "", 1), UNKNOWN), (1, 2, "get_score", ("ada",), 0)
    ),
    "an unknown write that takes effect long after": history(
        (0, inf, "update_score", ("ada", "", 1), UNKNOWN),
        (1, 2, "get_score", ("ada",), 0),
        (3, 4, "update_score", ("ada", "", 5), 1),
        (5, 6, "get_score", ("ada",), 1),
    ),
    "two unknown increments that both happened": history(
        (0, inf, "increment_score", ("ada", "", 1), UNKNOWN),
        (0, inf, "increment_score", ("ada", "", 1), UNKNOWN),
        (1, 2, "get_score", ("ada",), 2),
    ),
    "a write that answers anything": history(
        (0, 1, "update_score", ("ada", "", 1), ANY), (2, 3, "get_score", ("ada",), 1)
    ),
    "an unknown increment that was refused as its sum is too large": history(
        (0, inf, "increment_score", ("ada", "", 2**53), UNKNOWN),
        (0, 1, "increment_score", ("ada", "", 2**53), Entry(1, "ada", "", 2**53)),
        (2, 3, "get_score", ("ada",), 2**53),
    ),
}

BROKEN: dict[str, list[Operation]] = {
    "a stale read": history((0, 1, "update_score", ("ada", "", 1), 1), (2, 3, "get_score", ("ada",), 0)),
    "reads that go back in time": history(
        (0, 10, "update_score", ("ada", "", 1), 1),
        (1, 2, "get_score", ("ada",), 1),
        (3, 4, "get_score", ("ada",), 0),
    ),
    "a lost update": history(
        (0, 5, "increment_score", ("ada", "", 1), Entry(1, "ada", "", 1)),
        (1, 6, "increment_score", ("ada", "", 1), Entry(1, "ada", "", 1)),
    ),
    "a read of a value never written": history(
        (0, 9, "update_score", ("ada", "", 1), 1), (1, 2, "get_score", ("ada",), 2)
    ),
    "an unknown increment that happened twice": history(
        (0, inf, "increment_score", ("ada", "", 1), UNKNOWN), (1, 2, "get_score", ("ada",), 2)
    ),
    "an unknown write that was seen, and then was undone": history(
        (0, inf, "update_score", ("ada", "", 1), UNKNOWN),
        (1, 2, "get_score", ("ada",), 1),
        (3, 4, "get_score", ("ada",), 0),
    ),
    "an unknown write seen before its call": history(
        (5, inf, "update_score", ("ada", "", 1), UNKNOWN), (1, 2, "get_score", ("ada",), 1)
    ),
    "a write that was acknowledged, whatever it answered, and is not there": history(
        (0, 1, "update_score", ("ada", "", 1), ANY), (2, 3, "get_score", ("ada",), 0)
    ),
    "a player removed twice": history((0, 5, "remove_player", ("ada",), True), (1, 6, "remove_player", ("ada",), True)),
    "a tie that turned round": history(
        (0, 1, "update_score", ("bob", "", 0), 2),
        (2, 3, "get_top_n", (9,), [Entry(1, "bob", "", 0), Entry(2, "ada", "", 0)]),
    ),
    "two readers that saw two writes in two orders": history(
        (0, 9, "update_score", ("bob", "", 1), ANY),
        (0, 9, "update_score", ("zoe", "", 1), ANY),
        (1, 8, "get_entries", (["bob", "zoe"],), [Entry(1, "bob", "", 1), None]),
        (1, 8, "get_entries", (["bob", "zoe"],), [None, Entry(1, "zoe", "", 1)]),
    ),
    "an answer where the sum must have been refused": history(
        (0, 1, "increment_score", ("ada", "", 2**53), ANY),
        (2, 3, "increment_score", ("ada", "", 1), Entry(1, "ada", "", 2**53)),
    ),
}


@pytest.mark.parametrize("name", LINEARIZABLE)
def test_what_can_have_been_is_let_through(name: str) -> None:
    assert_linearizable(LINEARIZABLE[name], "descending", "last", start=ADA)


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_have_been_is_caught(name: str) -> None:
    with pytest.raises(AssertionError, match="not linearizable"):
        assert_linearizable(BROKEN[name], "descending", "last", start=ADA)


def test_the_account_tells_what_was_placed_what_is_left_and_when() -> None:
    rows = history(
        (5_000, 6_000, "update_score", ("bob", "Bob", 3), 1),
        (7_000, 9_500, "get_score", ("bob",), 1),
        (8_000, 20_000, "update_score", ("zoe", "Zoe", 4), 1),
        (30_000, inf, "increment_score", ("ada", "", 1), UNKNOWN),
    )
    with pytest.raises(AssertionError) as caught:
        assert_linearizable(rows, "descending", "last", start=ADA)
    assert str(caught.value).splitlines() == [
        (
            "not linearizable: no order of these 4 operations, each at a moment between its call and its return, "
            "explains all answers (descending, keep last; 3 configurations tried)."
        ),
        "The board at the start: 1. 'ada' '' 0",
        "The longest order that explains its answers, 2 operations:",
        "       0.0 to      1.0 µs  process 0: update_score('bob', 'Bob', 3) -> 1",
        "       3.0 to     15.0 µs  process 2: update_score('zoe', 'Zoe', 4) -> 1",
        "The board after them: 1. 'zoe' 'Zoe' 4, 2. 'bob' 'Bob' 3, 3. 'ada' '' 0",
        "The 2 operations that are left, by the time of the call:",
        "       2.0 to      4.5 µs  process 1: get_score('bob') -> 1; next, it would answer 3",
        "      25.0 to    never µs  process 3: increment_score('ada', '', 1) -> no answer",
    ]


def test_a_history_too_large_for_the_budget_is_an_error_and_never_a_pass() -> None:
    rows = history(*[(0, 9, "update_score", (f"p{number}", "", number), ANY) for number in range(14)])
    impossible = [*rows, *history((10, 11, "get_score", ("nobody",), 1))]
    with pytest.raises(SearchBudgetError, match="2000 configurations of 15 operations"):
        assert_linearizable(impossible, "descending", "last", budget=2000)


def test_a_long_history_is_judged_without_recursion() -> None:
    rows = [
        Operation(0, "increment_score", ("ada", "", 1), Entry(1, "ada", "", number + 1), 2 * number, 2 * number + 1)
        for number in range(3000)
    ]
    assert linearize(rows, "descending", "last").complete
    found = linearize([*rows, rows[-1]._replace(invoked=7000, returned=7001)], "descending", "last")
    assert (found.complete, len(found.placed), len(found.left)) == (False, 3000, 1)
    assert found.state == (Standing("ada", "", 3000),)


# ---------------------------------------------------------------------- the search against brute force


def can_be_explained(rows: list[Operation], order: Order, keep: Keep, start: State) -> bool:
    """The definition: some subset with all that was answered, in some order that respects the times, fits."""
    answered = {index for index, row in enumerate(rows) if row.answer is not UNKNOWN}
    for size in range(len(answered), len(rows) + 1):
        for chosen in permutations(range(len(rows)), size):
            if answered <= set(chosen) and fits([rows[index] for index in chosen], order, keep, start):
                return True
    return False


def fits(rows: list[Operation], order: Order, keep: Keep, state: State) -> bool:
    for position, row in enumerate(rows):
        if any(later.returned < row.invoked for later in rows[position + 1 :]):
            return False
        state, answer = apply(state, row.call, row.arguments, order, keep)
        if row.answer not in (UNKNOWN, ANY) and row.answer != answer:
            return False
    return True


def random_call(chance: random.Random, number: int) -> tuple[str, tuple[object, ...]]:
    player = chance.choice("ab")
    return chance.choice(
        [
            ("update_score", (player, f"n{number}", chance.randrange(2))),
            ("increment_score", (player, "", 1)),
            ("update_scores", ([("a", "", chance.randrange(2)), ("b", "", chance.randrange(2))],)),
            ("remove_player", (player,)),
            ("clear", ()),
            ("get_entry", (player,)),
            ("get_top_n", (2,)),
            ("__len__", ()),
        ]
    )


def random_history(chance: random.Random, order: Order, keep: Keep, start: State) -> list[Operation]:
    """A history of a real board, or nearly: some answers are from another moment, some operations are unknown."""
    moments = chance.sample(range(1000), 5)
    calls = [random_call(chance, number) for number in range(len(moments))]
    states, rows = [start], list[Operation]()
    for moment, (call, arguments) in sorted(zip(moments, calls, strict=True)):
        before = chance.choice(states) if chance.random() < 0.5 else states[-1]
        answer: object = apply(before, call, arguments, order, keep)[1]
        unknown = chance.random() < 0.2
        if not unknown or chance.random() < 0.5:
            states.append(apply(states[-1], call, arguments, order, keep)[0])
        invoked, returned = moment - chance.randrange(120), float(moment + chance.randrange(120))
        if unknown:
            answer, returned = UNKNOWN, inf
        elif chance.random() < 0.1:
            answer = ANY
        rows.append(Operation(len(rows), call, arguments, answer, invoked, returned))
    chance.shuffle(rows)
    return rows


@pytest.mark.parametrize("seed", range(8))
def test_the_search_agrees_with_brute_force(seed: int) -> None:
    chance = random.Random(seed)
    verdicts: Counter[bool] = Counter()
    for _ in range(500):
        order, keep = chance.choice(ORDERS), chance.choice(KEEPS)
        start = chance.choice([EMPTY, ADA, (Standing("b", "", 1), Standing("a", "", 1))])
        rows = random_history(chance, order, keep, start)
        expected = can_be_explained(rows, order, keep, start)
        found = linearize(rows, order, keep, start=start)
        assert found.complete == expected, rows
        assert fits(list(found.placed), order, keep, start), "the order that it shows is no explanation"
        assert sorted(found.placed + found.left) == sorted(rows)
        verdicts[expected] += 1
    assert min(verdicts[True], verdicts[False]) > 50, f"nearly all histories were alike: {verdicts}"


# ---------------------------------------------------------------------- the recorder


class Failing(NaiveLeaderboard):
    """Stores, or not, and then raises what it was told to."""

    def __init__(self, error: Exception | None = None, *, stores: bool = False) -> None:
        super().__init__("failing")
        self.error = error
        self.stores = stores

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        rank = super()._update_score(player_id, username, score) if self.stores or self.error is None else 0
        if self.error is not None:
            raise self.error
        return rank

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        for update in updates:
            self._update_score(*update)


def test_an_answer_is_recorded_with_its_times() -> None:
    recorder = Recorder(NaiveLeaderboard(), process=7)
    assert recorder.call("update_score", "ada", "Ada", 3) == 1
    assert recorder.call("get_top_n", 5) == [Entry(1, "ada", "Ada", 3)]
    first, second = recorder.operations
    assert first[:4] == (7, "update_score", ("ada", "Ada", 3), 1)
    assert second[:4] == (7, "get_top_n", (5,), [Entry(1, "ada", "Ada", 3)])
    assert first.invoked < first.returned <= second.invoked < second.returned
    assert_linearizable(recorder.operations, "descending", "last")


@pytest.mark.parametrize("stores", [False, True])
def test_a_write_whose_outcome_is_unknown_may_have_happened(stores: bool) -> None:  # noqa: FBT001 - a case
    board = Failing(WriteOutcomeUnknownError("no reply"), stores=stores)
    recorder = Recorder(board)
    with pytest.raises(WriteOutcomeUnknownError):
        recorder.call("update_score", "ada", "Ada", 3)
    recorder.call("get_top_n", 5)
    assert [operation.answer is UNKNOWN for operation in recorder.operations] == [True, False]
    assert recorder.operations[0].returned == inf
    assert_linearizable(recorder.operations, "descending", "last")


@pytest.mark.parametrize("error", [BackendUnavailableError("down"), WriteConflictError("lost")], ids=repr)
def test_a_refused_write_must_not_have_happened(error: Exception) -> None:
    for stores in (False, True):
        recorder = Recorder(Failing(error, stores=stores))
        with pytest.raises(type(error)):
            recorder.call("update_score", "ada", "Ada", 3)
        recorder.call("get_top_n", 5)
        assert [operation.call for operation in recorder.operations] == ["get_top_n"]
        assert linearize(recorder.operations, "descending", "last").complete is not stores


def test_a_call_that_broke_in_another_way_may_have_happened() -> None:
    recorder = Recorder(Failing(ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        recorder.call("update_score", "ada", "Ada", 3)
    assert recorder.operations[0].answer is UNKNOWN


def test_updates_of_which_a_part_was_applied_are_not_recorded() -> None:
    error = BackendUnavailableError("down")
    error.applied = 2
    with pytest.raises(ValueError, match="only a part"):
        Recorder(Failing(error)).call("update_score", "ada", "Ada", 3)


def test_of_a_batch_over_several_shards_the_updates_that_were_not_refused_may_have_happened() -> None:
    error, heard = BackendUnavailableError("two of three shards are down"), list[Operation | None]()
    error.outcomes = BatchOutcomes(applied=(0,), refused=(1,), unknown=(2,))
    recorder = Recorder(Failing(error), 1, heard.append)
    with pytest.raises(BackendUnavailableError):
        recorder.call("update_scores", [("ada", "", 1), ("bob", "", 2), ("zoe", "", 3)])
    (batch,) = recorder.operations
    assert (batch.arguments, batch.answer) == (([("ada", "", 1), ("zoe", "", 3)],), UNKNOWN)
    assert told(heard) == recorder.operations


def test_what_a_killed_process_told_ends_with_its_last_call() -> None:
    board, heard = Failing(), list[Operation | None]()
    recorder = Recorder(board, 1, heard.append)
    recorder.call("update_score", "ada", "Ada", 1)
    for board.error in (BackendUnavailableError("down"), WriteOutcomeUnknownError("no reply")):
        with pytest.raises(type(board.error)):
            recorder.call("update_score", "ada", "Ada", 2)
    board.error = None
    recorder.call("update_score", "ada", "Ada", 2)
    recorder.call("get_score", "ada")
    assert told(heard) == recorder.operations
    assert [operation.answer for operation in told(heard)] == [1, UNKNOWN, 1, 2]
    assert [operation.answer for operation in told(heard[:-1])] == [1, UNKNOWN, 1, UNKNOWN]
    assert told(heard[:3]) == [*told(heard[:2])[:1], heard[2]]


def test_operations_travel_between_processes() -> None:
    rows = history(
        (0, inf, "clear", (), UNKNOWN), (0, 1, "get_entry", ("a",), Entry(1, "a", "", 1)), (0, 1, "x", (), ANY)
    )
    again = pickle.loads(pickle.dumps(rows))  # noqa: S301 - what it dumped itself
    assert again == rows
    assert (again[0].answer, again[2].answer) == (UNKNOWN, ANY)
    assert again[0].answer is UNKNOWN
