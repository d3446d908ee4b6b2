"""What a ZODB file survives: kill -9, damaged ends, a full disk, other processes, fork, interrupts."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple

import pytest
from ZODB.fsIndex import fsIndex

from leaderboard_backends import (
    BackendFullError,
    BackendUnavailableError,
    Entry,
    WriteOutcomeUnknownError,
)
from leaderboard_backends.backends.zodb import ZODBLeaderboard, ZODBMemoryLeaderboard, storage
from leaderboard_backends.backends.zodb.counts import Counts
from leaderboard_backends.backends.zodb.order import StoredBoard
from leaderboard_backends.backends.zodb.storage import BoardFile
from leaderboard_backends.backends.zodb.torn import cut_zeroed_end, last_is_zeroed

from ..conformance.conftest import made_folder


@pytest.fixture
def path() -> Iterator[Path]:
    """A new file, in memory where there is such: how long a disk takes to flush is not judged here."""
    with made_folder() as folder:
        yield folder / "board.fs"


def run(program: str, *arguments: object) -> str:
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---------------------------------------------------------------------- kill -9

UPDATES = """
import random, sys
from leaderboard_backends.backends.zodb import ZODBLeaderboard
from leaderboard_backends.backends.zodb.counts import Counts
from leaderboard_backends.backends.zodb.order import StoredBoard
StoredBoard.segment_keys, StoredBoard.group_segments = 16, 4
random_ = random.Random(int(sys.argv[2]))
with ZODBLeaderboard(path=sys.argv[1]) as board:
    first = int(board.get_score("counter") or 0)
    for number in range(first + 1, first + 100_000):
        player, score = f"p{random_.randrange(200)}", random_.randrange(40)
        board.update_scores([(player, f"n{number}", score), ("counter", "", number)])
        print(number, player, score, flush=True)
