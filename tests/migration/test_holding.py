"""A board in memory is moved by one process: a second one is refused, the next one sees what became of the board."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Thread
from time import sleep
from typing import Any

import pytest
from click.testing import CliRunner

from leaderboard_backends import (
    BackendUnavailableError,
    BoardMismatchError,
    ConfigurationError,
    LeaderboardBackend,
    LeaderboardError,
    Score,
    load_leaderboards,
    open_leaderboard,
)
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.migration import holding
from leaderboard_backends.testing.forking import Child
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .boards import content, rows

FIRST = rows(300, 4)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True, directory=tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "BEAT", 0.05)
    monkeypatch.setattr(holding, "SILENCE", 60.0)  # whoever lives is heard, however busy the machine


@pytest.fixture
def _nobody_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that kill whoever has the claim: nobody is there to be heard."""
    monkeypatch.setattr(holding, "SILENCE", 0.3)


class Site:
    """A board in memory that moves to a server, or the other way round; its app, and the command line."""

    def __init__(self, folder: Path, source: str, target: str) -> None:
        self.config = folder / "boards.toml"
        self.config.write_text(f'[boards.weekly]\nurl = "{source}"\n[boards.weekly.migration]\nto = "{target}"\n')

    def app(self) -> Any:
        """Open the board as the app does."""
        return load_leaderboards(self.config)

    def worker(self) -> Child[object]:
        """Hold the board in a process of its own, which tells that it does, or why not."""

        def run(tell: Callable[[object], None]) -> None:
            try:
                with self.app() as boards:
                    boards["weekly"].update_scores(FIRST)
                    tell("holds")
                    Event().wait()
            except LeaderboardError as error:
                tell(str(error))

        return Child(run, 120)

    def migrate(self, step: str, *options: str) -> dict[str, Any]:
        """Carry out a step by the command line."""
        arguments = ["migrate", step, "--config", str(self.config), "weekly", "--json", *options]
        done = CliRunner().invoke(leaderboard, arguments)
        return {"error": done.stderr} if done.exit_code else json.loads(done.stdout)


def test_a_second_process_is_refused_and_the_first_one_moves_its_board(server: EmbeddedServer, tmp_path: Path) -> None:
    site = Site(tmp_path, "memory://weekly", f"{server.url}?board=claimed")
    with site.worker() as first:
        assert next(first) == "holds"
        with site.worker() as second:
            assert "has a board 'weekly' in its memory, too" in str(next(second))
        with pytest.raises(ConfigurationError, match="Give the table to that process alone"), site.app():
            pass
        assert site.migrate("start")["phase"] == "copying"
        assert site.migrate("status")["held_by"].startswith(f"process {first.pid} on ")
        assert site.migrate("cut-over")["serves"] == "target"
    with open_leaderboard(server.url, board="claimed") as target, expected() as board:
        assert content(target) == content(board)


def test_of_processes_that_claim_at_once_one_goes_on(server: EmbeddedServer, tmp_path: Path) -> None:
    site = Site(tmp_path, "memory://weekly", f"{server.url}?board=at-once")

    def work(tell: Callable[[object], None]) -> None:
        try:
            with site.app() as boards:
                while True:
                    boards["weekly"].update_score("ada", "", 1)
                    sleep(0.02)
        except LeaderboardError as error:
            tell(str(error))

    with ExitStack() as stack:
        children = [stack.enter_context(Child[object](work, 120)) for _ in range(3)]
        refused: list[object] = []
        while len(refused) < 2:
            refused += filter(None, (child.wait(0.05) for child in children))
        assert all("has a board 'weekly' in its memory, too" in str(text) for text in refused)
        assert [child.wait(0.5) for child in children] == [None] * 3


