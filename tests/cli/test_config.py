"""`leaderboard config check` as a user runs it."""

from __future__ import annotations

import socket
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from leaderboard_backends import ConfigurationError, InvalidNameError, load_leaderboards, open_leaderboard
from leaderboard_backends.cli.group import leaderboard


def check(folder: Path, content: str) -> Result:
    path = folder / "boards.toml"
    path.write_text(dedent(content), encoding="utf-8")
    return run(str(path))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(leaderboard, ["config", "check", *arguments], prog_name="leaderboard")


def test_each_board_is_described_with_its_layers_from_the_outside_in(tmp_path: Path) -> None:
    done = check(
        tmp_path,
        """
        [boards.weekly]
        url = "memory://all-time"
        order = "ascending"
        validation = { score_max = 5, max_n = false, player_exists = "os.path:isdir" }
        degradation = { cache_top = 100 }
        [boards.weekly.rate_limit]
        [boards.weekly.monitoring]
        alerts = true

        [boards.laps]
        url = "zodb:///nowhere/board.fs?create=no"
        keep = "best"
        monitoring = false
        """,
    )
    assert done.exit_code == 0, done.output
    assert done.stdout == dedent(
        f"""\
        boards.weekly: memory://all-time, board all-time, ascending, keep last
          backend      MemoryLeaderboard
          monitoring   alerts=true
          rate_limit   defaults
          validation   score_max=5, max_n=off, player_exists=os.path:isdir
          degradation  cache_top=100
        boards.laps: zodb:///nowhere/board.fs, board laps, descending, keep best
          backend      ZODBLeaderboard: create=false
        {tmp_path}/boards.toml: 2 boards, no errors. Nothing was opened or imported.
        """
    )


def test_nothing_is_opened_and_nothing_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    done = check(
        tmp_path,
        f"""
        [boards.file]
        url = "zodb://{tmp_path}/board.fs"
        [boards.server]
        url = "redis://127.0.0.1:6379/0"
        degradation = {{ read_timeout = 1 }}
        rate_limit = {{ storage = "redis://127.0.0.1:6379/1" }}
        monitoring = {{ alerts = true }}
        """,
    )
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["boards.toml"]


def test_a_function_is_imported_where_that_is_asked_for_and_only_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "players_here.py").write_text("open('ran', 'w').close()\ndef exists(player): return True\n")
    boards = "[boards.a]\nurl = 'memory://'\n[boards.a.{}]\n"
    good = boards.format("validation") + "player_exists = 'players_here:exists'"
    assert "player_exists=players_here:exists\n" in check(tmp_path, good).stdout
    rules = [*["monitoring", "rules", "--config"], str(tmp_path / "boards.toml")]
    (tmp_path / "boards.toml").write_text(boards.format("monitoring") + "on_alert = 'players_here:exists'")
    assert CliRunner().invoke(leaderboard, rules).exit_code == 0
    assert not (tmp_path / "ran").exists()
    check(tmp_path, good)
    done = run("--import", str(tmp_path / "boards.toml"))
    assert "player_exists=players_here:exists\n" in done.stdout
    assert done.stdout.endswith("1 board, no errors. Nothing was opened.\n")
    assert (tmp_path / "ran").exists()
    check(tmp_path, good.replace("players_here", "nowhere.at.all"))
    done = run("--import", str(tmp_path / "boards.toml"))
    assert "option player_exists='nowhere.at.all:exists' of validation is not allowed: 'nowhere.at.all'" in done.stderr


def test_coroutine_functions_are_taken_where_an_asyncio_program_awaits_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    functions = "async def exists(player): return True\nasync def flag(found): pass\n"
    (tmp_path / "players_in_time.py").write_text(functions)
    hooks = "validation = {player_exists = 'players_in_time:exists', on_flag = 'players_in_time:flag'}\n"
    boards = "[boards.a]\nurl = '{}'\n" + hooks.replace("{", "{{").replace("}", "}}")
    check(tmp_path, boards.format("memory://"))
    done = run("--import", str(tmp_path / "boards.toml"))
    assert done.exit_code == 0, done.output
    assert "on_flag=players_in_time:flag\n" in done.stdout
    check(tmp_path, boards.format("zodb+memory://"))  # whose parts are called in threads
    assert "it must be a plain function" in run("--import", str(tmp_path / "boards.toml")).stderr


