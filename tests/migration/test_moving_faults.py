"""Whatever is killed, frozen or gone in a migration: of what writers were told, nothing is lost, doubled or late."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress
from time import sleep

import pytest
import redis

from leaderboard_backends import (
    BackendError,
    BackendFullError,
    BackendUnavailableError,
    BoardMovedError,
    LeaderboardBackend,
    Score,
    open_leaderboard,
)
from leaderboard_backends.testing.forking import Child

from .site import Site
from .traffic import writing

STEPS = ("start", "cut_over", "roll_back", "cut_over", "roll_back")


@pytest.mark.parametrize("moments", [8, pytest.param(90, marks=pytest.mark.proof)])
def test_a_migration_is_killed_or_frozen_at_any_moment(site: Site, moments: int) -> None:
    chance = random.Random(moments)
    frozen: list[Child[object]] = []
    with ExitStack() as children, writing(site.opened, site.folder / "stop", processes=2, pace=0.002) as end:
        children.enter_context(site.begun()).kill()
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
        end.wait_for_writes(60)
        account = end()
    site.check("killed or frozen at any moment", account)
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
    site.check("two starts at once", account)


def of_first_writer(board: LeaderboardBackend) -> set[tuple[str, str, Score]]:
    """Return what a board has of the writer of number 0."""
    return {entry[1:] for entry in board if entry.player_id.startswith("w0-")}


def test_a_writer_that_was_frozen_before_the_cut_over_wakes_up_after_it(site: Site) -> None:
    with writing(site.opened, site.folder / "stop", processes=2, pace=0.001) as end:
        children = end.children
        site.begun().close()
        site.wait_for(lambda moves: of_first_writer(moves.source))
        children[0].send(signal.SIGSTOP)
        try:
            site.carry_out("cut_over")
            with open_leaderboard(site.urls[1]) as target:
                before = of_first_writer(target)
        finally:
            children[0].send(signal.SIGCONT)
        site.wait_for(lambda moves: of_first_writer(moves.target) != before)
        account = end()
    site.check("a writer frozen over the cut-over", account)
    assert account.unknown == account.refused == 0


def test_a_process_with_an_old_configuration_is_refused_after_the_cut_over_and_loses_nothing(site: Site) -> None:
    def opened_without_table() -> LeaderboardBackend:
        return open_leaderboard(site.urls[0])

    with (
        writing(site.opened, site.folder / "stop", processes=1, pace=0.002) as end,
        writing(opened_without_table, site.folder / "stop", processes=2, pace=0.002, first=1) as end_old,
    ):
        site.begun().close()
        end_old.wait_for_writes(20)
        site.carry_out("cut_over")
        end_old.wait_for_failures()
        end.wait_for_writes(20)
        account, old = end(), end_old()
    assert account.refused == account.unknown == old.unknown == 0
    assert old.refused > 0
    account.add(old)
    site.check("processes with an old configuration at the cut-over", account)


def test_a_server_that_is_gone_for_a_while_is_waited_for(site: Site) -> None:
    with writing(site.opened, site.folder / "stop", processes=2, pace=0.002) as end, site.begun():
        target = site.servers[1]
        target.kill()
        end.wait_for_writes(20)
        target.start()
        site.wait_for(lambda moves: len(moves.target) == len(moves.source))
        target.freeze()
        end.wait_for_writes(20)
        target.thaw()
        site.wait_for(lambda moves: len(moves.target) == len(moves.source))
        account = end()
    site.check("the target killed, and frozen for a while", account)
    assert account.unknown == account.refused == 0


def test_without_the_target_a_cut_over_leaves_the_source_to_serve(site: Site) -> None:
    with writing(site.opened, site.folder / "stop", processes=2, pace=0.002) as end:
        site.begun().close()
        site.servers[1].kill()
        with pytest.raises(BackendError):
            site.carry_out("cut_over")
        end.wait_for_writes(20)
        site.servers[1].start()
        account = end()
    site.check("no target at the cut-over", account)
    assert account.unknown == account.refused == 0


def test_a_source_that_is_killed_loses_nothing_that_it_acknowledged(site: Site) -> None:
    with (
        writing(site.opened, site.folder / "stop", processes=2, pace=0.002) as end,
        site.begun(),
        site.opened() as board,
    ):
        source = site.servers[0]
        source.kill()
        with pytest.raises(BackendUnavailableError):
            board.update_score("refused", "", 1)
        end.wait_for_failures()
        source.start()
        site.wait_for(lambda moves: moves.state().serves == "source")
        end.wait_for_writes(20)
        account = end()
    account.removed.add("refused")  # it must not be there
    site.check("the source killed", account)


def test_a_target_that_is_full_is_waited_for_and_not_cut_over_to(site: Site) -> None:
    with (
        redis.Redis.from_url(site.servers[1].url) as client,
        open_leaderboard(site.urls[1]) as target,
        writing(site.opened, site.folder / "stop", processes=2, pace=0.002) as end,
    ):
        client.config_set("maxmemory", "1mb")
        with site.begun_somehow():
            end.wait_for_writes(20)
            assert len(target) == 0
            client.config_set("maxmemory", "0")
            site.wait_for(lambda moves: len(moves.target) == len(moves.source))
            client.config_set("maxmemory", "1mb")
            end.wait_for_writes(20)
            with pytest.raises(BackendFullError):
                site.carry_out("cut_over")
            end.wait_for_writes(20)
            client.config_set("maxmemory", "0")
            site.carry_out("cut_over")
        account = end()
    site.check("the target full, also at a cut-over", account)
    assert account.unknown == account.refused == 0
