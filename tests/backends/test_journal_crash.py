"""What a journal survives: kill -9 at any moment, any byte cut off, zeroed or flipped, a copy made while it is written.

`make proof` does ten times as much, and lists what each fault came to.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from time import sleep

import pytest

from leaderboard_backends import BackendUnavailableError, BoardMismatchError, open_leaderboard
from leaderboard_backends.backends.journal import JournalLeaderboard, folder, order
from leaderboard_backends.testing.conformance.foundation import Rules
from leaderboard_backends.testing.faults.figures import Figures
from leaderboard_backends.testing.faults.judging import Call, Judge, perform, writes
from leaderboard_backends.testing.forking import Child

from ..conformance.conftest import made_folder

RULES = Rules("descending", "last")
SECONDS = 60.0
FSYNC = ("never", "everysec", "always")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new folder, in memory where there is such; logs are short, so that snapshots come all the time."""
    monkeypatch.setattr(folder, "LEAST_LOG", 3000)
    monkeypatch.setattr(order, "LARGE_BATCH", 35)
    monkeypatch.setattr(JournalLeaderboard, "_longest", 16)
    with made_folder() as made:
        yield made


def tell(fault: str, came_to: str) -> None:
    """Have `make proof` list what a fault came to."""
    print(f"tally: a journal, {fault}: {came_to}")  # noqa: T201 - it is to be seen


def opened(place: Path, fsync: str = "never") -> JournalLeaderboard:
    board = open_leaderboard(f"journal://{place}/boards", board="crash", fsync=fsync)
    assert isinstance(board, JournalLeaderboard)
    return board


def board_folder(place: Path) -> Path:
    return place / "boards" / "crash.board"


def checked(board: JournalLeaderboard) -> JournalLeaderboard:
    board._chunks.check()
    return board


def killed(place: Path, fsync: str, calls: list[Call], after: int, pause: float) -> list[object]:
    """Have a child make calls, kill it a moment after so many were acknowledged, and return what it was told."""

    def work(tell: Callable[[object], None]) -> None:
        board = opened(place, fsync)
        for call in calls:
            tell(perform(board, call))

    told: list[object] = []
    with Child(work, SECONDS) as child:
        if not after:
            sleep(pause)
            child.kill()
        for message in child:
            told.append(message)
            if len(told) == after:
                sleep(pause)
                child.kill()
    return told


@pytest.mark.parametrize("kills", [100, pytest.param(1000, marks=pytest.mark.proof)])
def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(place: Path, kills: int) -> None:
    """Amid frames, snapshots, new logs and openings: the board is what was told, with the last call whole or not."""
    figures = Figures()
    judge, chance = Judge(RULES, figures), Random(kills)
    for kill in range(kills):
        calls = list(islice(writes(Random(kill), players=100), 60))
        told = killed(place, FSYNC[kill % 3], calls, chance.randrange(40), chance.uniform(0, 0.002))
        for call, answer in zip(calls, told, strict=False):
            judge.acknowledged(call, answer)
        with opened(place) as board:
            unsure = calls[len(told)] if len(told) < len(calls) else None
            judge.settle(checked(board), unsure, thorough=kill % 10 == 0)
    tell(f"{kills:,} kills", figures.text("their calls"))
    assert figures.flawless


def filled(place: Path, calls: int) -> list[list[object]]:
    """Leave a folder as a process that was killed does, and return the state before its first call, and after each."""
    with opened(place) as board:
        states = [list[object](board)]
        for call in islice(writes(Random(5), players=30, batch=5), calls):
            perform(board, call)
            states.append(list(board))
        shutil.copytree(board_folder(place), place / "crashed")
    return states


def damaged(place: Path, change: Callable[[bytearray], object]) -> list[object] | None:
    """Return what a copy of the crashed folder shows once its last log is changed; `None` where it is refused."""
    shutil.rmtree(board_folder(place))
    shutil.copytree(place / "crashed", board_folder(place))
    log = max(board_folder(place).glob("log-*"))
    data = bytearray(log.read_bytes())
    change(data)
    log.write_bytes(data)
    try:
        with opened(place) as board:
            found = list[object](checked(board))
            board.update_score("after", "", 1)
        with opened(place) as board:
            assert board.get_score("after") == 1
    except (BackendUnavailableError, BoardMismatchError) as error:
        return None if "log-" in str(error) else []
    return found