"""


def acknowledged(lines: IO[str], process: subprocess.Popen[str], kill_after: int) -> Iterator[tuple[int, str, int]]:
    """Yield each update that was acknowledged; kill the process after some, and read what it had still said."""
    for at, line in enumerate(lines):
        if at == kill_after:
            process.kill()
        if line.endswith("\n"):
            number, player, score = line.split()
            yield int(number), player, int(score)


def test_kill_9_loses_no_acknowledged_update_and_breaks_no_invariant(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredBoard, "segment_keys", 16)
    monkeypatch.setattr(StoredBoard, "group_segments", 4)
    expected: dict[str, int] = {}
    for round_, kill_after in enumerate((1, 37, 120, 250)):
        last = 0
        with subprocess.Popen(
            [sys.executable, "-c", UPDATES, str(path), str(round_)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for number, player, score in acknowledged(process.stdout, process, kill_after):
                expected[player] = score
                last = number
        assert process.returncode == -signal.SIGKILL
        with ZODBLeaderboard(path=path) as board:
            board._check()
            found = {entry.player_id: entry.score for entry in board}
            counter = found.pop("counter")
            assert counter in (last, last + 1)  # the last one may have been written, but not yet reported
            differing = {player for player in found if found[player] != expected.get(player)}
            assert len(differing) <= counter - last
            assert set(expected) <= set(found)
            expected = {player: int(score) for player, score in found.items()}


# ---------------------------------------------------------------------- damaged files


def fill(path: Path) -> list[Entry]:
    with ZODBLeaderboard(path=path) as board:
        for score in range(30):
            board.update_score(f"p{score}", "name", score)
        return list(board)


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("tail", [bytes(4096), bytes(100_000), b"torn", b"\0" * 23])
def test_a_damaged_end_is_cut_off_and_the_board_goes_on(path: Path, tail: bytes, *, indexed: bool) -> None:
    entries = fill(path)
    size = path.stat().st_size
    if not indexed:
        path.with_suffix(".fs.index").unlink()
    with path.open("ab") as file:
        file.write(tail)
    with ZODBLeaderboard(path=path) as board:
        assert list(board) == entries
        assert path.stat().st_size == size
        assert board.update_score("ada", "Ada", 1000) == 1
        assert board.get_rank("ada") == 1
        board._check()
    with ZODBLeaderboard(path=path) as board:
        assert board.get_rank("ada") == 1


@pytest.mark.parametrize("cut", [1, 8, 40, 200, 700])
def test_a_torn_last_transaction_is_dropped_whole(path: Path, cut: int) -> None:
    entries = fill(path)
    with ZODBLeaderboard(path=path) as board:
        size = path.stat().st_size
        board.update_score("ada", "Ada", 1000)
        assert path.stat().st_size - size > cut
    path.with_suffix(".fs.index").unlink()
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - cut)
    with ZODBLeaderboard(path=path) as board:
        board._check()
        assert list(board) == entries
        assert board.update_score("ada", "Ada", 1000) == 1


def test_damage_in_the_middle_is_refused_with_a_remedy(path: Path) -> None:
    fill(path)
    path.with_suffix(".fs.index").unlink()
    content = bytearray(path.read_bytes())
    content[4 + 8 : 4 + 16] = (24).to_bytes(8, "big")
    path.write_bytes(content)
    with pytest.raises(BackendUnavailableError, match=r"is damaged .*fsrecover"):
        ZODBLeaderboard(path=path)
    assert path.read_bytes() == content


def test_an_end_that_no_crash_leaves_behind_is_refused_with_a_remedy(path: Path) -> None:
    fill(path)
    with path.open("ab") as file:
        file.write(b"\xff" * 500)
    content = path.read_bytes()
    with pytest.raises(BackendUnavailableError, match=r"is damaged .*fsrecover"):
        ZODBLeaderboard(path=path)
    assert path.read_bytes() == content


class Torn(NamedTuple):
    """A closed file, and its last transaction, which is small."""

    path: Path
    content: bytes
    start: int
    earlier_index: bytes
    """The index of positions that was saved before the last transaction."""

    def damage(self, start: int, length: int, damage: bytes = b"\0") -> bytes:
        """Overwrite some of the last transaction, counted from its start; return what the file then holds."""
        at = self.start + start
        content = self.content[:at] + damage * length + self.content[at + length :]
        self.path.write_bytes(content)
        return content

    @property
    def length(self) -> int:
        return len(self.content) - self.start

    @property
    def index_file(self) -> Path:
        return self.path.with_suffix(".fs.index")

    def forget_copies(self) -> None:
        """Remove the copies of what was cut off: each one more makes the search for a free name longer."""
        for copy in self.path.parent.glob("*.tr*"):
            copy.unlink()


@pytest.fixture
def torn(path: Path) -> Torn:
    with ZODBLeaderboard(path=path) as board:
        for score in range(12):
            board.update_score(f"p{score}", "name", score)
    earlier_index, start = path.with_suffix(".fs.index").read_bytes(), path.stat().st_size
    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1000)
    return Torn(path, path.read_bytes(), start, earlier_index)


def expect_the_state_before(torn: Torn) -> None:
    with ZODBLeaderboard(path=torn.path) as board:
        assert torn.path.stat().st_size == torn.start
        board._check()
        assert [entry.player_id for entry in board] == [f"p{score}" for score in reversed(range(12))]
        assert board.update_score("bob", "Bob", 500) == 1
        board._check()
    with ZODBLeaderboard(path=torn.path) as board:
        assert board.get_rank("bob") == 1
        assert len(board) == 13
    torn.forget_copies()


QUICK_OR_WHOLE = pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.proof)], ids=["quick", "whole"])


@QUICK_OR_WHOLE
@pytest.mark.parametrize("index", ["none", "before", "after"])
def test_a_last_transaction_whose_end_is_zeros_is_cut_off(torn: Torn, index: str, step: int) -> None:
    indexes = {"before": torn.earlier_index, "after": torn.index_file.read_bytes()}
    for length in [*range(1, 80, step), *range(80, torn.length, 31), torn.length - 1, torn.length]:
        torn.damage(torn.length - length, length)
        if index == "none":
            torn.index_file.unlink()
        else:
            torn.index_file.write_bytes(indexes[index])
        expect_the_state_before(torn)


@pytest.mark.parametrize("index", ["none", "before", "after"])
def test_a_last_transaction_with_zeros_inside_is_cut_off(torn: Torn, index: str) -> None:
    indexes = {"before": torn.earlier_index, "after": torn.index_file.read_bytes()}
    for start in range(0, torn.length - 64, 23):
        for length in (64, 512):
            torn.damage(start, min(length, torn.length - start))
            if index == "none":
                torn.index_file.unlink()
            else:
                torn.index_file.write_bytes(indexes[index])
            expect_the_state_before(torn)


def test_zeros_are_found_where_a_name_then_reaches_into_a_backslash(torn: Torn) -> None:
    tid = torn.content[torn.start : torn.start + 8]
    tids = torn.content[torn.start :].replace(tid, tid[:5] + b"\\D" + tid[7:])
    torn = torn._replace(content=torn.content[: torn.start] + tids)
    for start in range(0, torn.length - 520, 23):
        torn.damage(start, 512)
        assert last_is_zeroed(str(torn.path), len(torn.content))


@QUICK_OR_WHOLE
@pytest.mark.parametrize("length", [64, 100, 512, 1000])
def test_zeros_of_some_length_are_found_wherever_they_are(torn: Torn, length: int, step: int) -> None:
    for start in range(0, torn.length - length + 1, step):
        torn.damage(start, length)
        assert last_is_zeroed(str(torn.path), len(torn.content)) or torn.length - length - start < 8, start
        assert cut_zeroed_end(str(torn.path)), start
        assert torn.path.read_bytes() == torn.content[: torn.start]
        copy = torn.path.with_suffix(".fs.tr0")
        assert len(copy.read_bytes()) == torn.length
        torn.forget_copies()


@QUICK_OR_WHOLE
@pytest.mark.parametrize("length", [1, 2, 4, 8, 16, 32])
def test_a_few_zeros_are_cut_off_with_their_transaction_or_left_alone(torn: Torn, length: int, step: int) -> None:
    cut = 0
    for start in range(0, torn.length - length + 1, step):
        content = torn.damage(start, length)
        if cut_zeroed_end(str(torn.path)):
            assert content != torn.content
            assert torn.path.read_bytes() == torn.content[: torn.start]
            torn.forget_copies()
            cut += 1
        else:
            assert torn.path.read_bytes() == content
    assert cut > torn.length / step / 4


def test_a_board_whose_last_write_was_cut_off_says_so_and_keeps_a_copy(
    torn: Torn, caplog: pytest.LogCaptureFixture
) -> None:
    content = torn.damage(100, 400)
    with caplog.at_level("WARNING", "leaderboard_backends"):
        expected = f"{torn.path}: the last transaction, {torn.length} bytes at offset {torn.start}, is partly zeros"
        with ZODBLeaderboard(path=torn.path):
            pass
    assert expected in "".join(record.getMessage() for record in caplog.records)
    assert torn.path.with_suffix(".fs.tr0").read_bytes() == content[torn.start :]


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("length", [1, 8, 30])
def test_a_last_transaction_that_ends_in_no_zeros_is_refused_as_it_is(
    torn: Torn, length: int, *, indexed: bool
) -> None:
    content = torn.damage(torn.length - length, length, b"\xff")
    if not indexed:
        torn.index_file.unlink()
    with pytest.raises(BackendUnavailableError, match=r"is damaged .*fsrecover"):
        ZODBLeaderboard(path=torn.path)
    assert torn.path.read_bytes() == content


@pytest.mark.parametrize("last_too", [True, False])
@pytest.mark.parametrize("length", [8, 30, 64, 512])
def test_zeros_before_the_last_transaction_are_refused_and_left_alone(
    torn: Torn, length: int, *, last_too: bool
) -> None:
    content = torn.damage(-length, length)
    if last_too:
        content = content[:-20] + bytes(20)
        torn.path.write_bytes(content)
    torn.index_file.unlink()
    with pytest.raises(BackendUnavailableError, match=r"is damaged .*fsrecover"):
        ZODBLeaderboard(path=torn.path)
    assert torn.path.read_bytes() == content


@pytest.mark.parametrize("behind", [b"\xff", b"more", bytes(23) + b"x"])
def test_a_zeroed_transaction_is_refused_where_more_follows_it(torn: Torn, behind: bytes) -> None:
    content = torn.damage(100, 400) + behind
    torn.path.write_bytes(content)
    assert not cut_zeroed_end(str(torn.path))
    assert torn.path.read_bytes() == content


def test_a_new_file_with_zeros_in_its_first_transactions_opens_and_goes_on(path: Path) -> None:
    with ZODBLeaderboard(path=path):
        pass
    content = path.read_bytes()
    first = 4 + int.from_bytes(content[12:20], "big") + 8
    for size, start in ((first, 4), (len(content), first)):
        for zeros in range(1, size - start + 1, 11):
            for old in path.parent.glob("board.fs.*"):
                old.unlink()
            path.write_bytes(content[: size - zeros] + bytes(zeros))
            with ZODBLeaderboard(path=path) as board:
                assert board.update_score("ada", "Ada", 1) == 1
                board._check()
            with ZODBLeaderboard(path=path) as board:
                assert len(board) == 1


def test_zeros_that_were_written_are_no_damage(path: Path) -> None:
    with ZODBLeaderboard(path=path) as board:
        for round_ in range(20):
            board.update_scores([(f"{player}" + "\0" * 100, "\0" * 128, 0) for player in range(round_ * 10)])
            size = path.stat().st_size
            assert not last_is_zeroed(str(path), size)
        entries = list(board)
        board.pack()
        assert not last_is_zeroed(str(path), path.stat().st_size)
    with ZODBLeaderboard(path=path) as board:
        assert list(board) == entries


def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the inode of all that is synced from now on."""
    inodes: list[int] = []
    fsync = os.fsync

    def sync(file: int) -> None:
        fsync(file)
        inodes.append(os.fstat(file).st_ino)

    monkeypatch.setattr(os, "fsync", sync)
    return inodes


