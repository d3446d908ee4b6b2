"""A network that loses and falls silent, writers that are killed, clocks that are apart: what was told is there."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from threading import Thread
from time import monotonic, sleep

import pytest

from leaderboard_backends import BackendUnavailableError, LeaderboardBackend, Score, open_leaderboard
from leaderboard_backends.testing.faults.proxy import Proxy
from leaderboard_backends.testing.forking import Child

from .site import FIRST, Site, set_clock
from .traffic import Account, Reached, Writer, writing

FAULTS: dict[str, Callable[[Proxy, random.Random], object]] = {
    "silent": lambda proxy, _: proxy.silence("127.0.0.1"),
    "losing": lambda proxy, chance: proxy.lose_at_random(chance, 0.2),
    "cut": lambda proxy, _: setattr(proxy, "mode", "lose requests"),
}


def heal(proxy: Proxy) -> None:
    proxy.silence()
    proxy.lose_nothing()


def wait_for_losses(before: int, proxy: Proxy) -> None:
    """Wait until a proxy has lost more than that."""
    until = monotonic() + 60
    while proxy.lost <= before:
        assert monotonic() < until
        sleep(0.01)  # a proxy tells nobody


def carry_out(site: Site, step: str) -> None:
    """Carry out a step, again where it met what a fault had left."""
    while True:
        with suppress(BackendUnavailableError):
            site.carry_out(step)
            return


@pytest.mark.parametrize("moments", [3, pytest.param(45, marks=pytest.mark.proof)])
def test_a_network_that_is_cut_loses_or_falls_silent_between_a_migration_and_its_boards(
    site: Site, moments: int
) -> None:
    chance, faults = random.Random(moments), [*FAULTS.values()]
    with ExitStack() as stack, writing(site.opened, site.folder / "stop", processes=2, pace=0.002) as end:
        proxies = site.proxies(stack)
        site.far_urls = [site.url_at(proxy.port) for proxy in proxies]
        stack.enter_context(site.begun())
        for moment in range(moments):
            proxy = chance.choice(proxies)
            with site.child(chance.choice(["cut_over", "roll_back"])) as step:
                sleep(chance.uniform(0, 0.4))
                before = proxy.lost
                faults[moment % len(faults)](proxy, chance)
                sleep(chance.uniform(0.1, 0.8))
                if proxy.mode != "pass":
                    wait_for_losses(before, proxy)
                heal(proxy)
                list(step)
        carry_out(site, "cut_over")
        account = end()
    site.far_urls = site.urls
    site.check("the network of the migration cut, losing and silent", account)
    assert account.unknown == 0


def test_a_network_that_loses_replies_between_writers_and_both_boards(site: Site) -> None:
    chance = random.Random(5)
    with ExitStack() as stack:
        proxies = site.proxies(stack)
        urls = [site.url_at(proxy.port) for proxy in proxies]

        def opened() -> LeaderboardBackend:
            return open_leaderboard(urls[0], migration={"to": urls[1]})

        with writing(opened, site.folder / "stop", processes=2, pace=0.002) as end, site.begun():
            site.wait_for(lambda moves: len(moves.source) > len(FIRST) + 20)
            for proxy in proxies:
                proxy.lose_at_random(chance, 0.15)
            wait_for_losses(50, proxies[0])
            site.carry_out("cut_over")
            wait_for_losses(10, proxies[1])
            site.carry_out("roll_back")
            for proxy in proxies:
                heal(proxy)
            account = end()
    site.check("the network of the writers losing", account)
    assert account.unknown > 0


class Telling(Writer):
    """Tells of each write before it makes it, and what came of it: so that all is known if it is killed."""

    def __init__(self, number: int, tell: Callable[[object], None]) -> None:
        super().__init__(number, pace=0.001)
        self._tell = tell

    def begin(self, states: Sequence[tuple[str, str, Score | None]]) -> None:
        self._tell(states)

    def end(self, states: Sequence[tuple[str, str, Score | None]]) -> None:
        account = self.account
        counts = account.acknowledged, account.unknown, account.refused, tuple(account.stale)
        self._tell((counts, {player: account.players.get(player) for player, _, _ in states}))


class Killable:
    """A writer in a process that can be killed at any moment, and its account."""

    def __init__(self, site: Site, number: int) -> None:
        self.account = Account()
        self._begun: Sequence[tuple[str, str, Score | None]] = ()

        def work(tell: Callable[[object], None]) -> None:
            Telling(number, tell).run(site.opened, site.folder / "never")

        self._child = Child[object](work, 600)
        self._thread = Thread(target=self._hear)
        self._thread.start()

    def _hear(self) -> None:
        for message in self._child:
            if isinstance(message, list):
                self._begun = message
            elif isinstance(message, tuple):
                self._take(*message)

    def _take(self, counts: tuple[int, int, int, tuple[str, ...]], states: dict[str, Reached | None]) -> None:
        account, self._begun = self.account, ()
        account.acknowledged, account.unknown, account.refused, account.stale = (*counts[:3], [*counts[3]])
        for player, state in states.items():
            if state is None:
                account.players.pop(player, None)
                account.removed.add(player)
            else:
                account.players[player] = state
                account.removed.discard(player)

    def wait_for_writes(self, number: int) -> None:
        """Wait until it was told of so many writes."""
        until = monotonic() + 60
        while self.account.acknowledged < number:
            assert monotonic() < until
            sleep(0.01)  # a thread hears of them

    def kill(self) -> Account:
        """Kill it, and return what it was told."""
        self._child.kill()
        self._thread.join(60)
        self._child.close()
        for player, username, score in self._begun:
            self.account.open.setdefault(player, []).append(None if score is None else (username, score))
        self.account.unknown += bool(self._begun)
        return self.account


@pytest.mark.parametrize("kills", [6, pytest.param(60, marks=pytest.mark.proof)])
def test_of_writers_that_are_killed_all_that_they_were_told_is_there(site: Site, kills: int) -> None:
    chance, account = random.Random(kills), Account()
    with site.begun():
        writers = [Killable(site, number) for number in range(2)]
        for number in range(2, kills):
            with site.child(chance.choice(["cut_over", "roll_back"])) as step:
                sleep(chance.uniform(0.1, 0.5))
                killed = writers.pop(0)
                killed.wait_for_writes(10)
                account.add(killed.kill())
                writers.append(Killable(site, number))
                list(step)
        for writer in writers:
            sleep(chance.uniform(0, 0.2))
            writer.wait_for_writes(10)
            account.add(writer.kill())
    site.check("writers killed", account)
    assert account.acknowledged > 50


def test_clocks_that_are_hours_apart_change_nothing(site: Site) -> None:
    def opened() -> LeaderboardBackend:
        set_clock(7_200 * (os.getpid() % 3 - 1))
        return site.opened()

    site.clock = -86_400
    with writing(opened, site.folder / "stop", processes=3, pace=0.003) as end, site.begun():
        site.carry_out("cut_over")
        site.clock = 86_400
        with site.child("roll_back") as step:
            list(step)
        site.carry_out("cut_over")
        account = end()
    site.check("clocks two hours and a day apart", account)
    assert account.unknown == account.refused == 0
