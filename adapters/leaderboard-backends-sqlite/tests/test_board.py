"""Opening, refusing what is no board's place, several boards in one file, what is stored and what is written."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from enum import Enum
from importlib.metadata import entry_points, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from leaderboard_backends_sqlite import SQLiteLeaderboard, opening
from leaderboard_backends_sqlite.opening import APPLICATION_ID, LAYOUT

from leaderboard_backends import (
    BackendUnavailableError,
    BoardMismatchError,
    ConfigurationError,
    Entry,
    InvalidScoreError,
    LeaderboardClosedError,
    UnknownOptionError,
    open_leaderboard,
)
from leaderboard_backends.registry import backends
from leaderboard_backends.testing.opening import distribution


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# ---------------------------------------------------------------------- opening


def test_the_entry_point_is_found() -> None:
    (found,) = entry_points(group="leaderboard_backends.backends", name="sqlite")
    assert found.load() is SQLiteLeaderboard
    (info,) = [info for info in backends() if info.scheme == "sqlite"]
    assert (info.distribution, info.problem) == ("leaderboard-backends-sqlite", "")


def test_reports_name_the_distribution_and_its_version() -> None:
    assert distribution(SQLiteLeaderboard) == f"leaderboard-backends-sqlite {version('leaderboard-backends-sqlite')}"


def test_an_installed_copy_has_all_it_needs(tmp_path: Path) -> None:
    project = Path(__file__).parents[1]
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    installed = tmp_path / "installed"
    options = ["--no-build-isolation", "--target", str(installed), str(project)]
    subprocess.run([*pip, *options], check=True, timeout=120)
    program = (
        "import sys; from leaderboard_backends import open_leaderboard; board = open_leaderboard(sys.argv[1]); "
        "print(board.update_score('ada', 'Ada', 1), sys.modules[type(board).__module__].__file__); board.close()"
    )
    command = [sys.executable, "-c", program, f"sqlite://{tmp_path}/board.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(installed)})
    assert done.stdout == f"1 {installed}/leaderboard_backends_sqlite/board.py\n"


def test_the_example_of_the_readme_runs(tmp_path: Path) -> None:
    readme = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    (example,) = [block.partition("```")[0] for block in readme.split("```python\n")[1:]]
    done = run(example.replace("/var/lib/app", str(tmp_path)))
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "board.db").exists()


def test_a_url_opens_a_board_of_a_file(path: Path) -> None:
    url = f"sqlite://{path}?board=weekly&keep=best&synchronous=normal&busy_timeout=2.5&batch_size=7&cache_mib=3"
    with open_leaderboard(url) as board:
        assert isinstance(board, SQLiteLeaderboard)
        assert (board.name, board.order, board.keep) == ("weekly", "descending", "best")
        assert str(path) in repr(board)
        assert board.storage == f"SQLite {sqlite3.sqlite_version}"
        board.ping()
        assert pragma(board, "synchronous") == 1
        assert pragma(board, "cache_size") == -3 * 1024
    assert path.exists()


def test_the_defaults_survive_a_power_cut(path: Path) -> None:
    with open_leaderboard(f"sqlite://{path}") as board:
        assert isinstance(board, SQLiteLeaderboard)
        assert pragma(board, "journal_mode") == "wal"
        assert pragma(board, "synchronous") == 2


def test_a_url_may_hold_escaped_characters(tmp_path: Path) -> None:
    for name in ("my%20board%23.db", "a%3Fmode=memory.db", "50%25.db", "%C3%A9.db"):
        with open_leaderboard(f"sqlite://{tmp_path}/{name}") as board:
            board.update_score("ada", "Ada", 1)
    names = {found.name for found in tmp_path.iterdir()}
    assert names == {"my board#.db", "a?mode=memory.db", "50%.db", "é.db"}


def test_a_trial_place_is_a_new_file(tmp_path: Path) -> None:
    place = tmp_path / "a b?"
    place.mkdir()
    with SQLiteLeaderboard.open_trial("sqlite", place) as url, open_leaderboard(url):
        assert (place / "board.db").exists()


@pytest.mark.parametrize("url", ["sqlite://board.db", "sqlite://", "sqlite:///", "sqlite://host/board.db"])
def test_a_url_without_an_absolute_path_says_how_to_write_one(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"has no absolute path.*sqlite:///var/lib/app/board\.db"):
        open_leaderboard(url)


def test_an_unknown_option_names_the_known_ones(path: Path) -> None:
    with pytest.raises(UnknownOptionError, match="Known options: ") as caught:
        open_leaderboard(f"sqlite://{path}", cash_size=1)
    known = set(str(caught.value).partition("Known options: ")[2].rstrip(".").split(", "))
    assert known >= {"batch_size", "board", "busy_timeout", "cache_mib", "create", "keep", "order", "synchronous"}


@pytest.mark.parametrize(
    "options",
    [{"synchronous": "off"}, {"busy_timeout": 0}, {"busy_timeout": "long"}, {"cache_mib": 0}, {"cache_mib": 1.5}],
)
def test_an_option_outside_its_rule_is_refused_whoever_gives_it(path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"option {next(iter(options))}="):
        SQLiteLeaderboard(path=path, **options)
    with pytest.raises(ConfigurationError, match=f"option {next(iter(options))}="):
        open_leaderboard(f"sqlite://{path}", **options)
    assert not path.exists()


class Synchronous(str, Enum):  # noqa: UP042 - as many apps have it: `str` shows the name
    NORMAL = "normal"


def test_an_option_may_be_a_member_of_an_enum(path: Path) -> None:
    with SQLiteLeaderboard(path=path, synchronous=Synchronous.NORMAL) as board:
        assert pragma(board, "synchronous") == 1


@pytest.mark.parametrize("given", ["", "a\0b"])
def test_a_path_that_names_nothing_is_refused(given: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the path of a file"):
        SQLiteLeaderboard(path=given)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match=r"no-such-place.*create it, or mount it"):
        SQLiteLeaderboard(path=tmp_path / "no-such-place" / "board.db")


def test_a_path_that_the_system_refuses_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="cannot be reached: File name too long"):
        SQLiteLeaderboard(path=tmp_path / ("a" * 300))


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is a directory: name a file in it"):
        SQLiteLeaderboard(path=tmp_path)


def test_a_missing_file_is_refused_where_none_may_be_made(path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="there is no file"):
        open_leaderboard(f"sqlite://{path}?create=false")
    assert list(path.parent.iterdir()) == []


def test_a_file_that_is_there_needs_no_leave_to_be_made(path: Path) -> None:
    SQLiteLeaderboard(path=path).close()
    with open_leaderboard(f"sqlite://{path}?create=false") as board:
        assert len(board) == 0


@pytest.mark.parametrize("content", [b"xy", b"FS30 another kind of file", b"no database" * 1000])
def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(BoardMismatchError, match="is not an SQLite file"):
        SQLiteLeaderboard(path=path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE mine (id INTEGER)", "PRAGMA application_id = 7", "PRAGMA user_version = 3"]
)
def test_a_database_of_something_else_is_refused_and_left_alone(path: Path, statement: str) -> None:
    alter(path, statement)
    before = path.read_bytes()
    with pytest.raises(BoardMismatchError, match=r"of another application.*a file of their own"):
        SQLiteLeaderboard(path=path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_file_becomes_a_board(path: Path) -> None:
    path.touch()
    with SQLiteLeaderboard(path=path) as board:
        assert board.update_score("ada", "Ada", 1) == 1


def test_a_file_that_another_makes_between_two_statements_of_opening_is_a_board(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, tried = opening.connect, list[str]()

    def make(statement: str) -> None:
        """Make the file before each statement, as another process might, if it can."""
        tried.append(statement)
        with suppress(sqlite3.OperationalError), closing(connect(str(path), settings, create=True)) as other:
            opening._establish(other, str(path))

    def watched(path: str, settings: opening.Settings, *, create: bool = False) -> sqlite3.Connection:
        connection = connect(path, settings, create=create)
        connection.set_trace_callback(lambda statement: make(statement) if "user_version" in statement else None)
        return connection

    settings = opening.Settings("full", 1, 1)
    monkeypatch.setattr(opening, "connect", watched)
    with SQLiteLeaderboard(path=path) as board:
        assert board.update_score("ada", "Ada", 1) == 1
    assert tried


@pytest.mark.parametrize("layout", [0, 1, LAYOUT + 1])
def test_a_file_of_another_layout_is_refused(path: Path, layout: int) -> None:
    SQLiteLeaderboard(path=path).close()
    alter(path, f"PRAGMA user_version = {layout}")
    with pytest.raises(BoardMismatchError, match=f"has layout {layout}, this version reads {LAYOUT}: .*update_scores"):
        SQLiteLeaderboard(path=path)


def test_a_board_of_the_other_order_is_refused(path: Path) -> None:
    SQLiteLeaderboard(path=path, order="ascending").close()
    with pytest.raises(BoardMismatchError, match="is ascending, not descending: open it with order='ascending'"):
        SQLiteLeaderboard(path=path)
    with SQLiteLeaderboard(path=path, order="ascending") as board:
        assert len(board) == 0


def test_a_board_whose_tables_were_dropped_says_so(path: Path) -> None:
    with SQLiteLeaderboard(path=path) as board:
        alter(path, "DROP TABLE standing")
        with pytest.raises(BoardMismatchError, match="no such table"):
            board.get_top_n(3)
        with pytest.raises(BoardMismatchError, match="no such table"):
            board.update_score("ada", "Ada", 1)


def test_a_damaged_file_says_how_to_salvage(path: Path) -> None:
    with SQLiteLeaderboard(path=path) as board:
        board.update_scores([(f"p{number}", "", number) for number in range(5000)])
    content = bytearray(path.read_bytes())
    content[4096 * 4 :] = b"\xff" * (len(content) - 4096 * 4)
    path.write_bytes(content)
    with (
        pytest.raises(BackendUnavailableError, match=r"damaged: restore.*board\.db \.recover"),
        SQLiteLeaderboard(path=path) as board,
    ):
        list(board)


def test_a_file_that_was_replaced_takes_no_writes(path: Path) -> None:
    with SQLiteLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
        path.rename(path.with_name("moved.db"))
        for refused in (lambda: board.update_score("ada", "Ada", 2), board.ping):
            with pytest.raises(BackendUnavailableError, match=r"removed or replaced.*open it again"):
                refused()
        path.with_name("moved.db").rename(path)
        board.ping()
        assert board.increment_score("ada", "Ada", 1).score == 2


def test_a_file_that_was_replaced_opens_once_no_board_has_the_old_one(path: Path) -> None:
    one, two = SQLiteLeaderboard("one", path=path), SQLiteLeaderboard("two", path=path)
    two.update_score("ada", "Ada", 1)
    two.close()
    for file in list(path.parent.iterdir()):
        file.rename(file.with_name(f"moved-{file.name}"))
    with pytest.raises(BackendUnavailableError, match=r"removed or replaced.*Close all boards of this"):
        SQLiteLeaderboard("two", path=path)
    one.close()
    with SQLiteLeaderboard("two", path=path) as two:
        assert two.update_score("bob", "Bob", 1) == 1
        assert len(two) == 1


def test_an_older_sqlite_is_refused_by_its_version(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "OLDEST", (99, 0, 1))
    with pytest.raises(ConfigurationError, match=r"needs SQLite 99\.0\.1 or newer, and this Python has 3\."):
        SQLiteLeaderboard(path=path)
    assert not path.exists()


READ_ONLY = """
import os, sys
from leaderboard_backends import BackendError
from leaderboard_backends_sqlite import SQLiteLeaderboard
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    SQLiteLeaderboard(path=sys.argv[1])
except BackendError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("locked", ["file", "directory", "new"])
def test_a_file_that_cannot_be_written_is_refused_as_read_only(locked: str) -> None:
    with TemporaryDirectory() as directory:  # pytest's own directories are closed to other users
        path = Path(directory) / "board.db"
        if locked != "new":
            SQLiteLeaderboard(path=path).close()
            path.chmod(0o444 if locked == "file" else 0o666)
        path.parent.chmod(0o777 if locked == "file" else 0o555)
        done = run(READ_ONLY, path)
        path.parent.chmod(0o755)
    assert done.stdout.startswith("BackendReadOnlyError"), done.stderr
    assert "write permission for the file, its directory" in done.stdout


