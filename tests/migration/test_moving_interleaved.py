"""Before any one call of a step, other steps are carried out whole, or the process dies: no two boards ever serve.

Boards in memory, one thread, each call of the step a moment: what a process that is frozen or killed can meet.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from contextvars import Context
from itertools import count, product

import pytest

from leaderboard_backends import BackendError, Changes, LeaderboardBackend, Version, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.migration.moving import Migration
from leaderboard_backends.migration.moving_board import MovingLeaderboard
from leaderboard_backends.testing.oracle import OracleBoard

from .boards import Row, rows

PLAYERS = 12


class DeadError(BaseException):
    """The process was killed: it does nothing more."""


class Watched(DelegatingLeaderboard):
    """Calls something before each call that matters reaches the storage."""

    def __init__(self, inner: LeaderboardBackend, before: Callable[[], None]) -> None:
        super().__init__(inner)
        self._hook = before

    def _before(self) -> None:
        Context().run(self._hook)  # what passes a fence in the step does not in others

    def _fence(self, moved_to: str | None) -> None:
        self._before()
        super()._fence(moved_to)

    def _fenced(self) -> str | None:
        self._before()
        return super()._fenced()

    def _update_scores(self, updates: Sequence[Row]) -> None:
        self._before()
        super()._update_scores(updates)

    def _remove_player(self, player_id: str) -> bool:
        self._before()
        return super()._remove_player(player_id)

    def _get_changes(self, after: Version | None, limit: int) -> Changes:
        self._before()
        return super()._get_changes(after, limit)


class World:
    """Two boards, an app that writes to whichever serves, and what it was told."""

    def __init__(self, seed: object) -> None:
        self.chance = random.Random(str(seed))
        self.source, self.target = (open_leaderboard(f"memory://{name}", feed=1000) for name in ("one", "two"))
        self.app = MovingLeaderboard(self.source, lambda: self.target, wait=0.001)
        self.oracle = OracleBoard()
        self.begun = False
        for row in rows(PLAYERS, 3):
            self.write(row)

    def write(self, row: Row | None = None) -> None:
        """Write as the app does; a write that is refused in a pause is none."""
        row = row or (f"player-{self.chance.randrange(PLAYERS)}", "", self.chance.randrange(3))
        with suppress(BackendError):
            self.app.update_score(*row)
            self.oracle.update_score(*row)

    def migration(self, before: Callable[[], None] = lambda: None) -> Migration:
        """Return a migration of a process of its own."""
        boards = [Watched(board, before) for board in (self.source, self.target)]
        return Migration(boards[0], boards[1], places=("one", "two"), pause=lambda _: self.check())

    def check(self) -> None:
        """At most one board takes writes."""
        assert not self.begun or self.source.fenced() is not None or self.target.fenced() is not None

    def carry_out(self, step: str, before: Callable[[], None] = lambda: None) -> None:
        """Carry out a step, whatever it raises; to kill somebody is none."""
        if step == "kill":
            return
        self.write()
        with suppress(BackendError):
            migration = self.migration(before)
            if step == "start":
                migration.start(until_caught_up=True)
                self.begun = True
            else:
                getattr(migration, step)()
        self.check()
        self.write()

    def end(self) -> None:
        """Come to rest, and compare what serves with what the app was told, and the other board with it."""
        for _ in range(20):
            if (serves := self.migration().state().serves) is not None:
                break
            self.carry_out("cut_over")
        self.write()
        board = self.source if serves == "source" else self.target
        if not self.migration().state().finished:
            self.migration().start(until_caught_up=True)
            assert [entry[1:] for entry in self.source] == [entry[1:] for entry in self.target]
        assert list(board) == self.oracle.get_top_n(PLAYERS)
        assert self.migration().finish(delete=True).finished
        self.write()
        assert list(board) == self.oracle.get_top_n(PLAYERS)
        assert len(self.target if serves == "source" else self.source) == 0
        self.app.close()


def moments(step: str, before: tuple[str, ...], others: tuple[str, ...], stride: int) -> Iterator[int]:
    """Have `others` carried out before each n-th call of a step; yields the number of the call."""
    for moment in count(stride - 1, stride):
        world = World((step, before, others, moment))
        for each in before:
            world.carry_out(each)
        calls = 0

        def meet(world: World = world, moment: int = moment) -> None:
            nonlocal calls
            world.check()
            calls += 1
            if calls > moment + 1 and others[-1] == "kill":
                raise DeadError
            if calls == moment + 1:
                for other in others:
                    world.carry_out(other)
            elif world.chance.random() < 0.2:
                world.write()

        with suppress(DeadError):
            world.carry_out(step, meet)
        if calls <= moment:
            return
        if others[-1] != "kill":
            assert world.migration().state().serves, "nobody was killed, and no board takes writes"
        world.end()
        yield moment


OTHERS = [
    ("kill",),
    ("start", "cut_over", "kill"),
    ("start", "cut_over", "start"),
    ("start",),
    ("cut_over",),
    ("roll_back",),
    ("cut_over", "start"),
    ("cut_over", "start", "roll_back", "start"),
    ("roll_back", "cut_over"),
    ("finish",),
]
STEPS = [
    ("start", ()),
    ("start", ("start",)),
    ("cut_over", ("start",)),
    ("start", ("start", "cut_over")),
    ("roll_back", ("start", "cut_over", "start")),
    ("finish", ("start",)),
    ("finish", ("start", "cut_over", "start")),
]


@pytest.mark.parametrize("stride", [5, pytest.param(1, marks=pytest.mark.proof)])
def test_at_most_one_board_serves_and_it_has_all_that_writers_were_told(stride: int) -> None:
    tried = sum(1 for (step, before), others in product(STEPS, OTHERS) for _ in moments(step, before, others, stride))
    assert tried > 600 / stride
