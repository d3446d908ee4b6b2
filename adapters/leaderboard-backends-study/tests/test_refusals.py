"""What the study's read-only mode and its validation refuse is counted, and a board that does otherwise shows it."""

from __future__ import annotations

import pytest
from leaderboard_backends_study.programs import refusals
from leaderboard_backends_study.programs.players import BEST, Standings
from leaderboard_backends_study.programs.sorted_dict import StudyBoard, load

from leaderboard_backends.comparison.programs import Setting, WrongProgramError, programs_of

PROGRAMS = programs_of("leaderboard-backends-study")


@pytest.mark.parametrize("players", [7, 300])
def test_in_read_only_mode_every_update_is_refused_and_every_read_is_right(players: int) -> None:
    assert PROGRAMS["study: read-only mode"].run(Setting(players)).counts == {
        refusals.READ_ONLY_REFUSED: 100,
        refusals.READS_RIGHT: 200,
        refusals.TAKEN_AGAIN: 100,
    }


def test_updates_that_get_through_are_seen_in_the_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals.DegradableBoard, "update", StudyBoard.update)
    with pytest.raises(WrongProgramError, match="the board: rank"):
        PROGRAMS["study: read-only mode"].run(Setting(300))
    standings = Standings(300, 1)
    board = refusals.DegradableBoard()
    load(board, standings)
    board.read_only = True
    assert refusals.refused(board, [(standings.order()[-1], BEST + 1)]) == 0
    assert refusals.right_reads(board, standings) == 0


def test_validation_refuses_beyond_the_range_and_flags_beyond_a_thousand_points_new_players_too() -> None:
    assert PROGRAMS["study: validation"].run(Setting(300)).counts == {
        refusals.OUT_REFUSED: 100,
        refusals.EDGES_TAKEN: 2,
        refusals.JUMPS_FLAGGED: 100,
        refusals.STEPS_FLAGGED: 0,
        refusals.FIRST_FLAGGED: 100,
    }
