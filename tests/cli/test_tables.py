"""`leaderboard export` and `leaderboard import` as a user runs, stops and continues them."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import sleep

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends import ConfigurationError, open_leaderboard
from leaderboard_backends.cli.group import leaderboard
from leaderboard_backends.cli.tables import open_output

PLAYERS = 2_500
ROWS = [(f"player-{number * 7919 % PLAYERS}", f"Näme {number}", number % 3) for number in range(PLAYERS)]


@pytest.fixture
def board(tmp_path: Path) -> str:
    url = f"sqlite://{tmp_path}/board.db?board=full"
    with open_leaderboard(url) as full:
        full.update_scores(ROWS)
    return url


def run(*arguments: str, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(leaderboard, list(arguments), input=stdin)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def content(url: str) -> list[tuple[object, ...]]:
    with open_leaderboard(url) as board:
        return [tuple(entry) for entry in board]


@pytest.mark.parametrize("ending", ["jsonl", "csv"])
def test_a_board_goes_through_a_file_and_is_what_it_was(tmp_path: Path, board: str, ending: str) -> None:
    file, target = tmp_path / f"dump.{ending}", f"sqlite://{tmp_path}/other.db?board=other"
    done = run("export", board, str(file))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"sqlite://{tmp_path}/board.db (board full): 2,500 players written to {file} in ")
    assert len(file.read_text(encoding="utf-8").splitlines()) == PLAYERS + (ending == "csv")
    done = run("import", str(file), target)
    assert done.exit_code == 0, done.output
    assert f"sqlite://{tmp_path}/other.db (board other): 2,500 rows written in " in done.stdout
    assert content(target) == content(board)
    again = run("import", str(file), target)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "the board has 2,500 players already: clear it; or resume" in again.stderr
    verified = run("import", str(file), target, "--resume")
    assert "Verified: the board has the 2,500 rows, in the same order to the last tie." in verified.stdout
    found = json.loads(run("import", "file", str(file), target, "--add", "--json").stdout)
    assert (found["rows"], found["players"], found["best_first"]) == (PLAYERS, PLAYERS, True)


def test_a_pipe_carries_a_board_from_one_command_to_another(tmp_path: Path, board: str) -> None:
    """In processes: what is printed by others must not be in the table."""
    target = f"sqlite://{tmp_path}/other.db?board=other"
    command = [sys.executable, "-m", "leaderboard_backends"]
    with subprocess.Popen([*command, "export", board, "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as export:
        done = subprocess.run(
            [*command, "import", "-", target], stdin=export.stdout, capture_output=True, text=True, check=False
        )
        told = export.communicate(timeout=60)[1]
    assert (export.returncode, done.returncode) == (0, 0), done.stderr
    assert b"2,500 players written to stdout" in told
    assert content(target) == content(board)


def test_a_table_on_stdout_is_whole_or_an_error(tmp_path: Path) -> None:
    """Where a disk or a limit lets a file grow no further, the last write is done in part, and only the next one fails.

    So does a pipe with a process that is stopped and goes on.
    """
    script = (
        "import resource\n"
        "from leaderboard_backends.cli.tables import open_output\n"
        "_, most = resource.getrlimit(resource.RLIMIT_FSIZE)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, most))\n"
        "with open_output('-', force=False) as table:\n"
        "    table.write('x' * 3_000)\n"
    )
    with (tmp_path / "table").open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-c", script], stdout=file, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "File too large" in done.stderr


def test_the_order_and_the_columns_are_those_that_are_given(tmp_path: Path) -> None:
    target = f"sqlite://{tmp_path}/laps.db?board=laps"
    table = b"\xef\xbb\xbfdriver,seconds\nmax,61.5\nlewis,60\n"
    columns = ("--format", "csv", "--player-id", "driver", "--score", "seconds", "--order", "ascending")
    done = run("import", "-", target, *columns, stdin=table)
    assert done.exit_code == 0, done.output
    assert "Note: the rows are not best first for a board that is ascending" in done.stdout
    assert content(f"{target}&order=ascending") == [(1, "lewis", "lewis", 60), (2, "max", "max", 61.5)]
    done = run("export", f"{target}&order=ascending", "-", "--format", "csv")
    assert done.stdout == "rank,player_id,username,score\n1,lewis,lewis,60\n2,max,max,61.5\n"
    done = run("export", f"{target}&order=descending", "-", "--order", "ascending")
    assert "is descending, and --order says ascending: leave one out." in done.stderr


def test_nothing_to_write_is_noted(tmp_path: Path) -> None:
    empty = f"sqlite://{tmp_path}/empty.db"
    assert "Note: the board has no players: check that its URL" in run("export", empty, "-").stderr
    assert "Note: there were no rows." in run("import", "-", empty, stdin=b"\n").stdout
    done = run("import", "-", empty, "--resume", "--add", stdin=b"")
    assert (done.exit_code, "give one of them" in done.stderr) == (2, True)


def test_rows_that_repeat_a_player_are_told(tmp_path: Path) -> None:
    done = run(
        "import", "-", f"sqlite://{tmp_path}/b.db", stdin=b'{"player_id":1,"score":2}\n{"player_id":1,"score":1}\n'
    )
    assert "Note: 1 rows repeat a player of an earlier row: the later one counts." in done.stdout
    done = run("import", "-", f"sqlite://{tmp_path}/c.db?keep=best", stdin=b'{"player_id":1,"score":2}\n' * 2)
    assert "the better one counts." in done.stdout


def test_a_query_of_an_sqlite_file_fills_a_board(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.execute(
            "CREATE TABLE scores AS SELECT 5 AS id, 'Ada' AS name, 1500 AS points UNION SELECT 6, 'Bo', 1500"
        )
        connection.commit()
    query = "SELECT id AS player_id, name AS username, points AS score FROM scores ORDER BY points DESC, id DESC"
    target = f"sqlite://{tmp_path}/board.db"
    done = run("import", "sqlite", str(tmp_path / "app.db"), target, "--query", query)
    assert done.exit_code == 0, done.output
    assert content(target) == [(1, "6", "Bo", 1500), (2, "5", "Ada", 1500)]


def test_a_bad_line_stops_an_import_which_continues_when_it_is_mended(tmp_path: Path, board: str) -> None:
    file, target = tmp_path / "dump.jsonl", f"sqlite://{tmp_path}/other.db?board=other"
    run("export", board, str(file))
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join([*lines[:1_700], "{broken\n", *lines[1_701:]]), encoding="utf-8")
    done = run("import", str(file), target)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "The board has the first 1,000 rows; continue with the same command and --resume" in done.stderr
    assert "line 1701 is not JSON" in done.stderr
    file.write_text("".join(lines), encoding="utf-8")
    done = run("import", str(file), target, "--resume")
    assert done.exit_code == 0, done.output
    assert content(target) == content(board)


def test_an_import_that_adds_says_how_it_continues_and_does(tmp_path: Path) -> None:
    target = f"sqlite://{tmp_path}/other.db?board=other"
    rows = b"".join(b'{"player_id":"p%d","score":%d}\n' % (number, number % 3) for number in range(1_000))
    with open_leaderboard(target) as board:
        board.update_score("there", "", 2)
    done = run("import", "-", target, "--add", stdin=rows + b"{broken\n")
    assert (done.exit_code, "--resume" in done.stderr) == (1, False)
    assert "The board has the first 1,000 rows; the same command continues" in done.stderr
    before = content(target)
    assert run("import", "-", target, "--add", stdin=rows + b'{"player_id":"last","score":0}\n').exit_code == 0
    assert content(target) == [*before, (1_002, "last", "last", 0)]


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(5))
def test_an_import_killed_at_random_moments_goes_on_and_ends_the_same(tmp_path: Path, board: str, seed: int) -> None:
    file, target = tmp_path / "dump.jsonl", f"sqlite://{tmp_path}/other.db?board=other"
    run("export", board, str(file))
    chance = random.Random(seed)
    command = [sys.executable, "-m", "leaderboard_backends", "import", str(file), target, "--resume", "--rate", "2000"]
    for _ in range(10):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as killed:
            try:
                killed.communicate(timeout=chance.uniform(0.5, 1.5))
            except subprocess.TimeoutExpired:
                killed.kill()
                killed.communicate()
        there = content(target)
        assert there == content(board)[: len(there)]
    assert run("import", str(file), target, "--resume").exit_code == 0
    assert content(target) == content(board)


def test_a_file_is_there_when_it_is_whole_and_not_replaced_unasked(tmp_path: Path, board: str) -> None:
    file = tmp_path / "dump.csv"
    slow = [sys.executable, "-m", "leaderboard_backends", "export", board, str(file), "--rate", "100"]
    with subprocess.Popen(slow, stderr=subprocess.PIPE, text=True) as export:
        while not Path(f"{file}.part").exists():
            assert export.poll() is None
            sleep(0.01)  # of another process
        export.send_signal(signal.SIGTERM)
        told = export.communicate(timeout=60)[1]
    assert (export.returncode, told) == (130, "Interrupted.\n")
    assert [each.name for each in tmp_path.glob("dump*")] == []
    file.write_text("mine", encoding="utf-8")
    done = run("export", board, str(file))
    assert (done.exit_code, file.read_text(encoding="utf-8")) == (1, "mine")
    assert "is there already: name another file, or replace it by --force." in done.stderr
    assert run("export", board, str(file), "--force").exit_code == 0
    assert file.read_text(encoding="utf-8").startswith("rank,")


def test_two_exports_to_one_file_at_once_leave_one_whole_table(tmp_path: Path) -> None:
    """One of them was killed before: what it left is written over."""
    file = tmp_path / "dump.csv"
    Path(f"{file}.part").write_text("left by a kill", encoding="utf-8")
    with open_output(str(file), force=False) as first:
        first.write("rank,")
        with (
            pytest.raises(ConfigurationError, match="is being written by another process: wait until that ends"),
            open_output(str(file), force=True),
        ):
            pass
        first.write("score\n")
    assert file.read_text(encoding="utf-8") == "rank,score\n"
    assert [each.name for each in tmp_path.iterdir()] == ["dump.csv"]


def test_the_functions_of_the_app_are_not_imported(tmp_path: Path, board: str) -> None:
    config, file = tmp_path / "boards.toml", tmp_path / "dump.csv"
    config.write_text(
        f'[boards.full]\nurl = "{board}"\nvalidation = {{ player_exists = "nowhere.players:exists" }}\n'
        f'[boards.other]\nurl = "sqlite://{tmp_path}/other.db"\nvalidation = {{ on_flag = "nowhere.flags:tell" }}\n'
    )
    for arguments in (("export", "full", str(file)), ("import", str(file), "other"), ("verify", "full", "other")):
        done = run(*arguments, "--config", str(config))
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "memory://a", "-"), "memory://a is a board in the memory of the process that opens it"),
        (("export", "redis://:secret@127.0.0.1:1/0", "-"), "redis://127.0.0.1:1"),
        (("export", "redis://h/0", "dump.xml"), "dump.xml is neither .jsonl nor .csv: name its format by --format."),
        (("export", "redis://h/0", "/dev/null", "--format", "csv"), "/dev/null is not a regular file"),
        (("import", "none.csv", "redis://h/0"), "none.csv: No such file or directory."),
        (("import", "none", "redis://h/0"), "none is neither .jsonl nor .csv"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (1, "")
    assert said in done.stderr
    assert "secret" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_help_names_the_ways_in() -> None:
    done = run("import", "--help")
    assert "leaderboard import FILE BOARD" in done.stdout
    assert "sqlite" in done.stdout
    assert "Usage: leaderboard import file [OPTIONS] FILE BOARD" in run("import", "file", "--help").stdout
