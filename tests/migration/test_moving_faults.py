"""Whatever is killed, frozen or gone in a migration: of what writers were told, nothing is lost, doubled or late."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest
import redis

from leaderboard_backends import (
    BackendError,
    BackendUnavailableError,
    BoardMovedError,
    LeaderboardBackend,
    open_leaderboard,
)
from leaderboard_backends.migration.moving import Migration
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .boards import content, rows
from .traffic import Account, account_of, writing

FIRST = rows(800, 4)
DURABLE = {**NO_PASSWORD, "appendonly": "yes", "appendfsync": "always"}
STEPS = ("start", "cut_over", "roll_back", "cut_over", "roll_back")


class Site:
    """Two servers, a board on the first one, and how it is opened by the app and by a migration."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder = folder
        self.servers = [
            stack.enter_context(EmbeddedServer(DURABLE, tcp=True, directory=folder / name)) for name in ("one", "two")
        ]
        self.urls = [f"{server.url}?board=moves&socket_timeout=2" for server in self.servers]
        with open_leaderboard(self.urls[0]) as board:
            board.update_scores(FIRST)

    def opened(self) -> LeaderboardBackend:
        """Open the board as an app does."""
        return open_leaderboard(self.urls[0], migration={"to": self.urls[1]})

    def carry_out(self, step: str) -> object:
        """Carry out one step, until it ends."""
        with ExitStack() as stack:
            source, target = (stack.enter_context(open_leaderboard(url, feed=100_000)) for url in self.urls)
            migration = Migration(source, target)
            if step == "state":
                return migration.state()
            return migration.start() if step == "start" else getattr(migration, step)(verify=step != "roll_back")

    def child(self, step: str) -> Child[object]:
        """Carry out one step in a process."""

        def run(tell: Callable[[object], None]) -> None:
            tell("begins")
            with suppress(BackendError):
                self.carry_out(step)

        child: Child[object] = Child(run, 120)
        assert next(child) == "begins"
        return child

    def wait_for(self, is_so: Callable[[Migration], object]) -> None:
        """Wait until the migration is in some state."""
        until = monotonic() + 60
        with ExitStack() as stack:
            source, target = (stack.enter_context(open_leaderboard(url, feed=100_000)) for url in self.urls)
            migration = Migration(source, target)
            while not is_so(migration):
                assert monotonic() < until, f"it was never so: {migration.state()}"
                sleep(0.01)

    def check(self, account: Account) -> None:
        """Compare what serves with what writers were told, and the other board with it."""
        account.add(account_of(FIRST))
        with ExitStack() as stack:
            source, target = (stack.enter_context(open_leaderboard(url, feed=100_000)) for url in self.urls)
            migration = Migration(source, target)
            migration.start(until_caught_up=True)
            serves = source if migration.state().serves == "source" else target
            assert account.problems(serves) == []
            assert content(source) == content(target)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
        yield Site(stack, tmp_path)


def begun(site: Site) -> Child[object]:
    """Follow in a process of its own; returns once the target is equal."""
    child = site.child("start")
    site.wait_for(lambda moves: (fence := moves.state().target) and fence.kind == "follows")
    site.wait_for(lambda moves: len(moves.target) >= len(FIRST) / 2)
    return child


@pytest.mark.parametrize("moments", [8, pytest.param(60, marks=pytest.mark.proof)])
def test_a_migration_is_killed_or_frozen_at_any_moment(site: Site, moments: int) -> None:
    chance = random.Random(moments)
    frozen: list[Child[object]] = []
    with ExitStack() as children, writing(site.opened, site.folder / "stop", processes=2, pace=0.002) as end:
        children.enter_context(begun(site)).kill()
        for moment in range(moments):
            child = children.enter_context(site.child(chance.choice(STEPS)))
            sleep(chance.uniform(0, 0.6))
            if moment % 3:
                child.kill()
            else:  # it wakes up when others have done something else
                child.send(signal.SIGSTOP)
                frozen.append(child)
            if len(frozen) > 1:
                frozen.pop(0).send(signal.SIGCONT)
        for child in frozen:
            child.send(signal.SIGCONT)
            list(child)
        while True:
            with suppress(BackendUnavailableError):
                site.carry_out("cut_over")
                break
        account = end()
    site.check(account)
    assert account.unknown == 0
    assert account.acknowledged > 100


def test_the_second_of_two_starts_goes_on_and_the_first_one_ends(site: Site) -> None:
    ended: list[object] = []

    def first(tell: Callable[[object], None]) -> None:
        tell("begins")
        try:
            site.carry_out("start")
        except BoardMovedError as error:
            tell(str(error))

    with writing(site.opened, site.folder / "stop", processes=1, pace=0.005) as end, Child[object](first, 60) as one:
        assert next(one) == "begins"
        site.wait_for(lambda moves: (fence := moves.state().target) and fence.kind == "follows")
        with site.child("start"):
            ended.extend(one)
            assert ["another start has taken over" in str(text) for text in ended] == [True]
        account = end()
    site.check(account)


def test_a_writer_that_was_frozen_before_the_cut_over_wakes_up_after_it(site: Site) -> None:
    with writing(site.opened, site.folder / "stop", processes=2, pace=0.001) as end:
        children = end.children
        begun(site).close()
        sleep(0.2)
        children[0].send(signal.SIGSTOP)
        try:
            site.carry_out("cut_over")
        finally:
            children[0].send(signal.SIGCONT)
        sleep(0.3)
        account = end()
    site.check(account)
    assert account.unknown == account.refused == 0


def test_a_server_that_is_gone_for_a_while_is_waited_for(site: Site) -> None:
    with writing(site.opened, site.folder / "stop", processes=2, pace=0.002) as end, begun(site):
        target = site.servers[1]
        target.kill()
        sleep(0.3)
        target.start()
        site.wait_for(lambda moves: len(moves.target) == len(moves.source))
        target.freeze()
        sleep(0.5)
        target.thaw()
        site.wait_for(lambda moves: len(moves.target) == len(moves.source))
        account = end()
    site.check(account)
    assert account.unknown == account.refused == 0


def test_without_the_target_a_cut_over_leaves_the_source_to_serve(site: Site) -> None:
    begun(site).close()
    site.servers[1].kill()
    with pytest.raises(BackendError):
        site.carry_out("cut_over")
    site.servers[1].start()
    with site.opened() as board:
        board.update_score("later", "", 1)
    site.check(Account())


def test_a_source_that_is_killed_loses_nothing_that_it_acknowledged(site: Site) -> None:
    with writing(site.opened, site.folder / "stop", processes=2, pace=0.002) as end, begun(site):
        source = site.servers[0]
        source.kill()
        sleep(0.2)
        source.start()
        site.wait_for(lambda moves: moves.state().serves == "source")
        sleep(0.3)
        account = end()
    site.check(account)
    assert account.refused + account.unknown > 0


def test_a_target_that_is_full_is_waited_for(site: Site) -> None:
    with redis.Redis.from_url(site.servers[1].url) as client, open_leaderboard(site.urls[1]) as target:
        client.config_set("maxmemory", "1mb")
        with begun_somehow(site):
            sleep(0.5)
            assert len(target) == 0
            client.config_set("maxmemory", "0")
            site.wait_for(lambda moves: len(moves.target) == len(moves.source))
    site.check(Account())


def begun_somehow(site: Site) -> Child[object]:
    """Follow in a process of its own; returns once it has begun."""
    child = site.child("start")
    site.wait_for(lambda moves: moves.state().begun)
    return child
