"""A live board moves to another storage and back while processes write to it; nothing is lost, doubled or stale."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from leaderboard_backends import LeaderboardBackend, open_leaderboard
from leaderboard_backends.migration.moving import Migration
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .boards import content, rows
from .traffic import account_of, writing

FEED = 100_000


class Following:
    """A `start` that runs in a thread of its own until it is stopped."""

    def __init__(self, migration: Migration) -> None:
        self._stop = Event()
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, args=(migration,))
        self._thread.start()

    def _run(self, migration: Migration) -> None:
        try:
            migration.start(stop=self._stop.is_set)
        except BaseException as error:  # noqa: BLE001 - `end` raises it
            self._error = error

    def end(self) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._error:
            raise self._error


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[EmbeddedServer]]:
    with ExitStack() as stack:
        folders = [tmp_path_factory.mktemp("server") for _ in range(2)]
        yield [stack.enter_context(EmbeddedServer(NO_PASSWORD, tcp=True, directory=folder)) for folder in folders]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as open_until_the_end:
        yield open_until_the_end


def migration(stack: ExitStack, urls: list[str], **options: Any) -> Migration:
    source, target = (stack.enter_context(open_leaderboard(url, feed=FEED)) for url in urls)
    return Migration(source, target, **options)


def test_a_board_moves_and_returns_while_processes_write(
    servers: list[EmbeddedServer], stack: ExitStack, tmp_path: Path
) -> None:
    urls = [f"{server.url}?board=moves" for server in servers]
    moves = migration(stack, urls)
    first = rows(3_000, 5)
    moves.source.update_scores(first)

    def opened() -> LeaderboardBackend:
        return open_leaderboard(urls[0], migration={"to": urls[1]})

    with writing(opened, tmp_path / "stop") as end:
        following = Following(migration(stack, urls))
        wait_until(lambda: (fence := moves.state().target) and fence.kind == "follows")
        there = moves.cut_over()
        assert (there.serves, moves.state().serves) == ("target", "target")
        wait_until(lambda: (fence := moves.state().source) and fence.owner == "start")
        back = moves.roll_back()
        assert (back.serves, moves.state().serves) == ("source", "source")
        again = moves.cut_over()
        account = end()
        following.end()
    account.add(account_of(first))
    assert account.problems(moves.target) == []
    moves.start(until_caught_up=True)
    assert content(moves.source) == content(moves.target)
    assert account.refused == account.unknown == 0
    assert account.acknowledged > 500
    for switched in (there, back, again):
        assert switched.before is not None
        assert switched.before.equal
        assert switched.pause is not None
        assert switched.after is None or switched.after.equal


def wait_until(is_so: Callable[[], object], seconds: float = 60) -> None:
    waiting = Event()
    for _ in range(int(seconds / 0.02)):
        if is_so():
            return
        waiting.wait(0.02)
    raise AssertionError("it was never so")
