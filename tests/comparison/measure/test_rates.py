"""What clients are given to do, and what is checked of a board that did not keep up with a rate."""

from __future__ import annotations

from collections import Counter
from random import Random
from time import sleep

import msgspec

from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.comparison.measure.processes import Job
from leaderboard_backends.comparison.measure.rates import measure_response, share_out
from leaderboard_backends.comparison.measure.session import Session
from leaderboard_backends.comparison.opening import Where
from leaderboard_backends.comparison.plan import ResponsePart
from leaderboard_backends.workload.operations import OPERATIONS
from leaderboard_backends.workload.spec import find_workloads
from leaderboard_backends.workload.trace import draw_trace

WHERE = Where("naive://board", "board")
PART = ResponsePart("realtime", [50], 400, seconds=0.1)
JOB = Job("response", WHERE, 60, rates=[1000, 2000], asked=msgspec.to_builtins(PART))
TRACE = draw_trace(find_workloads(["realtime"])[0], 50, PART.steps, 1)


class StallsOnce(NaiveLeaderboard):
    """Is late with the first rank by twice the time after which a rate is given up."""

    stalled = False

    def get_rank(self, player_id: str) -> int | None:
        if not self.stalled:
            self.stalled = True
            sleep(2 * PART.seconds)
        return super().get_rank(player_id)


def test_a_rate_that_is_given_up_leaves_out_the_rest_of_its_steps_alone() -> None:
    figures = measure_response(JOB, Session(WHERE, StallsOnce("board"), 0), TRACE)
    assert figures.rates[0].response is None
    changes = [OPERATIONS[TRACE.operations[index]].changes for index, _ in TRACE.steps]
    assert 0 < figures.checked.updates < sum(changes[:300])


def test_an_owners_steps_are_one_clients_and_in_their_order() -> None:
    chance = Random(1)
    owners: list[object] = [min(chance.randrange(1, 60) for _ in range(3)) for _ in range(2000)]
    for clients in (1, 2, 4, 8):
        parts = share_out(owners, range(100, 2100), clients)
        assert sorted(position for part in parts for position in part) == list(range(100, 2100))
        assert all(part == sorted(part) for part in parts)
        of = [{owners[position - 100] for position in part} for part in parts]
        assert sum(map(len, of)) == len(set().union(*of))


def test_clients_have_about_as_many_steps_each_however_popular_one_owner_is() -> None:
    owners: list[object] = [owner for owner in range(40) for _ in range(400 // (owner + 1))]
    most = Counter(owners).most_common(1)[0][1]
    for clients in (2, 4):
        sizes = [len(part) for part in share_out(owners, range(len(owners)), clients)]
        assert max(sizes) <= max(most, 1.05 * len(owners) / clients)
