"""Boards that are right in one thread, or one process, and wrong in several: caught in 3 runs of 4, and in 19 of 20.

Each takes its lock, only not for long enough; none of them sleeps to make the bug easy to see.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterable, Sequence
from fcntl import LOCK_EX, flock
from itertools import islice
from pathlib import Path
from threading import Lock, local
from typing import Any, ClassVar

import pytest

from leaderboard_backends import Capabilities, Entry, Keep, LeaderboardBackend, Order, Score
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.model import add_scores, is_better, percentile
from leaderboard_backends.testing import BackendConformance
from leaderboard_backends.testing.conformance.foundation import ALL_RULES
from leaderboard_backends.testing.conformance.histories import HISTORIES, check_threads
from leaderboard_backends.testing.conformance.processes import PART_OF_HISTORIES
from leaderboard_backends.testing.runner import run_kit
from leaderboard_backends.testing.subject import BoardFactory

often = pytest.mark.parametrize(("runs", "enough"), [(4, 3), pytest.param(20, 19, marks=pytest.mark.proof)])
"""How many runs a race is looked for in, and how many must catch it."""


class SumOutsideTheLock(NaiveLeaderboard):
    def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        total = add_scores(self._get_score(player_id) or 0, delta)
        with self._lock:
            self._store(player_id, username, total)
            return self._entry(self._rank(player_id), player_id)


class RankOfALaterMoment(NaiveLeaderboard):
    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            self._store(player_id, username, score)
        return self._get_rank(player_id) or 0


class MovesInTwoSteps(NaiveLeaderboard):
    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            standing = self._players.get(player_id)
            moves = standing is not None and score != standing.score
            if standing and moves and (self._keep == "last" or is_better(score, standing.score, self._order)):
                del self._players[player_id]
        return super()._update_score(player_id, username, score)


class EntriesOneByOne(NaiveLeaderboard):
    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        return [super(EntriesOneByOne, self)._get_entries([player_id])[0] for player_id in player_ids]

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        found: list[Entry] = []
        while first_rank <= last_rank and (page := super()._get_range(first_rank, first_rank)):
            found += page
            first_rank += 1
        return found


class CachedByThread(NaiveLeaderboard):
    """Each thread keeps the list that it read, until it writes itself."""

    def __init__(self, name: str, *, order: Order, keep: Keep) -> None:
        super().__init__(name, order=order, keep=keep)
        self._cache = local()

    def _store(self, player_id: str, username: str, score: Score) -> None:
        super()._store(player_id, username, score)
        self._cache.__dict__.clear()

    def _remove_player(self, player_id: str) -> bool:
        self._cache.__dict__.clear()
        return super()._remove_player(player_id)

    def _clear(self) -> None:
        self._cache.__dict__.clear()
        super()._clear()

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        cached: list[Entry] | None = self._cache.__dict__.get("all")
        if cached is None:
            cached = self._cache.__dict__["all"] = super()._get_range(1, 1000)
        return cached[first_rank - 1 : last_rank]


class BatchInSteps(NaiveLeaderboard):
    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        for update in updates:
            super()._update_score(*update)


class RemovesTwice(NaiveLeaderboard):
    def _remove_player(self, player_id: str) -> bool:
        found = self._get_score(player_id) is not None
        super()._remove_player(player_id)
        return found


class RankThenTheRest(NaiveLeaderboard):
    """Finds the rank in one state, and what belongs to it in another."""

    def _get_percentile(self, player_id: str) -> float | None:
        rank = self._get_rank(player_id)
        return None if rank is None else percentile(rank, max(rank, self._count()))

    def _get_around(self, player_id: str, radius: int) -> list[Entry]:
        rank = self._get_rank(player_id)
        return [] if rank is None else self._get_range(max(1, rank - radius), rank + radius)

    def _get_entries(self, player_ids: Sequence[str]) -> list[Entry | None]:
        ranks = [self._get_rank(player_id) for player_id in player_ids]
        pages = [[] if rank is None else self._get_range(rank, rank) for rank in ranks]
        return [page[0] if page else None for page in pages]


class NumberedTooEarly(NaiveLeaderboard):
    """The number that orders a tie is taken first, and may be used after a later one: the tie turns round."""

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        with self._lock:
            self._changes.number += 1
            number = self._changes.number
        with self._lock:
            self._store(player_id, username, score)
            standing = self._players[player_id]
            if standing.reached > number:
                self._players[player_id] = standing._replace(reached=number)
            return self._rank(player_id)


class ClearsOneByOne(NaiveLeaderboard):
    def _clear(self) -> None:
        for player_id in list(self._players):
            self._remove_player(player_id)


RACY: list[type[NaiveLeaderboard]] = [
    SumOutsideTheLock,
    RankOfALaterMoment,
    MovesInTwoSteps,
    EntriesOneByOne,
    CachedByThread,
    BatchInSteps,
    RemovesTwice,
    RankThenTheRest,
    NumberedTooEarly,
    ClearsOneByOne,
]
CORRECT: list[type[LeaderboardBackend]] = [NaiveLeaderboard, SortedContainersLeaderboard]


def histories_fail(make: BoardFactory, seed: int, histories: int = HISTORIES) -> str:
    """Return what a run of the kit's histories, under all four rules, says of a board; empty where it passes."""
    for rules in ALL_RULES:
        try:
            check_threads(make("race", order=rules.order, keep=rules.keep), rules, seed=seed, histories=histories)
        except AssertionError as error:
            return str(error)
    return ""


def assert_caught(accounts: Iterable[str], enough: int) -> None:
    """Make runs until so many of them saw that the board is not linearizable; none may say anything else."""
    caught = 0
    for account in accounts:
        assert not account or account.startswith("not linearizable")
        caught += bool(account)
        if caught == enough:
            return
    pytest.fail(f"caught in {caught} runs, not in {enough}")


