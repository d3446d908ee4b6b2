"""The checker of consistency per player: examples by hand, and histories of which it must let every one through."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from math import inf
from random import Random

import pytest

from leaderboard_backends import Entry, Keep, Order
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.capabilities import Consistency
from leaderboard_backends.testing.conformance import histories
from leaderboard_backends.testing.linearizability import (
    ANY,
    EMPTY,
    UNKNOWN,
    Operation,
    SearchBudgetError,
    Standing,
    apply,
    assert_allowed,
    assert_per_player,
)
from leaderboard_backends.testing.linearizability.programs import random_programs

ADA = (Standing("ada", "", 0),)
"""What the examples start from."""


def history(*rows: tuple[int, float, str, tuple[object, ...], object]) -> list[Operation]:
    """Each row: called at, returned at, operation, arguments, answer; every operation in a thread of its own."""
    return [
        Operation(number, call, arguments, answer, invoked, returned)
        for number, (invoked, returned, call, arguments, answer) in enumerate(rows)
    ]


def top(*players: tuple[str, int]) -> list[Entry]:
    return [Entry(rank, player_id, "", score) for rank, (player_id, score) in enumerate(players, 1)]


ALLOWED: dict[str, list[Operation]] = {
    "nothing happened": [],
    "a range that joins an early state of one player and a late one of another": history(
        (1, 2, "update_score", ("bob", "", 1), 1),
        (3, 4, "update_score", ("ada", "", 5), 1),
        (0, 9, "get_top_n", (9,), top(("ada", 5))),
    ),
    "two readers that saw two writes in two orders": history(
        (0, 9, "update_score", ("bob", "", 1), ANY),
        (0, 9, "update_score", ("zoe", "", 1), ANY),
        (1, 8, "get_entries", (["bob", "zoe"],), [Entry(1, "bob", "", 1), None]),
        (1, 8, "get_entries", (["bob", "zoe"],), [None, Entry(1, "zoe", "", 1)]),
    ),
    "a batch seen in part": history(
        (0, 9, "update_scores", ([("bob", "", 1), ("zoe", "", 1)],), 2),
        (1, 2, "get_entries", (["bob", "zoe"],), [Entry(1, "bob", "", 1), None]),
        (3, 4, "__len__", (), 2),
        (5, 6, "__len__", (), 3),
    ),
    "a clear seen in part": history(
        (0, 1, "update_score", ("bob", "", 1), 1),
        (2, 9, "clear", (), None),
        (3, 4, "get_top_n", (9,), top(("ada", 0))),
        (5, 6, "__len__", (), 0),
    ),
    "an update whose rank counts a later state of another player": history(
        (0, 9, "update_score", ("bob", "", 1), 2),
        (1, 2, "get_top_n", (9,), top(("bob", 1), ("ada", 0))),
        (3, 4, "update_score", ("ada", "", 5), 1),
    ),
    "a tie of two updates at one time, either way round": history(
        (0, 9, "update_score", ("bob", "", 5), ANY),
        (1, 8, "update_score", ("zoe", "", 5), ANY),
        (10, 11, "get_top_n", (9,), top(("zoe", 5), ("bob", 5), ("ada", 0))),
        (12, 13, "get_rank", ("bob",), 2),
    ),
    "an unknown batch that happened to one player and not to another": history(
        (0, inf, "update_scores", ([("bob", "", 1), ("zoe", "", 1)],), UNKNOWN),
        (1, 2, "get_top_n", (9,), top(("bob", 1), ("ada", 0))),
    ),
    "a player who came back while another reached the score": history(
        (0, 20, "update_score", ("bob", "", 0), ANY),
        (1, 2, "update_score", ("ada", "", 3), 1),
        (3, 4, "update_score", ("ada", "", 0), ANY),
        (21, 22, "get_top_n", (9,), top(("bob", 0), ("ada", 0))),
    ),
}

BROKEN: dict[str, list[Operation]] = {
    "a stale read of one player": history((0, 1, "update_score", ("ada", "", 1), 1), (2, 3, "get_score", ("ada",), 0)),
    "reads of one player that go back in time": history(
        (0, 10, "update_score", ("ada", "", 1), 1),
        (1, 2, "get_top_n", (1,), top(("ada", 1))),
        (3, 4, "get_score", ("ada",), 0),
    ),
    "a lost update": history(
        (0, 5, "increment_score", ("ada", "", 1), Entry(1, "ada", "", 1)),
        (1, 6, "increment_score", ("ada", "", 1), Entry(1, "ada", "", 1)),
    ),
    "a tie that was overtaken": history(
        (0, 1, "update_score", ("bob", "", 5), 1),
        (2, 3, "update_score", ("zoe", "", 5), ANY),
        (4, 5, "get_top_n", (9,), top(("zoe", 5), ("bob", 5), ("ada", 0))),
    ),
    "a tie with a score of the start that was overtaken": history(
        (0, 1, "update_score", ("bob", "", 0), ANY), (2, 3, "get_rank", ("bob",), 1)
    ),
    "readers that see different orders of a tie": history(
        (0, 9, "update_score", ("bob", "", 5), ANY),
        (1, 8, "update_score", ("zoe", "", 5), ANY),
        (10, 11, "get_top_n", (9,), top(("bob", 5), ("zoe", 5), ("ada", 0))),
        (10, 11, "get_top_n", (9,), top(("zoe", 5), ("bob", 5), ("ada", 0))),
    ),
    "three updates at one time, ranked in a circle": history(
        (0, 9, "update_score", ("bob", "", 5), ANY),
        (0, 9, "update_score", ("eve", "", 5), ANY),
        (0, 9, "update_score", ("zoe", "", 5), ANY),
        (1, 2, "get_entries", (["bob", "eve", "zoe"],), [*top(("bob", 5), ("eve", 5)), None]),
        (1, 2, "get_entries", (["bob", "eve", "zoe"],), [None, *top(("eve", 5), ("zoe", 5))]),
        (10, 11, "get_top_n", (9,), top(("zoe", 5), ("bob", 5), ("eve", 5), ("ada", 0))),
    ),
    "a length that forgets a player": history((0, 1, "__len__", (), 0)),
    "lengths that go back in time": history(
        (0, 9, "update_score", ("bob", "", 1), ANY), (1, 2, "__len__", (), 2), (3, 4, "__len__", (), 1)
    ),
    "a rank counted from a stale state of another player": history(
        (0, 1, "update_score", ("bob", "", 5), 1), (2, 3, "update_score", ("zoe", "", 1), 1)
    ),
    "an update that is not in the rank it returned": history(
        (0, 1, "update_score", ("bob", "", 5), 1), (2, 3, "update_score", ("ada", "", 9), 2)
    ),
    "a player counted before its own place": history(
        (0, 9, "update_score", ("ada", "", 5), ANY), (1, 8, "get_entry", ("ada",), Entry(2, "ada", "", 0))
    ),
    "a player who is in a range twice": history(
        (0, 9, "update_score", ("ada", "", 5), ANY), (1, 8, "get_top_n", (9,), top(("ada", 5), ("ada", 0)))
    ),
    "a percentile of two moments": history(
        (0, 1, "update_score", ("bob", "", 5), 1),
        (2, 9, "update_score", ("zoe", "", 5), ANY),
        (3, 8, "get_percentile", ("ada",), 100 * 2 / 3),
    ),
    "a count with a score that nobody had": history((0, 1, "count_by_score", (1, 9), 1)),
    "what was not there once nobody wrote": history(
        (0, 1, "update_scores", ([("bob", "", 1), ("zoe", "", 1)],), 2), (2, 3, "__len__", (), 2)
    ),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_can_have_been_is_let_through(name: str) -> None:
    assert_per_player(ALLOWED[name], "descending", "last", start=ADA)


@pytest.mark.parametrize("name", BROKEN)
def test_what_cannot_have_been_is_caught(name: str) -> None:
    with pytest.raises(AssertionError, match="not per player"):
        assert_per_player(BROKEN[name], "descending", "last", start=ADA)


@pytest.mark.parametrize("keep", ["last", "best"])
@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_what_is_linearizable_is_per_player(order: Order, keep: Keep) -> None:
    """Operations done one by one, each said to have taken some of the time before it and after it."""
    chance = Random(5)
    for _ in range(40):
        state = EMPTY
        operations: list[Operation] = []
        programs = random_programs(chance, EMPTY, order=order, keep=keep, programs=2, length=8)
        for moment, (call, arguments) in enumerate(call for pair in zip(*programs, strict=True) for call in pair):
            state, answer = apply(state, call, arguments, order, keep)
            began, ended = 100 * moment - chance.randrange(1, 150), 100 * moment + chance.randrange(1, 150)
            operations.append(Operation(moment, call, arguments, answer, began, ended))
        assert_per_player(operations, order, keep)


def test_the_account_tells_what_the_players_can_have_been_and_what_that_would_answer() -> None:
    rows = history(
        (5_000, 6_000, "update_score", ("bob", "", 5), 1),
        (7_000, 9_000, "update_score", ("zoe", "", 5), ANY),
        (10_000, 12_000, "get_rank", ("zoe",), 1),
    )
    with pytest.raises(AssertionError) as caught:
        assert_per_player(rows, "descending", "last", start=ADA)
    assert str(caught.value).splitlines() == [
        (
            "not per player: no states of the players, each of one moment between the call and the return, explain "
            "this answer (descending, keep last):"
        ),
        "       5.0 to      7.0 µs  process 2: get_rank('zoe') -> 1",
        "What the players can have been then:",
        "  'ada': 0 as '', reached before the history",
        "  'bob': 5 as '', reached by process 0 from 0.0 to 1.0 µs",
        "  'zoe': 5 as '', reached by process 1 from 2.0 to 4.0 µs",
        "  at 5, 'bob' ranks before 'zoe': reached before the other began",
        "So the answer can be: 2.",
        "All 3 operations, by the time of the call:",
        "       0.0 to      1.0 µs  process 0: update_score('bob', '', 5) -> 1",
        "       2.0 to      4.0 µs  process 1: update_score('zoe', '', 5) -> any answer",
        "       5.0 to      7.0 µs  process 2: get_rank('zoe') -> 1",
    ]


def test_the_account_of_one_player_is_that_of_a_board_of_one() -> None:
    with pytest.raises(AssertionError, match="tell of 'ada'") as caught:
        assert_per_player(BROKEN["a lost update"], "descending", "last", start=ADA)
    assert "not linearizable: no order of these 2 operations" in str(caught.value)
    assert "; next, it would answer Entry(" in str(caught.value)


def test_a_history_too_large_for_the_budget_is_an_error_and_never_a_pass() -> None:
    rows = history(*[(0, 9, "increment_score", ("ada", "", 2**number), ANY) for number in range(12)])
    with pytest.raises(SearchBudgetError, match="operations on 'ada'"):
        assert_per_player(rows, "descending", "last", budget=2000)


@pytest.mark.parametrize("level", ["linearizable", "eventual"])
def test_a_board_is_judged_by_the_level_that_it_declares(level: Consistency) -> None:
    half_a_batch = ALLOWED["a batch seen in part"]
    assert_allowed("per player", half_a_batch, "descending", "last", start=ADA)
    with pytest.raises(AssertionError, match="not linearizable"):
        assert_allowed(level, half_a_batch, "descending", "last", start=ADA)


class Sharded(NaiveLeaderboard):
    """A board over shards, which is read late."""

    capabilities = replace(NaiveLeaderboard.capabilities, consistency="per player")

    def __init__(self) -> None:
        super().__init__()
        self.capabilities = replace(self.capabilities, consistency="eventual")


class Late(NaiveLeaderboard):
    """A board of one server, which is read late."""

    capabilities = replace(NaiveLeaderboard.capabilities, consistency="eventual")


@pytest.mark.parametrize(("kind", "allowed"), [(Sharded, True), (Late, False)])
def test_two_batches_may_mix_on_a_board_over_shards_that_is_read_late(
    monkeypatch: pytest.MonkeyPatch, kind: type[NaiveLeaderboard], *, allowed: bool
) -> None:
    monkeypatch.setattr(histories, "SETTLING", 0.1)
    board = kind()
    batches = [[(player, name, score) for player in ("ada", "bob")] for name, score in (("first", 1), ("second", 2))]
    board.update_scores([batches[1][0], batches[0][1]])
    both = [Operation(number, "update_scores", (batch,), ANY, 0, 100) for number, batch in enumerate(batches)]
    with nullcontext() if allowed else pytest.raises(AssertionError, match="not linearizable"):
        histories.judge(board, both, EMPTY)
