"""`leaderboard preflight` as a user runs it, stops it, and meets what is broken."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import redis
from click.testing import CliRunner, Result

from leaderboard_backends import open_leaderboard
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

LAYERS = """
    monitoring = { alerts = true, update_rate = 50 }
    rate_limit = { updates_a_minute = 20 }
    validation = { score_min = 0, score_max = 1000000, max_change = 50000 }
    degradation = { cache_top = 100 }
"""
EXPECTED = """
    expected_players = 6000
    workers = 1
    expected_updates = 100
    expected_reads = 100
    update_latency = 5
    top_latency = 5
    rank_latency = 5
"""
COMMAND = [sys.executable, "-m", "leaderboard_backends", "preflight", "--config"]


def write(folder: Path, url: str, expected: str = "") -> Path:
    path = folder / "boards.toml"
    board = f'[boards.weekly]\nurl = "{url}"\n{dedent(LAYERS)}'
    path.write_text(f"{board}[preflight.weekly]\n{dedent(EXPECTED)}{expected}", encoding="utf-8")
    return path


def run(path: Path, *arguments: str) -> Result:
    command = ["preflight", "--config", str(path), "--seconds", "0.1", *arguments]
    return CliRunner().invoke(leaderboard, command, prog_name="leaderboard")


def test_a_table_has_a_line_a_check_with_its_figure_and_what_to_do(tmp_path: Path) -> None:
    done = run(write(tmp_path, "memory://"))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == "weekly at memory://"
    assert lines[1].split() == ["check", "status", "result,", "and", "what", "to", "do"]
    rows = [" ".join(line.split()) for line in lines]
    assert "rate limit passed update 21 of a player within a minute is refused for" in rows
    assert "eviction not applicable the board is not on a server that could evict it" in rows
    assert "To do: Write the disaster recovery plan, and set" in done.stdout
    assert "weekly: 4 warning, 13 passed, 8 not applicable" in lines
    assert all(len(line) <= 100 for line in lines)


def test_a_board_is_checked_beside_one_that_cannot_be_opened(tmp_path: Path) -> None:
    path = write(tmp_path, "memory://")
    path.write_text(f"{path.read_text()}\n[boards.broken]\nurl = 'nowhere://broken'\n")
    assert run(path, "--board", "weekly").exit_code == 0
    for arguments in ([], ["--board", "broken"]):
        done = run(path, *arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "boards.broken: no backend is installed for 'nowhere'://" in done.stderr


def test_what_scratch_boards_count_stays_out_of_the_metrics_of_the_app(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "temporary").mkdir()
    folders = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics"), "TMPDIR": str(tmp_path / "temporary")}
    command = [*COMMAND, str(write(tmp_path, "memory://")), "--seconds", "0.1"]
    done = subprocess.run(
        command, env={**os.environ, **folders}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [*(tmp_path / "metrics").iterdir(), *(tmp_path / "temporary").iterdir()] == []


def test_a_check_that_fails_ends_in_exit_code_1(tmp_path: Path) -> None:
    done = run(write(tmp_path, "memory://", "durable = true"))
    assert done.exit_code == 1
    assert "every update is lost" in done.stdout
    assert "weekly: 1 failed, 4 warning," in done.stdout


def test_json_has_every_finding_and_what_was_expected(tmp_path: Path) -> None:
    done = run(write(tmp_path, "memory://", "durable = true"), "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)
    assert (found["schema_version"], found["seconds"]) == (1, 0.1)
    (board,) = found["boards"]
    assert (board["board"], board["place"], board["failed"]) == ("weekly", "memory://", True)
    assert board["expected"]["expected_players"] == 6000
    checks = {check["check"]: check for check in board["checks"]}
    assert checks["persistence"]["status"] == "failed"
    assert checks["persistence"]["todo"].startswith("Use a durable backend")
    assert checks["load"]["line"] == "Performance testing at 2x expected load; load testing completed"
    assert all(set(check) == {"check", "line", "status", "figure", "todo", "seconds"} for check in checks.values())


def test_each_board_of_a_file_or_one_that_is_named_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    expected = "".join(f"[preflight.{name}]\nexpected_players = 1000\n" for name in "ab")
    path.write_text(f"[boards.a]\nurl = 'memory://'\n[boards.b]\nurl = 'naive://'\n{expected}", encoding="utf-8")
    assert [line for line in run(path).stdout.splitlines() if " at " in line and "://" in line][:1] == [
        "a at memory://"
    ]
    named = json.loads(run(path, "--board", "b", "--json").stdout)
    assert [board["board"] for board in named["boards"]] == ["b"]
    unknown = run(path, "--board", "c")
    assert unknown.exit_code == 1
    assert "has no board c; its boards are a, b." in unknown.stderr


def test_a_board_of_which_nothing_is_set_or_expected_is_warned_of_with_what_to_set(tmp_path: Path) -> None:
    path = tmp_path / "boards.toml"
    lenient = "update_latency = 2\ntop_latency = 2\nrank_latency = 2\n"  # for a machine that does other work
    path.write_text(f"[boards.a]\nurl = 'memory://'\n[preflight.a]\n{lenient}", encoding="utf-8")
    done = run(path, "--json")
    assert done.exit_code == 0, done.stdout
    checks = {check["check"]: check for check in json.loads(done.stdout)["boards"][0]["checks"]}
    warned = {name for name, check in checks.items() if check["status"] == "warning"}
    assert {"rate limit", "validation", "metrics", "alerts", "load"} <= warned
    assert "set expected_updates and expected_reads in [preflight.a]" in checks["load"]["todo"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "has no boards"),
        ("[boards.a", "is not TOML"),
        ("[boards.a]\nurl = 'memory://'\nordr = 1\n", "has no option 'ordr'. Did you mean order?"),
        ("[boards.a]\nurl = 'memory://'\n[preflight.b]\n", "has a table [preflight.b], but no board of that name"),
        ("[boards.a]\nurl = 'memory://'\n[preflight.a]\nlocal = 'far'\n", "it must be true or false"),
    ],
)
def test_a_file_that_is_wrong_is_one_line_and_exit_code_1(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(content, encoding="utf-8")
    done = run(path)
    assert (done.exit_code, done.stdout) == (1, "")
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_and_a_folder_that_are_read_only_are_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    path = write(folder, "memory://")
    path.chmod(0o444)
    folder.chmod(0o555)
    done = subprocess.run(
        [*COMMAND, path, "--seconds", "0.1"],
        cwd=folder,
        preexec_fn=without_privilege,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    folder.chmod(0o755)
    assert done.returncode == 0, done.stdout + done.stderr


# ---------------------------------------------------------------------- files

DROP_FROM_BOUNDING_SET = 24
OVERRIDE_MODES = 1


def without_privilege() -> None:
    """Let the modes of files hold for root too, from the next exec on: prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)."""
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(DROP_FROM_BOUNDING_SET, OVERRIDE_MODES, 0, 0, 0):
        raise OSError("the capability to override modes could not be dropped")


@pytest.mark.parametrize(
    ("read_only", "check", "figure"),
    [
        ("board.fs", "configured board", "cannot be written by this user: every update would be refused"),
        (".", "storage answers", "of the board's file cannot be written: Permission denied"),
    ],
)
def test_a_file_that_the_user_may_not_write_fails_and_says_what_to_do(
    tmp_path: Path, read_only: str, check: str, figure: str
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with open_leaderboard(f"zodb://{data}/board.fs?board=weekly") as board:
        board.update_score("ada", "Ada", 1)
    locked = data / read_only
    mode = stat.S_IMODE(locked.stat().st_mode)
    locked.chmod(mode & 0o555)
    done = subprocess.run(
        [*COMMAND, write(tmp_path, f"zodb://{data}/board.fs"), "--seconds", "0.1", "--json"],
        preexec_fn=without_privilege,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    locked.chmod(mode)
    assert done.returncode == 1, done.stderr
    found = {line["check"]: line for line in json.loads(done.stdout)["boards"][0]["checks"]}
    assert [name for name, line in found.items() if line["status"] == "failed"] == [check]
    assert figure in found[check]["figure"]
    assert "user" in found[check]["figure"] + found[check]["todo"]


# ---------------------------------------------------------------------- stopped, and beside others


class Watched:
    """A server that tells when a scratch board is written, and what is on it."""

    def __init__(self, server: EmbeddedServer) -> None:
        self.server = server
        client: Any = redis.Redis(port=server.port)
        self.client = client
        self.events: Any = self.client.pubsub(ignore_subscribe_messages=True)
        self.events.psubscribe("__keyspace@0__:*{preflight-*")
        self.events.get_message(timeout=5)

    def wait(self) -> None:
        """Return once a scratch board is there."""
        assert self.events.get_message(timeout=30), "no scratch board was made"

    def scratch(self) -> set[str]:
        """Return the names of the scratch boards that are there."""
        return {key.decode().partition("{")[2].partition("}")[0] for key in self.client.scan_iter("*{preflight-*")}

    def start(self, path: Path, seconds: float) -> subprocess.Popen[str]:
        """Run the command in a process of its own."""
        command = [*COMMAND, str(path), "--seconds", str(seconds)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def watched() -> Iterator[Watched]:
    settings = {"appendonly": "yes", "maxmemory": "200mb", "notify-keyspace-events": "KA"}
    with EmbeddedServer({**NO_PASSWORD, **settings}, tcp=True) as server:
        found = Watched(server)
        yield found
        found.events.close()
        found.client.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_a_run_in_the_middle_leaves_nothing_on_the_server(
    tmp_path: Path, watched: Watched, number: signal.Signals
) -> None:
    with open_leaderboard(watched.server.url, board="weekly") as board:
        board.update_score("ada", "Ada", 1)
        with watched.start(write(tmp_path, watched.server.url), 60) as process:
            watched.wait()
            process.send_signal(number)
            _, told = process.communicate(timeout=30)
        assert process.returncode == 130
        assert told == "Interrupted.\n"
        assert watched.scratch() == set()
        assert board.get_top_n() == [(1, "ada", "Ada", 1)]


def test_a_run_that_is_stopped_while_the_server_is_frozen_says_what_it_may_have_left(
    tmp_path: Path, watched: Watched
) -> None:
    path = write(tmp_path, f"{watched.server.url}?socket_timeout=0.5")
    with watched.start(path, 60) as process:
        watched.wait()
        watched.server.freeze()
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    watched.server.thaw()
    assert process.returncode == 130
    named = re.findall(r"(preflight-\w+) \(redis://", told.partition("may be left on the storage: ")[2])
    assert named
    assert watched.scratch() <= set(named)
    for name in named:
        with open_leaderboard(watched.server.url, board=name) as board:
            board.delete()
    assert watched.scratch() == set()


def test_two_runs_at_once_do_not_see_each_other(tmp_path: Path, watched: Watched) -> None:
    path = write(tmp_path, watched.server.url)
    runs = [watched.start(path, 0.3) for _ in range(2)]
    told = [process.communicate(timeout=60) for process in runs]
    assert [process.returncode for process in runs] == [0, 0], told
    assert watched.scratch() == set()
