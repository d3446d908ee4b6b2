"""The gate, from real workers: whatever a board does, its row says it, and only a right board has figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison import execute
from leaderboard_backends.comparison.figures import ResponseFigures, ServiceFigures, ThroughputFigures
from leaderboard_backends.comparison.journal import Finished, Journal, Known, read_journal
from leaderboard_backends.comparison.measure.conformance_gate import gates_of
from leaderboard_backends.comparison.plan import RecoveryPart, ResponsePart, read_plan
from leaderboard_backends.comparison.schema import Result, Run

from .conftest import Watching, every_mode, run_small, service_plan

FOUR_MODES = replace(every_mode(), hardening=[], churn=[], programs=[])
NOT_RUN = "the conformance kit says NOT RUN"


def only(result: Result) -> Run:
    (run,) = result.runs
    return run


def service(run: Run) -> ServiceFigures:
    assert (run.status, run.reason) == ("ok", "")
    assert isinstance(run.figures, ServiceFigures)
    return run.figures


def test_a_gate_is_of_each_workload_without_service_times_at_a_size_that_is_short() -> None:
    plan = replace(
        service_plan([100]),
        response=[ResponsePart("lobby", [300, 1_000_000], 10, 1.0), ResponsePart("realtime", [10], 10, 1.0)],
        recovery=[RecoveryPart("events", [100_000], 1)],
    )
    assert gates_of(plan, {"events": 31_000}) == {"lobby": 10_000, "events": 31_000}
    assert gates_of(read_plan("full"), {}) == {}


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
    assert run.reason.startswith("at the end, rank 1 holds 'player-")
    assert run.figures is None


def test_one_wrong_run_withholds_every_figure_of_its_backend_and_of_no_other(
    comparing: Callable[..., Result], watcher: Watching
) -> None:
    result = comparing("boards:CountsWrongFarDown", "memory", plan=FOUR_MODES)
    modes = {"service", "throughput", "response", "recovery"}
    wrong = [run for run in result.runs if run.cell.backend == "boards:CountsWrongFarDown"]
    assert {run.cell.mode for run in wrong} == modes
    assert {(run.status, run.figures) for run in wrong} == {("wrong", None)}
    withheld = [run.reason for run in wrong if run.cell.mode != "service"]
    assert len(set(withheld)) == 1
    assert withheld[0].startswith("withheld, as another run was wrong (service, realtime, 200 players): get_rank(")
    assert {run.cell.mode for run in result.runs if run.cell.backend == "memory" and run.status == "ok"} == modes
    assert watcher.proven == ["boards:CountsWrongFarDown", "memory"]


def test_a_plan_that_compares_no_answers_has_a_short_run_ahead_that_does(comparing: Callable[..., Result]) -> None:
    plan = replace(FOUR_MODES, service=[], recovery=[])
    result = comparing("boards:CountsWrongFarDown", "memory", plan=plan)
    told = {run.cell.backend: (run.status, run.reason) for run in result.runs}
    status, reason = told["boards:CountsWrongFarDown"]
    assert status == "wrong"
    assert reason.startswith("in a short run of realtime with 200 players, before any measurement: get_rank(")
    assert told["memory"] == ("ok", "")
    shut, passed = (facts.gates[0] for facts in result.backends)
    assert (shut.workload, shut.players, shut.status) == ("realtime", 200, "wrong")
    assert passed.status == "ok"
    assert passed.checked is not None
    assert passed.checked.answers == 2100
    assert passed.checked.state_sha256


@pytest.mark.parametrize("kept", [1, 2], ids=["none was kept after it", "one was kept after it"])
def test_a_result_that_goes_on_withholds_what_was_measured_before_and_passes_no_gate_again(
    comparing: Callable[..., Result], traces: Path, tmp_path: Path, kept: int
) -> None:
    plan, journal = replace(FOUR_MODES, service=[], recovery=[]), tmp_path / "journal"
    comparing("memory", plan=plan, journal=journal)
    head, (facts,), runs, _ = read_journal(journal)
    with Journal(journal, force=True) as earlier:
        earlier.begin(head)
        earlier.add(Known(facts))
        earlier.add(Finished(replace(runs[0], status="wrong", reason="no rank", figures=None)))
        for run in runs[1:kept]:
            earlier.add(Finished(run))
    again = Watching()
    result = run_small(again, traces, "memory", plan=plan, journal=journal, resume=True)
    assert again.proven == []
    assert result.backends == [facts]
    assert len(again.ended) == 2 - kept
    cell = runs[0].cell
    assert sorted(run.reason for run in result.runs) == [
        "no rank",
        f"withheld, as another run was wrong ({cell.mode}, realtime, 200 players): no rank",
    ]
    assert {(run.status, run.figures) for run in result.runs} == {("wrong", None)}


def test_each_run_says_what_was_checked(whole: Result) -> None:
    told = {
        run.cell.mode: run.figures.checked.what
        for run in whole.runs
        if isinstance(run.figures, ServiceFigures | ThroughputFigures | ResponseFigures)
    }
    assert told["service"].startswith("every answer")
    assert told["response"] == told["throughput"]  # both had several clients
    assert told["throughput"].startswith("each player's username and score")


def test_a_board_that_comes_back_wrong_from_a_crash_is_wrong(comparing: Callable[..., Result]) -> None:
    plan = replace(FOUR_MODES.with_parts(players=[1000]), service=[], throughput=[], response=[])
    plan = replace(plan, service=service_plan([20], 20).service)  # so that no gate finds it out first
    recovery, _ = sorted(comparing("boards:Lags", plan=plan).runs, key=lambda run: run.cell.mode)
    assert (recovery.status, recovery.reason) == (
        "wrong",
        "after recovery, the first entry of the top is not at rank 1",
    )


def test_what_the_conformance_kit_refuses_is_not_measured(comparing: Callable[..., Result]) -> None:
    result = comparing("boards:TellsTheRankBefore", plan=FOUR_MODES.changed(proof="updates"))
    of_the_board = [run for run in result.runs if run.cell.mode != "program"]
    assert {run.status for run in of_the_board} == {"wrong"}
    assert all("the conformance kit says DOES NOT CONFORM: test_" in run.reason for run in of_the_board)
    assert all(run.figures is None for run in of_the_board)
    (facts,) = result.backends
    assert facts.verdict is not None
    assert facts.verdict.failed
    assert not facts.verdict.allows_figures


def test_the_kit_judges_several_backends_at_once(
    comparing: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEETING_FOLDER", str(tmp_path))
    monkeypatch.setattr(execute, "usable_cores", lambda: 2.0)
    result = comparing("boards:MeetsOne", "boards:MeetsAnother", players=(20,), steps=20)
    assert [run.status for run in result.runs] == ["ok", "ok"]


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


def test_no_password_of_a_boards_own_storage_gets_into_a_result(comparing: Callable[..., Result]) -> None:
    result = comparing("boards:TellsAPassword", plan=FOUR_MODES.changed(proof="updates"))
    assert "redis://…" in repr(result)
    assert "s3cr3t" not in repr(result)
    recoveries = replace(FOUR_MODES, service=[], throughput=[], response=[])
    result = comparing("boards:TellsAPassword", plan=recoveries)
    assert "redis://…" in repr(result)
    assert "s3cr3t" not in repr(result)


def test_a_board_that_ends_its_process_has_a_row(comparing: Callable[..., Result]) -> None:
    run = only(comparing("boards:Dies"))
    assert (run.status, run.reason) == ("failed", "its process ended with code 3 and no result")


def test_a_board_that_dies_of_a_signal_has_rows_with_the_call_and_the_others_go_on(
    comparing: Callable[..., Result],
) -> None:
    plan = replace(FOUR_MODES, throughput=[], response=[])
    runs = comparing("boards:Segfaults", "memory", plan=plan).runs
    died, other = ([run for run in runs if (run.cell.backend == "memory") == right] for right in (False, True))
    assert [run.cell.mode for run in died] == ["service", "recovery"]
    assert {(run.status, run.reason) for run in died} == {
        ("failed", "its process was killed by SIGSEGV in update_score")
    }
    assert {run.status for run in other} == {"ok"}


def test_a_board_that_hangs_is_ended_and_the_call_is_told(comparing: Callable[..., Result]) -> None:
    run = only(comparing("boards:Hangs", timeout=8))
    assert (run.status, run.reason) == ("timed out", "no result after 8 s in update_scores; the process was stopped")


def test_where_a_board_dies_or_hangs_in_the_kit_the_test_is_told(comparing: Callable[..., Result]) -> None:
    plan = service_plan().changed(proof="updates")
    for run, how in zip(
        comparing("boards:Segfaults", "boards:HangsLate", plan=plan, conformance_timeout=8).runs,
        (f"{NOT_RUN}: its process was killed by SIGSEGV in test_", f"{NOT_RUN}: no result after 8 s in test_"),
        strict=True,
    ):
        assert (run.status, run.reason[: len(how)]) == ("failed", how)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("memory://weekly", "names the board 'weekly'"),
        ("redis://127.0.0.1:1/0", "…"),
    ],
)
def test_a_board_that_cannot_be_opened_has_a_row(comparing: Callable[..., Result], target: str, reason: str) -> None:
    run = only(comparing(target))
    assert run.status == "unavailable"
    assert reason in run.reason
    assert run.figures is None


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("boards:no_board", "not an open LeaderboardBackend"),
        ("boards:Absent", "no class or function Absent"),
        ("absent_module:Board", "there is no module absent_module here"),
        ("boards.absent:Board", "there is no module boards.absent here"),
    ],
)
def test_a_name_that_nothing_bears_has_failed(comparing: Callable[..., Result], target: str, reason: str) -> None:
    run = only(comparing(target))
    assert run.status == "failed"
    assert reason in run.reason


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
    plan = replace(FOUR_MODES, service=[], response=[], recovery=[])
    result = comparing("boards:LosesInThreads", "memory", plan=plan)
    racy, right = (run for run in result.runs if run.cell.mode == "throughput")
    assert (racy.status, right.status) == ("wrong", "ok")
    assert racy.reason.startswith("at the end, ")
    assert isinstance(right.figures, ThroughputFigures)
