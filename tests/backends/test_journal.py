"""The journal: memory and disk agree whatever comes between, and one board object at a time has the folder."""

from __future__ import annotations

import asyncio
import errno
import linecache
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import FileIO
from pathlib import Path
from random import Random
from threading import Event, Semaphore
from types import FrameType, TracebackType
from typing import Any, NoReturn, Self

import pytest

from leaderboard_backends import (
    BackendFullError,
    BackendReadOnlyError,
    BackendUnavailableError,
    BoardMismatchError,
    ConfigurationError,
    Entry,
    Score,
    WriteOutcomeUnknownError,
    open_async_leaderboard,
    open_leaderboard,
)
from leaderboard_backends.backends import journal
from leaderboard_backends.backends.journal import JournalLeaderboard, board, folder, log, order, records
from leaderboard_backends.backends.journal.log import Log
from leaderboard_backends.backends.journal.snapshot import Collecting
from leaderboard_backends.backends.memory import board as memory
from leaderboard_backends.changes import Change
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.errors import BoardMovedError
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.forking import Child

from ..conformance.conftest import made_folder
from ..interrupting import NO_POINTS
from ..interrupting import InterruptAt as InterruptAtLine

NAME = "weekly"


@pytest.fixture
def place() -> Iterator[Path]:
    """A new folder, in memory where there is such: how long a disk takes to flush is not judged here."""
    with made_folder() as made:
        yield made


def opened(place: Path, **options: Any) -> JournalLeaderboard:
    found = open_leaderboard(f"journal://{place}/boards", board=NAME, **options)
    assert isinstance(found, JournalLeaderboard)
    return found


def files(place: Path) -> Path:
    return place / "boards" / f"{NAME}.board"


def newest(place: Path, kind: str) -> Path:
    return max(files(place).glob(f"{kind}-*"))


def reread(place: Path, **options: Any) -> list[Entry]:
    """Return what is on the disk."""
    with opened(place, **options) as found:
        found._chunks.check()
        return list(found)


# ---------------------------------------------------------------------- who has it open


def test_a_second_object_of_the_same_process_is_refused(place: Path) -> None:
    with opened(place) as first:
        with pytest.raises(BackendUnavailableError, match=r"open in this process already.*Share the board"):
            opened(place)
        assert first.update_score("ada", "", 1) == 1
    opened(place).close()


def test_another_process_is_refused_until_this_one_has_closed(place: Path) -> None:
    program = "import sys\nfrom leaderboard_backends import open_leaderboard\nopen_leaderboard(sys.argv[1]).close()"
    command = [sys.executable, "-c", program, f"journal://{place}/boards?board={NAME}"]
    with opened(place):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert f"is open in another process ({os.getpid()})" in done.stderr
    subprocess.run(command, timeout=60, check=True)


def test_a_forked_child_is_refused_with_words_and_its_parent_goes_on(place: Path) -> None:
    with opened(place) as mine:
        mine.update_score("ada", "", 1)

        def work(tell: Callable[[str], None]) -> None:
            for call in (mine.get_top_n, lambda: mine.update_score("bob", "", 2), mine.fenced, lambda: opened(place)):
                with pytest.raises(BackendUnavailableError) as refused:
                    call()
                tell(str(refused.value))
            mine.close()

        with Child[str](work) as child:
            told = list(child)
        assert ["belongs to the parent" in text for text in told] == [True, True, True, False]
        assert f"is open in another process ({os.getpid()})" in told[-1]
        assert mine.update_score("zoe", "", 3) == 1
    assert [entry.player_id for entry in reread(place)] == ["zoe", "ada"]


def test_a_child_that_outlives_its_parents_board_holds_no_lock(place: Path) -> None:
    mine, ended = opened(place), Event()

    def work(tell: Callable[[str], None]) -> None:
        tell("started")
        ended.wait(30)

    with Child[str](work) as child:
        assert next(iter(child)) == "started"
        mine.close()
        opened(place).close()
        child.kill()


def test_a_folder_that_was_moved_is_reported_by_ping(place: Path) -> None:
    with opened(place) as mine:
        mine.ping()
        files(place).rename(place / "elsewhere")
        with pytest.raises(BackendUnavailableError, match="moved or removed"):
            mine.ping()


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda mine: mine.update_scores([(f"p{n}", "", n) for n in range(order.LARGE_BATCH)]), id="batch"),
        pytest.param(lambda mine: mine._keep_snapshot(), id="snapshot"),
        pytest.param(lambda mine: mine.delete(), id="delete"),
    ],
)
def test_a_board_whose_folder_was_moved_leaves_the_one_in_its_place_alone(
    place: Path, act: Callable[[JournalLeaderboard], object]
) -> None:
    """As where a backup is restored while the app still runs."""
    with opened(place) as mine:
        mine.update_score("ada", "", 1)
        files(place).rename(place / "elsewhere")
        with opened(place) as other:
            other.update_score("bob", "", 2)
            with suppress(BackendUnavailableError):
                act(mine)
            mine.close()
            other.update_score("cid", "", 3)
    assert [entry.player_id for entry in reread(place)] == ["cid", "bob"]


