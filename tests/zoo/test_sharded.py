"""Consistency per player: a board over shards that keeps it passes, and each bug that breaks it is seen as that."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import pytest

from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.testing.conformance.foundation import ALL_RULES
from leaderboard_backends.testing.conformance.histories import HISTORIES, check_threads
from leaderboard_backends.testing.runner import run_kit
from leaderboard_backends.testing.subject import BoardFactory

from . import MUTANTS
from .sharded import ShardedBoard
from .sharded_changes import FollowedShards

BROKEN = [mutant.board for mutant in MUTANTS if issubclass(mutant.board, ShardedBoard) and mutant.part != "changes"]
often = pytest.mark.parametrize(("runs", "enough"), [(2, 1), pytest.param(20, 19, marks=pytest.mark.proof)])
"""How many runs a bug is looked for in, and how many must see it."""


class SaysLinearizable(ShardedBoard):
    capabilities = replace(ShardedBoard.capabilities, consistency="linearizable")


class SaysPerPlayer(NaiveLeaderboard):
    capabilities = replace(NaiveLeaderboard.capabilities, consistency="per player")


def histories_fail(make: BoardFactory, seed: int, histories: int = HISTORIES) -> str:
    """Return what a run of the kit's histories, under all four rules, says of a board; empty where it passes."""
    for rules in ALL_RULES:
        try:
            check_threads(make("race", order=rules.order, keep=rules.keep), rules, seed=seed, histories=histories)
        except AssertionError as error:
            return str(error)
    return ""


def test_a_board_over_shards_has_the_order_and_the_answers_of_any_other() -> None:
    parts = ["order", "bulk", "removal", "lookups", "ranges", "scores", "capabilities", "threads", "changes"]
    report = run_kit(FollowedShards, parts=parts)
    assert report.verdict == "PASSED IN PART", report.failures[0].text


@pytest.mark.parametrize("runs", [2, pytest.param(20, marks=pytest.mark.proof)])
@pytest.mark.parametrize("sound", [ShardedBoard, SaysPerPlayer])
def test_a_board_that_keeps_the_level_passes_every_run(sound: BoardFactory, runs: int) -> None:
    assert [histories_fail(sound, seed, histories=10) for seed in range(runs)] == [""] * runs


@often
def test_a_board_over_shards_is_not_linearizable(runs: int, enough: int) -> None:
    accounts = (histories_fail(SaysLinearizable, seed) for seed in range(runs))
    seen = (account for account in accounts if account.startswith("not linearizable"))
    assert len([*islice(seen, enough)]) == enough


@pytest.mark.parametrize(
    ("broken", "runs", "enough"),
    [(BROKEN[0], 2, 1), *(pytest.param(broken, 20, 19, marks=pytest.mark.proof) for broken in BROKEN)],
)
def test_a_bug_between_shards_is_caught(broken: type[ShardedBoard], runs: int, enough: int) -> None:
    """Each once in the hunt for all mutants; here, that it is seen as what it is, and how often."""
    caught = 0
    for seed in range(runs):
        account = histories_fail(broken, seed)
        assert not account or account.startswith("not per player")
        caught += bool(account)
        if caught == enough:
            return
    pytest.fail(f"caught in {caught} runs of {runs}")
