"""One board walks from memory through files, a server and a cluster back to memory, written all the way."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import cast

import pytest

from leaderboard_backends import BackendUnavailableError, LeaderboardBackend, open_leaderboard
from leaderboard_backends.migration import Migration, verify_boards
from leaderboard_backends.migration.moving_board import MovingLeaderboard
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.groups import EmbeddedCluster, EmbeddedSentinel
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer
from leaderboard_backends.testing.zeo import EmbeddedZEO

from .boards import rows
from .tally import check
from .traffic import Account, account_of, writing, writing_in_threads

DURABLE = {**NO_PASSWORD, "appendonly": "yes", "appendfsync": "always"}
FEED = 100_000


@contextmanager
def following(migration: Migration) -> Iterator[None]:
    """Follow in a thread until the end."""
    stop = Event()
    thread = Thread(target=migration.start, kwargs={"stop": stop.is_set})
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(120)
        assert not thread.is_alive()


def walk_inside(source: str, target: str, first: list[tuple[str, str, float]], folder: Path, account: Account) -> None:
    """Move a board inside this process, which holds one of the two; threads write."""
    with open_leaderboard(source, migration={"to": target}) as opened:
        board = cast("MovingLeaderboard", opened)
        board.update_scores(first)
        with writing_in_threads(board, folder / f"stop-{len(source)}", first=10 * len(source)) as end:
            migration = board.migration()
            migration.start(until_caught_up=True)
            with following(board.migration()):
                sleep(0.2)
                assert migration.cut_over().serves == "target"
            account.add(end())
        migration.finish()
        check(f"moved on to {target.partition(':')[0]}", account, board)


def walk_by_commands(
    source: str, target: str, folder: Path, account: Account, chance: random.Random, kills: int
) -> None:
    """Move a board that processes write to, with steps in processes that are killed."""

    def opened() -> LeaderboardBackend:
        return open_leaderboard(source, migration={"to": target})

    def step(carry_out: Callable[[Migration], object]) -> None:
        with open_leaderboard(source, feed=FEED) as one, open_leaderboard(target, feed=FEED) as other:
            carry_out(Migration(one, other))

    def killed(carry_out: Callable[[Migration], object], seconds: float) -> None:
        def run(tell: Callable[[object], None]) -> None:
            tell("begins")
            with suppress(BackendUnavailableError):
                step(carry_out)

        with Child[object](run, 600) as child:
            next(child)
            sleep(seconds)

    with writing(opened, folder / f"stop-{len(source)}", processes=3, pace=0.005, first=10 * len(source)) as end:
        began = monotonic()
        for _ in range(kills):
            killed(lambda moves: moves.start(), chance.uniform(0.1, 1))
        step(lambda moves: moves.start(until_caught_up=True))
        took = monotonic() - began
        for _ in range(kills):
            killed(lambda moves: moves.cut_over(), chance.uniform(0.1, took))
        step(lambda moves: moves.cut_over())
        account.add(end())
    with open_leaderboard(target) as board:
        check(f"moved on to {target.partition(':')[0]}, its commands killed", account, board)
    assert account.unknown == 0
    step(lambda moves: moves.finish(delete=True))


@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("players", "kills"), [(800, 1), pytest.param(200_000, 3, marks=pytest.mark.proof)])
def test_a_board_walks_through_all_storages_and_is_what_writers_were_told(
    players: int, kills: int, tmp_path: Path
) -> None:
    chance = random.Random(players)
    first = rows(players, players // 100)
    account = account_of(first)
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedServer(DURABLE, tcp=True, directory=tmp_path))
        settings = {"appendonly": "yes", "appendfsync": "always"}
        cluster = stack.enter_context(EmbeddedCluster(node_timeout=60, settings=settings))  # nobody fails here
        sqlite, zodb = f"sqlite://{tmp_path}/board.db?board=walk", f"zodb://{tmp_path}/board.fs?board=walk"
        redis, shards = f"{server.url}?board=walk", f"{cluster.url}?board=walk&shards=8&read_timeout=20"
        walk_inside("memory://walk", sqlite, list(first), tmp_path, account)
        walk_by_commands(sqlite, redis, tmp_path, account, chance, kills)
        walk_by_commands(redis, shards, tmp_path, account, chance, kills)
        walk_inside(shards, zodb, [], tmp_path, account)
        with open_leaderboard(zodb, migration={"to": "memory://walk"}) as opened:
            board = cast("MovingLeaderboard", opened)
            migration = board.migration()
            migration.start(until_caught_up=True)
            with writing_in_threads(board, tmp_path / "stop", first=5) as end:
                assert migration.cut_over().serves == "target"
                account.add(end())
            check("moved back into memory", account, board.target)
            migration.start(until_caught_up=True)
            assert verify_boards(board.source, board.target).equal


@pytest.mark.proof
def test_a_board_moves_from_behind_sentinels_to_a_zeo_server_and_back(tmp_path: Path) -> None:
    first = rows(1_000, 10)
    account = account_of(first)
    with EmbeddedSentinel() as group, EmbeddedZEO() as zeo:
        there, here = {"url": group.url, "board": "walk", **group.options}, f"{zeo.url}?board=walk"
        with open_leaderboard(there) as board:
            board.update_scores(first)

        def opened() -> LeaderboardBackend:
            return open_leaderboard(there, migration={"to": here})

        with (
            open_leaderboard(there, feed=FEED) as one,
            open_leaderboard(here, feed=FEED) as other,
            writing(opened, tmp_path / "stop", processes=2, pace=0.01) as end,
        ):
            moves = Migration(one, other)
            moves.start(until_caught_up=True)
            assert moves.cut_over().serves == "target"
            assert moves.roll_back().serves == "source"
            assert moves.cut_over().serves == "target"
            account.add(end())
            check("moved from behind Sentinels to a ZEO server, back, and there again", account, other)
