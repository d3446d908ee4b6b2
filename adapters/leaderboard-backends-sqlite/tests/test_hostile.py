"""Files that others made or damaged: refused or named, never run, never a bare exception, never for ever."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from time import monotonic

import pytest
from leaderboard_backends_sqlite import SQLiteLeaderboard, opening

from leaderboard_backends import BackendError, BackendUnavailableError, BoardMismatchError, LeaderboardError

ENDLESS = "WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more) SELECT n AS id FROM more"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with a board of three players."""
    path = tmp_path / "board.db"
    with SQLiteLeaderboard(path=path) as board:
        board.update_scores([("ada", "Ada", 3), ("bob", "Bob", 2), ("eve", "Eve", 1)])
    return path


def alter(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = on")
        for statement in statements:
            connection.execute(statement)


# ---------------------------------------------------------------------- what a schema can say

SCHEMAS = {
    "a view in a table's place": ("DROP TABLE player", "CREATE VIEW player AS " + ENDLESS),
    "a trigger": ("CREATE TRIGGER t AFTER INSERT ON standing BEGIN UPDATE standing SET username = 'mallory'; END",),
    "a trigger of another table's update": ("CREATE TRIGGER t BEFORE UPDATE ON bucket BEGIN SELECT 1; END",),
    "an index": ("CREATE INDEX i ON standing (username)",),
    "an index over an expression": ("CREATE INDEX i ON standing (abs(key))",),
    "a partial index": ("CREATE INDEX i ON player (key) WHERE abs(key) > 1",),
    "a generated column": ("UPDATE sqlite_master SET sql = replace(sql, 'BLOB', 'BLOB AS (abs(1))')",),
    "a check": ("UPDATE sqlite_master SET sql = replace(sql, 'REAL', 'REAL CHECK (abs(key))')",),
    "a default": ("UPDATE sqlite_master SET sql = replace(sql, 'REAL', 'REAL DEFAULT (1)')",),
    "a column more": ("ALTER TABLE board ADD COLUMN more",),
    "a table less": ("DROP TABLE run",),
    "another table": ("CREATE TABLE more (id)",),
    "a table of statistics": ("ANALYZE",),
    "a virtual table": (
        "INSERT INTO sqlite_master VALUES ('table', 'more', 'more', 0, 'CREATE VIRTUAL TABLE more USING nothing(a)')",
    ),
    "SQL that is none": ("UPDATE sqlite_master SET sql = 'CREATE TABLE player (' WHERE name = 'player'",),
    "SQL that is no text": ("UPDATE sqlite_master SET sql = x'ff00fe' WHERE name = 'player'",),
    "SQL that is missing": ("UPDATE sqlite_master SET sql = NULL WHERE name = 'player'",),
    "a name that is no text": ("UPDATE sqlite_master SET name = x'ff' WHERE name = 'player'",),
    "a type that is none": ("UPDATE sqlite_master SET type = 'thing' WHERE name = 'player'",),
    "no root": ("UPDATE sqlite_master SET rootpage = 0 WHERE name = 'player'",),
    "one root of two tables": ("UPDATE sqlite_master SET rootpage = 9 WHERE name IN ('run', 'bucket')",),
    "a root beyond the end": ("UPDATE sqlite_master SET rootpage = 99999 WHERE name = 'player'",),
    "a long statement": ("UPDATE sqlite_master SET sql = sql || hex(zeroblob(99999)) WHERE name = 'player'",),
}


@pytest.mark.parametrize("statements", SCHEMAS.values(), ids=SCHEMAS)
def test_a_schema_that_is_not_ours_to_the_letter_is_refused_and_left_alone(
    path: Path, statements: tuple[str, ...]
) -> None:
    alter(path, *statements)
    before = path.read_bytes()
    with pytest.raises(BackendError, match=str(path)):
        SQLiteLeaderboard(path=path)
    assert path.read_bytes() == before


def test_what_is_odd_in_a_schema_is_named(path: Path) -> None:
    alter(path, "CREATE VIEW more AS SELECT 1", "ALTER TABLE run RENAME COLUMN buckets TO many")
    with pytest.raises(BoardMismatchError, match=r"tables of layout \d+, but differs in \['more', 'run'\]: remove"):
        SQLiteLeaderboard(path=path)


HUGE = (
    "INSERT INTO sqlite_master WITH RECURSIVE more(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM more) "
    "SELECT 'view', 'v' || n, 'v' || n, 0, 'CREATE VIEW v' || n || ' AS SELECT 1' FROM more LIMIT 150000"
)


def test_a_schema_that_takes_too_long_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alter(path, HUGE)
    monkeypatch.setattr(opening, "_LOOKING", 0.05)
    start = monotonic()
    with pytest.raises(BackendUnavailableError, match=r"interrupted.*this slow to read"):
        SQLiteLeaderboard(path=path)
    assert monotonic() - start < 30


SIGNALLED = """
import signal, sys
from leaderboard_backends_sqlite import SQLiteLeaderboard, opening

class Signalled(BaseException):
    pass

def handler(*_):
    raise Signalled

opening._LOOKING = 600
signal.signal(signal.SIGALRM, handler)
try:
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[2]))
    SQLiteLeaderboard(path=sys.argv[1])
except Signalled:
    print("heard")
"""


def test_a_signal_is_heard_while_a_file_is_looked_at(path: Path) -> None:
    alter(path, HUGE)
    command = [sys.executable, "-W", "error", "-c", SIGNALLED, str(path), "0.05"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("heard\n", "")


ENDLESS_READ = """
import signal, sys
from leaderboard_backends_sqlite import SQLiteLeaderboard

signal.signal(signal.SIGALRM, signal.default_int_handler)
with SQLiteLeaderboard(path=sys.argv[1]) as board:
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with board._file.lend() as connection:
            connection.execute(sys.argv[2]).fetchall()
    except KeyboardInterrupt:
        print("heard", board.get_rank("bob"), len(board._file._lent))
"""


def test_ctrl_c_is_heard_in_a_read_that_never_ends(path: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", ENDLESS_READ, str(path), f"{ENDLESS} WHERE n < 0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("heard 2 0\n", "")


# ---------------------------------------------------------------------- what rows can hold

ROWS = {
    "a player id that is text": "UPDATE standing SET id = 'ada'",
    "a player id that is no UTF-8": "UPDATE standing SET id = x'ff'",
    "a username that is no UTF-8": "UPDATE standing SET username = x'c3'",
    "a username that is a number": "UPDATE standing SET username = 7",
    "a username of a megabyte": "UPDATE standing SET username = zeroblob(1000000)",
    "a key that is text": "UPDATE standing SET key = 'first'",
    "a player's key that is text": "UPDATE player SET key = 'first'",
    "a player's key that is a blob": "UPDATE player SET key = x'00'",
    "a version that is text": "UPDATE standing SET reached = 'first'",
    "no standings": "DELETE FROM standing",
    "no buckets": "DELETE FROM bucket",
    "no runs": "DELETE FROM run",
    "a count that is text": "UPDATE run SET players = 'many'",
    "a count beyond all numbers": "UPDATE run SET players = 9e999",
    "a version of the board that is text": "UPDATE board SET version = 'many'",
    "a feed that is text": "UPDATE board SET feed = 'many'",
    "buckets that are text": "UPDATE bucket SET players = 'many', key = 'first'",
}

CALLS: dict[str, Callable[[SQLiteLeaderboard], object]] = {
    "get_entry": lambda board: board.get_entry("ada"),
    "get_percentile": lambda board: board.get_percentile("bob"),
    "get_top_n": lambda board: board.get_top_n(3),
    "get_range": lambda board: board.get_range(2, 3),
    "get_around": lambda board: board.get_around("bob"),
    "get_by_score": lambda board: board.get_by_score(1, 2),
    "count_by_score": lambda board: board.count_by_score(1, 2),
    "len": len,
    "iter": list,
    "update_score": lambda board: board.update_score("ada", "A.", 0),
    "increment_score": lambda board: board.increment_score("bob", "B.", 5),
    "update_scores": lambda board: board.update_scores([("bob", "B.", 7), ("new", "", 1)]),
    "rebuild": lambda board: board.update_scores([(f"p{number}", "", 1) for number in range(1001)]),
    "remove_player": lambda board: board.remove_player("eve"),
}


def refusal(call: Callable[[SQLiteLeaderboard], object], board: SQLiteLeaderboard) -> LeaderboardError | None:
    try:
        call(board)
    except LeaderboardError as error:
        return error
    return None


@pytest.mark.parametrize("statement", ROWS.values(), ids=ROWS)
def test_damaged_rows_raise_nothing_but_errors_of_the_tree_that_name_the_file(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for each in (statement, f"{statement} WHERE key = -3"):
            with suppress(sqlite3.IntegrityError):  # equal keys of several rows: then of one
                connection.execute(each)
                break
    with SQLiteLeaderboard(path=path) as board:
        raised = [error for call in CALLS.values() if (error := refusal(call, board))]
    assert raised, "the damage is seen by something"
    assert [str(error) for error in raised if str(path) not in str(error)] == []


@pytest.mark.parametrize("size", [0, 100, 2048, 5000, 9000])
def test_a_file_that_was_cut_short_raises_errors_of_the_tree(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
    with suppress(LeaderboardError), SQLiteLeaderboard(path=path) as board:
        for call in CALLS.values():
            refusal(call, board)


def test_a_file_that_is_cut_short_while_it_is_open_raises_errors_of_the_tree(path: Path) -> None:
    with SQLiteLeaderboard(path=path, cache_mib=1) as board:
        board.update_scores([(f"p{number}", "", number) for number in range(3000)])
        board._file._idle.pop().close()  # with the pages that it remembers
        with path.open("r+b") as file:
            file.truncate(8192)
        for call in CALLS.values():
            refusal(call, board)