def test_opening_syncs_what_a_killed_process_may_have_left(torn: Torn, monkeypatch: pytest.MonkeyPatch) -> None:
    inodes = synced(monkeypatch)
    with ZODBLeaderboard(path=torn.path):
        assert torn.path.stat().st_ino in inodes


def test_a_packed_file_is_synced_before_it_takes_the_place_of_the_old_one(
    torn: Torn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ZODBLeaderboard(path=torn.path) as board:
        inodes = synced(monkeypatch)
        board.pack()
        assert torn.path.stat().st_ino in inodes


def test_a_packed_file_that_cannot_be_synced_leaves_the_old_one_in_place(
    torn: Torn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: str) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with ZODBLeaderboard(path=torn.path) as board:
        with monkeypatch.context() as patch:
            patch.setattr(storage, "_sync", fail)
            with pytest.raises(BackendUnavailableError):
                board.pack()
        assert torn.path.read_bytes() == torn.content
        assert board.update_score("bob", "Bob", 2000) == 1
        board.pack()
        board._check()


def test_a_pack_that_was_cut_between_its_renames_is_undone(path: Path) -> None:
    entries = fill(path)
    path.rename(f"{path}.old")
    Path(f"{path}.pack").write_bytes(b"FS30")
    with ZODBLeaderboard(path=path) as board:
        assert list(board) == entries


# ---------------------------------------------------------------------- full disk

FULL = """
import os, resource, sys
from leaderboard_backends import BackendFullError
from leaderboard_backends.backends.zodb import ZODBLeaderboard
path, room = sys.argv[1], int(sys.argv[2])
def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
with ZODBLeaderboard(path=path) as board:
    board.update_scores([(f"p{player}", "name" * 10, player) for player in range(3000)])
    for padding in range(50):
        board.update_score(f"p{padding}", "", padding + 0.5)
    before = list(board)
    size = os.path.getsize(path)
    limit(size + room)
    done = refused = 0
    for attempt in range(40):
        try:
            board.update_score(f"new{attempt}", "", 0.25)
            done += 1
        except BackendFullError as error:
            assert "nothing was applied" in str(error), error
            refused += 1
            assert board.get_rank("p2999") == 1
            assert len(board) == 3000 + done
    assert refused, (done, refused)
    try:
        board.update_scores([(f"more{player}", "", player) for player in range(20000)])
    except BackendFullError as error:
        assert error.applied == 0
    else:
        raise AssertionError("the large load fitted")
    limit(1000)
    try:
        board.pack()
    except BackendFullError:
        assert len(board) == 3000 + done
    else:
        raise AssertionError("there was no room to pack")
    limit(resource.RLIM_INFINITY)
    board.pack()
    assert board.update_score("after", "", 10**6) == 1
    assert len(board) == 3001 + done
    board._check()
with ZODBLeaderboard(path=path) as board:
    board._check()
    assert board.get_rank("after") == 1
    assert [e.player_id for e in board if e.player_id[0] == "p"] == [e.player_id for e in before]
print("whole")
"""


@pytest.mark.parametrize("room", [0, 60, 1000, 3000, 8200, 9000, 20_000])
def test_a_full_disk_refuses_writes_serves_reads_and_goes_on_when_there_is_room(path: Path, room: int) -> None:
    assert run(FULL, path, room) == "whole\n"


@pytest.mark.parametrize("stage", ["making the file", "making its first transaction"])
def test_a_full_disk_on_which_no_file_can_be_made_is_said_to_be_full(
    path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        if stage == "making the file":
            patch.setattr(storage, "_sync", full)
        else:
            patch.setattr(BoardFile, "tpc_vote", full)
        with pytest.raises(BackendFullError, match="no room left on the disk"):
            ZODBLeaderboard(path=path)
    with ZODBLeaderboard(path=path) as board:
        assert board.update_score("ada", "Ada", 1) == 1


def test_a_full_disk_that_has_no_room_for_an_index_keeps_nobody_from_opening_or_packing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
        board.update_score("ada", "Ada", 2)
    index = Path(f"{path}.index")
    index.unlink()  # as after a process was killed that made the file
    with monkeypatch.context() as patch:
        patch.setattr(fsIndex, "save", full)
        with ZODBLeaderboard(path=path) as board:
            board.pack()
            assert board.get_score("ada") == 2
    assert not index.exists()
    with ZODBLeaderboard(path=path) as board:
        assert board.get_score("ada") == 2
    assert index.exists()


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(OSError(errno.EIO, "Input/output error"), id="disk"),
        pytest.param(BackendUnavailableError("of another board"), id="handler"),
    ],
)
def test_a_commit_that_failed_while_the_disk_synced_is_unknown_and_the_board_opens_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Whatever it was: a signal handler that calls a board may let an error of the tree go on into the commit."""
    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)

        def fail(_storage: BoardFile, _tid: bytes) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(BoardFile, "_finish_finish", fail)
            with pytest.raises(WriteOutcomeUnknownError, match="may be on disk") as caught:
                board.update_score("bob", "Bob", 2)
        assert isinstance(caught.value.__cause__, type(error))
        assert board.get_rank("ada") in (1, 2)
        assert board.update_score("cy", "Cy", 3) == 1
        board._check()
    with ZODBLeaderboard(path=path) as board:
        assert board.get_rank("cy") == 1


@pytest.mark.parametrize("kind", ["file", "memory"])
@pytest.mark.parametrize("error", [BackendUnavailableError("of another board"), TimeoutError("a time limit")])
def test_an_error_that_comes_right_after_a_commit_does_not_say_that_nothing_was_applied(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    """A signal handler may let one go on into what ZODB still does once the storage has made a commit final."""
    with ZODBLeaderboard(path=path) if kind == "file" else ZODBMemoryLeaderboard() as board:
        board.update_score("ada", "Ada", 1)
        kind_of_storage = type(board._database._storage)
        finish = kind_of_storage.tpc_finish

        def interrupted(*transaction: object) -> None:
            finish(*transaction)
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(kind_of_storage, "tpc_finish", interrupted)
            with pytest.raises(WriteOutcomeUnknownError, match="read it before you repeat it"):
                board.update_score("bob", "Bob", 2)
        assert board.get_score("bob") == 2
        assert board.update_score("cy", "Cy", 3) == 1
        board._check()


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_a_time_limit_that_cuts_the_beginning_of_a_commit_leaves_no_lock_held(
    path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Between the storage's taking its lock and noting for whom, after which the end of the transaction frees it."""
    with ZODBLeaderboard(path=path) if kind == "file" else ZODBMemoryLeaderboard() as board:
        board.update_score("ada", "Ada", 1)

        def cut(of: BoardFile, _transaction: object) -> None:
            of._commit_lock.acquire()
            raise TimeoutError("a time limit")

        with monkeypatch.context() as patch:
            patch.setattr(type(board._database._storage), "tpc_begin", cut)
            with pytest.raises(BackendUnavailableError, match="Nothing was applied"):
                board.update_score("bob", "Bob", 2)
        assert board.get_score("bob") is None
        assert not board._database._storage._commit_lock.locked()
        assert board.update_score("cy", "Cy", 3) == 1
        board._check()