def test_a_log_that_cannot_be_written_is_refused() -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "board.db"
        path.parent.chmod(0o777)
        with SQLiteLeaderboard(path=path) as board:
            board.update_score("ada", "Ada", 1)
            path.chmod(0o666)
            done = run(READ_ONLY, path)
    assert "board.db-wal and board.db-shm" in done.stdout, done.stderr


# ---------------------------------------------------------------------- one file, several boards


def test_boards_of_one_file_are_apart(path: Path) -> None:
    with (
        SQLiteLeaderboard("weekly", path=path) as weekly,
        SQLiteLeaderboard("laps", path=path, order="ascending") as laps,
    ):
        weekly.update_score("ada", "Ada", 5)
        laps.update_score("ada", "Ada L.", 61.5)
        laps.update_score("bob", "Bob", 60)
        weekly.clear()
        assert list(weekly) == []
        assert list(laps) == [Entry(1, "bob", "Bob", 60), Entry(2, "ada", "Ada L.", 61.5)]
        weekly._check()
        laps._check()


def test_boards_of_a_process_share_connections_where_their_settings_agree(path: Path) -> None:
    with (
        SQLiteLeaderboard("one", path=path) as one,
        SQLiteLeaderboard("two", path=path.parent / "." / "board.db") as two,
        SQLiteLeaderboard("one", path=path, synchronous="normal") as three,
    ):
        assert one._file is two._file
        assert one._file is not three._file
        one.update_score("ada", "Ada", 1)
        assert three.get_score("ada") == 1
        three.update_score("ada", "Ada", 2)
        assert one.get_score("ada") == 2


