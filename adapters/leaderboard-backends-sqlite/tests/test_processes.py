"""Several processes and one file: kill -9, forks, locks, writers side by side, a log that stays short."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import NoReturn

import pytest
from leaderboard_backends_sqlite import SQLiteLeaderboard, files
from leaderboard_backends_sqlite.opening import WAL_LIMIT

from leaderboard_backends import BackendUnavailableError, WriteConflictError
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.forking import Child


def run(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def running(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Start a program that is killed at the end, whatever it does."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


# ---------------------------------------------------------------------- kill -9

COUNTING = """
import sys
from leaderboard_backends_sqlite import SQLiteLeaderboard
board = SQLiteLeaderboard(path=sys.argv[1], synchronous=sys.argv[2], feed=100)
while True:
    print(board.increment_score("ada", "Ada", 1).score, flush=True)
    board.update_scores([(f"p{number}", "", number) for number in range(20)])
    board.update_scores([(f"p{number}", "", 0) for number in range(20)])
"""


@pytest.mark.parametrize("synchronous", ["full", "normal"])
def test_kill_9_loses_nothing_that_was_acknowledged(path: Path, synchronous: str) -> None:
    score = 0
    for turn in range(4):
        with running(COUNTING, path, synchronous) as process:
            assert process.stdout is not None
            for _ in range(5 + turn):
                score = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            acknowledged = [int(line) for line in process.stdout if line.endswith("\n")]
        score = max([score, *acknowledged])
        with SQLiteLeaderboard(path=path) as board:
            found = board.get_score("ada")
            assert found in (score, score + 1), "one write may have been on its way"
            assert len({entry.score for entry in board if entry.player_id != "ada"} - {0}) in (0, 19), "half a batch"
            board._check()
            score = int(found)


def test_a_killed_reader_holds_nothing_up(path: Path) -> None:
    reading = (
        "import sys; from leaderboard_backends_sqlite import SQLiteLeaderboard; "
        "board = SQLiteLeaderboard(path=sys.argv[1]); loan = board._file.lend(); "
        "connection = loan.__enter__(); connection.execute('BEGIN'); "
        "connection.execute('SELECT * FROM player').fetchone(); print('reading', flush=True); sys.stdin.read()"
    )
    with SQLiteLeaderboard(path=path) as board, running(reading, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "reading\n"
        assert board.update_score("ada", "Ada", 1) == 1
        process.kill()
        process.wait()
        assert board.update_score("ada", "Ada", 2) == 1


# ---------------------------------------------------------------------- side by side

POWERS = """
import sys
from leaderboard_backends_sqlite import SQLiteLeaderboard
with SQLiteLeaderboard(path=sys.argv[1], synchronous="normal", busy_timeout=30) as board:
    print("ready", flush=True)
    sys.stdin.readline()
    for power in range(int(sys.argv[2]), 52, 3):
        entry = board.increment_score("ada", "Ada", 2**power)
        assert int(entry.score) & 2**power
        assert board.update_score(f"p{power}", "", -power) > 1
        print(int(entry.score), flush=True)
"""


def test_processes_neither_lose_nor_double_an_increment(path: Path) -> None:
    for _ in range(2):
        with SQLiteLeaderboard(path=path) as board, ExitStack() as stack:
            board.clear()
            processes = [stack.enter_context(running(POWERS, path, first)) for first in range(3)]
            for process in processes:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("\n")
                process.stdin.flush()
            sums = [int(line) for process in processes for line in process.stdout or ()]
            assert board.get_score("ada") == 2**52 - 1 == max(sums)
            assert len(set(sums)) == 52
            assert len(board) == 53
            board._check()


MAKING = """
import os, sys
from leaderboard_backends_sqlite import SQLiteLeaderboard

def make(path, name, starter):
    os.read(starter, 1)
    with SQLiteLeaderboard(name, path=path) as board:
        board.increment_score("ada", "Ada", 1)