WITHIN = """
import signal, sys
from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.backends.zodb import ZODBLeaderboard, storage

board = ZODBLeaderboard(path=sys.argv[1])
board.update_score("ada", "Ada", 1)
refused = []

def handle(*_):
    for call in (lambda: board.get_rank("ada"), lambda: board.update_score("bob", "Bob", 2), board.pack):
        try:
            call()
        except BackendUnavailableError as error:
            refused.append("in the middle of another call of this thread" in str(error))

finish = storage.BoardFile._finish

def interrupted(file, *transaction):
    signal.raise_signal(signal.SIGALRM)
    finish(file, *transaction)

signal.signal(signal.SIGALRM, handle)
storage.BoardFile._finish = interrupted
print(board.update_score("ada", "Ada", 5), refused)
storage.BoardFile._finish = finish
print(board.update_score("bob", "Bob", 9), len(board))
board.close()
"""


def test_a_signal_handler_that_calls_a_board_amid_a_commit_is_refused_and_that_goes_on(path: Path) -> None:
    """Its write would wait for ever for the commit that it interrupts."""
    assert run(WITHIN, path) == "1 [True, True, True]\n1 2\n"


OF_AN_APP = """
import sys
import ZODB
from ZODB.FileStorage import FileStorage
from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.backends.zodb import ZODBLeaderboard

db = ZODB.DB(sys.argv[1])
one, other = ZODBLeaderboard("one", database=db), ZODBLeaderboard("other", database=db)
third = ZODBLeaderboard("third", database=db)
finish, refused = FileStorage._finish, []

def interrupted(file, *transaction):
    for call in (lambda: other.get_rank("bob"), lambda: other.update_score("bob", "Bob", 2)):
        try:
            call()
        except BackendUnavailableError as error:
            refused.append("in the middle of another call of this thread" in str(error))
    try:
        one.close()
    except BackendUnavailableError:
        refused.append(one.closed)
    third.close()
    finish(file, *transaction)

FileStorage._finish = interrupted
print(one.update_score("ada", "Ada", 5), refused)
FileStorage._finish = finish
print(other.update_score("bob", "Bob", 9), len(one))
one.close()
other.close()
db.close()
"""


