"""ZODB boards: opening, sharing a file, refusing what is not a board's place, what is written and what is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import ZODB
from BTrees.OOBTree import OOBTree

from leaderboard_backends import (
    BackendUnavailableError,
    BoardMismatchError,
    ChangesLostError,
    ConfigurationError,
    Entry,
    InvalidArgumentError,
    InvalidScoreError,
    LeaderboardClosedError,
    UnknownOptionError,
    open_leaderboard,
)
from leaderboard_backends.backends.zodb import ZODBLeaderboard, ZODBMemoryLeaderboard
from leaderboard_backends.backends.zodb.session import ROOT_KEY
from leaderboard_backends.testing.conformance.foundation import OPERATIONS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "board.fs"


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# ---------------------------------------------------------------------- opening


def test_a_url_opens_a_board_of_a_file(path: Path) -> None:
    with open_leaderboard(f"zodb://{path}?board=weekly&keep=best&cache_size=5000&batch_size=7") as board:
        assert isinstance(board, ZODBLeaderboard)
        assert (board.name, board.order, board.keep) == ("weekly", "descending", "best")
        assert str(path) in repr(board)
        board.ping()
    assert path.exists()


def test_a_url_may_hold_escaped_characters(tmp_path: Path) -> None:
    with open_leaderboard(f"zodb://{tmp_path}/my%20board%23.fs"):
        assert (tmp_path / "my board#.fs").exists()


def test_memory_boards_are_fresh_at_each_opening() -> None:
    with open_leaderboard("zodb+memory://weekly") as one, open_leaderboard("zodb+memory://weekly") as other:
        one.update_score("ada", "Ada", 1)
        assert isinstance(one, ZODBMemoryLeaderboard)
        assert len(other) == 0


@pytest.mark.parametrize("url", ["zodb://board.fs", "zodb://", "zodb:///", "zodb://host/board.fs"])
def test_a_url_without_an_absolute_path_says_how_to_write_one(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"zodb:///var/lib/app/board\.fs"):
        open_leaderboard(url)


def test_an_unknown_option_names_the_known_ones(path: Path) -> None:
    with pytest.raises(UnknownOptionError, match="Known options: ") as caught:
        open_leaderboard(f"zodb://{path}", cash_size=1)
    known = set(str(caught.value).partition("Known options: ")[2].rstrip(".").split(", "))
    assert known >= {"attempts", "batch_size", "board", "cache_size", "create", "keep", "order"}


def test_more_objects_than_a_cache_can_count_are_refused(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 100 and at most 2147483647"):
        open_leaderboard(f"zodb://{path}?cache_size=3000000000")


def test_a_board_needs_a_path_or_a_database(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="a path or a database"):
        ZODBLeaderboard("weekly")
    with pytest.raises(ConfigurationError, match="a path or a database"):
        ZODBLeaderboard("weekly", path=path, database=object())


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match=r"no-such-place.*create it, or mount it"):
        ZODBLeaderboard(path=tmp_path / "no-such-place" / "board.fs")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"is a directory: name a file in it"):
        ZODBLeaderboard(path=tmp_path)


def test_a_missing_file_is_refused_where_none_may_be_made(path: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="there is no file"):
        open_leaderboard(f"zodb://{path}?create=false")
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("content", [b"SQLite format 3\0", b"FS21 an old one", b"x"])
def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(BoardMismatchError, match="is not a ZODB file"):
        ZODBLeaderboard(path=path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_file_becomes_a_board(path: Path) -> None:
    path.touch()
    with ZODBLeaderboard(path=path) as board:
        assert board.update_score("ada", "Ada", 1) == 1


def test_a_board_of_the_other_order_is_refused(path: Path) -> None:
    ZODBLeaderboard(path=path, order="ascending").close()
    with pytest.raises(BoardMismatchError, match="is ascending, not descending: open it with order='ascending'"):
        ZODBLeaderboard(path=path)
    with ZODBLeaderboard(path=path, order="ascending") as board:
        assert len(board) == 0


def test_a_board_of_another_format_is_refused(path: Path) -> None:
    ZODBLeaderboard(path=path).close()
    database = ZODB.DB(str(path))
    with database.transaction() as connection:
        connection.root()[ROOT_KEY]["default"].format = 99
    database.close()
    with pytest.raises(BoardMismatchError, match=r"format 99, this version reads 2: .* copy its entries"):
        ZODBLeaderboard(path=path)


@pytest.mark.parametrize("other", [{}, OOBTree({"default": "a text"})])
def test_a_database_with_something_else_in_the_boards_place_is_refused(path: Path, other: object) -> None:
    database = ZODB.DB(str(path))
    with database.transaction() as connection:
        connection.root()[ROOT_KEY] = other
    database.close()
    with pytest.raises(BoardMismatchError, match=r"not a (table|board)"):
        ZODBLeaderboard(path=path)


def test_a_database_of_an_app_keeps_its_own_roots(path: Path) -> None:
    database = ZODB.DB(str(path))
    with database.transaction() as connection:
        connection.root()["users"] = ["ada"]
    database.close()
    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
    database = ZODB.DB(str(path))
    with database.transaction() as connection:
        assert connection.root()["users"] == ["ada"]
    database.close()


READ_ONLY = """
import os, sys
from leaderboard_backends import BackendReadOnlyError
from leaderboard_backends.backends.zodb import ZODBLeaderboard
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    ZODBLeaderboard(path=sys.argv[1])
except BackendReadOnlyError as error:
    print(error)