def test_a_forked_child_writes_nothing_to_its_copy_of_a_board_that_moves(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    with Site(tmp_path, "memory://weekly", f"{server.url}?board=forked").app() as boards:
        board = boards["weekly"]
        board.update_score("ada", "", 1)

        def write(tell: Callable[[object], None]) -> None:
            with pytest.raises(BackendUnavailableError, match="was forked, and that one moves it"):
                board.update_score("ada", "", 2)
            with pytest.raises(BackendUnavailableError, match="was forked, and that one moves it"):
                board.update_scores([("ada", "", 2)])
            tell("refused")

        with Child[object](write, 60) as child:
            assert next(child) == "refused"
        board.update_score("ada", "", 3)


def test_a_process_that_ended_in_good_order_is_followed_at_once(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, "memory://weekly", f"{server.url}?board=orderly")
    with site.app():
        pass
    monkeypatch.setattr(holding.Holder, "_lives", lambda *_: True)  # where there is a claim
    with site.app():
        pass


@pytest.mark.parametrize("name", ["leaderboard-holder-weekly", "leaderboard-migration-weekly"])
def test_without_a_thread_a_board_is_not_opened_and_the_claim_is_given_up(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    site, start = Site(tmp_path, "memory://weekly", f"{server.url}?board={name}"), Thread.start

    def refuse(thread: Thread) -> None:
        if thread.name == name:
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", refuse)
        with pytest.raises(BackendUnavailableError, match="limit of threads"), site.app():
            pass
    monkeypatch.setattr(holding.Holder, "_lives", lambda *_: True)  # where there is a claim
    with site.app():
        pass


@pytest.mark.usefixtures("_nobody_lives")
def test_after_a_kill_what_was_copied_is_not_replaced_by_another_board(server: EmbeddedServer, tmp_path: Path) -> None:
    site = Site(tmp_path, "memory://weekly", f"{server.url}?board=killed")
    with site.worker() as first:
        assert next(first) == "holds"
        assert site.migrate("start")["phase"] == "copying"
    with site.app() as boards, open_leaderboard(server.url, board="killed") as target:
        boards["weekly"].update_score("new", "", 1)
        wait_until(lambda: site.migrate("status")["following"].get("error"))
        for step in ("start", "cut-over"):
            assert "began with a board in the memory of a process that has ended" in site.migrate(step)["error"]
        assert (len(boards["weekly"]), len(target)) == (1, len(FIRST))
        assert site.migrate("finish", "--delete")["phase"] == "finished"
        assert (len(boards["weekly"]), len(target)) == (1, 0)


@pytest.mark.usefixtures("_nobody_lives")
def test_after_a_cut_over_and_a_kill_the_next_process_is_served_by_the_target(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    site = Site(tmp_path, "memory://weekly", f"{server.url}?board=over")
    with site.worker() as first:
        assert next(first) == "holds"
        site.migrate("start")
        assert site.migrate("cut-over")["serves"] == "target"
    with site.app() as boards, open_leaderboard(server.url, board="over") as target:
        assert content(boards["weekly"]) == content(target)
        boards["weekly"].update_score("new", "", 1)
        assert "new" in target
        assert site.migrate("roll-back")["serves"] == "source"
        with expected(("new", "", 1)) as board:
            assert content(boards["weekly"]) == content(board)


@pytest.mark.usefixtures("_nobody_lives")
def test_a_board_that_moved_into_the_memory_of_a_process_that_ended_says_so(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    site = Site(tmp_path, f"{server.url}?board=inward", "memory://weekly")
    with site.worker() as first:
        assert next(first) == "holds"
        site.migrate("start")
    with site.worker() as second:
        assert next(second) == "holds"
        assert site.migrate("start")["phase"] == "copying"
        assert site.migrate("cut-over")["serves"] == "target"
    with pytest.raises(BoardMismatchError, match="had moved into the memory of a process, which has ended"), site.app():
        pass


def expected(*more: tuple[str, str, Score]) -> LeaderboardBackend:
    """Return a board of the first rows and others."""
    board = open_leaderboard("memory://expected")
    board.update_scores([*FIRST, *more])
    return board


def wait_until(is_so: Callable[[], object]) -> None:
    waiting = Event()
    for _ in range(600):
        if is_so():
            return
        waiting.wait(0.05)
    raise AssertionError("it was never so")