def test_a_file_stays_open_until_its_last_board_is_closed(path: Path) -> None:
    one = SQLiteLeaderboard("one", path=path)
    other = SQLiteLeaderboard("two", path=path)
    one.close()
    assert other.update_score("ada", "Ada", 1) == 1
    with pytest.raises(LeaderboardClosedError):
        one.get_rank("ada")
    other.close()
    assert list(path.parent.iterdir()) == [path]  # the log went into the file
    with SQLiteLeaderboard("two", path=path) as again:
        assert again.get_rank("ada") == 1


def test_a_refused_board_leaves_the_file_to_the_others(path: Path) -> None:
    with SQLiteLeaderboard(path=path) as board:
        with pytest.raises(BoardMismatchError):
            SQLiteLeaderboard(path=path, order="ascending")
        board.update_score("ada", "Ada", 1)
        assert board._file.users == 1
    with SQLiteLeaderboard(path=path) as board:
        assert board.get_rank("ada") == 1


def test_a_board_comes_back_as_it_was(path: Path) -> None:
    with SQLiteLeaderboard(path=path, synchronous="normal") as board:
        for player in range(300):
            board.update_score(f"p{player}", f"name {player}", player % 7 + 0.5)
        before = list(board)
    with SQLiteLeaderboard(path=path) as board:
        assert list(board) == before
        board._check()