"""


@pytest.mark.parametrize("locked", ["file", "directory"])
def test_a_file_that_cannot_be_written_is_refused_as_read_only(locked: str) -> None:
    with TemporaryDirectory() as directory:  # pytest's own directories are closed to other users
        path = Path(directory) / "board.fs"
        ZODBLeaderboard(path=path).close()
        path.with_suffix(".fs.lock").unlink()
        path.chmod(0o444 if locked == "file" else 0o666)
        path.parent.chmod(0o777 if locked == "file" else 0o555)
        done = run(READ_ONLY, path)
        path.parent.chmod(0o755)
    assert "write permission for the file, its directory, and board.fs.lock" in done.stdout, done.stderr


# ---------------------------------------------------------------------- one file, several boards


def test_boards_of_one_file_are_apart(path: Path) -> None:
    with ZODBLeaderboard("weekly", path=path) as weekly, ZODBLeaderboard("laps", path=path, order="ascending") as laps:
        weekly.update_score("ada", "Ada", 5)
        laps.update_score("ada", "Ada L.", 61.5)
        laps.update_score("bob", "Bob", 60)
        weekly.clear()
        assert list(weekly) == []
        assert list(laps) == [Entry(1, "bob", "Bob", 60), Entry(2, "ada", "Ada L.", 61.5)]


def test_a_file_stays_open_until_its_last_board_is_closed(path: Path) -> None:
    one = ZODBLeaderboard("one", path=path)
    other = ZODBLeaderboard("two", path=path.parent / "." / "board.fs")
    one.close()
    assert other.update_score("ada", "Ada", 1) == 1
    with pytest.raises(LeaderboardClosedError):
        one.get_rank("ada")
    other.close()
    with ZODBLeaderboard("two", path=path) as again:
        assert again.get_rank("ada") == 1


def test_a_call_that_close_overtakes_opens_no_file_again_that_an_interrupt_left(path: Path) -> None:
    board = ZODBLeaderboard(path=path)
    database = board._database
    database.drop(database.take())  # as where an interrupt went through the call before
    board.close()
    with pytest.raises(LeaderboardClosedError):
        database.take()
    ZODBLeaderboard(path=path).close()


def test_two_objects_of_one_board_see_each_other(path: Path) -> None:
    with ZODBLeaderboard(path=path) as one, ZODBLeaderboard(path=path) as other:
        one.update_score("ada", "Ada", 1)
        assert other.get_score("ada") == 1
        other.update_score("ada", "Ada", 2)
        assert one.get_score("ada") == 2


def test_a_refused_board_leaves_the_file_to_the_others(path: Path) -> None:
    with ZODBLeaderboard(path=path) as board:
        with pytest.raises(BoardMismatchError):
            ZODBLeaderboard(path=path, order="ascending")
        board.update_score("ada", "Ada", 1)
    with ZODBLeaderboard(path=path) as board:
        assert board.get_rank("ada") == 1


def test_a_board_comes_back_as_it_was(path: Path) -> None:
    with ZODBLeaderboard(path=path) as board:
        for player in range(300):
            board.update_score(f"p{player}", f"name {player}", player % 7 + 0.5)
        before = list(board)
    with ZODBLeaderboard(path=path) as board:
        assert list(board) == before
        board._check()


# ---------------------------------------------------------------------- what is written


def test_an_update_that_changes_nothing_writes_nothing(path: Path) -> None:
    with ZODBLeaderboard(path=path) as board:
        board.update_scores([(f"p{player}", "name", player) for player in range(100)])
        size = path.stat().st_size
        assert board.update_score("p50", "name", 50) == 50
        assert board.increment_score("p50", "name", 0).rank == 50
        assert not board.remove_player("nobody")
        board.update_scores([("p7", "name", 7)])
        assert path.stat().st_size == size


def test_a_worse_score_on_a_board_that_keeps_the_best_writes_nothing(path: Path) -> None:
    with ZODBLeaderboard(path=path, keep="best") as board:
        board.update_score("ada", "Ada", 10)
        size = path.stat().st_size
        board.update_score("ada", "Ada", 9)
        assert path.stat().st_size == size


def test_a_refused_increment_writes_nothing_and_the_board_goes_on(path: Path) -> None:
    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 2**53)
        size = path.stat().st_size
        with pytest.raises(InvalidScoreError):
            board.increment_score("ada", "Ada", 1)
        assert path.stat().st_size == size
        assert board.increment_score("ada", "Ada", -1).score == 2**53 - 1


@pytest.mark.parametrize("updates", [999, 2500])
def test_a_large_load_commits_once(path: Path, updates: int) -> None:
    with ZODBLeaderboard(path=path, batch_size=100 if updates > 1000 else 1000) as board:
        before = board._database._storage.lastTransaction()
        board.update_scores([(f"p{player}", "", player % 50) for player in range(updates)])
        commits = list(board._database._storage.iterator(before))[1:]
        assert len(commits) == 1
        board._check()


def test_batches_keep_the_order_of_updates_on_a_larger_board(path: Path) -> None:
    with ZODBLeaderboard(path=path, batch_size=10) as board:
        board.update_scores([(f"p{player}", "", 0) for player in range(200)])
        board.update_scores([(f"p{player}", "", 5) for player in reversed(range(100))])
        assert [entry.player_id for entry in board.get_top_n(100)] == [f"p{player}" for player in reversed(range(100))]
        board._check()


def test_a_batch_that_close_overtakes_says_how_many_updates_stand(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ZODBLeaderboard(path=path, batch_size=2) as board:
        board.update_scores([(f"p{player}", "", 0) for player in range(20)])
        write, calls = board._write, 0

        def closing(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            changed = write(*arguments, **options)
            if calls == 3:  # the first one only asks whether to build the board anew
                board.close()
            return changed

        monkeypatch.setattr(board, "_write", closing)
        with pytest.raises(LeaderboardClosedError, match="The first 4 updates of this call were applied") as caught:
            board.update_scores([(f"p{player}", "", 1) for player in range(6)])
        assert caught.value.applied == 4
    with ZODBLeaderboard(path=path) as board:
        assert board.count_by_score(1, 1) == 4


def test_packing_shrinks_the_file_and_keeps_the_board(path: Path) -> None:
    with ZODBLeaderboard(path=path) as board:
        for score in range(300):
            board.update_score(f"p{score % 40}", "", score)
        before, size = list(board), path.stat().st_size
        board.pack()
        assert path.stat().st_size < size / 5
        assert list(board) == before
        board.update_score("ada", "Ada", 10**6)
        board._check()
    assert not path.with_suffix(".fs.old").exists()
    with ZODBLeaderboard(path=path) as board:
        assert board.get_rank("ada") == 1
        assert len(board) == 41


def test_packing_keeps_the_days_asked_for(path: Path) -> None:
    with ZODBLeaderboard(path=path) as board:
        for score in range(50):
            board.update_score("ada", "", score)
        size = path.stat().st_size
        board.pack(days=1)
        assert path.stat().st_size >= size


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf"), True, "1"])
def test_packing_refuses_what_is_no_number_of_days(days: float) -> None:
    with ZODBMemoryLeaderboard() as board, pytest.raises(InvalidArgumentError, match="days must be"):
        board.pack(days)


def test_a_closed_board_refuses_to_pack() -> None:
    board = ZODBMemoryLeaderboard()
    board.close()
    with pytest.raises(LeaderboardClosedError):
        board.pack()


def test_a_memory_board_drops_old_records_by_itself() -> None:
    with ZODBMemoryLeaderboard() as board:
        board.update_scores([(f"p{player}", "", player) for player in range(30)])
        for score in range(4000):
            board.update_score(f"p{score % 30}", "", score)
        assert board._database._storage.getSize() < 5_000_000
        board._check()


def test_idle_sessions_are_few_after_many_threads(path: Path) -> None:
    with ZODBLeaderboard(path=path) as board:
        database = board._database
        sessions = [database.take() for _ in range(30)]
        for session in sessions:
            database.give(session)
        assert database._sessions == len(database._idle) <= 9
        board.update_score("ada", "Ada", 1)


def test_the_cache_stays_near_its_size(path: Path) -> None:
    with ZODBLeaderboard(path=path, cache_size=200) as board:
        board.update_scores([(f"p{player}", "", player) for player in range(20_000)])
        for player in range(0, 20_000, 20):
            assert board.get_rank(f"p{player}") == 20_000 - player
        session = board._database.take()
        assert session._connection._cache.cache_non_ghost_count < 200 + 128 * 60
        board._database.give(session)


def test_importing_the_backend_configures_no_logging() -> None:
    program = (
        "import logging; import leaderboard_backends.backends.zodb; print(logging.root.handlers, logging.root.level)"
    )
    assert run(program).stdout.strip() == f"[] {30}"


def test_capabilities_are_those_of_the_storage() -> None:
    assert (ZODBLeaderboard.capabilities.durable, ZODBLeaderboard.capabilities.shared) == (True, False)
    assert (ZODBMemoryLeaderboard.capabilities.durable, ZODBMemoryLeaderboard.capabilities.shared) == (False, False)
    assert "fsync" in ZODBLeaderboard.capabilities.survives


@pytest.mark.parametrize("lengths", [(1000,), (100, 5, 1000)])
def test_a_feed_that_is_made_longer_does_not_pretend_to_have_what_it_dropped(
    path: Path, lengths: tuple[int, ...]
) -> None:
    """Whoever follows it would miss changes without a word: those that the shorter one had left out."""
    with ZODBLeaderboard(path=path, feed=10) as board:
        start = board.get_version()
        for number in range(100):
            board.update_score("ada", "Ada", number)
    for length in lengths:
        ZODBLeaderboard(path=path, feed=length).close()
    kept = min(10, *lengths)
    with ZODBLeaderboard(path=path) as board:
        with pytest.raises(ChangesLostError, match=f"goes back to change {101 - kept}, and the one after 20 was asked"):
            board.get_changes(start._replace(number=20))
        changes = board.get_changes(start._replace(number=100 - kept)).changes
        assert [change.number for change in changes] == list(range(101 - kept, 101))


def test_the_lock_file_names_no_other_process(path: Path) -> None:
    with ZODBLeaderboard(path=path):
        assert path.with_suffix(".fs.lock").read_text().split() == [str(os.getpid())]


def test_another_object_on_a_deleted_board_is_refused_and_one_made_anew_is_found(tmp_path: Path) -> None:
    path = tmp_path / "board.fs"
    with ZODBLeaderboard("weekly", path=path) as first, ZODBLeaderboard("weekly", path=path) as second:
        assert first.update_score("ada", "Ada", 1) == 1
        assert len(second) == 1
        first.delete()
        with pytest.raises(BoardMismatchError, match="no longer in its database"):
            second.update_score("ada", "Ada", 1)
        with ZODBLeaderboard("weekly", path=path):
            assert second.update_score("ada", "Ada", 1) == 1


def test_an_object_on_a_deleted_board_has_nothing_of_one_made_anew_in_the_other_order(tmp_path: Path) -> None:
    path = tmp_path / "board.fs"
    with ZODBLeaderboard("weekly", path=path, feed=10) as old:
        ZODBLeaderboard("weekly", path=path).delete()
        with ZODBLeaderboard("weekly", path=path, order="ascending", feed=10) as new:
            new.update_scores([("ada", "", 1), ("bob", "", 2)])
            new.fence("elsewhere")
            calls: list[Callable[[], object]] = [partial(call, old) for call in OPERATIONS.values()]
            for call in (*calls, old.fenced, old.lift_fence, lambda: old.fence("nowhere"), old.get_version, old.delete):
                with pytest.raises(BoardMismatchError, match="made anew in the other order"):
                    call()
            assert ([entry.player_id for entry in new], new.fenced()) == (["ada", "bob"], "elsewhere")