for turn in range(10):
    path, (starter, start) = f"{sys.argv[1]}-{turn}", os.pipe()
    children = []
    for number in range(4):
        children.append(os.fork())
        if not children[-1]:
            os.close(start)
            make(path, f"board{number % 2}", starter)
            os._exit(0)
    os.close(starter)
    os.close(start)  # which all of them wait for
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4, turn
    for name in ("board0", "board1"):
        with SQLiteLeaderboard(name, path=path) as board:
            assert board.get_score("ada") == 2, turn
print("made")
"""


def test_several_processes_may_make_one_file_at_once(path: Path) -> None:
    done = run(MAKING, path)
    assert done.stdout == "made\n", done.stderr


CAPPED = """
import os, sys
from leaderboard_backends import UpdateRefusedError, open_leaderboard
url = f"sqlite://{sys.argv[1]}?synchronous=normal"
with open_leaderboard(url, validation={"score_max": 15}) as board:
    for turn in range(30):
        board.update_score("ada", "", 10)
        (starter, start), children = os.pipe(), []
        for _ in range(2):
            children.append(os.fork())
            if not children[-1]:
                os.close(start)
                os.read(starter, 1)
                try:
                    board.increment_score("ada", "", 5)
                except UpdateRefusedError:
                    os._exit(7)
                os._exit(0)
        os.close(starter)
        os.close(start)
        refused = sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)
        assert (refused, board.get_score("ada")) == ([0, 7], 15), (turn, refused)
print("held")
"""


def test_a_cap_holds_however_many_processes_write(path: Path) -> None:
    done = run(CAPPED, path)
    assert done.stdout == "held\n", done.stderr


BRIEF = """
import sys
from leaderboard_backends_sqlite import SQLiteLeaderboard
for _ in range(60):
    with SQLiteLeaderboard(sys.argv[2], path=sys.argv[1], busy_timeout=30) as board:
        board.increment_score("ada", "Ada", 1)
print("done")
"""


def test_processes_that_open_and_close_all_the_time_are_in_nobodys_way(path: Path) -> None:
    """Whoever closes last removes the log, while others open the file."""
    with ExitStack() as stack:
        processes = [stack.enter_context(running(BRIEF, path, f"board{number % 2}")) for number in range(3)]
        assert [process.stdout.read() for process in processes if process.stdout] == ["done\n"] * 3
    with SQLiteLeaderboard("board0", path=path) as one, SQLiteLeaderboard("board1", path=path) as other:
        assert (one.get_score("ada"), other.get_score("ada")) == (120, 60)


# ---------------------------------------------------------------------- locks


@pytest.fixture
def other(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of somebody else to a file of boards."""
    with SQLiteLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def test_a_writer_blocks_no_reader(path: Path, other: sqlite3.Connection) -> None:
    with SQLiteLeaderboard(path=path, busy_timeout=0.2) as board:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM standing")
        assert board.get_rank("ada") == 1
        assert [entry.player_id for entry in board] == ["ada"]
        with SQLiteLeaderboard(path=path, busy_timeout=0.3) as opened_meanwhile:
            assert opened_meanwhile.get_score("ada") == 1
        other.execute("ROLLBACK")


def test_a_write_that_never_gets_its_turn_says_that_nothing_was_applied(path: Path, other: sqlite3.Connection) -> None:
    with SQLiteLeaderboard(path=path, busy_timeout=0.2) as board:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WriteConflictError, match=r"0\.2 s; nothing was applied.*busy_timeout") as caught:
            board.update_score("ada", "Ada", 2)
        assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
        other.execute("ROLLBACK")
        assert board.get_score("ada") == 1
        assert board.update_score("ada", "Ada", 2) == 1


def test_a_write_waits_for_its_turn(path: Path, other: sqlite3.Connection) -> None:
    with SQLiteLeaderboard(path=path, busy_timeout=30) as board:
        other.execute("BEGIN IMMEDIATE")
        ranks: list[int] = []
        writer = Thread(target=lambda: ranks.append(board.update_score("bob", "Bob", 2)))
        writer.start()
        writer.join(0.05)
        assert writer.is_alive()
        other.execute("COMMIT")
        writer.join(30)
        assert ranks == [1]