def test_a_board_whose_folder_is_gone_can_be_deleted(place: Path) -> None:
    with opened(place) as mine:
        mine.update_score("ada", "", 1)
        shutil.rmtree(files(place))
        mine.delete()
    assert reread(place) == []


@pytest.mark.parametrize("fsync", ["everysec", "never"])
def test_a_board_that_cannot_be_deleted_stays_in_use(place: Path, monkeypatch: pytest.MonkeyPatch, fsync: str) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with opened(place, fsync=fsync) as mine:
        mine.update_score("ada", "", 1)
        left = Collecting(mine._chunks.rows())  # by a thread that ends while it collects a snapshot
        monkeypatch.setattr(mine, "_collecting", left)
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", denied)
            with pytest.raises(BackendReadOnlyError, match="Permission denied"):
                mine.delete()
        assert mine._collecting is None
        assert mine.update_score("bob", "", 2) == 1
        assert (mine._syncer is not None and mine._syncer.is_alive()) is (fsync == "everysec")
        version = mine.get_version()
    with opened(place) as again:
        assert ([entry.player_id for entry in again], again.get_version()) == (["bob", "ada"], version)


def test_a_delete_that_is_interrupted_before_the_folder_is_gone_leaves_the_board_in_use(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with opened(place) as mine:
        mine.update_score("ada", "", 1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "rename", interrupted)
            with pytest.raises(KeyboardInterrupt):
                mine.delete()
        assert mine.update_score("bob", "", 2) == 1
    assert len(reread(place)) == 2


def test_a_snapshot_that_a_delete_overtakes_is_no_failure(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with opened(place) as mine:
        mine.update_score("ada", "", 1)
        prepare = mine._folder.prepare

        def overtaken(history: str) -> Log:
            log = prepare(history)
            mine.delete()
            return log

        monkeypatch.setattr(mine._folder, "prepare", overtaken)
        mine._keep_snapshot()
    assert not caplog.records
    assert reread(place) == []


def test_a_board_whose_folder_cannot_be_looked_up_is_not_taken_for_deleted(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network file system whose server has gone; what cannot be looked up may be there."""
    lstat = os.lstat

    def failing(path: str, **options: Any) -> os.stat_result:
        if path == mine._folder.path:
            raise OSError(errno.EIO, "Input/output error")
        return lstat(path, **options)

    with opened(place) as mine:
        mine.update_score("ada", "", 1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "lstat", failing)
            with pytest.raises(BackendUnavailableError, match="Input/output error"):
                mine.delete()
        assert mine.update_score("bob", "", 2) == 1
    assert len(reread(place)) == 2


def test_a_deletion_that_could_not_be_synced_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with opened(place) as mine, monkeypatch.context() as patch:
        patch.setattr(folder, "sync_folder", failing)
        with pytest.raises(WriteOutcomeUnknownError, match="is deleted, but that could not be synced"):
            mine.delete()
    assert reread(place) == []


def test_a_place_that_is_no_folder_is_refused(place: Path) -> None:
    (place / "boards").write_text("a file")
    with pytest.raises(ConfigurationError, match="is not a folder"):
        opened(place)
    with pytest.raises(BackendUnavailableError, match="create it, or mount it"):
        opened(place / "nowhere")
    (place / "other").mkdir()
    with pytest.raises(BackendUnavailableError, match="create=false"):
        opened(place / "other", create=False)
    with pytest.raises(ConfigurationError, match="always, everysec, never"):
        opened(place, fsync="sometimes")


def test_a_board_needs_no_leave_to_list_the_folder_of_all_boards_and_names_its_own(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(place).close()
    own, listed = os.path.realpath(files(place)), os.listdir
    hidden = {str(Path(own).parent)}

    def permitted(path: str) -> list[str]:
        if path in hidden:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listed(path)

    monkeypatch.setattr(os, "listdir", permitted)
    with opened(place) as mine:
        assert mine.update_score("ada", "", 1) == 1
    hidden.add(own)
    with pytest.raises(BackendReadOnlyError, match=rf"{NAME}\.board cannot be written \(Permission denied\)"):
        opened(place)


def test_in_an_asyncio_program_its_calls_are_made_in_threads_as_they_wait_for_the_disk(place: Path) -> None:
    async def use() -> tuple[str, int]:
        async with await open_async_leaderboard(f"journal://{place}/boards", board=NAME) as found:
            return type(found).__name__, await found.update_score("ada", "", 1)

    assert asyncio.run(use()) == ("ThreadedLeaderboard", 1)
    assert len(reread(place)) == 1


def test_opening_removes_what_a_killed_process_had_begun_and_nothing_else(place: Path) -> None:
    """Other boards, whatever they are called, and what others keep in the folder of the boards, stay."""
    boards = place / "boards"
    with JournalLeaderboard("unfinished-levels", path=boards) as other:
        other.update_score("ada", "", 1)
    opened(place).close()
    begun, aside = files(place) / "unfinished-7", boards / f"unfinished-{'0f' * 8}"
    notes, thesis = files(place) / "unfinished-notes", boards / "unfinished-thesis"
    begun.touch()
    notes.touch()
    for folder_of_one in (aside, thesis):
        folder_of_one.mkdir()
        (folder_of_one / "chapter").touch()
    opened(place).close()
    assert [path.exists() for path in (begun, aside, notes, thesis / "chapter")] == [False, False, True, True]
    with JournalLeaderboard("unfinished-levels", path=boards) as other:
        assert other.get_score("ada") == 1


def test_a_deleted_board_leaves_nothing_behind(place: Path) -> None:
    opened(place).delete()
    assert list((place / "boards").iterdir()) == []
    assert reread(place) == []


# ---------------------------------------------------------------------- what is damaged


def filled(place: Path) -> list[int]:
    """Write some frames, and return where each ends."""
    with opened(place) as mine:
        ends = []
        for number in range(8):
            mine.update_score(f"p{number}", "", number)
            ends.append(mine._folder.log.end)
    return ends


@pytest.mark.parametrize("logs", [1, 2])
def test_a_damaged_record_before_a_whole_one_is_refused_with_its_offset_and_a_remedy_that_works(
    place: Path, logs: int
) -> None:
    ends = filled(place)
    path = newest(place, "log")
    if logs > 1:
        with opened(place) as mine:
            mine._folder.rotate(mine._folder.prepare(mine._changes.history), mine._changes.number)
            mine.update_score("later", "", 1)
    data = bytearray(path.read_bytes())
    data[ends[3] + 20] ^= 1
    path.write_bytes(data)
    with pytest.raises(BackendUnavailableError, match=f"damaged at offset {ends[3]}: ") as refused:
        opened(place)
    assert path.read_bytes() == data, "it was not changed"
    command = str(refused.value).rpartition("cut the log off: ")[2]
    subprocess.run(["/bin/sh", "-c", command], check=True, timeout=60)
    assert [entry.player_id for entry in reread(place)] == ["p3", "p2", "p1", "p0"]


def test_a_write_that_was_cut_off_is_removed_and_reported(place: Path, caplog: pytest.LogCaptureFixture) -> None:
    ends = filled(place)
    os.truncate(newest(place, "log"), ends[-1] - 1)
    assert len(reread(place)) == 7
    assert f"from offset {ends[-2]} on, are a write that a crash cut off" in caplog.text
    caplog.clear()
    assert len(reread(place)) == 7
    assert not caplog.records


@pytest.mark.parametrize("kind", ["log", "snapshot"])
def test_a_file_of_another_format_is_refused_with_the_way(place: Path, kind: str) -> None:
    filled(place)
    path = newest(place, kind)
    data = bytearray(path.read_bytes())
    data[8] = 2
    path.write_bytes(data)
    with pytest.raises(BoardMismatchError, match=r"has format 2, and this version reads format 1: .*leaderboard copy"):
        opened(place)


@pytest.mark.parametrize(
    "data",
    [
        records.header(records.LOG, {"odd": 1}),
        b"PK" + bytes(100),
        records.frame([Change(9, "ada", "", 1, 9)]),
        records.frame([Change(9, "p3", "", 3, 9)]),
        records.frame([records.Note(8, "history", "h"), Change(9, "nobody")]),
    ],
)
def test_what_no_board_wrote_is_refused_by_an_error_of_the_tree(place: Path, data: bytes) -> None:
    filled(place)
    path = newest(place, "log")
    if data[:2] == records.frame([])[:2]:
        data = path.read_bytes() + data + records.frame([Change(11, "bob", "", 1, 11)])
    path.write_bytes(data)
    with pytest.raises((BackendUnavailableError, BoardMismatchError), match="estore a backup"):
        opened(place)


def test_a_missing_file_is_refused(place: Path) -> None:
    filled(place)
    kept = newest(place, "log")
    kept.rename(place / "kept")
    with pytest.raises(BackendUnavailableError, match="is missing"):
        opened(place)
    (place / "kept").rename(kept)
    newest(place, "snapshot").unlink()
    with pytest.raises(BackendUnavailableError, match="no snapshot before it"):
        opened(place)


# ---------------------------------------------------------------------- a disk that fails


class SlowFile(FileIO):
    """Takes a few bytes at a time, as many as there is room for."""

    room = 10**9

    def write(self, data: Any) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = super().write(data[: min(9, self.room)]) or 0
        self.room -= written
        return written


def slowed(mine: JournalLeaderboard) -> SlowFile:
    """Put a slow file in place of the log's."""
    assert mine._folder.log._file is not None
    mine._folder.log._file.close()
    found = mine._folder.log._file = SlowFile(mine._folder.log.path, "ab")
    return found


def test_a_short_write_is_cut_off_and_changes_nothing(place: Path) -> None:
    with opened(place) as mine:
        mine.update_score("ada", "", 1)
        before, end, file = list(mine), mine._folder.log.end, slowed(mine)
        for call in (
            lambda: mine.update_score("ada", "", 5),
            lambda: mine.increment_score("bob", "", 5),
            lambda: mine.update_scores([("bob", "", 5), ("cid", "", 5)]),
            lambda: mine.remove_player("ada"),
            mine.clear,
            lambda: mine.fence("memory://elsewhere"),
        ):
            file.room = 15
            with pytest.raises(BackendFullError, match="nothing was applied"):
                call()
            assert (list(mine), mine.fenced(), mine._folder.log.end) == (before, None, end)
            assert Path(mine._folder.log.path).stat().st_size == end
        file.room = 10**9
        mine.update_score("ada", "", 7)
        mine._chunks.check()
    assert reread(place) == [Entry(1, "ada", "", 7)]


def test_a_write_that_comes_in_parts_is_whole(place: Path) -> None:
    with opened(place) as mine:
        slowed(mine)
        mine.update_score("ada", "Ada", 1)
    assert reread(place) == [Entry(1, "ada", "Ada", 1)]


def test_a_sync_that_fails_leaves_the_outcome_open_and_the_board_usable(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the disk has of the file is not known then, so the next write begins with a snapshot."""

    def failing(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with opened(place, fsync="always") as mine:
        mine.update_score("ada", "", 1)
        before = newest(place, "snapshot")
        with monkeypatch.context() as patch:
            patch.setattr(log, "sync", failing)
            with pytest.raises(WriteOutcomeUnknownError, match="could not be synced"):
                mine.update_score("ada", "", 5)
            assert mine.get_score("ada") == 1
        mine.update_score("bob", "", 2)
        assert newest(place, "snapshot") > before
    assert [(entry.player_id, entry.score) for entry in reread(place)] == [("bob", 2), ("ada", 1)]


def test_a_sync_that_could_not_begin_is_made_up_for_by_the_next(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with opened(place, fsync="never") as mine:
        mine.update_score("ada", "", 1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "dup", none_left)
            with pytest.raises(OSError, match="Too many open files"):
                mine._folder.sync()
        synced = list[int]()
        with monkeypatch.context() as patch:
            patch.setattr(log, "sync", synced.append)
            mine._folder.sync()
        assert len(synced) == 1


def test_a_write_that_finds_no_room_forgets_no_sync_that_failed_beside_it(place: Path) -> None:
    class Failing(FileIO):
        def write(self, data: Any) -> int:
            del data
            mine._folder.log.unsure = True  # as the thread that syncs notes it
            raise OSError(errno.ENOSPC, "No space left on device")

    with opened(place, fsync="never") as mine:
        written = mine._folder.log
        assert written._file is not None
        written._file.close()
        written._file = Failing(written.path, "ab")
        with pytest.raises(BackendFullError):
            mine.update_score("ada", "", 1)
        assert written.unsure


def test_a_large_batch_that_finds_no_room_changes_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened(place, feed=5) as mine:
        mine.update_scores([("ada", "", 1), ("bob", "", 2)])
        before, version = list(mine), mine.get_version()
        with monkeypatch.context() as patch:
            patch.setattr(folder, "sync", full)
            with pytest.raises(BackendFullError):
                mine.update_scores([(f"p{number}", "", number + 0.5) for number in range(order.LARGE_BATCH)])
        assert (list(mine), mine.get_version(), len(mine.get_changes(version).changes)) == (before, version, 0)
        mine.update_score("ada", "", 3)
        mine._chunks.check()
    assert [entry.player_id for entry in reread(place)] == ["ada", "bob"]


# ---------------------------------------------------------------------- what goes on


def test_fence_version_and_feed_go_on_from_log_and_from_snapshot(place: Path) -> None:
    with opened(place, feed=3) as mine:
        start = mine.get_version()
        mine.update_scores([("ada", "", 1), ("bob", "", 1)])
        mine.update_score("ada", "renamed", 1)
        mine.fence("memory://elsewhere")
        with mine.passing_fence("memory://elsewhere"):
            mine.remove_player("bob")
        found = mine.get_version(), mine.get_changes(start._replace(number=1)).changes
    for _ in range(2):
        with opened(place) as mine:
            assert (mine.get_version(), mine.get_changes(start._replace(number=1)).changes) == found
            assert (mine.fenced(), list(mine)) == ("memory://elsewhere", [Entry(1, "ada", "renamed", 1)])
            with pytest.raises(BoardMovedError):
                mine.clear()
            mine._rewrite()


@pytest.mark.parametrize(
    ("fsync", "then", "goes_on"),
    [
        ("always", "always", True),
        ("everysec", "everysec", False),
        ("never", "never", False),
        ("always", "never", True),
        ("everysec", "always", False),
    ],
)
def test_a_board_that_was_not_closed_has_a_new_history_unless_all_was_synced(
    place: Path, fsync: str, then: str, *, goes_on: bool
) -> None:
    """A power cut may have taken changes, and others then get their numbers: who follows must read the board anew."""

    def work(tell: Callable[[str], None]) -> None:
        mine = opened(place, fsync=fsync)
        mine.update_score("ada", "", 1)
        tell(mine.get_version().history)
        os._exit(0)

    with Child[str](work) as child:
        (history,) = child
    with opened(place, fsync=then) as mine:
        version = mine.get_version()
        assert (version.history == history, version.number) == (goes_on, 1)
    with opened(place, fsync=then) as mine:
        assert mine.get_version() == version


def killed(mine: JournalLeaderboard) -> None:
    """Leave the files of a board as kill -9 does."""
    mine._folder.close()
    mine._closing.set()


@pytest.mark.parametrize("fsync", ["everysec", "never"])
def test_a_power_cut_that_takes_all_since_a_closed_board_was_opened_begins_a_new_history(
    place: Path, monkeypatch: pytest.MonkeyPatch, fsync: str
) -> None:
    with opened(place, fsync=fsync) as mine:
        mine.update_score("ada", "", 1)
    sizes, sync = list[int](), log.sync

    def noted(file: int) -> None:
        sync(file)
        sizes.append(os.fstat(file).st_size)

    with monkeypatch.context() as patch:
        patch.setattr(log, "sync", noted)
        mine = opened(place, fsync=fsync)
    mine.update_score("bob", "", 2)
    version = mine.get_version()
    killed(mine)
    os.truncate(newest(place, "log"), sizes[-1])
    with opened(place, fsync=fsync) as mine:
        assert (len(mine), mine.get_version().number) == (1, 1)
        assert mine.get_version().history != version.history


def test_a_history_ends_by_how_the_board_was_synced_when_it_ended_not_by_how_it_is_opened(place: Path) -> None:
    def history(fsync: str) -> str:
        """Open, write, and be killed."""
        mine = opened(place, fsync=fsync)
        mine.update_score("ada", "", mine.get_version().number + 1)
        killed(mine)
        return mine._changes.history

    with opened(place, fsync="always") as mine:
        mine.update_score("ada", "", 1)
        first = mine.get_version().history
    assert history("always") == first
    assert history("never") == first
    second = history("always")
    assert second != first
    assert history("always") == second


@pytest.mark.parametrize("fsync", ["always", "everysec"])
@pytest.mark.parametrize("closed", [True, False])
def test_a_board_that_is_opened_on_a_full_disk_is_read_and_closed_and_goes_on_when_there_is_room(
    place: Path, monkeypatch: pytest.MonkeyPatch, fsync: str, *, closed: bool
) -> None:
    class Full(FileIO):
        def write(self, data: Any) -> int:
            del data
            raise OSError(errno.ENOSPC, "No space left on device")

    mine = opened(place, fsync="everysec")
    mine.update_score("ada", "", 1)
    if closed:
        mine.close()
    else:
        killed(mine)
    with monkeypatch.context() as patch:
        patch.setattr(log, "FileIO", Full)
        with opened(place, fsync=fsync) as mine:
            with pytest.raises(BackendFullError):
                mine.update_score("bob", "", 2)
            assert list(mine) == [Entry(1, "ada", "", 1)]
    with opened(place, fsync=fsync) as mine:
        assert mine.update_score("bob", "", 2) == 1


def test_scores_and_texts_of_all_kinds_come_back(place: Path) -> None:
    states: list[list[tuple[str, str, Score]]] = [
        [("a", "", 2**53), ("b", "", -(2**53)), ("c", "", 0)],
        [("a\0b", "\0", 1.5), ("é\U0001f600", "n\0", 1e300), ("d", "", -5e-324), ("e", "\n", -1e-300)],
    ]
    for updates in states:
        with opened(place) as mine:
            mine.update_scores(updates)
            found = list(mine)
        assert reread(place) == found
        with opened(place) as mine:
            mine._rewrite()
        assert reread(place) == found


def test_numbers_of_changes_that_are_used_up_begin_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JournalLeaderboard, "_last_number", 40)
    chance = Random(3)
    for _ in range(3):
        with opened(place) as mine:
            for _ in range(60):
                mine.update_score(f"p{chance.randrange(9)}", "", chance.randrange(4))
            mine.update_scores([(f"p{number}", "x", 2) for number in range(9)])
            found = list(mine)
        assert reread(place) == found


def test_the_log_is_bounded_by_snapshots_while_it_is_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "LEAST_LOG", 2000)
    chance = Random(4)
    with opened(place) as mine:
        for _ in range(2000):
            mine.update_score(f"p{chance.randrange(50)}", "", chance.randrange(9))
            if mine._keeper is not None:
                mine._keeper.join()
            assert sum(path.stat().st_size for path in files(place).glob("log-*")) < 2 * 2000 + 500
        assert len(list(files(place).iterdir())) <= 4
        found = list(mine)
    assert reread(place) == found


def test_a_snapshot_that_is_collected_beside_writes_is_of_the_moment_it_began(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each chunk is copied before it changes: the snapshot without the log that follows is the board of that moment."""
    monkeypatch.setattr(JournalLeaderboard, "_longest", 16)
    monkeypatch.setattr(journal.snapshot, "_AT_ONCE", 1)
    chance = Random(6)
    with opened(place) as mine:
        mine.update_scores([(f"p{number}", "", number % 30) for number in range(300)])
        for _ in range(12):
            prepared = mine._folder.prepare(mine._changes.history)
            state = mine._alone(mine._cut, prepared)
            assert state is not None
            moment = list(mine)
            while mine._alone(mine._collect):
                random_writes(mine, chance)
            ids = [player_id for _, players, _ in state.rows for player_id in players]
            names = [name for _, _, usernames in state.rows for name in usernames]
            assert list(zip(ids, names, strict=True)) == [(entry.player_id, entry.username) for entry in moment]
            mine._folder.keep(prepared.generation, state)
            found = list(mine)
    assert reread(place) == found


def random_writes(mine: JournalLeaderboard, chance: Random) -> None:
    for _ in range(chance.randrange(4)):
        player, score = f"p{chance.randrange(320)}", chance.randrange(30)
        kind = chance.randrange(4)
        if kind == 0:
            mine.update_score(player, f"n{chance.random()}", score)
        elif kind == 1:
            mine.update_score(player, "half", score + chance.choice([0, 0, 0.5]))
        elif kind == 2:
            mine.remove_player(player)
        else:
            mine.update_scores([(f"p{chance.randrange(320)}", "", 7) for _ in range(9)])


def test_always_has_each_write_on_the_disk_before_it_is_acknowledged(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In whatever log it is, and the snapshot before that log, too: a power cut takes what was not synced."""
    synced, sync, chance = dict[int, int](), log.sync, Random(7)

    def noted(file: int) -> None:
        sync(file)
        state = os.fstat(file)
        synced[state.st_ino] = state.st_size

    monkeypatch.setattr(folder, "LEAST_LOG", 2000)
    monkeypatch.setattr(order, "LARGE_BATCH", 20)
    for module in (log, folder):
        monkeypatch.setattr(module, "sync", noted)
    with opened(place, fsync="always") as mine:
        for _ in range(300):
            random_writes(mine, chance)
            if mine._keeper is not None:
                mine._keeper.join()
            found = [path.stat() for path in files(place).iterdir() if path.name.startswith(("log", "snapshot"))]
            assert all(synced[state.st_ino] == state.st_size for state in found)
        assert mine._keeper is not None, "snapshots came in between"


def test_everysec_syncs_in_a_thread_that_begins_with_the_first_write_and_ends_with_the_board(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, sync = Event(), log.sync

    def noted(file: int) -> None:
        sync(file)
        if threading.current_thread().name == "journal-sync":
            synced.set()

    monkeypatch.setattr(board, "SYNC_SECONDS", 0.01)
    monkeypatch.setattr(log, "sync", noted)

    def threads() -> list[str]:
        return [thread.name for thread in threading.enumerate() if thread.name.startswith("journal")]

    with opened(place, fsync="everysec") as mine:
        assert threads() == []
        mine.update_score("ada", "", 1)
        assert threads() == ["journal-sync"]
        assert synced.wait(30)
    assert threads() == []
    for fsync in ("always", "never"):
        with opened(place, fsync=fsync) as mine:
            mine.update_score("ada", "", 2)
            assert threads() == []


def test_everysec_has_writes_wait_for_a_sync_that_takes_longer(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, released, sync = Event(), Event(), log.sync

    def slow(file: int) -> None:
        begun.set()
        assert released.wait(30)
        sync(file)

    with opened(place, fsync="everysec") as mine, monkeypatch.context() as patch:
        patch.setattr(board, "SYNC_SECONDS", 0.01)
        patch.setattr(log, "sync", slow)
        mine.update_score("ada", "", 1)
        assert begun.wait(30)
        mine._sync_began -= 1
        writer = threading.Thread(target=mine.update_score, args=("ada", "", 2))
        writer.start()
        writer.join(0.2)
        assert writer.is_alive()
        released.set()
        writer.join(30)
        assert mine.get_score("ada") == 2


def test_interrupts_of_who_waits_for_a_sync_keep_nobody_waiting(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each line in turn: else the thread that syncs, and with it each later write, would wait for ever."""
    begun, released, sync = Semaphore(0), Semaphore(0), log.sync

    def slow(file: int) -> None:
        if threading.current_thread().name == "journal-sync":
            begun.release()
            assert released.acquire(timeout=30)
        sync(file)

    mine = opened(place, fsync="everysec")
    monkeypatch.setattr(board, "SYNC_SECONDS", 0.01)
    monkeypatch.setattr(log, "sync", slow)
    mine.update_score("ada", "", 0)
    for point in range(1, 25):
        assert begun.acquire(timeout=10)
        mine._sync_began -= 1
        threading.Timer(0.01, released.release).start()
        with InterruptAtLine(point, {board.__file__, threading.__file__}), suppress(KeyboardInterrupt):
            mine._attend()
        Crew([partial(mine.update_score, "ada", "", point)]).join(20)
    released.release(1000)
    mine.close()


def test_a_snapshot_that_finds_no_room_leaves_the_board_writing_its_log(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(folder, "LEAST_LOG", 1000)
    with opened(place) as mine:
        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
            patch.setattr(os, "replace", full)
            for number in range(60):
                mine.update_score("ada", "", number)
            assert mine._keeper is not None
            mine._keeper.join()
        assert "no snapshot could be written" in caplog.text
        assert not list(files(place).glob("unfinished*"))
    assert reread(place) == [Entry(1, "ada", "", 59)]


def test_a_snapshot_that_finds_no_memory_is_given_up_and_tried_again(
    place: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def exhausted(_: Collecting) -> bool:
        raise MemoryError

    with opened(place) as mine:
        mine.update_score("ada", "", 1)
        with monkeypatch.context() as patch, caplog.at_level(logging.ERROR):
            patch.setattr(Collecting, "proceed", exhausted)
            mine._keep_snapshot()
        assert "no snapshot could be written" in caplog.text
        assert mine._collecting is None
        mine.update_score("bob", "", 2)
        before = newest(place, "snapshot")
        mine._keep_snapshot()
        assert newest(place, "snapshot") > before
    assert reread(place) == [Entry(1, "bob", "", 2), Entry(2, "ada", "", 1)]


# ---------------------------------------------------------------------- interrupts

TRACED = {
    module.__file__
    for module in (memory, journal.board, journal.folder, journal.log, journal.order, journal.snapshot)
    if module.__file__ is not None
}

NO_SIGNAL = (*NO_POINTS, "finally:")


class InterruptAt:
    """Raises an exception at the n-th point of the board's own code."""

    def __init__(self, step: int, raised: type[BaseException]) -> None:
        self.left = step
        self.raised = raised

    def __enter__(self) -> Self:
        self.before = sys.gettrace()
        sys.settrace(self.trace)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.settrace(self.before)

    def trace(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename not in TRACED:
            return None
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        # Lines without a call, or at the end of a `with`, count, too, but Python takes no signal there.
        if event != "exception" and not (event == "line" and line.startswith(NO_SIGNAL)):
            self.left -= 1
            if self.left == 0:
                raise self.raised
        return self.trace


def reached(mine: JournalLeaderboard) -> dict[str, int]:
    """Return with which change each player reached the score that stands."""
    return {player: mine._base + (key & memory._MASK) for player, key in mine._key_of.items()}


@pytest.mark.filterwarnings("ignore:.*unclosed file")  # which is closed then
@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda mine: mine.update_score("p3", "Ada", 6), id="move"),
        pytest.param(lambda mine: mine.update_score("new", "Ada", 2.5), id="first-fraction"),
        pytest.param(lambda mine: mine.update_score("p3", "Ada", 3), id="rename"),
        pytest.param(lambda mine: mine.increment_score("p3", "Ada", -2), id="increment"),
        pytest.param(lambda mine: mine.update_scores([("p3", "", 9), ("new", "", 9), ("p3", "x", 1)]), id="batch"),
        pytest.param(lambda mine: mine.update_scores([(f"b{n}", "", n) for n in range(9)]), id="large-batch"),
        pytest.param(lambda mine: mine.remove_player("p3"), id="remove"),
        pytest.param(lambda mine: mine.clear(), id="clear"),
        pytest.param(lambda mine: mine.fence("memory://elsewhere"), id="fence"),
    ],
)
@pytest.mark.parametrize(
    ("every", "raised"),
    [
        (3, KeyboardInterrupt),
        (7, BackendUnavailableError),
        pytest.param(1, KeyboardInterrupt, marks=pytest.mark.proof),
        pytest.param(1, BackendUnavailableError, marks=pytest.mark.proof),
    ],
)
def test_an_interrupt_at_any_line_leaves_memory_and_disk_in_agreement(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[JournalLeaderboard], object],
    every: int,
    raised: type[BaseException],
) -> None:
    """Whatever it is: a signal handler that calls a board, for example, may raise an error of the tree."""
    monkeypatch.setattr(order, "LARGE_BATCH", 8)
    monkeypatch.setattr(JournalLeaderboard, "_longest", 8)
    start = [(f"p{number}", "", number % 7) for number in range(20)]
    for step in range(1, 10_000, every):
        mine = opened(place, fsync="never", feed=5)
        mine.lift_fence()
        mine.clear()
        mine.update_scores(start)
        try:
            with InterruptAt(step, raised):
                act(mine)
        except raised:
            pass
        else:
            assert step > 1
            mine.close()
            return
        shown = list(mine), mine.fenced()
        mine._chunks.check()
        killed = reached(mine)
        mine._folder.close()  # as kill -9 leaves it
        mine._closing.set()
        with opened(place) as again:
            assert (list(again), again.fenced()) == shown
            assert reached(again) == killed
            again.lift_fence()
            again.update_score("after", "", 1)
    pytest.fail("the operation has no end")


class SignalledFile(FileIO):
    """A signal comes each time when a frame was written."""

    armed = True

    def write(self, data: Any) -> int:
        written = super().write(data) or 0
        if self.armed:
            signal.raise_signal(signal.SIGUSR1)
        return written


@contextmanager
def handled_amid_writes(
    mine: JournalLeaderboard, handle: Callable[[], object], kind: type[SignalledFile] = SignalledFile
) -> Iterator[None]:
    """Have a signal handler make a call between the frame of a write and its change of the memory."""
    written = mine._folder.log
    assert written._file is not None
    written._file.close()
    file = written._file = kind(written.path, "ab")

    def handler(_number: int, _frame: FrameType | None) -> None:
        handle()

    before = {number: signal.signal(number, handler) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    try:
        yield
    finally:
        file.armed = False
        for number, handled in before.items():
            signal.signal(number, handled)


AMID_WRITES = [
    pytest.param(lambda mine: mine.update_score("ada", "", 5), id="update"),
    pytest.param(lambda mine: mine.update_scores([("ada", "", 5), ("new", "", 6)]), id="batch"),
    pytest.param(lambda mine: mine.remove_player("ada"), id="remove"),
    pytest.param(lambda mine: mine.clear(), id="clear"),
    pytest.param(lambda mine: mine.fence("memory://elsewhere"), id="fence"),
]


@pytest.mark.parametrize("act", AMID_WRITES)
def test_a_signal_handler_that_calls_the_board_amid_a_write_leaves_memory_and_disk_in_agreement(
    place: Path, act: Callable[[JournalLeaderboard], object]
) -> None:
    with opened(place, fsync="never") as mine:
        mine.update_scores([("ada", "", 1), ("bob", "", 2)])
        with handled_amid_writes(mine, mine.count), pytest.raises(BackendUnavailableError, match="middle of another"):
            act(mine)
        mine.update_score("late", "", 3)
        found = list(mine), mine.fenced()
    with opened(place) as again:
        assert (list(again), again.fenced()) == found


def stop_twice() -> None:
    """Have two signals come at once, as where a service is stopped and its terminal is closed."""
    os.system(f"kill -USR1 {os.getpid()}; kill -USR2 {os.getpid()}")  # noqa: S605 - it ends before Python sees them


class StoppedFile(SignalledFile):
    def write(self, data: Any) -> int:
        written = FileIO.write(self, data) or 0
        if self.armed:
            stop_twice()
        return written


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("act", AMID_WRITES[1:])
def test_a_second_interrupt_before_the_first_is_noted_leaves_memory_and_disk_in_agreement(
    place: Path, act: Callable[[JournalLeaderboard], object]
) -> None:
    with opened(place, fsync="never") as mine:
        mine.update_scores([("ada", "", 1), ("bob", "", 2)])
        with handled_amid_writes(mine, interrupt, StoppedFile), pytest.raises(KeyboardInterrupt) as interrupted:
            act(mine)
        assert isinstance(interrupted.value.__context__, KeyboardInterrupt)
        found = list(mine), mine.fenced()
    with opened(place) as again:
        assert (list(again), again.fenced()) == found


def test_a_second_interrupt_of_a_large_batch_leaves_memory_and_disk_in_agreement(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> NoReturn:
        stop_twice()
        raise AssertionError

    monkeypatch.setattr(order, "LARGE_BATCH", 3)
    with opened(place, fsync="never") as mine:
        mine.update_score("ada", "", 1)
        with handled_amid_writes(mine, interrupt), monkeypatch.context() as patch:
            patch.setattr(mine, "_state", stopped)
            with pytest.raises(KeyboardInterrupt) as interrupted:
                mine.update_scores([(f"p{number}", "", number) for number in range(3)])
        assert isinstance(interrupted.value.__context__, KeyboardInterrupt)
        mine.update_score("bob", "", 2)
        found = list(mine)
    assert reread(place) == found


@pytest.mark.parametrize("taken", [False, True])
def test_a_large_batch_that_is_refused_leaves_no_snapshot_to_the_next_write(
    place: Path, monkeypatch: pytest.MonkeyPatch, *, taken: bool
) -> None:
    """Unless the disk may have taken the batch."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(order, "LARGE_BATCH", 3)
    with opened(place, fsync="never") as mine:
        with monkeypatch.context() as patch:
            patch.setattr(folder, "sync_folder" if taken else "sync", full)
            with pytest.raises(WriteOutcomeUnknownError if taken else BackendFullError):
                mine.update_scores([(f"p{number}", "", number) for number in range(3)])
        before = newest(place, "snapshot")
        mine.update_score("ada", "", 1)
        assert (newest(place, "snapshot") > before) is taken
    assert reread(place) == [Entry(1, "ada", "", 1)]


def test_a_signal_handler_that_closes_the_board_amid_a_write_is_refused_and_the_board_stays_open(place: Path) -> None:
    """Closing would take the files from under the write, and wait for threads that wait for it."""
    with opened(place, fsync="never") as mine:
        mine.update_score("ada", "", 1)
        with handled_amid_writes(mine, mine.close), pytest.raises(BackendUnavailableError, match="middle of another"):
            mine.update_score("ada", "", 5)
        assert not mine.closed
        assert mine.get_score("ada") == 5
        version = mine.get_version()
    with opened(place) as again:
        assert (again.get_score("ada"), again.get_version()) == (5, version)


def test_a_part_around_a_board_that_is_closed_amid_a_write_stays_open_and_closes_it_later(place: Path) -> None:
    with opened(place, fsync="never") as mine:
        mine.update_score("ada", "", 1)
        around = DelegatingLeaderboard(mine)
        with handled_amid_writes(mine, around.close), pytest.raises(BackendUnavailableError, match="middle of another"):
            around.update_score("ada", "", 5)
        assert not around.closed
        assert around.get_score("ada") == 5
        around.close()
        assert mine.closed