@often
@pytest.mark.parametrize("racy", RACY)
def test_a_race_between_threads_is_caught(racy: type[NaiveLeaderboard], runs: int, enough: int) -> None:
    assert_caught((histories_fail(racy, seed) for seed in range(runs)), enough)


@pytest.mark.parametrize("runs", [2, pytest.param(20, marks=pytest.mark.proof)])
@pytest.mark.parametrize("correct", CORRECT)
def test_a_correct_board_passes_every_run(correct: BoardFactory, runs: int) -> None:
    assert [histories_fail(correct, seed, histories=10) for seed in range(runs)] == [""] * runs


def test_a_run_of_the_kit_says_what_cannot_have_been_and_how_to_repeat_it() -> None:
    report = run_kit(SumOutsideTheLock, parts=["histories"], seed=7)
    assert report.verdict == "DOES NOT CONFORM"
    text = report.failures[0].text
    assert "not linearizable: no order of these" in text
    assert "; next, it would answer " in text
    assert "To repeat the same programs: seed = 7" in text


# ---------------------------------------------------------------------- processes


class _Turn:
    """Stands in for a board's lock: loads the board from its file, and stores it where the operation changed it."""

    def __init__(self, board: NaiveLeaderboard, path: Path) -> None:
        self._board = board
        self._path = path
        self._threads = Lock()
        self._before = b""

    def __enter__(self) -> None:
        self._threads.acquire()
        self._before = self._path.read_bytes() if self._path.exists() else pickle.dumps(({}, 0))
        self._board._players, self._board._changes.number = pickle.loads(self._before)  # noqa: S301 - our own file

    def __exit__(self, *_: object) -> None:
        after = pickle.dumps((self._board._players, self._board._changes.number))
        if after != self._before:
            new = self._path.with_suffix(f".{os.getpid()}")
            new.write_bytes(after)
            new.replace(self._path)
        self._threads.release()


class _LockedTurn(_Turn):
    """The same, while no other process has its turn."""

    def __enter__(self) -> None:
        self._file = self._path.with_suffix(".lock").open("w")
        flock(self._file, LOCK_EX)
        super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._file.close()


class InAFile(NaiveLeaderboard):
    """Reads the whole board, changes it, and puts a new file in the place of the old one; right in one process."""

    capabilities = Capabilities(durable=True, shared=True, survives="a crash of the process")
    turn: ClassVar[type[_Turn]] = _Turn

    def __init__(self, folder: Path, name: str, *, order: Order, keep: Keep) -> None:
        super().__init__(name, order=order, keep=keep)
        self._lock = self.turn(self, folder / name)  # type: ignore[assignment]  # used by `with` alone


class InALockedFile(InAFile):
    turn = _LockedTurn


class InAFolder(BackendConformance):
    backend: ClassVar[type[InAFile]]
    folder: Path

    @pytest.fixture(autouse=True)
    def take_folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    def make(self, **options: Any) -> InAFile:
        return self.backend(self.folder, **options)


class RacyFiles(InAFolder):
    backend = InAFile


class LockedFiles(InAFolder):
    backend = InALockedFile
    histories = 12  # a test of its own has as many as of the racy files


def processes_fail(kit: type[InAFolder], folder: Path, seed: int, histories: int) -> str:
    """Return what a run of the kit's histories of processes, under all four rules, says; empty where it passes."""
    part = kit()
    part.folder, part.seed, part.histories = folder, seed, histories
    for rules in ALL_RULES:
        board = part.make(name=f"{seed}-{rules}", order=rules.order, keep=rules.keep)
        try:
            part.check_histories(board, rules)
        except AssertionError as error:
            return str(error)
    return ""


def powers_fail(kit: type[InAFolder], folder: Path, run: int) -> str:
    """Return what the increments by powers of two say; empty where they pass."""
    part = kit()
    part.folder = folder
    try:
        part.check_powers(part.make(name=f"run-{run}", order="descending", keep="last"))
    except AssertionError as error:
        return str(error)
    return ""


@often
def test_a_race_between_processes_is_caught_by_their_histories(tmp_path: Path, runs: int, enough: int) -> None:
    assert_caught((processes_fail(RacyFiles, tmp_path, seed, HISTORIES) for seed in range(runs)), enough)


@often
def test_a_race_between_processes_is_caught_by_powers_of_two_without_any_search(
    tmp_path: Path, runs: int, enough: int
) -> None:
    accounts = (powers_fail(RacyFiles, tmp_path, run) for run in range(runs))
    caught = (account for account in accounts if "was lost" in account)
    assert len([*islice(caught, enough)]) == enough


@pytest.mark.parametrize("runs", [2, pytest.param(20, marks=pytest.mark.proof)])
def test_a_file_that_processes_take_in_turn_passes_every_run(tmp_path: Path, runs: int) -> None:
    assert [processes_fail(LockedFiles, tmp_path, seed, PART_OF_HISTORIES) for seed in range(runs)] == [""] * runs
    assert [powers_fail(LockedFiles, tmp_path, run) for run in range(runs)] == [""] * runs


def test_a_run_of_the_kit_tells_files_with_a_race_from_files_with_a_lock() -> None:
    racy, locked = (run_kit(kit, parts=["processes"]) for kit in (RacyFiles, LockedFiles))
    assert {outcome.test.partition("[")[0] for outcome in racy.failures} >= {
        "test_histories_of_processes_are_linearizable",
        "test_increments_by_powers_of_two_from_processes_are_neither_lost_nor_doubled",
    }
    assert locked.verdict == "PASSED IN PART", locked.failures
    assert len(locked.outcomes) == len(racy.outcomes) > 10
