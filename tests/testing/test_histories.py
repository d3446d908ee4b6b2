"""How histories are recorded: programs that suit a board, threads that pause, boards that may be late or refuse."""

from __future__ import annotations

import sys
from collections import Counter
from random import Random
from typing import NoReturn

import pytest

from leaderboard_backends import Capabilities, Entry, Keep, LeaderboardBackend, Order, Score, WriteConflictError
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.model import add_scores
from leaderboard_backends.testing.conformance import histories
from leaderboard_backends.testing.conformance.foundation import ALL_RULES, Rules
from leaderboard_backends.testing.conformance.histories import check_threads
from leaderboard_backends.testing.linearizability import EMPTY, READS, WRITES, Recorder, Standing, assert_linearizable
from leaderboard_backends.testing.linearizability.pauses import pausing, quick_switches
from leaderboard_backends.testing.linearizability.programs import ARGUMENTS, perform, random_programs
from leaderboard_backends.testing.runner import run_kit

PLAIN = ALL_RULES[0]


def check(board: LeaderboardBackend, rules: Rules = PLAIN, rounds: int = 20) -> None:
    check_threads(board, rules, seed=3, histories=rounds)


# ---------------------------------------------------------------------- programs


@pytest.mark.parametrize("rules", ALL_RULES, ids=str)
def test_programs_have_every_operation_and_are_valid_on_a_real_board(rules: Rules) -> None:
    chance, asked = Random(1), Counter[str]()
    board = NaiveLeaderboard(order=rules.order, keep=rules.keep)
    for _ in range(200):
        for program in random_programs(chance, EMPTY, order=rules.order, keep=rules.keep):
            assert len(program) == 7
            asked.update(call for call, _ in program)
            perform(Recorder(board), program)
    assert asked.keys() == READS.keys() | WRITES.keys() == ARGUMENTS.keys()
    assert min(asked.values()) > 20


def test_the_same_seed_makes_the_same_programs() -> None:
    def draw(seed: int) -> object:
        return random_programs(Random(seed), EMPTY, order="descending", keep="last")

    assert draw(1) == draw(1) != draw(2)


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_where_the_best_is_kept_scores_go_on_from_the_best(order: Order) -> None:
    state = (Standing("ada", "", 50), Standing("bob", "", 40))
    for seed in range(50):
        for program in random_programs(Random(seed), state, order=order, keep="best"):
            for call, arguments in program:
                if call == "update_score":
                    score = arguments[2]
                    assert isinstance(score, int)
                    assert 50 <= score <= 56 if order == "descending" else 44 <= score <= 50


def test_operations_that_a_board_does_not_support_never_come() -> None:
    unsupported = {"update_score", "get_top_n", *list(READS)[:6]}
    for seed in range(100):
        programs = random_programs(Random(seed), EMPTY, order="descending", keep="last", unsupported=unsupported)
        assert not unsupported & {call for program in programs for call, _ in program}


# ---------------------------------------------------------------------- pauses


def test_a_thread_pauses_in_a_boards_code_and_is_traced_no_longer_than_asked() -> None:
    before = sys.gettrace()
    recorder = Recorder(NaiveLeaderboard())
    with pausing(Random(1)):
        assert sys.gettrace() is not before
        for number in range(20):
            recorder.call("update_score", "ada", "Ada", number)
    assert sys.gettrace() is before
    assert_linearizable(recorder.operations, "descending", "last")
    slow = [operation.returned - operation.invoked for operation in recorder.operations]
    assert sum(took > 30_000 for took in slow) >= 5, "hardly an operation met a pause"


def test_the_switch_interval_is_what_it_was() -> None:
    before = sys.getswitchinterval()
    with quick_switches():
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before


# ---------------------------------------------------------------------- boards that promise less


class ReadsLate(NaiveLeaderboard):
    """Whole-board reads show a copy, which is made anew with every fifth of them."""

    def __init__(self, name: str = "late", *, order: Order = "descending", keep: Keep = "last") -> None:
        super().__init__(name, order=order, keep=keep)
        self._copy: list[Entry] = []
        self._reads = 0

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        self._reads += 1
        if self._reads % 5 == 0:
            self._copy = super()._get_range(1, 1000)
        return self._copy[first_rank - 1 : last_rank]


class LateAsDeclared(ReadsLate):
    capabilities = Capabilities(durable=False, shared=False, consistency="eventual")


class LateAndLost(LateAsDeclared):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        total = add_scores(self._get_score(player_id) or 0, delta)
        self._update_score(player_id, username, total)
        return self._get_entries([player_id])[0] or Entry(1, player_id, username, total)


def test_a_board_that_is_late_without_saying_so_is_caught() -> None:
    with pytest.raises(AssertionError, match="not linearizable"):
        check(ReadsLate())


def test_a_board_that_is_late_as_declared_passes_once_it_has_settled() -> None:
    check(LateAsDeclared())


def test_a_board_may_be_late_but_must_not_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(histories, "SETTLING", 0.2)
    with pytest.raises(AssertionError, match="any answer"):
        check(LateAndLost(), rounds=400)


class NoRanges(NaiveLeaderboard):
    capabilities = Capabilities(durable=False, shared=False, unsupported=frozenset({"get_top_n", "get_range"}))

    def _get_range(self, first_rank: int, last_rank: int) -> NoReturn:
        self._unsupported("get_range", f"no ranks {first_rank} to {last_rank}.")

    def _get_top_n(self, n: int) -> NoReturn:
        self._unsupported("get_top_n", f"no {n} first.")


class NoBoards(NoRanges):
    """No operation shows the whole board."""

    capabilities = Capabilities(
        durable=False,
        shared=False,
        unsupported=frozenset({"get_top_n", "get_range", "get_by_score", "get_entries"}),
    )


def test_the_whole_board_is_read_by_what_the_board_supports() -> None:
    check(NoRanges())


def test_a_board_without_any_such_operation_is_told_apart_from_a_pass() -> None:
    report = run_kit(NoBoards, parts=["histories"])
    assert [outcome.result for outcome in report.outcomes] == ["refused"] * len(ALL_RULES)


class LosesAlways(NaiveLeaderboard):
    def _store(self, player_id: str, username: str, score: Score) -> None:
        raise WriteConflictError(f"others won against {player_id}, {username}, {score}")

    def _remove_player(self, player_id: str) -> NoReturn:
        raise WriteConflictError(f"others won against {player_id}")


def test_a_board_on_which_most_writes_give_up_is_no_pass() -> None:
    with pytest.raises(AssertionError, match="operations failed with conflicts"):
        check(LosesAlways())