def test_a_call_of_another_board_of_an_apps_database_amid_a_commit_is_refused_and_that_goes_on(path: Path) -> None:
    """It would wait for ever, too: what a commit has locked is the database's."""
    assert run(OF_AN_APP, path) == "1 [True, True, False]\n1 1\n"


CLOSED_WITHIN = """
import sys
from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.backends.zodb import ZODBLeaderboard, storage

board = ZODBLeaderboard(path=sys.argv[1])
finish, refused = storage.BoardFile._finish, []

def interrupted(file, *transaction):
    another.close()
    try:
        board.close()
    except BackendUnavailableError as error:
        refused.append("in the middle of another call of this thread" in str(error))
    finish(file, *transaction)

another = ZODBLeaderboard("another", path=sys.argv[1])
storage.BoardFile._finish = interrupted
print(board.update_score("ada", "Ada", 5), refused, another.closed, board.closed)
storage.BoardFile._finish = finish
print(board.get_rank("ada"))
board.close()
with ZODBLeaderboard(path=sys.argv[1], create=False) as again:
    print(board.closed, again.get_score("ada"))
"""


def test_a_board_that_is_closed_amid_its_own_commit_refuses_at_once_and_stays_open(path: Path) -> None:
    """Closing would wait in vain for the commit that it interrupts. Another board on the file can be closed."""
    assert run(CLOSED_WITHIN, path) == "1 [True] True False\n1\nTrue 5\n"