# ---------------------------------------------------------------------- what is stored, what is written


def test_texts_are_kept_byte_by_byte(path: Path) -> None:
    players = ["a", "a\0", "a\0b", "A", "\0", "é", "e\u0301", "\U0001f3c6", "'", "%"]
    with SQLiteLeaderboard(path=path) as board:
        for number, player in enumerate(players):
            assert board.update_score(player, f"{player}\0x", 1) == number + 1
    with SQLiteLeaderboard(path=path) as board:
        assert [(entry.player_id, entry.username) for entry in board] == [(text, f"{text}\0x") for text in players]
        assert [board.get_rank(player) for player in players] == list(range(1, len(players) + 1))


def test_whole_numbers_and_fractions_stand_exactly_between_each_other(path: Path) -> None:
    scores = [2**53, 2**53 - 1, 2**53 - 2, 2**51 + 0.5, 2**51, 1.5, 1, 5e-324, 0, -5e-324, -1, -(2**53), -1e308]
    with SQLiteLeaderboard(path=path) as board:
        for number, score in enumerate(scores[::2] + scores[1::2]):
            board.update_score(f"p{number}", "", score)
        found = [entry.score for entry in board]
        assert found == scores
        assert [type(score) for score in found] == [type(score) for score in scores]


def test_an_update_that_changes_nothing_writes_nothing(path: Path) -> None:
    with SQLiteLeaderboard(path=path) as board:
        board.update_scores([(f"p{player}", "name", player) for player in range(100)])
        before = log(path)
        assert board.update_score("p50", "name", 50) == 50
        assert board.increment_score("p50", "name", 0).rank == 50
        assert not board.remove_player("nobody")
        board.update_scores([("p7", "name", 7)])
        assert log(path) == before


