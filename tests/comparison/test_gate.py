"""The gate, from real workers: whatever a board does, its row says it, and only a right board has figures."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.schema import Result, Run, ServiceFigures, ThroughputFigures

from .conftest import every_mode


def only(result: Result) -> Run:
    (run,) = result.runs
    return run


def service(run: Run) -> ServiceFigures:
    assert (run.status, run.reason) == ("ok", "")
    assert isinstance(run.figures, ServiceFigures)
    return run.figures


def test_a_right_board_has_figures_whatever_it_prints(comparing: Callable[..., Result]) -> None:
    figures = service(only(comparing("boards:Right", steps=200)))
    samples = {name: timed.time.samples for name, timed in figures.operations.items()}
    assert samples == {name: timed.planned for name, timed in figures.operations.items()}
    assert sum(samples.values()) == 200
    assert samples["update"] == 140
    assert figures.checked.answers == 210


def test_a_wrong_answer_is_found_and_told(comparing: Callable[..., Result]) -> None:
    run = only(comparing("boards:TellsTheRankBefore"))
    assert run.status == "wrong"
    assert run.reason.startswith("update_score('player-")
    assert "the model says" in run.reason
    assert run.figures is None


def test_a_wrong_end_state_is_found_and_told(comparing: Callable[..., Result]) -> None:
    run = only(comparing("boards:ForgetsUsernames"))
    assert run.status == "wrong"
    assert run.reason.startswith("in the end rank 1 holds 'player-")
    assert run.figures is None


def test_what_the_conformance_kit_refuses_is_not_measured(comparing: Callable[..., Result]) -> None:
    result = comparing("boards:TellsTheRankBefore", plan=replace(every_mode(), study=None).changed(proof="updates"))
    of_the_board = [run for run in result.runs if run.cell.mode != "study"]
    assert {run.status for run in of_the_board} == {"wrong"}
    assert all("the conformance kit says DOES NOT CONFORM: test_" in run.reason for run in of_the_board)
    assert all(run.figures is None for run in of_the_board)
    (facts,) = result.backends
    assert facts.verdict is not None
    assert facts.verdict.failed
    assert not facts.verdict.allows_figures


def test_the_verdict_stands_beside_the_figures(comparing: Callable[..., Result]) -> None:
    (facts,) = comparing("memory", steps=5).backends
    assert facts.verdict is not None
    assert (facts.verdict.verdict, facts.verdict.parts, facts.verdict.failed) == ("PASSED IN PART", "isolation", 0)
    assert facts.verdict.passed == 9
    assert "sha256" in facts.verdict.kit


def test_a_board_that_raises_has_a_row_with_the_error_but_no_path(comparing: Callable[..., Result]) -> None:
    run = only(comparing("boards:Raises"))
    assert run.status == "failed"
    assert "ZeroDivisionError" in run.reason
    assert "somebody" not in run.reason


def test_a_board_that_ends_its_process_has_a_row(comparing: Callable[..., Result]) -> None:
    run = only(comparing("boards:Dies"))
    assert (run.status, run.reason) == ("failed", "its process ended with code 3 and no result")


def test_a_board_that_hangs_is_ended(comparing: Callable[..., Result]) -> None:
    run = only(comparing("boards:Hangs", give_up_after=1.5))
    assert (run.status, run.reason) == ("timed out", "no result after 1.5 s; the process was ended")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("boards:no_board", "not an open LeaderboardBackend"),
        ("boards:Absent", "no class or function Absent"),
        ("absent_module:Board", "No module named"),
        ("memory://weekly", "names the board 'weekly'"),
        ("redis://127.0.0.1:1/0", "…"),
    ],
)
def test_a_board_that_cannot_be_opened_has_a_row(comparing: Callable[..., Result], target: str, reason: str) -> None:
    run = only(comparing(target))
    assert run.status == "unavailable"
    assert reason in run.reason
    assert run.figures is None


def test_the_time_limit_leaves_steps_out_and_the_gate_takes_just_the_others(comparing: Callable[..., Result]) -> None:
    figures = service(only(comparing("naive", players=[2000], steps=4000, time_limit=0.05)))
    update = figures.operations["update"]
    assert 0 < update.time.samples < update.planned < 4000
    assert update.time.samples <= figures.checked.updates < update.planned
    assert figures.checked.state_sha256


def test_all_boards_end_in_the_same_state_after_the_same_trace(comparing: Callable[..., Result]) -> None:
    result = comparing("naive", "memory", "boards:Right", time_limit=60.0)
    checked = [service(run).checked for run in result.runs]
    assert len(set(map(repr, checked))) == 1
    assert checked[0].answers == 210


def test_a_board_that_loses_updates_between_threads_has_no_throughput(comparing: Callable[..., Result]) -> None:
    plan = replace(every_mode(), service=[], response=[], drill=[], study=None)
    result = comparing("boards:LosesInThreads", "memory", plan=plan)
    racy, right = (run for run in result.runs if run.cell.mode == "throughput")
    assert (racy.status, right.status) == ("wrong", "ok")
    assert racy.reason.startswith("in the end ")
    assert isinstance(right.figures, ThroughputFigures)
