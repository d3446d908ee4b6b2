"""A board that does not keep up with one rate goes on at the next, and is right where it has what was run."""

from __future__ import annotations

from time import sleep

from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.comparison.measure.job import Job
from leaderboard_backends.comparison.measure.response import measure
from leaderboard_backends.comparison.measure.session import Session
from leaderboard_backends.comparison.opening import Where
from leaderboard_backends.workload.operations import OPERATIONS
from leaderboard_backends.workload.spec import find_workloads
from leaderboard_backends.workload.trace import draw_trace

WHERE = Where("naive://board", "board")
JOB = Job("response", WHERE, 60, rates=[1000, 2000], seconds=0.1)
TRACE = draw_trace(find_workloads(["realtime"])[0], 50, 400, 1)


class StallsOnce(NaiveLeaderboard):
    """Is late with the first rank by twice the time after which a rate is given up."""

    stalled = False

    def get_rank(self, player_id: str) -> int | None:
        if not self.stalled:
            self.stalled = True
            sleep(2 * JOB.seconds)
        return super().get_rank(player_id)


def test_a_rate_that_is_given_up_leaves_out_the_rest_of_its_steps_alone() -> None:
    figures = measure(JOB, Session(WHERE, StallsOnce("board"), 0), TRACE)
    assert figures.rates[0].response is None
    changes = [OPERATIONS[TRACE.operations[index]].changes for index, _ in TRACE.steps]
    assert 0 < figures.checked.updates < sum(changes[:300])
