"""A board under churn has as many players at the end as at first, and who keeps somebody who left is wrong."""

from __future__ import annotations

import msgspec
import pytest

from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.comparison.measure.churn import measure
from leaderboard_backends.comparison.measure.processes import Job
from leaderboard_backends.comparison.measure.session import Session
from leaderboard_backends.comparison.opening import Where
from leaderboard_backends.comparison.plan import ChurnPart
from leaderboard_backends.comparison.traces import WrongBoardError
from leaderboard_backends.workload.spec import find_workloads
from leaderboard_backends.workload.trace import draw_trace

PLAYERS = 50
WHERE = Where("naive://board", "board")
PART = ChurnPart("realtime", [PLAYERS], ["naive"], rounds=1, seconds=0.1, every=0.05)
JOB = Job("churn", WHERE, 60, asked=msgspec.to_builtins(PART))


class Keeps(NaiveLeaderboard):
    """Forgets to remove one player."""

    def _remove_player(self, player_id: str) -> bool:
        return True if player_id == "player-0000007" else super()._remove_player(player_id)


def session(board: NaiveLeaderboard) -> Session:
    return Session(WHERE, board, 0)


TRACE = draw_trace(find_workloads(["realtime"])[0], PLAYERS, 1, 1)


def test_players_come_and_go_and_the_board_is_compared() -> None:
    board = NaiveLeaderboard("board")
    figures = measure(JOB, session(board), TRACE)
    assert [sample.seconds for sample in figures.samples] == [0, 0.05, 0.1]
    joined = [sample.players for sample in figures.samples]
    assert joined == sorted(joined)
    assert joined[0] == 0 < joined[-1]
    assert len(board) == PLAYERS
    assert figures.checked.updates == 2 * joined[-1]
    assert "player-0000000" not in board


def test_a_board_that_keeps_who_has_left_is_wrong() -> None:
    with pytest.raises(WrongBoardError, match="at the end, rank"):
        measure(JOB, session(Keeps("board")), TRACE)
