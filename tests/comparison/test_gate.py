"""The gate, from real workers: whatever a board does, its row says it, and only a right board has figures."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from leaderboard_backends.comparison.result import Cell, Comparison


def only(result: Comparison) -> Cell:
    (cell,) = result.cells
    return cell


def refused(cell: Cell) -> bool:
    return not cell.operations and cell.load is None and cell.memory is None and cell.gate is None


def test_a_right_board_has_figures_whatever_it_prints(comparing: Callable[..., Comparison]) -> None:
    cell = only(comparing("boards:Right"))
    assert (cell.status, cell.reason) == ("ok", "")
    assert {name: figures.samples for name, figures in cell.operations.items()} == dict.fromkeys(
        ("update", "rank", "top_100", "around"), 120
    )


def test_a_wrong_answer_is_found_and_told(comparing: Callable[..., Comparison]) -> None:
    cell = only(comparing("boards:TellsTheRankBefore"))
    assert cell.status == "wrong"
    assert cell.reason.startswith("update_score('player-")
    assert "the model says" in cell.reason
    assert refused(cell)


def test_a_wrong_end_state_is_found_and_told(comparing: Callable[..., Comparison]) -> None:
    cell = only(comparing("boards:ForgetsUsernames"))
    assert cell.status == "wrong"
    assert cell.reason.startswith("in the end rank 1 holds 'player-")
    assert refused(cell)


def test_a_board_that_raises_has_a_row_with_the_error_but_no_path(comparing: Callable[..., Comparison]) -> None:
    cell = only(comparing("boards:Raises"))
    assert cell.status == "failed"
    assert "ZeroDivisionError" in cell.reason
    assert "somebody" not in cell.reason
    assert refused(cell)


def test_a_board_that_ends_its_process_has_a_row(comparing: Callable[..., Comparison]) -> None:
    cell = only(comparing("boards:Dies"))
    assert (cell.status, cell.reason) == ("failed", "its process ended with code 3 and no result")


def test_a_board_that_hangs_is_ended(comparing: Callable[..., Comparison]) -> None:
    cell = only(comparing("boards:Hangs", give_up_after=1.5))
    assert (cell.status, cell.reason) == ("timed out", "no result after 1.5 s; the process was ended")


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
def test_a_board_that_cannot_be_opened_has_a_row(
    comparing: Callable[..., Comparison], target: str, reason: str
) -> None:
    cell = only(comparing(target))
    assert cell.status == "unavailable"
    assert reason in cell.reason
    assert refused(cell)


def test_the_time_limit_leaves_steps_out_and_the_gate_replays_just_the_others(
    comparing: Callable[..., Comparison],
) -> None:
    cell = only(comparing("naive", players=[2000], steps=400, time_limit=0.05))
    assert cell.status == "ok"
    update = cell.operations["update"]
    assert 0 < update.samples < update.planned == 400
    assert cell.gate is not None
    assert update.samples <= cell.gate.updates_applied < 400


def test_all_boards_end_in_the_same_state_after_the_same_trace(comparing: Callable[..., Comparison]) -> None:
    result = comparing("naive", "memory", "boards:Right", time_limit=60.0)
    states = {(cell.gate.state_sha256, cell.gate.updates_applied) for cell in result.cells if cell.gate}
    assert len(states) == 1
    assert [cell.gate and cell.gate.answers_checked for cell in result.cells] == [4 * 126] * 3
