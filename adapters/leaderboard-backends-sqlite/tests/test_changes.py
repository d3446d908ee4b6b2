"""Version, change feed and fence in the file: every writer obeys, nothing is kept unasked, all in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from leaderboard_backends_sqlite import SQLiteLeaderboard

from leaderboard_backends import (
    BoardMismatchError,
    BoardMovedError,
    ConfigurationError,
    LeaderboardBackend,
    UnsupportedOperationError,
    open_leaderboard,
)
from leaderboard_backends.changes import Change, Version
from leaderboard_backends.testing.conformance.foundation import OPERATIONS


@pytest.fixture
def board(path: Path) -> Iterator[SQLiteLeaderboard]:
    with SQLiteLeaderboard(path=path, feed=10, synchronous="normal") as board:
        yield board
        board._check()


def kept(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT number FROM change ORDER BY number")]


def test_whoever_writes_the_board_writes_its_feed(board: SQLiteLeaderboard, path: Path) -> None:
    start = board.get_version()
    with SQLiteLeaderboard(path=path) as other:  # with other settings: connections of its own
        other.update_score("ada", "Ada", 1)
        other.update_score("ada", "Ada L.", 1)
    board.remove_player("ada")
    assert board.get_changes(start).changes == [
        Change(1, "ada", "Ada", 1, 1),
        Change(2, "ada", "Ada L.", 1, 1),
        Change(3, "ada"),
    ]


def test_a_board_without_a_feed_writes_none(path: Path) -> None:
    with SQLiteLeaderboard(path=path) as board, SQLiteLeaderboard("other", path=path, feed=9) as other:
        board.update_scores([(f"p{number}", "", number) for number in range(20)])
        assert kept(path) == []
        other.update_score("ada", "Ada", 1)
        with pytest.raises(UnsupportedOperationError):
            board.get_changes(board.get_version())
        assert (board.get_version().number, other.get_version().number, kept(path)) == (20, 1, [1])


def test_a_feed_is_trimmed_to_about_its_length(board: SQLiteLeaderboard, path: Path) -> None:
    for number in range(100):
        board.update_score("ada", "", number)
        assert min(number + 1, 10) <= len(kept(path)) <= 12


@pytest.mark.parametrize("players", [30, 1100])
def test_a_large_batch_leaves_the_end_of_its_changes_in_the_feed(board: SQLiteLeaderboard, players: int) -> None:
    """Fewer are moved one by one, more are sorted in at once."""
    board.update_scores([(f"p{number}", "", number % 7) for number in range(players)])
    version = board.get_version()
    assert version.number == players
    changes = board.get_changes(Version(version.history, players - 10)).changes
    assert [(change.player_id, change.reached) for change in changes] == [
        (f"p{number}", number + 1) for number in range(players - 10, players)
    ]


def test_a_longer_feed_keeps_what_is_there_and_an_ended_one_forgets_it(board: SQLiteLeaderboard, path: Path) -> None:
    board.update_scores([("ada", "", number) for number in range(30)])
    with SQLiteLeaderboard(path=path, feed=20) as again:
        again.update_scores([("ada", "", number) for number in range(8)])
        assert len(kept(path)) >= 18
        SQLiteLeaderboard(path=path, feed=3).close()
        assert kept(path) == [36, 37, 38]
        SQLiteLeaderboard(path=path).close()
        assert kept(path) == [36, 37, 38]
        SQLiteLeaderboard(path=path, feed=0).close()
        assert kept(path) == []
        again.update_score("bob", "", 1)
        assert kept(path) == []


@pytest.mark.parametrize("feed", [-1, 1.5, "many", True])
def test_a_feed_of_no_length_is_refused_and_the_file_let_go(path: Path, feed: object) -> None:
    with pytest.raises(ConfigurationError, match="feed="):
        open_leaderboard(f"sqlite://{path}", feed=feed)
    with pytest.raises(ConfigurationError, match="feed="):
        SQLiteLeaderboard(path=path, feed=feed)  # type: ignore[arg-type]  # the mistake itself
    assert not Path(f"{path}-wal").exists()


def test_a_fence_outlives_its_writers_and_stops_those_of_other_connections(path: Path) -> None:
    with SQLiteLeaderboard(path=path) as board, SQLiteLeaderboard(path=path, synchronous="normal") as other:
        other.update_score("ada", "Ada", 1)
        board.fence("redis://new/0")
        before = other.get_version()
        with pytest.raises(BoardMovedError, match="redis://new/0"):
            other.update_scores([("bob", "", 1)])
        assert other.get_version() == before
    with SQLiteLeaderboard("another", path=path) as another, SQLiteLeaderboard(path=path) as board:
        another.update_score("ada", "Ada", 1)
        assert board.fenced() == "redis://new/0"
        board.lift_fence()
        assert board.update_score("bob", "", 2) == 1


def test_an_empty_board_that_is_cleared_and_a_refused_write_change_nothing(board: SQLiteLeaderboard) -> None:
    before = board.get_version()
    board.clear()
    with pytest.raises(ValueError, match="score"):
        board.update_score("ada", "", float("nan"))
    assert board.get_version() == before


def test_whoever_holds_a_deleted_board_is_told_so_by_every_call(path: Path) -> None:
    calls: dict[str, Callable[[LeaderboardBackend], object]] = {
        **OPERATIONS,
        "fence": lambda board: board.fence("redis://new/0"),
        "lift_fence": lambda board: board.lift_fence(),
        "fenced": lambda board: board.fenced(),
        "get_version": lambda board: board.get_version(),
        "get_changes": lambda board: board.get_changes(Version("", 0)),
        "many entries": lambda board: board.get_entries([f"p{number}" for number in range(300)]),
    }
    with SQLiteLeaderboard("first", path=path, feed=5) as held:
        held.update_score("mia", "Mia", 1)
        SQLiteLeaderboard("first", path=path).delete()
        for call in calls.values():
            with pytest.raises(BoardMismatchError, match=r"the board was deleted from .*board\.db: open it again"):
                call(held)


def test_whoever_holds_a_deleted_board_writes_no_other(path: Path) -> None:
    with SQLiteLeaderboard("first", path=path, feed=5) as held:
        held.update_score("ada", "Ada", 1)
        deleted = SQLiteLeaderboard("first", path=path)
        deleted.fence("redis://new/0")
        deleted.delete()
        with SQLiteLeaderboard("second", path=path) as second, SQLiteLeaderboard("first", path=path) as anew:
            for refused in (lambda: held.update_score("bob", "", 1), held.clear, lambda: held.fence("redis://new/0")):
                with pytest.raises(BoardMismatchError, match="deleted"):
                    refused()
            held.delete()
            assert (len(second), len(anew), anew.fenced(), kept(path)) == (0, 0, None, [])


def test_boards_made_anew_have_another_history(tmp_path: Path) -> None:
    histories = set()
    for name in ("one.db", "two.db"):
        for board in ("a", "b"):
            with SQLiteLeaderboard(board, path=tmp_path / name) as opened:
                histories.add(opened.get_version().history)
    assert len(histories) == 4


@pytest.mark.parametrize(("synchronous", "amount"), [("full", "everything"), ("normal", "other")])
def test_a_board_says_its_files_and_what_survives(path: Path, synchronous: str, amount: str) -> None:
    with SQLiteLeaderboard(path=path, synchronous=synchronous) as board:
        info = board.storage_info()
        assert (info.kind, info.files) == ("files", (path, Path(f"{path}-wal"), Path(f"{path}-shm")))
        assert all(file.exists() for file in info.files)
        assert (info.process_crash.amount, info.server_crash.amount) == ("everything", "everything")
        assert (info.machine_crash.amount, f"synchronous={synchronous}" in info.machine_crash.detail) == (amount, True)
