"""`leaderboard migrate`: one step after the other beside writing processes, or by orders to the app's own process."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from sqlite3 import connect
from threading import current_thread, main_thread
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner

from leaderboard_backends import (
    BackendUnavailableError,
    BoardMismatchError,
    BoardMovedError,
    LeaderboardBackend,
    load_leaderboards,
    open_leaderboard,
)
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.migration import Verification, steering
from leaderboard_backends.migration.fences import MigrationFence
from leaderboard_backends.migration.moving import Migration
from leaderboard_backends.migration.moving_board import MovingLeaderboard
from leaderboard_backends.migration.record import Part, Record
from leaderboard_backends.migration.switching import Switch
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

from .boards import content, rows
from .tally import check
from .traffic import account_of, writing, writing_in_threads

FIRST = rows(1_200, 4)
GUIDE = Path(__file__).parents[2] / "docs" / "move-a-live-board.md"


def migrate(step: str, config: Path, *options: str, code: int = 0) -> dict[str, Any]:
    """Run a step, and return what it printed."""
    done = CliRunner().invoke(leaderboard, ["migrate", step, "--config", str(config), "weekly", "--json", *options])
    assert done.exit_code == code, done.output
    printed: dict[str, Any] = {"error": done.stderr} if code else json.loads(done.stdout)
    return printed


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True, directory=tmp_path_factory.mktemp("server")) as running:
        yield running


def config_of(folder: Path, source: str, target: str) -> Path:
    path = folder / "boards.toml"
    path.write_text(f'[boards.weekly]\nurl = "{source}"\n[boards.weekly.migration]\nto = "{target}"\n')
    return path


def test_a_board_moves_by_commands_while_processes_write(server: EmbeddedServer, tmp_path: Path) -> None:
    config = config_of(tmp_path, server.url, f"sqlite://{tmp_path}/board.db")
    with open_leaderboard(server.url, board="weekly") as board:
        board.update_scores(FIRST)

    def opened() -> LeaderboardBackend:
        return load_leaderboards(config)["weekly"]

    plan = migrate("plan", config)
    assert (plan["live"], plan["reversible"], plan["players"], plan["problems"]) == (True, True, 1_200, [])
    assert "nothing was copied" in migrate("cut-over", config, code=1)["error"]
    with writing(opened, tmp_path / "stop", processes=2, pace=0.002) as end:
        assert migrate("start", config, "--until-caught-up")["phase"] == "copying"
        over = migrate("cut-over", config)
        assert (over["serves"], over["verified_before"]["equal"], over["verified_after"]["equal"]) == (
            "target",
            True,
            True,
        )
        assert migrate("status", config)["phase"] == "cut over"
        back = migrate("roll-back", config)
        assert (back["serves"], back["pause_seconds"] < 10) == ("source", True)
        assert migrate("cut-over", config, "--no-verify")["serves"] == "target"
        account = end()
    account.add(account_of(FIRST))
    exported = CliRunner().invoke(leaderboard, ["export", "weekly", "-", "--config", str(config)])
    assert (len(exported.stdout.splitlines()), "board.db" in exported.stderr) == (len(account.players), True)
    old = CliRunner().invoke(leaderboard, ["export", f"{server.url}?board=weekly", "-"])
    assert "the board is fenced, and may be old: it has moved to sqlite:" in old.stderr
    finished = migrate("finish", config, "--delete")
    assert (finished["phase"], finished["serves"]) == ("finished", "target")
    assert finished["players"] == {"source": 0, "target": len(account.players)}
    with open_leaderboard(f"sqlite://{tmp_path}/board.db", board="weekly") as board:
        check("moved by commands", account, board)
    assert (account.unknown, account.refused) == (0, 0)
    assert "is finished" in migrate("roll-back", config, code=1)["error"]
    migrate("plan", config, code=1)  # which has a problem
    assert migrate("finish", config)["phase"] == migrate("status", config)["phase"] == "finished"
    with closing(connect(tmp_path / "board.db")) as connection:
        assert connection.execute("SELECT name FROM board").fetchall() == [("weekly",)]  # no record is left


def test_the_commands_of_the_guide_move_a_board_in_their_order(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"^```(toml|sh)\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    config = next(text for language, text in blocks if language == "toml")
    places = {"redis://cache:6379/0": f"{server.url}?board=guide", "redis+cluster://h1:7000,h2:7000/?shards=8": "{}"}
    for shown, place in places.items():
        assert config.count(f'"{shown}"') == 1
        config = config.replace(shown, place.format(f"sqlite://{tmp_path}/board.db"))
    monkeypatch.chdir(tmp_path)
    Path("boards.toml").write_text(config, encoding="utf-8")
    steps = list[str]()
    with load_leaderboards("boards.toml") as boards:
        for command in "".join(text for language, text in blocks if language == "sh").splitlines():
            boards["weekly"].update_score(command, "", len(steps))
            _, _, step, *options = shlex.split(command)
            options += ["--until-caught-up"] if step == "start" else []  # in place of Ctrl-C
            done = CliRunner().invoke(leaderboard, ["migrate", step, *options])
            assert done.exit_code == 0, done.output
            steps.append(step)
        assert steps == [*steering.STEPS]
        assert [entry.score for entry in boards["weekly"]] == [5, 4, 3, 2, 1, 0]


def test_a_switch_after_which_the_boards_differ_has_an_exit_code_of_its_own(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify = Switch._verify_after

    def find_more(switch: Switch, paused: MigrationFence) -> Verification:
        found = verify(switch, paused)
        assert found is not None
        return replace(found, complete=False)

    config = config_of(tmp_path, f"{server.url}?board=different", f"sqlite://{tmp_path}/board.db")
    with open_leaderboard(server.url, board="different") as board:
        board.update_scores(FIRST)
    migrate("start", config, "--until-caught-up")
    monkeypatch.setattr(Switch, "_verify_after", find_more)
    done = CliRunner().invoke(leaderboard, ["migrate", "cut-over", "--config", str(config), "weekly"])
    assert done.exit_code == 3, done.output
    assert "Verified after it: the boards differ" in done.stdout
    assert migrate("status", config)["serves"] == "target"


def test_a_switch_that_could_not_be_verified_afterwards_has_this_exit_code_too(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise BackendUnavailableError("no answer.")

    config = config_of(tmp_path, f"{server.url}?board=doubtful", f"sqlite://{tmp_path}/board.db")
    with open_leaderboard(server.url, board="doubtful") as board:
        board.update_scores(FIRST)
    migrate("start", config, "--until-caught-up")
    monkeypatch.setattr(Switch, "_verify_after", fail)
    done = CliRunner().invoke(leaderboard, ["migrate", "cut-over", "--config", str(config), "weekly"])
    assert done.exit_code == 3, done.output
    assert "It was not verified afterwards: no answer." in done.stdout
    assert migrate("status", config)["serves"] == "target"


@pytest.mark.parametrize(
    ("held", "url"),
    [
        ("source", "memory://weekly"),
        ("target", "zodb://{folder}/board.fs"),
        ("source", "journal://{folder}/boards"),
        ("target", "journal://{folder}/boards"),
    ],
)
def test_a_board_that_one_process_holds_moves_by_orders_to_it(
    server: EmbeddedServer, tmp_path: Path, held: str, url: str
) -> None:
    there, here = f"{server.url}?board={held}-{url.partition(':')[0]}", url.format(folder=tmp_path)
    config = config_of(tmp_path, *((here, there) if held == "source" else (there, here)))
    with load_leaderboards(config) as boards:
        board = boards["weekly"]
        assert isinstance(board, MovingLeaderboard)
        board.update_scores(FIRST)
        with writing_in_threads(board, tmp_path / "stop") as end:
            assert migrate("plan", config)["problems"] == []
            assert migrate("start", config)["phase"] == "copying"
            assert migrate("status", config)["last"]["step"] == "start"
            over = migrate("cut-over", config)
            assert (over["serves"], over["verified_before"]["equal"]) == ("target", True)
            account = end()
        account.add(account_of(FIRST))
        check(f"moved by orders to the process that holds the {held}", account, board.target)
        assert migrate("finish", config)["phase"] == "finished"
        assert content(board) == content(board.target)


def test_an_order_is_carried_out_although_the_command_that_gave_it_has_ended(
    server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Record.read

    def interrupt(record: Record, part: Part) -> dict[str, Any]:
        if part == "progress" and current_thread() is main_thread():  # right after the order was written
            raise KeyboardInterrupt
        return read(record, part)

    config = config_of(tmp_path, "memory://weekly", f"{server.url}?board=left-alone")
    with load_leaderboards(config) as boards:
        boards["weekly"].update_scores(FIRST)
        migrate("start", config)
        with monkeypatch.context() as patch:
            patch.setattr(Record, "read", interrupt)
            told = migrate("cut-over", config, code=130)["error"]
        assert "carries this out all the same" in told
        until = time.monotonic() + 60
        while (last := migrate("status", config)["last"])["outcome"] != "done" or last["step"] != "cut-over":
            assert time.monotonic() < until, last
            time.sleep(0.05)  # another thread carries it out
        assert migrate("status", config)["serves"] == "target"


def test_without_the_process_that_holds_a_board_an_order_says_so(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering, "ANSWER", 0.3)
    record = Record(open_leaderboard(server.url, board="record"))
    with record.board, pytest.raises(BackendUnavailableError, match="check that the app runs with"):
        steering.order_step(record, "start", {})


def test_of_two_orders_at_once_the_earlier_one_says_that_another_was_given(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = Record(open_leaderboard(server.url, board="record"))
    later = {"id": "0", "step": "roll-back", "options": {}, "follows": True}
    monkeypatch.setattr(time, "sleep", lambda _: record.write("order", later))
    with record.board, pytest.raises(BoardMovedError, match=r"another command \(roll-back\) was given meanwhile"):
        steering.order_step(record, "cut-over", {})


@pytest.mark.parametrize(
    ("text", "found"), [('[2, {"step": "start"}]', "has format 2"), ('{"step": "start"}', "was not written by this")]
)
def test_a_record_of_another_format_is_refused_with_the_way(text: str, found: str) -> None:
    with closing(Record(open_leaderboard("memory://weekly.migration"))) as record:
        record.board.update_score("order.00", text, 0)
        with pytest.raises(BoardMismatchError, match=f"'weekly.migration', {found}.* reads format 1: .*same version"):
            record.read("order")


def test_a_step_that_is_noted_after_the_end_of_the_migration_makes_no_record_anew(server: EmbeddedServer) -> None:
    """As of a `start`, which goes on until it sees that `finish` has ended it."""
    with closing(Record(open_leaderboard(server.url, board="ended"))) as record:
        notes = steering.Notes(record, "start")
        notes.note("running", {})
        notes.note("running", {"doing": "following"})
        assert record.read("progress")["doing"] == "following"
        Record(open_leaderboard(server.url, board="ended")).delete()
        notes.note("failed", {"error": "the migration is finished."})
    with open_leaderboard(server.url, board="ended", order="ascending") as board:
        assert len(board) == 0


def test_a_start_says_how_far_behind_it_is_and_ends_by_ctrl_c(server: EmbeddedServer, tmp_path: Path) -> None:
    config = config_of(tmp_path, f"{server.url}?board=interrupted", f"sqlite://{tmp_path}/board.db")
    command = [sys.executable, "-m", "leaderboard_backends", "migrate", "start", "--config", str(config), "weekly"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stderr is not None
        for line in started.stderr:
            if "changes and" in line:
                break
        started.send_signal(signal.SIGINT)
        told = started.communicate(timeout=60)[1]
    assert re.match(r"following, 0 changes and \d+\.\d{3} s behind", line)
    assert (started.returncode, told.splitlines()[-1]) == (130, "Interrupted.")
    assert migrate("status", config)["phase"] == "copying"


@pytest.mark.parametrize(
    ("end", "code", "outcome"),
    [
        (BoardMismatchError(f"the boards differ: {'more, ' * 20}and the remedy."), 1, "failed"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
    ids=["error", "interrupt"],
)
def test_the_status_says_how_a_step_ended(
    server: EmbeddedServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    end: BaseException,
    code: int,
    outcome: str,
) -> None:
    config = config_of(tmp_path, f"{server.url}?board={outcome}", f"sqlite://{tmp_path}/board.db")
    migrate("start", config, "--until-caught-up")

    def cut_over(moves: Migration, *, verify: bool) -> NoReturn:
        del moves, verify
        raise end

    monkeypatch.setattr(Migration, "cut_over", cut_over)
    migrate("cut-over", config, code=code)
    last = migrate("status", config)["last"]
    assert (last["step"], last["outcome"], last.get("error", "")) == ("cut-over", outcome, str(end))
    shown = CliRunner().invoke(leaderboard, ["migrate", "status", "--config", str(config), "weekly"]).stdout
    assert (f"Problem: {end}" in shown.splitlines()) is (outcome == "failed")


def test_a_table_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    config = config_of(tmp_path, "memory://weekly", "naive://weekly")
    assert "by board.migration()" in migrate("start", config, code=1)["error"]
    config = config_of(tmp_path, "memory://weekly", f"sqlite://{tmp_path}/board.db?order=ascending")
    assert "says order=ascending, and the board has descending" in migrate("start", config, code=1)["error"]
    config = config_of(tmp_path, "memory://weekly", f"sqlite://{tmp_path}/board.db")
    config.write_text(f'{config.read_text()}[boards.daily]\nurl = "sqlite://{tmp_path}/board.db?board=weekly"\n')
    assert "is the storage of daily, too" in migrate("plan", config, code=1)["error"]
    function = 'validation = { player_exists = "nowhere.players:exists" }\n'  # which no step imports
    config.write_text(f'[boards.weekly]\nurl = "memory://weekly"\n{function}')
    assert 'add it, with to = "URL"' in migrate("plan", config, code=1)["error"]
