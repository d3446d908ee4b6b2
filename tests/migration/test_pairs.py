"""A board moves between any two storages, and back where it can, while it is written from step to step."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from itertools import product

import pytest

from leaderboard_backends import LeaderboardBackend, UnsupportedOperationError, open_leaderboard
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.migration import Migration
from leaderboard_backends.migration.moving_board import MovingLeaderboard
from leaderboard_backends.testing.groups import EmbeddedCluster, EmbeddedSentinel
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .boards import ODD, content, rows, shake

PLAYERS = 60
GROUPS = ("redis+cluster", "redis+sentinel")
PLAIN = "plug-in of the contract alone"
KINDS = ("memory", "redis", "sqlite", "zodb", "plug-in", PLAIN, *GROUPS)
PAIRS = [
    pytest.param(one, two, id=f"{one} to {two}", marks=[pytest.mark.proof] if {one, two} & {*GROUPS} else [])
    for one, two in product(KINDS, repeat=2)
]


class PlugIn(DelegatingLeaderboard):
    """Somebody's own board, with a feed and fences, or without."""

    def __init__(self, inner: LeaderboardBackend, *, hooks: bool) -> None:
        super().__init__(inner)
        self.capabilities = replace(inner.capabilities, feed=hooks, fence=hooks, fence_pass=hooks)


@pytest.fixture(scope="module")
def open_kind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], LeaderboardBackend]]:
    """Open a board of a kind under a name; servers are started when the first one is opened there."""
    with ExitStack() as stack:

        @cache
        def server(kind: str) -> EmbeddedServer | EmbeddedCluster | EmbeddedSentinel:
            if kind == "redis":
                folder = tmp_path_factory.mktemp("server")
                return stack.enter_context(EmbeddedServer(NO_PASSWORD, tcp=True, directory=folder))
            if kind == "redis+cluster":
                return stack.enter_context(EmbeddedCluster())
            return stack.enter_context(EmbeddedSentinel())

        def opened(kind: str, name: str) -> LeaderboardBackend:
            with_feed = partial(open_leaderboard, board=name, feed=100_000)
            if kind == "memory":
                return open_leaderboard(f"memory://{name}", feed=100_000)
            if kind in ("sqlite", "zodb"):
                return with_feed(f"{kind}://{tmp_path_factory.mktemp(name)}/board.db")
            if kind.startswith("plug-in"):
                return PlugIn(open_leaderboard(f"memory://{name}", feed=100_000), hooks=kind != PLAIN)
            found = server(kind)
            return with_feed(found.url, **({} if isinstance(found, EmbeddedServer) else found.options))

        yield opened


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_a_board_moves_between_any_two_storages_and_back_where_it_can(
    open_kind: Callable[[str, str], LeaderboardBackend], one: str, two: str
) -> None:
    name = f"{KINDS.index(one)}-{KINDS.index(two)}"
    with (
        open_kind(one, f"{name}-source") as source,
        open_kind(two, f"{name}-target") as target,
        open_leaderboard("memory://expected") as expected,
    ):
        app = MovingLeaderboard(source, lambda: target)
        moves = Migration(source, target, pause=lambda _: None)
        live = PLAIN not in (one, two)

        def write(step: int) -> None:
            for board in (app, expected):
                shake(board, random.Random(f"{name} {step}"), 12, players=PLAYERS)

        for board in (source, expected):
            board.update_scores([*ODD, *rows(PLAYERS, 3)])
        plan = moves.plan()
        assert (plan.live, plan.reversible, plan.problems) == (live, live, ())
        write(0)
        moves.start(until_caught_up=True)
        if not live:
            assert "stop all writers" in plan.notes[0]
            assert moves.cut_over().serves == "target"
            assert content(target) == content(source) == content(expected)
            with pytest.raises(UnsupportedOperationError, match="there is no roll-back"):
                moves.roll_back()
            return
        for step, serves in enumerate(("target", "source", "target"), 1):
            write(step)
            assert (moves.cut_over if serves == "target" else moves.roll_back)().serves == serves
            assert content(source) == content(target) == content(expected)
        write(4)
        assert moves.finish(delete=True).serves == "target"
        write(5)
        assert (content(target), content(source)) == (content(expected), [])