# ---------------------------------------------------------------------- other processes


def test_a_file_that_was_moved_or_replaced_is_reported_by_ping(path: Path) -> None:
    elsewhere = path.with_name("elsewhere.fs")
    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
        board.pack()  # which makes another file, in its place
        board.ping()
        path.rename(elsewhere)
        for _ in ("moved", "replaced"):
            with pytest.raises(BackendUnavailableError, match="was moved, removed or replaced"):
                board.ping()
            path.write_bytes(elsewhere.read_bytes())
        elsewhere.rename(path)
        board.ping()


def test_a_file_in_the_place_of_the_open_one_is_neither_cut_nor_taken_for_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a backup is restored while the app still runs."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    elsewhere, other = path.with_name("elsewhere.fs"), b"FS30" + bytes(100_000)
    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
        path.rename(elsewhere)
        path.write_bytes(other)
        with monkeypatch.context() as patch:
            patch.setattr(BoardFile, "store", full)
            with pytest.raises(BackendFullError):
                board.update_score("bob", "Bob", 2)
        assert path.read_bytes() == other
        with pytest.raises(BackendUnavailableError, match="was moved, removed or replaced"):
            board.get_score("ada")
        elsewhere.rename(path)
        assert board.get_score("ada") == 1
        assert board.update_score("bob", "Bob", 2) == 1


def test_a_file_whose_closing_an_interrupt_cut_is_opened_anew(path: Path) -> None:
    """Its descriptor is that of the null device then, which is no other file in its place."""
    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
        with Path(os.devnull).open("r+b") as null:
            os.dup2(null.fileno(), board._database._storage._file.fileno(), inheritable=False)
        board._database._failed = True
        assert board.update_score("bob", "Bob", 2) == 1
        assert board.get_rank("ada") == 2


