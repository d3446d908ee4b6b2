"""`leaderboard-serve`: the file, the tokens, the start and the end of the process."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from leaderboard_backends_fastapi.command import serve
from over_the_wire.boards import write_file
from over_the_wire.serving import READ_TOKEN, TOKEN, Client, process
from over_the_wire.streams import watching

from leaderboard_backends import open_leaderboard


def refused(file: Path, *arguments: str, **environment: str) -> str:
    """Return what a server that does not start says."""
    done = CliRunner(env={"LEADERBOARD_TOKEN": None, **environment}).invoke(
        serve, ["--config", str(file), "--port", "0", *arguments]
    )
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)
    return done.output


# ---------------------------------------------------------------------- the process


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGTERM, -signal.SIGTERM), (signal.SIGHUP, -signal.SIGTERM), (signal.SIGINT, 0)],
)
def test_a_server_that_is_asked_to_stop_ends_its_streams_and_closes_its_boards(
    tmp_path: Path, number: int, status: int
) -> None:
    file = write_file(tmp_path, f"zodb://{tmp_path}/board.fs")
    with process(file) as server:
        Client(server.port, "/boards/weekly").update("u1", 1)
        with watching(server.port) as stream:
            stream.next()
            code = server.stop(number)
            with pytest.raises(EOFError):
                stream.block()
    assert code == status, server.said
    assert "Finished server process" in server.said[-1]
    assert "Traceback" not in "".join(server.said)
    with open_leaderboard(f"zodb://{tmp_path}/board.fs?board=weekly") as board:
        assert board.get_score("u1") == 1


def test_several_boards_are_listed_and_one_can_be_served_alone(tmp_path: Path) -> None:
    file = write_file(tmp_path, "memory://weekly", '[boards.laps]\nurl = "memory://laps"\norder = "ascending"\n')
    with process(file) as server:
        page = Client(server.port).get("/").body.decode()
        assert 'href="boards/laps"' in page
        assert 'href="boards/weekly"' in page
        assert Client(server.port).get("/health/ready").status == 200
    with process(file, "--board", "laps") as server:
        assert Client(server.port).get("/boards/laps/count").status == 200
        assert Client(server.port).get("/boards/weekly/count").status == 404
    assert "has no board monthly; its boards are laps, weekly" in refused(file, "--board", "monthly")


def test_tokens_come_from_the_file_and_the_environment_and_none_is_said(tmp_path: Path) -> None:
    other = "a-token-from-the-file"
    also = f'[server]\ntokens = ["${{OTHER:-}}"]\nread_tokens = ["{READ_TOKEN}"]\nprotect_reads = true\n'
    with process(write_file(tmp_path, "${BOARD:-memory://weekly}", also), also={"OTHER": other}) as server:
        for token, write, read in ((TOKEN, 200, 200), (other, 200, 200), (READ_TOKEN, 403, 200), (None, 401, 401)):
            client = Client(server.port, "/boards/weekly", token)
            assert (client.update("a", 1).status, client.get("/top").status) == (write, read)
            assert client.get("").status == read
            assert client.get("/events").status == 401 if token is None else True
        server.stop()
    for token in (TOKEN, other, READ_TOKEN):
        assert token not in "".join(server.said)


def test_without_a_token_writes_are_refused_and_it_says_so(tmp_path: Path) -> None:
    with process(write_file(tmp_path, "memory://weekly"), token=None) as server:
        client = Client(server.port, "/boards/weekly")
        assert client.update("a", 1).status == 401
        client.token = None
        assert client.update("a", 1).status == 403
        assert client.get("/top").status == 200
        assert any("Writes are refused" in line for line in server.said)


def test_anybody_may_write_only_where_that_is_said(tmp_path: Path) -> None:
    file = write_file(tmp_path, "memory://weekly")
    with process(file, "--open-writes", token=None) as server:
        assert Client(server.port, "/boards/weekly", None).update("a", 1).status == 200
    done = CliRunner(env={"LEADERBOARD_TOKEN": TOKEN}).invoke(serve, ["--config", str(file), "--open-writes"])
    assert (done.exit_code, "remove one of the two" in done.output) == (2, True)


# ---------------------------------------------------------------------- the file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no boards"),
        ("boards = 5", "has no boards"),
        ("x", "is not TOML"),
        ('[boards]\nweekly = "memory://"', "boards.weekly must be a table"),
        ("[boards.weekly]", "boards.weekly: a board's configuration needs a url"),
        ('[boards.weekly]\nurl = "mem://x"', "boards.weekly: no backend is installed for 'mem'"),
        ('[boards."a/b"]\nurl = "memory://"', "the board 'a/b' cannot be served under its name"),
        ('[boards.".."]\nurl = "memory://"', "the board '..' cannot be served under its name"),
        ('[boards.weekly]\nurl = "${NOT_SET_ANYWHERE}"', "the variable NOT_SET_ANYWHERE is not set"),
        ('[other]\n[boards.weekly]\nurl = "memory://x"', "has other at its top level"),
        (
            '[server]\nport = 1\n[boards.weekly]\nurl = "memory://x"',
            "server: port: Extra inputs are not permitted. Known: tokens",
        ),
        ('[server]\nrows = "9"\n[boards.weekly]\nurl = "memory://x"', "server: rows: Input should be a valid integer"),
        (
            '[server]\nrows = 5000\n[boards.weekly]\nurl = "memory://x"',
            "rows is 5000: it must be above 0 and at most 1000",
        ),
        ('[server]\nbody_bytes = 0\n[boards.weekly]\nurl = "memory://x"', "the limit body_bytes is 0"),
        ('server = 5\n[boards.weekly]\nurl = "memory://x"', "server must be a table"),
        (
            '[server]\nprotect_reads = true\n[boards.weekly]\nurl = "memory://x"',
            "protect_reads needs at least one token",
        ),
    ],
)
def test_a_file_that_describes_no_server_is_refused_in_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "boards.toml"
    file.write_text(text, encoding="utf-8")
    output = refused(file)
    assert said in output
    assert len(output.strip().splitlines()) <= 2


@pytest.mark.parametrize("where", ['tokens = ["{}"]', 'tokens = "{}"', 'read_tokens = ["{}", 5]', 'token = "{}"'])
def test_a_token_of_a_file_that_is_refused_is_not_shown(tmp_path: Path, where: str) -> None:
    given = "sesame open!"
    file = write_file(tmp_path, "memory://weekly", f"[server]\n{where.format(given)}\n")
    assert given not in refused(file)


def test_where_one_board_cannot_be_opened_none_stays_open(tmp_path: Path) -> None:
    file = write_file(tmp_path, "redis://127.0.0.1:1", f'[boards.first]\nurl = "zodb://{tmp_path}/board.fs"\n')
    assert "boards.weekly: " in refused(file)
    with open_leaderboard(f"zodb://{tmp_path}/board.fs?board=first") as board:
        assert len(board) == 0


# ---------------------------------------------------------------------- how it is found


def test_it_is_a_command_of_its_own_and_one_that_the_leaderboard_command_can_find() -> None:
    try:
        points = distribution("leaderboard-backends-fastapi").entry_points
    except PackageNotFoundError:
        pytest.fail("the distribution is not installed: pip install -e adapters/leaderboard-backends-fastapi")
    found = {(point.group, point.name): point.load() for point in points}
    assert found["leaderboard_backends.commands", "serve"] is serve
    assert isinstance(serve, click.Command)
    assert callable(found["console_scripts", "leaderboard-serve"])


def test_its_help_costs_no_server() -> None:
    command = [sys.executable, "-W", "error", "-m", "leaderboard_backends_fastapi", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "LEADERBOARD_TOKEN" in done.stdout