def test_a_batch_that_never_gets_its_turn_tells_what_stands(path: Path, other: sqlite3.Connection) -> None:
    with SQLiteLeaderboard(path=path, busy_timeout=0.2, batch_size=10) as board:
        board.update_scores([(f"p{number}", "", 0) for number in range(200)])
        commits = 0

        def lock_after_the_third(statement: str) -> None:
            nonlocal commits
            commits += statement == "COMMIT"
            if commits == 4 and not other.in_transaction and statement != "COMMIT":
                other.execute("BEGIN IMMEDIATE")

        with board._file.lend() as connection:
            connection.set_trace_callback(lock_after_the_third)
        with pytest.raises(WriteConflictError, match="The first 30 updates of this call were applied") as caught:
            board.update_scores([(f"p{number}", "", 1) for number in range(100)])
        other.execute("ROLLBACK")
        assert caught.value.applied == board.count_by_score(1, 1) - 1 == 30


def test_a_file_that_somebody_keeps_for_himself_is_unavailable(path: Path, other: sqlite3.Connection) -> None:
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("COMMIT")
    with pytest.raises(BackendUnavailableError, match="locked it: try again"):
        SQLiteLeaderboard(path=path, busy_timeout=0.2)


# ---------------------------------------------------------------------- fork

FORKED = """
import os, sys
from leaderboard_backends_sqlite import SQLiteLeaderboard
board = SQLiteLeaderboard(path=sys.argv[1])
board.update_score("ada", "Ada", 1)
inherited = list(board._file._idle)
child = os.fork()
if child == 0:
    assert board.increment_score("ada", "Ada", 10).score == 11
    assert not set(inherited) & set(board._file._idle)
    board.update_scores([(f"p{number}", "", number) for number in range(3000)])
    board.close()
    sys.exit(0)
_, status = os.waitpid(child, 0)
assert status == 0
assert not board._file._idle  # closed before the fork
assert board.increment_score("ada", "Ada", 100).score == 111
assert len(board) == 3001
board._check()
board.close()
print("whole", os.listdir(os.path.dirname(sys.argv[1])))
"""


def test_a_forked_child_has_connections_of_its_own(path: Path) -> None:
    done = run(FORKED, path)
    assert done.stdout == "whole ['board.db']\n", done.stderr
    assert done.stderr == ""


FORKED_WHILE_BUSY = """
import os, sys, warnings
from threading import Event, Thread
from leaderboard_backends_sqlite import SQLiteLeaderboard
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 says what forking beside threads risks
board = SQLiteLeaderboard(path=sys.argv[1], synchronous="normal")
board.update_scores([(f"p{number}", "", number) for number in range(500)])
stop = Event()
def work(mine):
    while not stop.is_set():
        board.increment_score(mine, "", 1)
        board.get_around(mine)
        board.update_scores([(f"p{number}", "", number) for number in range(50)])
threads = [Thread(target=work, args=(name,)) for name in ("a", "b")]
for thread in threads:
    thread.start()
for turn in range(15):
    child = os.fork()
    if child == 0:
        board.increment_score("child", "", 1)
        board.get_range(1, 50)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0
stop.set()
for thread in threads:
    thread.join()
assert board.get_score("child") == 15
board._check()
board.close()
print("whole")
"""


def test_a_child_loses_nothing_when_its_parent_closes_the_file(path: Path) -> None:
    board = SQLiteLeaderboard(path=path)
    board.increment_score("parent", "", 1)

    def work(tell: Callable[[float], None]) -> None:
        for _ in range(40):
            tell(board.increment_score("child", "", 1).score)
        board.close()

    with Child[float](work, 30) as child:
        assert next(child) == 1
        board.increment_score("parent", "", 1)
        board.close()
        assert list(child)[-1] == 40
    with SQLiteLeaderboard(path=path) as again:
        assert (again.get_score("parent"), again.get_score("child")) == (2, 40)


