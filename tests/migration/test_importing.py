"""A table holds all of a board; what is no table, or no board for it, is refused with the line and the remedy."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from io import StringIO
from pathlib import Path

import pytest

from leaderboard_backends import (
    BoardMismatchError,
    InvalidArgumentError,
    InvalidNameError,
    InvalidPlayerError,
    InvalidScoreError,
    InvalidValueError,
    LeaderboardBackend,
    UpdateRefusedError,
    WriteOutcomeUnknownError,
    open_leaderboard,
)
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.migration import TargetLimits
from leaderboard_backends.migration.importing import export_board, import_rows
from leaderboard_backends.migration.tables import Columns, Format, query_rows, read_table

from .boards import ODD, TearingBoard, content, rows

ROWS = [
    *rows(2_300, 3),
    *ODD,
    ("comma", 'a,b;"c"\r\nd', 4),
    ("none", "\0\u2028\ufeff", 1e16),
    ("return\r", "a\rb", 4),
    ("\ufefffirst", "", 9e15),
]
FORMATS: list[Format] = ["jsonl", "csv"]


@pytest.fixture
def open_board() -> Iterator[Callable[..., LeaderboardBackend]]:
    with ExitStack() as stack:
        yield lambda url="memory://one", **options: stack.enter_context(open_leaderboard(url, **options))


def table_of(board: LeaderboardBackend, form: Format) -> StringIO:
    file = StringIO(newline="")
    assert export_board(board, file, form) == len(board)
    file.seek(0)
    return file


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("order", ["descending", "ascending"])
@pytest.mark.parametrize("keep", ["last", "best"])
def test_what_was_exported_imports_as_the_same_board_to_the_last_tie(
    open_board: Callable[..., LeaderboardBackend], tmp_path: Path, form: Format, order: str, keep: str
) -> None:
    source = open_board(order=order)
    source.update_scores(ROWS)
    path = tmp_path / "table"
    with path.open("w", encoding="utf-8", newline="") as file:
        export_board(source, file, form)
    target = open_board("naive://two", order=order, keep=keep)
    with path.open(encoding="utf-8-sig", newline="") as file:
        done = import_rows(read_table(file, form), target)
    assert content(target) == content(source)
    assert [type(entry.score) for entry in target] == [type(entry.score) for entry in source]
    assert (done.rows, done.written, done.players, done.best_first) == (len(ROWS), len(ROWS), len(ROWS), True)


@pytest.mark.parametrize("form", FORMATS)
def test_an_import_continues_from_every_moment_and_verifies_at_the_end(
    open_board: Callable[..., LeaderboardBackend], form: Format
) -> None:
    source = open_board()
    source.update_scores(ROWS)
    for torn in range(3):
        target = open_board(f"naive://torn-{torn}")
        with pytest.raises(WriteOutcomeUnknownError):
            import_rows(read_table(table_of(source, form), form), TearingBoard(target, torn, random.Random(torn)))
        import_rows(read_table(table_of(source, form), form), target, resume=True)
        assert content(target) == content(source)
        again = import_rows(read_table(table_of(source, form), form), target, resume=True)
        assert (again.rows, again.written) == (len(ROWS), 0)
        target.remove_player("player-7")
        with pytest.raises(BoardMismatchError, match="is not the beginning of the source"):
            import_rows(read_table(table_of(source, form), form), target, resume=True)


def test_a_board_with_players_is_refused_unless_they_may_be_there(
    open_board: Callable[..., LeaderboardBackend],
) -> None:
    target = open_board()
    target.update_score("ada", "Ada", 5)
    with pytest.raises(BoardMismatchError, match="the board has 1 players already"):
        import_rows([("grace", "Grace", 5)], target)
    done = import_rows([("grace", "Grace", 5)], target, add=True)
    assert [entry.player_id for entry in target] == ["ada", "grace"]
    assert (done.rows, done.players) == (1, 2)


def test_rows_in_any_order_are_updates_one_after_the_other(open_board: Callable[..., LeaderboardBackend]) -> None:
    target = open_board()
    done = import_rows([("a", "", 1), ("b", "", 2), ("c", "", 1), ("a", "again", 2)], target)
    assert content(target) == [(1, "b", "", 2), (2, "a", "again", 2), (3, "c", "", 1)]
    assert (done.rows, done.players, done.best_first) == (4, 3, False)


def test_the_limits_of_the_app_hold(open_board: Callable[..., LeaderboardBackend]) -> None:
    target = open_board()
    with pytest.raises(UpdateRefusedError, match="score_max is 3"):
        import_rows([("a", "", 2), ("b", "", 4)], target, limits=TargetLimits(score_max=3))
    assert len(target) == 0


def test_a_board_that_is_written_during_an_export_is_told(open_board: Callable[..., LeaderboardBackend]) -> None:
    class Written(DelegatingLeaderboard):
        def _count(self) -> int:
            return len(self.inner)

        def _get_range(self, first_rank: int, last_rank: int) -> list[object]:  # type: ignore[override]  # a test's
            self.inner.increment_score("player-1", "", 1)
            return self.inner.get_range(first_rank, last_rank)  # type: ignore[return-value]  # as above

        def _iterate(self) -> Iterator[object]:  # type: ignore[override]  # as above
            return LeaderboardBackend._iterate(self)

    source = open_board()
    source.update_scores(rows(50, 3))
    with pytest.raises(BoardMismatchError, match="the board changed while it was exported"):
        export_board(Written(source), StringIO())
    assert export_board(Written(source), StringIO(), live=True) == 50


# ---------------------------------------------------------------------- tables from elsewhere


def test_columns_are_named_and_ids_may_be_numbers_and_names_missing() -> None:
    columns = Columns("id", "nick", "points")
    text = '{"id": 7, "points": 1.0, "other": []}\n\n{"id": "b", "nick": null, "points": 2.5}\n'
    text += '{"nick": "", "id": "c", "points": 3}'
    assert list(read_table(StringIO(text), "jsonl", columns)) == [("7", "7", 1), ("b", "b", 2.5), ("c", "", 3)]
    text = "points,id\r\n1e3,7\r\n-0.0,b\r\n"
    columns = Columns("id", score="points")
    assert list(read_table(StringIO(text, newline=""), "csv", columns)) == [("7", "7", 1_000), ("b", "b", 0)]


@pytest.mark.parametrize(
    ("form", "text", "error", "said"),
    [
        ("jsonl", "{}", InvalidArgumentError, "line 1 has no column 'player_id'"),
        ("jsonl", "\n[1]", InvalidArgumentError, r"line 2 is \[1\]: each line must be a JSON object"),
        ("jsonl", '{"player_id": "a"', InvalidArgumentError, "line 1 is not JSON"),
        ("jsonl", '{"player_id": "a", "score": "5"}', InvalidScoreError, "line 1: score '5' is not allowed"),
        ("jsonl", '{"player_id": "a", "score": NaN}', InvalidScoreError, "line 1: score nan"),
        ("jsonl", '{"player_id": "a", "score": true}', InvalidScoreError, "a bool is not a score"),
        ("jsonl", '{"player_id": true, "score": 1}', InvalidPlayerError, "line 1: player id True"),
        ("jsonl", '{"player_id": "a", "score": 9007199254740993}', InvalidScoreError, "within ±2"),
        ("jsonl", '{"player_id": "a", "username": 5, "score": 1}', InvalidNameError, "line 1: username 5"),
        ("jsonl", '{"player_id": "a", "score": 1, "score": 2}', InvalidArgumentError, "line 1 .* has a name twice"),
        ("csv", "", InvalidArgumentError, "the file is empty"),
        ("csv", "player_id,score,score\na,1,2\n", InvalidArgumentError, "the file has the column 'score' twice"),
        ("csv", "player_id,score\na,1\nb\n", InvalidArgumentError, "line 3 has more or fewer fields"),
        ("csv", "player_id,score\na,1,2\n", InvalidArgumentError, "line 2 has more or fewer fields"),
        ("csv", "player_id,score\n,1\n", InvalidPlayerError, "line 2: player id '' is empty"),
        ("csv", "player_id,score\na,\n", InvalidScoreError, "line 2: score '' is not allowed"),
        ("csv", "player_id,score\na,1_0\n", InvalidScoreError, "line 2: score '1_0' is not allowed"),
        ("csv", "player_id,score\na,1e999\n", InvalidScoreError, "line 2: score inf is not allowed"),
        ("csv", 'player_id,score\n"a,1\n', InvalidArgumentError, "line 2 is not CSV"),
        ("csv", "id;score\na;1\n", InvalidArgumentError, "has no column 'player_id'; its columns are 'id;score'"),
    ],
)
def test_what_is_no_row_is_refused_with_its_line(
    form: Format, text: str, error: type[InvalidValueError], said: str
) -> None:
    with pytest.raises(error, match=said):
        list(read_table(StringIO(text, newline=""), form))


def test_a_username_column_that_was_named_has_to_be_there() -> None:
    with pytest.raises(
        InvalidArgumentError, match="the file has no column 'nick'; its columns are 'player_id', 'score'"
    ):
        list(read_table(StringIO("player_id,score\na,1\n"), "csv", Columns(username="nick")))


def test_what_is_not_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("player_id,score\nN\u00e4me,1\n".encode("latin-1"))
    with path.open(encoding="utf-8") as file, pytest.raises(InvalidArgumentError, match="the file is not UTF-8"):
        list(read_table(file, "csv"))


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "a b?.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE scores (id INTEGER, name TEXT, points REAL, reached REAL)")
        connection.executemany(
            "INSERT INTO scores VALUES (?, ?, ?, ?)", [(1, "Ada", 5, 2), (2, None, 5, 1), (3, "", 7.5, 3)]
        )
        connection.commit()
    return path


def test_a_query_of_an_sqlite_file_is_a_table_in_its_order(database: Path) -> None:
    query = "SELECT id, name, points FROM scores ORDER BY points DESC, reached"
    found = list(query_rows(database, query, Columns("id", "name", "points")))
    assert found == [("3", "", 7.5), ("2", "2", 5), ("1", "Ada", 5)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT missing FROM scores", "no such column: missing"),
        ("DELETE FROM scores", "readonly database|the query returns no rows"),
        ("SELECT 1; SELECT 2", "one statement at a time"),
        ("SELECT '\udcf6'", "surrogates not allowed"),  # a byte of Latin-1, as a shell passes it on
        ("SELECT name AS player_id FROM scores", "the query has no column 'score'; its columns are 'player_id'"),
        ("SELECT id AS player_id, NULL AS score FROM scores", "row 1 of the query: score None"),
        ("SELECT id AS player_id, 1 AS score, points AS score FROM scores", "the query has the column 'score' twice"),
    ],
)
def test_what_sqlite_refuses_is_told_and_nothing_is_written(database: Path, query: str, said: str) -> None:
    with pytest.raises(InvalidValueError, match=said):
        list(query_rows(database, query))
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT count(*) FROM scores").fetchone() == (3,)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="unable to open database file"):
        list(query_rows(tmp_path / "none.db", "SELECT 1"))
    assert list(tmp_path.iterdir()) == []