def test_passwords_are_shown_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOARD_PASSWORD", "hunter2")
    done = check(
        tmp_path,
        """
        [boards.a]
        url = "redis://app:${BOARD_PASSWORD}@cache.example:6379/0"
        rate_limit = { storage = "rediss://:hunter2@limits.example/0?password=hunter2" }
        [boards.b]
        url = "redis://cache.example:6379/0"
        password = "hunter2"
        [boards.c]
        url = "redis://:hunter2@cache.example:99999/0"
        [boards.d]
        url = "memory://"
        rate_limit = { storage = "amqp://:hunter2@cache.example/0" }
        """,
    )
    assert done.exit_code == 1
    assert "hunter2" not in done.output
    assert "redis://app:***@cache.example:6379/0" in done.stdout
    assert "storage=rediss://:***@limits.example/0" in done.stdout
    assert "password=***" in done.stdout


def test_what_is_wrong_of_each_board_is_a_line_with_the_key_and_what_is_allowed(tmp_path: Path) -> None:
    done = check(
        tmp_path,
        """
        [boards.good]
        url = "memory://"
        [boards.key]
        url = "memory://"
        rate_limt = true
        [boards.setting]
        url = "memory://"
        validation = { score_mx = 5 }
        [boards.value]
        url = "memory://"
        rate_limit = { when_down = "ajar" }
        [boards.range]
        url = "memory://"
        validation = { score_min = 5, score_max = 1 }
        [boards.thresholds]
        url = "memory://"
        monitoring = { latency_warning = 2 }
        [boards.timeout]
        url = "memory://"
        degradation = { read_timeout = 1 }
        [boards.behind]
        url = "redis://h/0"
        degradation = { read_timeout = 1 }
        replica = true
        migration = { to = "redis://h/1" }
        [boards.path]
        url = "memory://weekly/0"
        [boards.function]
        url = "memory://"
        validation = { player_exists = "nowhere" }
        [boards.variable]
        url = "${NOT_SET}"
        [boards.none]
        order = "ascending"
        [boards.layer]
        url = "memory://"
        monitoring = 5
        [preflight.lost]
        [preflight.good]
        expected_update = 5
        """,
    )
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "boards.good: memory://, board good, descending, keep last",
        "  backend      MemoryLeaderboard",
    ]
    lines = done.stderr.splitlines()
    for name, problem in {
        "key": "memory:// has no option 'rate_limt'. Did you mean rate_limit? Known options: board, degradation,",
        "setting": "validation has no option 'score_mx'. Did you mean score_max? Known options: change_action,",
        "value": "option when_down='ajar' of rate_limit is not allowed: it must be one of open, closed.",
        "range": "validation: score_min 5 of validation is above score_max 1",
        "thresholds": "monitoring: latency_warning=2 is above latency_critical=0.1",
        "timeout": "degradation: read_timeout needs a backend with the options pool_timeout, connect_timeout,",
        "behind": "degradation: read_timeout asks the storage past migration and replica, inside of degradation",
        "path": "memory://weekly… has a path: memory:// takes only a board's name",
        "function": "option player_exists='nowhere' of validation is not allowed: it must be module:function, for",
        "variable": "the variable NOT_SET is not set",
        "none": "a board's configuration needs a url; this one has order",
        "layer": "monitoring must be a table of settings, true or false, not 5: write [boards.NAME.monitoring]",
    }.items():
        (line,) = [line for line in lines if line.startswith(f"Error: {tmp_path}/boards.toml, boards.{name}: ")]
        assert problem in line
    assert any(
        "has a table [preflight.lost], but no board of that name; its boards are good, key," in line for line in lines
    )
    assert len(lines) == 13


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("sqlite:///:memory:", "'/:memory:' means a database in memory"),
        ("sqlite://", "sqlite:// has no absolute path: write one after sqlite://"),
        ("sqlite://folder/board.db", "has no absolute path"),
        ("zodb:///:memory:", "'/:memory:' means a database in memory"),
        ("zodb:///var/lib/", "is not the path of a file"),
        ("zodb+memory://weekly/0", "has a path: zodb+memory:// takes only a board's name"),
        ("naive://app@weekly", "has a user: naive:// takes only a board's name"),
        ("fakeredis://weekly/0", "has a path: fakeredis:// takes only a board's name"),
        ("memory://weekly?board=daily", "names the board 'weekly', but the option board is 'daily'"),
        ("redis://host/not-a-number", "has a path that is not a database number"),
        ("redis://h:0", "has port 0, which is not valid"),
        ("redis://h/0?db=1", "has one db, and the option db has another"),
        ("redis://h?ssl_check_hostname=no", "takes no ssl_check_hostname: TLS is for rediss:// and valkeys:// URLs"),
        ("unix://", "has no absolute path of a socket"),
    ],
)
def test_a_location_that_opening_refuses_is_refused_in_the_same_words(tmp_path: Path, url: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_leaderboard(url)
    assert problem in str(refused.value)
    done = check(tmp_path, f'[boards.weekly]\nurl = "{url}"\n')
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"Error: {tmp_path}/boards.toml, boards.weekly: {refused.value}\n"


def test_a_table_whose_name_no_board_may_have_is_refused_as_by_opening(tmp_path: Path) -> None:
    done = check(tmp_path, f'[boards."{"x" * 300}"]\nurl = "redis://localhost"\n')
    with pytest.raises(InvalidNameError) as refused:
        load_leaderboards(tmp_path / "boards.toml")
    assert (done.exit_code, done.stderr) == (1, f"Error: {refused.value}\n")


def test_an_expectation_that_is_wrong_is_named_with_what_is_allowed(tmp_path: Path) -> None:
    done = check(tmp_path, "[boards.a]\nurl='memory://'\n[preflight.a]\nexpected_update = 5\n")
    assert done.exit_code == 1
    assert "preflight.a: preflight has no option 'expected_update'. Did you mean expected_updates?" in done.stderr
    done = check(tmp_path, "[boards.a]\nurl='memory://'\n[preflight.a]\nupdate_latency = 'soon'\n")
    assert "option update_latency='soon' of preflight is not allowed: it must be a number of seconds" in done.stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "has no boards: add a table [boards.NAME] with a url"),
        (b"[boards.a\n", "is not TOML: Expected ']'"),
        (b"\x7fELF\x00\xff", "is not TOML"),
        (b"[boards.a]\nurl = 'memory://'\nx = " + b"[" * 100_000, "is nested too deeply"),
        (
            b"[boards.a]\nurl = 'memory://'\nx" + b".y" * 500 + b" = 1",
            "boards.a: it is nested more than 32 levels deep",
        ),
        (b"[board.a]\nurl = 'memory://'\n", "has board at its top level: only [boards.NAME] is allowed"),
    ],
)
def test_a_file_without_boards_is_one_line_and_exit_code_1(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "boards.toml"
    path.write_bytes(content)
    done = run(str(path))
    assert done.exit_code == 1
    assert done.stdout == ""
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_missing_or_a_folder_is_said_to_be(tmp_path: Path) -> None:
    missing = run(str(tmp_path / "nowhere.toml"))
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "nowhere.toml cannot be read: No such file or directory" in missing.stderr
    folder = run(str(tmp_path))
    assert folder.exit_code == 2
    assert "is a directory" in folder.stderr


def test_what_would_change_a_terminal_is_shown_as_text(tmp_path: Path) -> None:
    done = check(tmp_path, "[boards.a]\nurl = 'zodb+memory://'\n[boards.b]\nurl = 'memory://\\u001b[31m'\n")
    assert "\x1b" not in done.output


def test_a_board_of_one_process_is_refused_for_several_workers(tmp_path: Path) -> None:
    content = """
        [boards.weekly]
        url = "memory://weekly"
        [boards.laps]
        url = "sqlite:///nowhere/laps.db"
        [preflight.weekly]
        workers = 4
        """
    done = check(tmp_path, content)
    assert done.exit_code == 1
    assert [line for line in done.stderr.splitlines() if "4 workers, but memory:// lives in one process" in line]
    assert "Use a backend that processes can share, such as redis:// or sqlite://, or run one worker." in done.stderr
    assert "boards.laps: sqlite:///nowhere/laps.db" in done.stdout
    assert run(str(tmp_path / "boards.toml"), "--workers", "1").exit_code == 0