def test_a_fork_beside_busy_threads_hangs_nobody(path: Path) -> None:
    done = run(FORKED_WHILE_BUSY, path)
    assert done.stdout == "whole\n", done.stderr


# ---------------------------------------------------------------------- the log

READING = """
import sys
from leaderboard_backends_sqlite import SQLiteLeaderboard
with SQLiteLeaderboard(path=sys.argv[1]) as board:
    print("ready", flush=True)
    while True:
        board.get_range(1, 300)
"""


def log_size(path: Path) -> int:
    return Path(f"{path}-wal").stat().st_size


def test_the_log_stays_short_beside_readers_that_never_pause(path: Path) -> None:
    stop = Event()
    with SQLiteLeaderboard(path=path, synchronous="normal") as board, running(READING, path) as process:
        board.update_scores([(f"p{number}", "", number) for number in range(2000)])
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        def read() -> None:
            while not stop.is_set():
                board.get_range(1, 300)

        reader = Thread(target=read)
        reader.start()
        longest = 0
        try:
            for number in range(2500):  # some 25 KB each: 60 MB
                board.update_score(f"p{number % 2000}", "", number * 7919 % 5000)
                longest = max(longest, log_size(path))
        finally:
            stop.set()
            reader.join()
        assert WAL_LIMIT < longest < 4 * WAL_LIMIT
        board._check()


def test_the_log_is_cut_after_a_large_transaction(path: Path) -> None:
    with SQLiteLeaderboard(path=path, synchronous="normal") as board:
        board.update_scores([(f"player {number}", "with a name", number) for number in range(100_000)])
        board.update_score("player 7", "with a name", 8.5)
        assert log_size(path) <= WAL_LIMIT
        assert path.stat().st_size > WAL_LIMIT


def test_many_short_lives_beside_one_long_one_leave_a_short_log(path: Path) -> None:
    with SQLiteLeaderboard(path=path, synchronous="normal") as steady:
        steady.update_scores([(f"p{number}", "", number) for number in range(3000)])
        for turn in range(120):
            with SQLiteLeaderboard(path=path, synchronous="normal", cache_mib=1) as brief:
                for number in range(8):
                    brief.update_score(f"p{(turn * 353 + number * 97) % 3000}", "", turn * 11 % 3000)
            assert log_size(path) < 2 * WAL_LIMIT
        steady._check()


def test_the_process_that_ends_last_takes_the_log_along(path: Path) -> None:
    with SQLiteLeaderboard(path=path) as board:
        done = run(
            "import sys; from leaderboard_backends_sqlite import SQLiteLeaderboard; "
            "board = SQLiteLeaderboard(path=sys.argv[1]); board.update_score('ada', 'Ada', 1); board.close()",
            path,
        )
        assert done.returncode == 0, done.stderr
        assert board.get_rank("ada") == 1
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupt_of_a_fork_that_waits_for_an_operation_leaves_the_board_usable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends the wait, and goes nowhere; the process forks all the same."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    with SQLiteLeaderboard(path=path) as board:
        monkeypatch.setattr(board._file._changed, "wait_for", interrupt)
        with pytest.raises(KeyboardInterrupt):
            files._before_fork()
        files._after_fork_in_parent()
        assert Crew([lambda: board.update_score("ada", "Ada", 1)]).join(20) == [1]


def test_a_signal_handler_that_calls_a_board_while_its_thread_forks_is_refused(path: Path) -> None:
    """It comes right after the fork, before the file is open again: it would wait for its own thread."""

    def fork(board: SQLiteLeaderboard) -> None:
        files._before_fork()
        with pytest.raises(BackendUnavailableError, match="in the middle of another call of this thread"):
            board.update_score("ada", "Ada", 2)
        files._after_fork_in_parent()

    with SQLiteLeaderboard(path=path) as board:
        board.update_score("ada", "Ada", 1)
        Crew([lambda: fork(board)]).join(20)
        assert board.get_score("ada") == 1
