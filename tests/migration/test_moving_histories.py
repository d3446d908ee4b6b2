"""What threads see of a board that moves to and fro is what one board shows: each has a board object of its own."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import cycle
from threading import Event, Thread, get_ident

import pytest

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.migration import Migration
from leaderboard_backends.migration.moving_board import MovingLeaderboard
from leaderboard_backends.testing.conformance.foundation import Rules
from leaderboard_backends.testing.conformance.histories import check_threads


class Spread(DelegatingLeaderboard):
    """Gives each thread one of several objects of the same board."""

    def __init__(self, boards: list[LeaderboardBackend]) -> None:
        self._turns = cycle(boards)
        self._own: dict[int, LeaderboardBackend] = {}
        super().__init__(boards[0])

    @property
    def _inner(self) -> LeaderboardBackend:
        own = self._own.get(get_ident())
        return own or self._own.setdefault(get_ident(), next(self._turns))

    @_inner.setter
    def _inner(self, _: LeaderboardBackend) -> None:
        """Have none of its own."""


@pytest.mark.parametrize("most", [6, pytest.param(60, marks=pytest.mark.proof)])
def test_answers_across_cut_overs_and_roll_backs_are_linearizable(most: int) -> None:
    with ExitStack() as stack:
        one, two = (stack.enter_context(open_leaderboard(f"memory://{name}", feed=100_000)) for name in ("one", "two"))
        boards: list[LeaderboardBackend] = [MovingLeaderboard(one, lambda: two) for _ in range(5)]
        stop, switches = Event(), list[str]()

        def switch() -> None:
            migration = Migration(one, two)
            migration.start(until_caught_up=True)
            while not stop.wait(0.1):  # or the writes that wait never find a board open
                switches.append(migration.cut_over(verify=False).serves)
                stop.wait(0.1)
                switches.append(migration.roll_back(verify=False).serves)

        switching = Thread(target=switch)
        switching.start()
        try:
            while len(switches) < most:
                assert switching.is_alive()
                boards[0].clear()
                check_threads(Spread(boards), Rules("descending", "last"), seed=len(switches), histories=3)
        finally:
            stop.set()
            switching.join(30)
        assert set(switches) == {"source", "target"}