@pytest.mark.parametrize("part", [10, pytest.param(1, marks=pytest.mark.proof)])
def test_a_log_that_is_cut_off_at_any_byte_is_the_state_after_a_whole_write(place: Path, part: int) -> None:
    states = filled(place, 40)
    size = max((place / "crashed").glob("log-*")).stat().st_size
    newest, refused = 0, 0
    for end in range(0, size, part):
        found = damaged(place, lambda data, end=end: data.__delitem__(slice(end, None)))  # type: ignore[misc]
        if found is None:
            assert not newest, "a log is refused only where its header is cut"
            refused += 1
            continue
        assert found in states[newest:], "an earlier state, or none that ever was"
        newest = states.index(found, newest)
    assert newest >= len(states) - 2
    ends = len(range(0, size, part))
    tell(f"cut off at {ends:,} bytes", f"{ends - refused:,} opened as after a whole write, {refused:,} refused")


@pytest.mark.parametrize("flips", [100, pytest.param(1000, marks=pytest.mark.proof)])
def test_a_flipped_byte_is_refused_or_was_in_the_last_write(place: Path, flips: int) -> None:
    """Never another state: what is not refused is the board before the last frame, or with it."""
    states, chance, refused = filled(place, 40), Random(flips), 0
    size = max((place / "crashed").glob("log-*")).stat().st_size
    for _ in range(flips):
        at, bit = chance.randrange(size), 1 << chance.randrange(8)

        def flip(data: bytearray, at: int = at, bit: int = bit) -> None:
            data[at] ^= bit

        found = damaged(place, flip)
        refused += found is None
        assert found is None or found in states[-2:]
    assert refused > flips // 2
    tell(f"{flips:,} flipped bytes", f"{refused:,} refused, {flips - refused:,} in the last write")


def test_a_zeroed_end_is_the_state_after_a_whole_write(place: Path) -> None:
    """As a file system leaves the blocks that it had not written when the power went."""
    states = filled(place, 40)
    size = max((place / "crashed").glob("log-*")).stat().st_size
    for length in [*range(1, 60), size // 2]:

        def zero(data: bytearray, length: int = length) -> None:
            data[-length:] = bytes(length)

        assert damaged(place, zero) in states


def test_a_damaged_snapshot_is_refused(place: Path) -> None:
    filled(place, 40)
    snapshot = max((place / "crashed").glob("snapshot-*"))
    data = snapshot.read_bytes()
    for at in range(0, len(data), 3):
        snapshot.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert damaged_snapshot(place)
    snapshot.write_bytes(data)


def damaged_snapshot(place: Path) -> bool:
    shutil.rmtree(board_folder(place))
    shutil.copytree(place / "crashed", board_folder(place))
    try:
        opened(place).close()
    except (BackendUnavailableError, BoardMismatchError) as error:
        return "snapshot-" in str(error)
    return False


@pytest.mark.parametrize("copies", [20, pytest.param(300, marks=pytest.mark.proof)])
def test_a_folder_copied_while_it_is_written_opens_as_it_was_at_some_moment_or_not(place: Path, copies: int) -> None:
    """File by file, in any order, each in parts: the copy is a state that the board had, or is refused."""
    chance, opens = Random(copies), 0
    with opened(place) as board:
        program = writes(chance, players=60, batch=10)
        states: list[list[object]] = [list(board)]

        def write() -> None:
            for call in islice(program, chance.randrange(8)):
                perform(board, call)
                states.append(list(board))

        for number in range(copies):
            begun = len(states) - 1
            copy = place / f"copy{number}"
            found = copied(board_folder(place), copy / "boards" / "crash.board", write, chance)
            if not found:
                continue
            try:
                with opened(copy) as other:
                    assert list(checked(other)) in states[begun:]
                    opens += 1
            except BackendUnavailableError:
                continue
    assert opens > copies // 10


def copied(source: Path, target: Path, write: Callable[[], None], chance: Random) -> bool:
    """Copy a folder as `cp` does, with writes in between; returns whether no file was gone when its turn came."""
    target.mkdir(parents=True)
    names = [path.name for path in source.iterdir()]
    chance.shuffle(names)
    for name in names:
        write()
        try:
            with (source / name).open("rb") as file, (target / name).open("wb") as other:
                while part := file.read(500):
                    other.write(part)
                    if chance.random() < 0.1:
                        write()
        except FileNotFoundError:
            return False
    return True
