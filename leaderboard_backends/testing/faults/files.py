"""Faults of boards in files: kill -9 amid commits, an end that was torn off, a disk that is full.

A process that is killed leaves what it had written to the system's cache, so these tests do not show whether a board
syncs: only a loss of power would. They show that what was acknowledged had left the process, and that whatever a crash
leaves half done is found and undone.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from copy import deepcopy
from itertools import islice
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Final, NamedTuple, TypeAlias

import pytest

from ...errors import BackendFullError
from ...model import Keep, Order
from ...protocol import LeaderboardBackend
from ..conformance.foundation import Rules
from ..forking import Child
from .disk import appended, content, largest, mount_small_disk, no_file_beyond, room_left, tear, tears
from .figures import Figures
from .foundation import BOTH_RULES, FaultKit
from .judging import Call, Judge, perform, writes

NAME: Final = "faults"
"""The name of the board in each folder."""
CHILD_SECONDS: Final = 60.0
"""How long one child process may take."""
ROOMS: Final = (0, 100, 4000, 50_000)
"""Bytes that the largest file may still grow by, where the disk is full."""
REFUSALS_A_ROOM: Final = 4
LARGE_WRITES: Final = 100
"""After so many large writes, one must have been refused: they hold more than 2 MB."""


_FullDisk: TypeAlias = Callable[[int], AbstractContextManager[None]]
"""What leaves so many bytes of room, while it lasts."""


class FileFaults(FaultKit):
    """Tests of a board in files, which must be durable: run on files of their own, in processes of their own."""

    open_names = frozenset({"make_in"})
    efforts = {"kills": 5, "tears": 5}  # noqa: RUF012 - a constant of the class, as in the ground of the kit

    kills: int = 25
    """How many times a process is killed while it writes."""
    tears: int = 12
    """In how many ways the end of a file is cut off, and in how many it is overwritten."""

    def make_in(self, directory: Path, *, name: str, order: Order, keep: Keep) -> LeaderboardBackend:
        """Return a board opened on files in the folder, which exists; it may be called in a forked process."""
        raise NotImplementedError(
            f"{type(self).__name__} needs make_in(self, directory, **options) that returns a board in files of that "
            f"folder; options are name, order and keep: return MyBoard(directory / 'board.db', **options)"
        )

    def test_kill_9_in_the_middle_of_commits_loses_no_acknowledged_write(self, tmp_path: Path) -> None:
        """After each kill, the board is what was acknowledged, with the one call that was cut whole or not at all."""
        rules, chance = BOTH_RULES[0], Random(self.seed)
        with self._reporting(f"killed {self.kills} times") as figures:
            judge = Judge(rules, figures)
            with self._open(tmp_path, rules) as board:
                unsupported = board.capabilities.unsupported
            for kill in range(self.kills):
                calls = list(islice(writes(Random(f"{self.seed}.{kill}"), unsupported), 300))
                unsure = self._killed(tmp_path, judge, calls, chance)
                with self._open(tmp_path, rules) as board:
                    judge.settle(board, unsure)

    @pytest.mark.parametrize("before", ["a new file", "a file closed before"])
    @pytest.mark.parametrize("damage", ["cut off", "zeroed"])
    def test_a_torn_end_is_the_state_before_or_after_the_last_write(
        self, tmp_path: Path, damage: str, before: str
    ) -> None:
        """Cut off or zeroed, however much of the last write: the board opens, is one of the two, and goes on.

        Only files that a write appends to have an end that a crash can tear. Where there is none, the figures show
        that nothing was torn.
        """
        crashes = [self._crashed(tmp_path / f"{rules}", rules, closed=before != "a new file") for rules in BOTH_RULES]
        torn = [
            (crash, name, length)
            for crash in crashes
            for name, length in tears(crash.grown, Random(self.seed), self.tears)
        ]
        with self._reporting(f"{len(torn)} ends {damage}, {before}") as figures:
            for number, (crash, name, length) in enumerate(torn):
                copy = tmp_path / str(number)
                shutil.copytree(crash.directory, copy)
                tear(copy / name, length, zeros=damage == "zeroed")
                try:
                    self._settle_torn(copy, crash, figures)
                except Exception as error:
                    error.add_note(
                        f"of {name}, which the last write made {crash.grown[name]} bytes longer, the last "
                        f"{length} bytes were {damage}"
                    )
                    raise
                shutil.rmtree(copy)

    def test_a_full_disk_refuses_writes_serves_reads_and_goes_on_when_there_is_room(self, tmp_path: Path) -> None:
        """No file may grow beyond a limit; each refusal is `BackendFullError`, and has changed nothing."""

        def work(tell: Callable[[Figures], None]) -> None:
            self._fill_disk(tmp_path, lambda room: no_file_beyond(largest(tmp_path) + room), tell)

        text = f"files that may not grow, {len(ROOMS)} limits"
        with self._reporting(text) as figures, Child(work, CHILD_SECONDS) as child:
            for told in child:
                figures.add(told)

    def test_a_mounted_disk_without_room_is_a_full_disk_too(self, tmp_path: Path) -> None:
        """The same on a file system that is really full, where the system lets a process mount one for itself.

        Where it does not, the limits are what there is, and the figures say so.
        """
        folder = tmp_path / "board"

        def work(tell: Callable[[Figures | bool], None]) -> None:
            mounted = mount_small_disk(tmp_path)
            folder.mkdir()
            tell(mounted)
            self._fill_disk(
                folder,
                lambda room: room_left(tmp_path, room) if mounted else no_file_beyond(largest(folder) + room),
                tell,
            )

        with Child(work, CHILD_SECONDS) as child:
            what = "a full disk" if next(child) else "files that may not grow, as no disk can be mounted here"
            with self._reporting(f"{what}, {len(ROOMS)} times") as figures:
                for told in child:
                    assert isinstance(told, Figures)
                    figures.add(told)

    # ------------------------------------------------------------------ kill -9

    def _open(self, directory: Path, rules: Rules) -> LeaderboardBackend:
        board = self.make_in(directory, name=NAME, order=rules.order, keep=rules.keep)
        self._describe(board)
        return board

    def _killed(self, directory: Path, judge: Judge, calls: list[Call], chance: Random) -> Call | None:
        """Kill a process at a moment of its own, tell the judge what it had acknowledged, return the call in work."""

        def work(tell: Callable[[object], None]) -> None:
            board = self._open(directory, BOTH_RULES[0])
            tell("open")
            for call in calls:
                tell(perform(board, call))

        with Child(work, CHILD_SECONDS) as child:
            told = _listen(child, _moment(calls, chance), chance)
        for call, answer in zip(calls, told[1:], strict=False):
            judge.acknowledged(call, answer)
        return calls[len(told) - 1] if 0 < len(told) <= len(calls) else None

    # ------------------------------------------------------------------ a torn end

    def _crashed(self, directory: Path, rules: Rules, *, closed: bool) -> _Crash:
        """Leave a folder as a killed process does; return its last write, and the files that grew by it."""
        directory.mkdir()
        judge = Judge(rules, Figures())
        calls = list(islice(writes(Random(f"{self.seed}.{rules}"), players=60, batch=10), 40))
        last: Call = ("update_scores", ([(f"last{index}", "x" * 100, index % 5) for index in range(12)],))

        def work(tell: Callable[[object], None]) -> None:
            board = self._open(directory, rules)
            for index, call in enumerate(calls):
                tell(perform(board, call))
                if closed and index == len(calls) // 2:
                    board.close()
                    board = self._open(directory, rules)
            tell(content(directory))
            tell(perform(board, last))
            signal.pause()

        with Child(work, CHILD_SECONDS) as child:
            for call in calls:
                judge.acknowledged(call, next(child))
            earlier = next(child)
            next(child)
            child.kill()
        assert isinstance(earlier, dict)
        return _Crash(directory, judge, last, appended(directory, earlier))

    def _settle_torn(self, directory: Path, crash: _Crash, figures: Figures) -> None:
        """Open a damaged copy, hold it to the two states, write on, and open it once more."""
        judge = deepcopy(crash.judge)
        judge.figures = figures
        with self._open(directory, judge.rules) as board:
            judge.settle(board, crash.last)
            call: Call = ("update_score", ("after", "After", 7))
            judge.acknowledged(call, perform(board, call))
        with self._open(directory, judge.rules) as board:
            judge.settle(board)

    # ------------------------------------------------------------------ a full disk

    def _fill_disk(self, directory: Path, full: _FullDisk, tell: Callable[[Figures], None]) -> None:
        """Write beside a disk that is full, more and more room left to it; then open the board once more."""
        judge = Judge(BOTH_RULES[0], Figures())
        try:
            with self._open(directory, judge.rules) as board:
                self._write_on_full_disks(board, judge, full)
            with self._open(directory, judge.rules) as board:
                judge.settle(board)
        finally:
            tell(judge.figures)

    def _write_on_full_disks(self, board: LeaderboardBackend, judge: Judge, full: _FullDisk) -> None:
        chance, unsupported = Random(self.seed), board.capabilities.unsupported
        small = writes(chance, unsupported, batch=5)
        for call in islice(writes(chance, unsupported), 40):
            judge.acknowledged(call, perform(board, call))
        for number, room in enumerate(ROOMS):
            with full(room):
                refused = _write_until_refused(board, judge, small, f"{number}")
                judge.settle(board)
            assert refused, f"there was room for only {room} more bytes, but no write was refused"
            for call in islice(small, 5):
                judge.acknowledged(call, perform(board, call))
            judge.settle(board)


# ---------------------------------------------------------------------- kill -9


def _moment(calls: list[Call], chance: Random) -> int:
    """Return after how many messages to kill: 0 while the board opens, else in the call that comes then.

    Every other time that is a batch, which is the longest to write.
    """
    stop = chance.randrange(50)
    if stop and chance.random() < 0.5:
        while calls[stop - 1][0] != "update_scores" and stop < len(calls) - 1:
            stop += 1
    return stop


def _listen(child: Child[object], stop: int, chance: Random) -> list[object]:
    """Return all that a child told; after `stop` messages, wait for a part of what one takes, and kill it."""
    told: list[object] = []
    started = monotonic()
    if not stop:
        sleep(chance.uniform(0, 0.03))
        child.kill()
    for message in child:
        told.append(message)
        if len(told) == stop:
            sleep(chance.uniform(0, 1.5) * (monotonic() - started) / stop)
            child.kill()
    return told


# ---------------------------------------------------------------------- a torn end


class _Crash(NamedTuple):
    """A folder as a killed process left it."""

    directory: Path
    judge: Judge
    """What was acknowledged before the last write."""
    last: Call
    grown: dict[str, int]
    """The files that the last write appended to, and how much."""


# ---------------------------------------------------------------------- a full disk


def _write_until_refused(board: LeaderboardBackend, judge: Judge, small: Iterator[Call], prefix: str) -> int:
    """Make small writes, then large ones, until some were refused; return how many."""
    refused = 0
    for call in [*islice(small, 10), *_large(prefix)]:
        refused += not _written(board, judge, call)
        if refused == REFUSALS_A_ROOM:
            break
    for call in islice(small, 10):
        refused += not _written(board, judge, call)
    return refused


def _large(prefix: str) -> Iterator[Call]:
    for number in range(LARGE_WRITES):
        batch = [(f"{prefix}-{number}-{index}", "x" * 100, number) for index in range(200)]
        yield "update_scores", (batch,)


def _written(board: LeaderboardBackend, judge: Judge, call: Call) -> bool:
    """Make a call that may be refused, and have the judge see that nothing of it is there."""
    try:
        answer = perform(board, call)
    except BackendFullError as error:
        applied, text = error.applied, str(error)
    else:
        judge.acknowledged(call, answer)
        return True
    assert not applied, f"a batch of 200 updates was partly applied: {text}"
    judge.refused(call)
    judge.settle(board, thorough=False)
    return False