def test_a_worse_score_on_a_board_that_keeps_the_best_writes_nothing(path: Path) -> None:
    with SQLiteLeaderboard(path=path, keep="best") as board:
        board.update_score("ada", "Ada", 10)
        before = log(path)
        board.update_score("ada", "Ada", 9)
        assert log(path) == before


def test_a_refused_increment_writes_nothing_and_keeps_the_connection(path: Path) -> None:
    with SQLiteLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 2**53)
        before, connections = log(path), list(board._file._idle)
        with pytest.raises(InvalidScoreError):
            board.increment_score("ada", "Ada", 1)
        assert log(path) == before
        assert board._file._idle == connections
        assert board.increment_score("ada", "Ada", -1).score == 2**53 - 1


def test_the_file_says_whose_it_is(path: Path) -> None:
    SQLiteLeaderboard(path=path).close()
    assert path.read_bytes()[68:72] == APPLICATION_ID.to_bytes(4, "big")


def test_a_closed_board_leaves_no_connection_behind(path: Path) -> None:
    program = (
        "import gc, sys; from leaderboard_backends_sqlite import SQLiteLeaderboard; "
        "board = SQLiteLeaderboard(path=sys.argv[1]); board.update_score('ada', 'Ada', 1); board.close(); del board; "
        "gc.collect(); print('done')"
    )
    done = run(program, path)
    assert (done.stdout, done.stderr) == ("done\n", ""), "Python 3.13 warns of connections that nobody closed"


def test_capabilities_are_those_of_the_file() -> None:
    capabilities = SQLiteLeaderboard.capabilities
    assert (capabilities.durable, capabilities.shared, capabilities.consistency) == (True, True, "linearizable")
    assert "fsync" in capabilities.survives


def test_importing_the_backend_opens_nothing() -> None:
    done = run("import sys, leaderboard_backends_sqlite; print('pytest' in sys.modules, 'BTrees' in sys.modules)")
    assert done.stdout == "False False\n", sys.version


def pragma(board: SQLiteLeaderboard, name: str) -> object:
    with board._file.lend() as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def alter(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def log(path: Path) -> bytes:
    return Path(f"{path}-wal").read_bytes()