@pytest.mark.parametrize("when", ["before", "while it is packed"])
def test_a_pack_leaves_alone_what_took_the_place_of_the_open_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    elsewhere = path.with_name("elsewhere.fs")

    def replace(*_: object) -> None:
        path.rename(elsewhere)
        path.write_bytes(b"a backup")

    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
        with monkeypatch.context() as patch:
            if when == "before":
                replace()
            else:
                patch.setattr(storage, "_sync", replace)
            with pytest.raises(BackendUnavailableError, match="moved, removed or replaced"):
                board.pack()
        assert path.read_bytes() == b"a backup"
        elsewhere.rename(path)
        board.pack()
        assert board.update_score("bob", "Bob", 2) == 1


def test_a_read_takes_no_file_for_the_open_one_that_took_its_place(path: Path) -> None:
    """Where several threads read at once, each has opened the file by its name."""
    elsewhere = path.with_name("elsewhere.fs")
    with ZODBLeaderboard(path=path) as board, ThreadPoolExecutor(1) as other:
        files = board._database._storage._files
        with files.get():
            path.rename(elsewhere)
            path.write_bytes(elsewhere.read_bytes())
            with pytest.raises(OSError, match="moved, removed or replaced"):
                other.submit(files.lend).result()
            elsewhere.rename(path)
            files.take_back(other.submit(files.lend).result())


OPEN_ELSEWHERE = """
import sys
from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.backends.zodb import ZODBLeaderboard
try:
    ZODBLeaderboard(path=sys.argv[1])
except BackendUnavailableError as error:
    print(error)
"""


def test_a_file_open_in_another_process_is_refused_with_the_remedy(path: Path) -> None:
    with ZODBLeaderboard(path=path) as board:
        said = run(OPEN_ELSEWHERE, path)
        assert f"{path} is open in another process" in said
        assert "ZEO" in said
        assert board.update_score("ada", "Ada", 1) == 1
    assert run(OPEN_ELSEWHERE, path) == ""


FORK = """
import os, sys, threading
from leaderboard_backends import BackendUnavailableError
from leaderboard_backends.backends.zodb import ZODBLeaderboard
path = sys.argv[1]
board = ZODBLeaderboard(path=path)
board.update_score("ada", "Ada", 1)
stop = threading.Event()
def write():
    while not stop.is_set():
        board.increment_score("thread", "", 1)
writer = threading.Thread(target=write)
writer.start()
for _ in range(10):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for operation in (lambda: board.get_rank("ada"), lambda: board.update_score("ada", "Ada", 9), board.pack,
                              board.ping, lambda: ZODBLeaderboard(path=path)):
                try:
                    operation()
                except BackendUnavailableError as error:
                    assert path in str(error), error
                else:
                    raise AssertionError("the child used the parent's file")
            board.close()
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    board.update_score("ada", "Ada", 2)
stop.set()
writer.join()
count = board.get_score("thread")
board._check()
board.close()
with ZODBLeaderboard(path=path) as board:
    assert board.get_score("thread") == count
    board._check()
print("whole")
"""


def test_a_forked_child_is_refused_and_the_parent_goes_on(path: Path) -> None:
    assert run(FORK, path) == "whole\n"


# ---------------------------------------------------------------------- interrupts


@pytest.mark.parametrize("kind", ["file", "memory"])
@pytest.mark.parametrize("method", ["_end_of_tie", "_insert", "_delete", "_split_segment", "position", "_group"])
def test_an_interrupt_anywhere_in_an_update_leaves_the_board_as_it_was(
    path: Path, kind: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StoredBoard, "segment_keys", 8)
    with ZODBLeaderboard(path=path) if kind == "file" else ZODBMemoryLeaderboard() as board:
        board.update_scores([(f"p{player}", "", player) for player in range(50)])
        for extra in range(20):
            board.update_score(f"q{extra}", "", 25.5)
        before = list(board)
        original = getattr(StoredBoard, method)

        def interrupt(*args: object) -> None:
            original(*args)
            raise KeyboardInterrupt

        def write() -> None:
            if method == "position":  # which only an update that tells the rank asks for
                board.update_score("p8", "", 31.5)
            board.update_scores([("p7", "", 30.5)] + [(f"z{extra}", "", 25.5) for extra in range(9)])

        with monkeypatch.context() as patch:
            patch.setattr(StoredBoard, method, interrupt)
            with pytest.raises(KeyboardInterrupt):
                write()
        board._check()
        assert list(board) == before
        assert board.update_score("ada", "Ada", 1000) == 1
        board._check()


