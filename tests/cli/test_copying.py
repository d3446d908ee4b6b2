"""`leaderboard copy` as a user runs it, kills it, stops it and continues."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from time import monotonic, sleep

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends import BackendUnavailableError, LeaderboardBackend, open_leaderboard
from leaderboard_backends.cli import progress
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.comparison.report.terminal import PlainConsole
from leaderboard_backends.migration import verify_boards
from leaderboard_backends.testing.groups import EmbeddedCluster
from leaderboard_backends.testing.servers import NO_PASSWORD, EmbeddedServer

PLAYERS = 12_000
ROWS = [(f"player-{number * 7919 % PLAYERS}", f"Näme {number}", number % 3) for number in range(PLAYERS)]


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(NO_PASSWORD, tcp=True) as running, open_leaderboard(running.url, board="full") as board:
        board.update_scores(ROWS)
        yield running


@pytest.fixture
def source(server: EmbeddedServer) -> str:
    return f"{server.url}?board=full"


@pytest.fixture
def target(server: EmbeddedServer) -> Iterator[str]:
    url = f"{server.url}?board=target"
    yield url
    with open_leaderboard(url) as board:
        board.delete()


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(leaderboard, ["copy", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "leaderboard_backends", "copy", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(board: LeaderboardBackend, players: int) -> None:
    until = monotonic() + 60
    while len(board) < players:
        assert monotonic() < until, "the copy does not go on"
        sleep(0.002)  # a server tells nobody


# ---------------------------------------------------------------------- what it says


def test_a_copy_is_verified_and_says_what_it_did(tmp_path: Path, source: str) -> None:
    target = f"sqlite://{tmp_path}/board.db?board=full"
    done = run(source, target)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[1] == f"target: sqlite://{tmp_path}/board.db (board full), 12,000 players"
    assert lines[2].startswith("12,000 players copied in ")
    assert lines[3] == "Verified: both boards are the same, to the last tie."
    assert "Note: the source takes writes: stop its writers, or fence it, before the copy." in done.stderr
    again = run(source, target)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "the target has 12,000 players already: clear it, or resume" in again.stderr
    resumed = run(source, target, "--resume", "--json")
    found = json.loads(resumed.stdout)
    assert (resumed.exit_code, found["written"], found["verified"], found["problems"]) == (0, 0, True, [])


def test_a_dry_run_tells_size_time_and_what_the_target_does_not_allow(
    server: EmbeddedServer, tmp_path: Path, source: str, target: str
) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(
        f'[boards.full]\nurl = "{server.url}"\n[boards.other]\nurl = "sqlite://{tmp_path}/board.db"\nkeep = "best"\n'
        "validation = { score_max = 1, max_username_bytes = 9 }\nrate_limit = true\n"
    )
    done = run("full", "other", "--config", str(path), "--dry-run", "--rate", "10")
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    assert lines[0].endswith("(board full), 12,000 players")
    assert "Time: about 20 min 0 s to copy and " in done.stdout
    assert "Problem: 4,000 players break score_max = 1 of the target's validation." in lines
    assert "Problem: 11,000 players break max_username_bytes = 9 of the target's validation." in lines
    assert any("keep=last, the target with keep=best" in line for line in lines)
    assert "Nothing was copied." in lines
    stopped = run("full", "other", "--config", str(path))
    assert stopped.exit_code == 1
    assert "the target does not allow the player" in stopped.stderr
    with open_leaderboard(f"sqlite://{tmp_path}/board.db?board=other") as board:
        assert len(board) == 0
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    fine = run(source, target, "--dry-run", "--json")
    assert (fine.exit_code, json.loads(fine.stdout)["problems"]) == (0, [])
    assert 12_000 * 50 < json.loads(fine.stdout)["bytes_of_server"] < 12_000 * 500


def test_a_dry_run_tells_how_many_players_it_measured(tmp_path: Path) -> None:
    small = f"sqlite://{tmp_path}/small.db"
    with open_leaderboard(small) as board:
        board.update_scores(ROWS[:3])
    done = run(small, f"sqlite://{tmp_path}/other.db", "--dry-run")
    assert done.exit_code == 0, done.output
    assert " to verify, as 3 players took." in done.stdout


def test_progress_into_a_pipe_is_lines_with_the_time_left(
    monkeypatch: pytest.MonkeyPatch, source: str, target: str
) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    done = run(source, target, "--no-verify")
    lines = [line for line in done.stderr.splitlines() if line.startswith("copy: ")]
    assert lines[0].startswith("copy: 1,000 of 12,000 players, ")
    assert " per second, about " in lines[0]
    assert lines[-1].startswith("copy: 12,000 of 12,000 players, ")


def test_of_what_nobody_knows_the_length_a_terminal_is_told_no_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = StringIO()
    console = PlainConsole(file=shown, force_terminal=True, width=100, _environ={})
    monkeypatch.setattr(progress, "PlainConsole", lambda **_: console)
    with progress.PlayerBar("import", None) as bar:
        bar.hear(5)
    assert ("5 players" in shown.getvalue(), "left" in shown.getvalue()) == (True, False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("memory://a", "sqlite:///tmp/none.db"), "memory://a is a board in the memory of the process that opens it"),
        (("weekly", "memory://a"), "'weekly' is not a URL: write scheme://…, or give the file with this board"),
        (("redis://:secret@h/0", "redis://:secret@h/0"), "redis://:***@h/0 (board default) is given twice"),
        (("redis://h/0?order=ascending", "redis://h/1"), "(board default) is descending: give both the same order"),
        (("redis://:secret@127.0.0.1:1/0", "redis://127.0.0.1:1/1"), "redis://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_copied_is_one_line(arguments: tuple[str, str], said: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_name_that_the_file_does_not_have_is_told_with_those_that_it_has(tmp_path: Path, source: str) -> None:
    path = tmp_path / "boards.toml"
    path.write_text(f'[boards.weekly]\nurl = "sqlite://{tmp_path}/board.db"\n')
    done = run(source, "daily", "--config", str(path))
    assert done.exit_code == 1
    assert "has no board 'daily'; its boards are weekly." in done.stderr


# ---------------------------------------------------------------------- what ends it


def test_a_copy_that_is_stopped_says_how_to_continue(source: str, target: str) -> None:
    with open_leaderboard(target) as board, start(source, target, "--rate", "5000") as process:
        wait_for(board, 1)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "of 12,000 players; continue with the same command and --resume." in told
        assert told.endswith("Interrupted.\n")
        assert content_is_beginning(source, board)


def test_a_copy_that_is_stopped_while_it_compares_tells_what_the_target_has(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear = progress.PlayerBar.hear

    def stop(bar: progress.PlayerBar, players: int) -> None:
        hear(bar, players)
        raise BackendUnavailableError("the source is gone.")

    with open_leaderboard(source) as full, open_leaderboard(target) as board:
        board.update_scores([entry[1:] for entry in full.get_top_n(3_000)])
    monkeypatch.setattr(progress.PlayerBar, "hear", stop)
    done = run(source, target, "--resume")
    assert done.exit_code == 1
    assert "The target had 3,000 of 12,000 players, and 1,000 were compared; continue with the same" in done.stderr


def content_is_beginning(source: str, board: LeaderboardBackend) -> bool:
    with open_leaderboard(source) as full:
        return full.get_top_n(len(board)) == list(board)


def kill_and_resume(source: str, target: str, chance: random.Random, kills: int, *, torn: bool = False) -> None:
    """Kill a copy at random moments, each time further on, and let the last one end; compare both boards."""
    with open_leaderboard(source) as full, open_leaderboard(target) as board:
        for _ in range(kills):
            with start(source, target, "--resume", "--rate", str(chance.choice([5_000, 20_000, 100_000]))) as process:
                wait_for(board, min(PLAYERS, len(board) + chance.randrange(1, 3_000)))
                process.kill()
                process.communicate()
            assert torn or full.get_top_n(len(board)) == list(board)
        with start(source, target, "--resume") as process:
            _, told = process.communicate(timeout=60)
            assert process.returncode == 0, told
        assert verify_boards(full, board).equal
        assert list(full) == list(board)


def test_a_copy_killed_at_random_moments_goes_on_and_ends_the_same(source: str, target: str) -> None:
    kill_and_resume(source, target, random.Random(7), kills=2)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(10))
def test_copies_killed_at_many_moments_go_on_and_end_the_same(source: str, target: str, seed: int) -> None:
    kill_and_resume(source, target, random.Random(seed), kills=5)


@pytest.mark.proof
def test_copies_to_a_cluster_killed_at_many_moments_go_on_and_end_the_same(source: str) -> None:
    with EmbeddedCluster(replicas=0) as cluster:
        for seed in range(5):
            url = f"{cluster.url}?board=board-{seed}&shards=16"
            kill_and_resume(source, url, random.Random(seed), kills=5, torn=True)


@pytest.mark.proof
def test_copies_to_a_file_of_zodb_killed_at_many_moments_go_on_and_end_the_same(source: str, tmp_path: Path) -> None:
    """Only one process opens the file, so that the moment is one of time."""
    chance, target = random.Random(3), f"zodb://{tmp_path}/board.fs?board=full"
    for _ in range(20):
        with start(source, target, "--resume", "--rate", "5000") as process:
            try:
                process.wait(chance.uniform(0.5, 2.5))
            except subprocess.TimeoutExpired:
                process.kill()
            process.communicate()
    assert run(source, target, "--resume").exit_code == 0
    with open_leaderboard(source) as full, open_leaderboard(target) as board:
        assert list(full) == list(board)
