"""Two real servers with a board that moves from one to the other, in processes that faults happen to."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep

from leaderboard_backends import BackendError, LeaderboardBackend, open_leaderboard
from leaderboard_backends.migration.moving import Migration
from leaderboard_backends.testing.faults.proxy import Proxy
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .boards import content, rows
from .tally import check
from .traffic import Account, account_of

FIRST = rows(800, 4)
DURABLE = {**NO_PASSWORD, "appendonly": "yes", "appendfsync": "always"}
PATIENCE = 60.0
"""Seconds that a busy machine may take for what takes none in health."""


def set_clock(ahead: float) -> None:
    """Have the clock of this process, not its monotonic one, go so many seconds ahead."""
    real = time.time
    for module in list(sys.modules.values()):
        for name, value in list(vars(module).items()):
            if value is real:
                setattr(module, name, lambda: real() + ahead)


class Site:
    """Two servers, a board on the first one, and how it is opened by the app and by a migration."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder = folder
        for name in ("one", "two"):
            (folder / name).mkdir()
        self.servers = [
            stack.enter_context(EmbeddedServer(DURABLE, tcp=True, directory=folder / name)) for name in ("one", "two")
        ]
        self.urls = [self.url_at(server.port, PATIENCE) for server in self.servers]
        self.far_urls = self.urls
        """By which the steps of the migration open both boards."""
        self.clock = 0.0
        """Seconds by which the clock of a process that carries out a step is ahead."""
        with open_leaderboard(self.urls[0]) as board:
            board.update_scores(FIRST)

    def url_at(self, port: int, socket_timeout: float = 2) -> str:
        """Return the URL of the board of a server, by its own port or another one."""
        return f"redis://127.0.0.1:{port}/0?board=moves&socket_timeout={socket_timeout:g}"

    def proxies(self, stack: ExitStack) -> list[Proxy]:
        """Return a proxy before each server."""
        return [stack.enter_context(Proxy(server.port)) for server in self.servers]

    def opened(self) -> LeaderboardBackend:
        """Open the board as an app does."""
        return open_leaderboard(self.urls[0], migration={"to": self.urls[1]})

    def carry_out(self, step: str) -> object:
        """Carry out one step, until it ends."""
        with ExitStack() as stack:
            source, target = (stack.enter_context(open_leaderboard(url, feed=100_000)) for url in self.far_urls)
            migration = Migration(source, target)
            if step == "state":
                return migration.state()
            return migration.start() if step == "start" else getattr(migration, step)(verify=step != "roll_back")

    def child(self, step: str) -> Child[object]:
        """Carry out one step in a process."""

        def run(tell: Callable[[object], None]) -> None:
            set_clock(self.clock)
            tell("begins")
            with suppress(BackendError):
                self.carry_out(step)

        child: Child[object] = Child(run, 120)
        assert next(child) == "begins"
        return child

    def wait_for(self, is_so: Callable[[Migration], object]) -> None:
        """Wait until the migration is in some state."""
        until = monotonic() + PATIENCE
        with ExitStack() as stack:
            source, target = (stack.enter_context(open_leaderboard(url, feed=100_000)) for url in self.urls)
            migration = Migration(source, target)
            while not is_so(migration):
                assert monotonic() < until, f"it was never so: {migration.state()}"
                sleep(0.01)

    def check(self, fault: str, account: Account) -> None:
        """Compare what serves with what writers were told, and the other board with it."""
        account.add(account_of(FIRST))
        with ExitStack() as stack:
            source, target = (stack.enter_context(open_leaderboard(url, feed=100_000)) for url in self.urls)
            migration = Migration(source, target)
            migration.start(until_caught_up=True)
            serves = source if migration.state().serves == "source" else target
            check(fault, account, serves)
            assert content(source) == content(target)

    def begun(self) -> Child[object]:
        """Follow in a process of its own; returns once the target is equal."""
        child = self.child("start")
        self.wait_for(lambda moves: (fence := moves.state().target) and fence.kind == "follows")
        self.wait_for(lambda moves: len(moves.target) >= len(FIRST) / 2)
        return child

    def begun_somehow(self) -> Child[object]:
        """Follow in a process of its own; returns once it has begun."""
        child = self.child("start")
        self.wait_for(lambda moves: moves.state().begun)
        return child