def test_an_error_of_a_signal_handler_amid_an_update_leaves_the_board_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one of the tree, as where the handler calls another board, that comes before ZODB takes note of a change."""

    def cut(counts: Counts, segment: int, difference: int) -> None:
        counts.values[segment] += difference
        raise BackendUnavailableError("of another board")

    with ZODBLeaderboard(path=path) as board:
        board.update_scores([("ada", "Ada", 1), ("bob", "Bob", 2)])
        with monkeypatch.context() as patch:
            patch.setattr(Counts, "add", cut)
            with pytest.raises(BackendUnavailableError, match="of another board"):
                board.update_score("cy", "Cy", 3)
        board._check()
        assert board.update_score("cy", "Cy", 3) == 1
        board._check()


def test_a_commit_cut_while_it_enters_its_records_leaves_no_wrong_index(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ZODBLeaderboard(path=path) as board:
        board.update_scores([(f"p{player}", "", player) for player in range(900)])
        storage = board._database._storage

        def update_partly(_index: fsIndex, records: dict[bytes, int]) -> None:
            for oid, position in list(records.items())[:5]:
                _index[oid] = position
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(type(storage._index), "update", update_partly)
            with pytest.raises(KeyboardInterrupt):
                board.update_scores([(f"p{player}", "", player + 0.5) for player in range(0, 900, 50)])
        board._check()
        assert board.get_score("p850") in (850, 850.5)
    with ZODBLeaderboard(path=path) as board:
        board._check()


@pytest.mark.parametrize("stage", ["tpc_begin", "store", "tpc_vote", "_finish_finish"])
def test_an_interrupt_in_a_commit_leaves_the_board_whole(
    path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(BoardFile, stage)
    armed: list[bool] = []

    def interrupt(*args: object, **kwargs: object) -> object:
        result = original(*args, **kwargs)
        if armed:
            armed.clear()
            raise KeyboardInterrupt
        return result

    monkeypatch.setattr(BoardFile, stage, interrupt)
    with ZODBLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
        armed.append(True)
        with pytest.raises(KeyboardInterrupt):
            board.update_score("bob", "Bob", 2)
        assert (board.get_rank("bob") is None) is (stage != "_finish_finish")
        assert board.update_score("cy", "Cy", 3) == 1
        board._check()
    with ZODBLeaderboard(path=path) as board:
        assert board.get_rank("cy") == 1


INTERRUPTED = """
import random, signal, sys
from leaderboard_backends.backends.zodb import ZODBLeaderboard, ZODBMemoryLeaderboard
board = ZODBLeaderboard(path=sys.argv[1]) if sys.argv[1] else ZODBMemoryLeaderboard()
random_ = random.Random(4)
inside, acknowledged, unsure, interrupts, tries = [], 0, 0, 0, 0
def interrupt(*_):
    if inside:
        raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
while interrupts < 100:
    tries += 1
    # A commit on a slow disk takes longer than the longest of these: each tenth one is left alone.
    signal.setitimer(signal.ITIMER_REAL, random_.uniform(0.0001, 0.004) if tries % 10 else 0)
    try:
        inside.append(1)
        player = f"p{random_.randrange(99)}"
        board.update_scores([("counter", "", unsure + acknowledged + 1), (player, "", random_.randrange(9))])
        inside.clear()
        acknowledged += 1
    except KeyboardInterrupt:
        inside.clear()
        interrupts += 1
        score = board.get_score("counter") or 0
        assert score in (acknowledged + unsure, acknowledged + unsure + 1), (score, acknowledged, unsure)
        unsure += score - acknowledged - unsure
signal.setitimer(signal.ITIMER_REAL, 0)
board._check()
assert board.get_score("counter") == acknowledged + unsure
board.close()
print("whole")
"""


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_interrupts_at_random_moments_lose_no_acknowledged_update(path: Path, kind: str) -> None:
    assert run(INTERRUPTED, path if kind == "file" else "") == "whole\n"


def test_ctrl_c_in_the_middle_of_updates_leaves_the_board_whole(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", UPDATES, str(path), "9"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        last = 0
        for line in process.stdout:
            last = int(line.split()[0]) if line.endswith("\n") else last
            if last == 50:
                os.kill(process.pid, signal.SIGINT)
    assert process.returncode != 0
    with ZODBLeaderboard(path=path) as board:
        assert board.get_score("counter") in (last, last + 1)
