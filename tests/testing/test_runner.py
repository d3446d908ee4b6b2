"""The runner, and the promises of the kit to whoever runs it."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest

from leaderboard_backends import (
    BackendUnavailableError,
    BoardMismatchError,
    Capabilities,
    ConfigurationError,
    Entry,
    LeaderboardBackend,
    MissingExtraError,
    Score,
    StorageInfo,
    open_leaderboard,
)
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.installing import install_extra
from leaderboard_backends.testing import BackendConformance, _loading
from leaderboard_backends.testing.conformance.capabilities import CORE
from leaderboard_backends.testing.conformance.foundation import OPERATIONS
from leaderboard_backends.testing.conformance.values import PLACES
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.testing.opening import unfit, url_factory
from leaderboard_backends.testing.report import Outcome
from leaderboard_backends.testing.runner import run_kit
from leaderboard_backends.testing.servers import EmbeddedServer
from leaderboard_backends.testing.subject import PARTS

FIVE_LINES = """
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.testing import BackendConformance

class TestMyBoard(BackendConformance):
    def make(self, **options):
        return NaiveLeaderboard(**options)
"""


class Unreliable(NaiveLeaderboard):
    def _get_percentile(self, player_id: str) -> float | None:
        found = super()._get_percentile(player_id)
        return None if found is None else found - 1


class Lasting(NaiveLeaderboard):
    """Finds its data again by name, as a board on a server does, and tells what was done with it."""

    capabilities = Capabilities(durable=False, shared=True, survives="this test")
    places: dict[str, NaiveLeaderboard]
    opened: list[NaiveLeaderboard]

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__(name, **options)
        place = self.places.setdefault(name, self)
        if place.order != self.order and place._players:
            raise BoardMismatchError(f"{name} is {place.order}")
        self._players, self._changes, self._lock = place._players, place._changes, place._lock
        self.opened.append(self)

    def _clear(self) -> None:
        with self._lock:
            self._players.clear()

    def _storage_info(self) -> StorageInfo:
        return StorageInfo()


BY_CHANCE = ("threads", "histories", "processes", "machine", "scale")
"""Parts that take half a minute each time."""


class NaiveBoards(BackendConformance):
    """The plain board, with the smallest efforts that the kit allows."""

    examples, steps, bulk, rounds, histories, players = 5, 20, 1001, 20, 5, 5000

    def make(self, **options: Any) -> LeaderboardBackend:
        return NaiveLeaderboard(**options)


def test_a_board_that_keeps_the_contract_conforms_in_every_part() -> None:
    heard: list[Outcome] = []
    report = run_kit(NaiveBoards, progress=heard.append)
    assert report.verdict == "PASSED IN PART"
    assert report.weakened == list(report.efforts)
    assert tuple(report.by_part()) == PARTS
    assert heard == report.outcomes
    assert {outcome.result for outcome in report.outcomes} == {"passed"}


def test_unless_told_otherwise_the_efforts_are_the_kits_own() -> None:
    report = run_kit(NaiveLeaderboard, parts=["lookups"])
    assert report.weakened == []
    assert report.efforts == {
        "examples": 60,
        "steps": 40,
        "bulk": 3000,
        "rounds": 60,
        "histories": 60,
        "players": 100_000,
    }


def test_a_failure_shows_the_values_compared() -> None:
    report = run_kit(Unreliable, parts=["lookups"])
    assert report.verdict == "DOES NOT CONFORM"
    text = next(found.text for found in report.failures if found.test.startswith("test_the_best_player"))
    assert "99.0 == 100.0" in text


def test_a_run_without_tests_is_not_run() -> None:
    report = run_kit(NaiveLeaderboard, parts=["no such part"])
    assert (report.verdict, report.outcomes) == ("NOT RUN", [])
    assert "no test ran" in report.problem


def test_a_skipped_test_does_not_count_as_passed() -> None:
    def make(name: str, **_: Any) -> LeaderboardBackend:
        pytest.skip(f"no server here for {name}")

    report = run_kit(make, parts=["lookups"])
    assert report.verdict == "NOT RUN"
    assert {outcome.result for outcome in report.outcomes} == {"not run"}


def test_a_board_that_cannot_be_closed_fails_its_tests() -> None:
    class Stuck(NaiveLeaderboard):
        def _close(self) -> None:
            raise OSError("still in use")

    report = run_kit(Stuck, parts=["lookups"], stop_after=1)
    assert [outcome.result for outcome in report.failures] == ["failed"]
    assert "still in use" in report.failures[0].text


def test_less_effort_is_told() -> None:
    report = run_kit(NaiveLeaderboard, parts=["machine"], examples=3)
    assert (report.efforts["examples"], report.weakened) == (3, ["examples"])


def test_a_storage_that_is_not_there_is_not_run_and_asked_once() -> None:
    attempts = []

    def make(name: str, **_: Any) -> LeaderboardBackend:
        attempts.append(name)
        raise BackendUnavailableError("no server at 127.0.0.1:1")

    report = run_kit(make, parts=["isolation", "removal"])
    assert report.verdict == "NOT RUN"
    assert {outcome.result for outcome in report.outcomes} == {"not run"}
    assert "no server at 127.0.0.1:1" in report.outcomes[-1].text
    assert len(attempts) == 1


def test_a_storage_that_goes_away_later_is_a_failure() -> None:
    left = iter(range(3))

    def make(name: str, **options: Any) -> LeaderboardBackend:
        if next(left, None) is None:
            raise BackendUnavailableError("gone")
        return NaiveLeaderboard(name, **options)

    assert run_kit(make, parts=["isolation"]).verdict == "DOES NOT CONFORM"


class HangsOnce(NaiveLeaderboard):
    hung = False

    def _get_percentile(self, player_id: str) -> float | None:
        if not HangsOnce.hung:
            HangsOnce.hung = True
            Event().wait()
        return super()._get_percentile(player_id)


def test_a_board_that_hangs_fails_the_test_it_hangs_in_and_the_others_are_judged() -> None:
    report = run_kit(HangsOnce, parts=["lookups"], time_limit=2)
    assert report.verdict == "DOES NOT CONFORM"
    assert report.counts() == {"failed": 1, "passed": 39}
    assert "did not end within 2 s" in report.failures[0].text


class Deadlocked(NaiveLeaderboard):
    def _get_percentile(self, player_id: str) -> float | None:
        lock = Lock()
        with lock, lock:  # which this thread has
            return super()._get_percentile(player_id)


def test_a_board_that_hangs_again_and_again_ends_the_run() -> None:
    report = run_kit(Deadlocked, parts=["lookups"], time_limit=0.2)
    assert report.counts() == {"failed": 3}
    assert report.problem == "3 tests hung: the remaining 37 were not run."


class SwallowsErrors(NaiveLeaderboard):
    def _get_percentile(self, player_id: str) -> float | None:
        del player_id
        while True:
            with suppress(Exception):
                Event().wait()


class HangsInClose(NaiveLeaderboard):
    def _close(self) -> None:
        Event().wait()


@pytest.mark.parametrize("hanging", [SwallowsErrors, HangsInClose])
def test_a_board_that_hangs_otherwise_fails_too(hanging: type[NaiveLeaderboard]) -> None:
    report = run_kit(hanging, parts=["lookups"], stop_after=1, time_limit=0.2)
    assert report.verdict == "DOES NOT CONFORM"
    assert "did not end within 0.2 s" in report.failures[0].text


class Awaited(NaiveLeaderboard):
    async def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:  # type: ignore[override]  # the fault
        return super()._get_range(first_rank, last_rank)


class Paged(NaiveLeaderboard):
    async def _iterate(self) -> AsyncIterator[Entry]:  # type: ignore[override]  # the fault
        for entry in super()._iterate():
            yield entry


class Wrapped(NaiveLeaderboard):
    """Asynchronous behind a decorator that leaves no trace of it."""

    def _get_rank(self, player_id: str) -> Any:
        return gather(player_id)


class Duck:
    """No board, with an asynchronous method of that name."""

    def __init__(self, name: str, **_: Any) -> None:
        self.name = name

    async def update_score(self, player_id: str, username: str, score: Score) -> int:
        raise NotImplementedError


async def gather(name: str, **options: Any) -> LeaderboardBackend:
    return NaiveLeaderboard(name, **options)


@pytest.mark.parametrize("make", [Awaited, Paged, Wrapped, Duck, gather])
def test_an_asynchronous_backend_is_told_what_is_needed_instead(make: Callable[..., object]) -> None:
    problem = unfit(make("weekly"))
    assert "the interface is synchronous" in problem
    assert "asyncio.run_coroutine_threadsafe" in problem


def test_an_asynchronous_backend_is_refused_once_and_not_in_each_test() -> None:
    report = run_kit(Awaited)
    assert (report.verdict, len(report.outcomes)) == ("NOT RUN", 1)
    assert "Awaited has asynchronous methods (async def _get_range)" in report.problem


def test_a_factory_of_two_kinds_of_boards_is_no_backend() -> None:
    kinds = cycle([NaiveLeaderboard, Unreliable])

    def make(name: str, **options: Any) -> LeaderboardBackend:
        return next(kinds)(name, **options)

    report = run_kit(make, parts=["life"])
    assert report.verdict == "DOES NOT CONFORM"
    assert "one run judges one backend" in report.failures[0].text


REFUSED = sorted(set(OPERATIONS) - CORE - {"__iter__", "get_range", "get_entries", "clear"})
QUICKLY = {"get_around", "increment_score", "update_scores"}
"""A read, a write, and a batch: the other operations are refused in the same ways."""


@pytest.mark.parametrize("left_out", [BY_CHANCE, pytest.param((), marks=pytest.mark.proof)], ids=["quick", "whole"])
@pytest.mark.parametrize(
    "operation", [pytest.param(each, marks=[] if each in QUICKLY else [pytest.mark.proof]) for each in REFUSED]
)
def test_a_board_that_refuses_one_operation_as_declared_is_not_failed_for_it(
    operation: str, left_out: tuple[str, ...]
) -> None:
    def refuse(self: SortedContainersLeaderboard, *_: Any) -> None:
        self._unsupported(operation, "it is not offered.")

    names = {"capabilities": replace(SortedContainersLeaderboard.capabilities, unsupported=frozenset({operation}))}
    refusing = type("Refusing", (SortedContainersLeaderboard,), {**names, f"_{operation}": refuse})
    report = run_kit(refusing, parts=[part for part in PARTS if part not in left_out], players=5000)
    assert report.verdict == "PASSED IN PART", report.failures[0].text
    assert report.counts()["refused"] > 0


def test_threads_that_hang_fail_their_test_with_what_they_are_at() -> None:
    release = Event()
    with pytest.raises(AssertionError, match="1 of 2 threads still hang") as caught:
        Crew([release.wait, lambda: True]).join(0.2)
    release.set()
    assert ", in wait\n" in str(caught.value)


def test_an_interrupt_ends_the_run() -> None:
    def make(name: str, **_: Any) -> LeaderboardBackend:
        raise KeyboardInterrupt(name)

    with pytest.raises(KeyboardInterrupt):
        run_kit(make, parts=["lookups"])


def test_the_seed_repeats_a_failure() -> None:
    texts = [run_kit(Unreliable, parts=["machine"], stop_after=1, seed=seed).failures[0].text for seed in (3, 3)]
    assert texts[0] == texts[1]
    assert "seed = 3" in texts[0]


def test_every_board_is_cleared_and_closed() -> None:
    class Watched(Lasting):
        places: dict[str, NaiveLeaderboard] = {}  # noqa: RUF012 - one place for all boards, as on a server
        opened: list[NaiveLeaderboard] = []  # noqa: RUF012 - as above

    # Its place is in this process, so the part with other processes does not find it shared.
    report = run_kit(Watched, parts=[part for part in PARTS if part not in ("machine", "processes", "scale")])
    assert report.verdict == "PASSED IN PART", report.failures[0].text
    assert len(Watched.places) > 500
    assert {name: board._players for name, board in Watched.places.items() if board._players} == {}
    assert [board for board in Watched.opened if not board.closed] == []


def test_five_lines_in_a_folder_of_their_own_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(FIVE_LINES)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:benchmark"]
    ended = subprocess.run(
        [*command, "-k", "random and descending-last or the_best", "--junitxml", "/dev/null"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ended.returncode == 0, ended.stdout
    assert " passed" in ended.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["test_mine.py"]


def test_a_subclass_without_make_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(FIVE_LINES.partition("    def make")[0] + "    pass\n")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "def make(self, **options): return MyBoard(**options)" in ended.stdout


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_loading, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=re.escape(install_extra("tools"))):
        run_kit(NaiveLeaderboard)


def test_the_kit_knows_every_public_operation() -> None:
    public = {name for name, found in vars(LeaderboardBackend).items() if inspect.isfunction(found)}
    of_fences = {"fence", "lift_fence", "fenced", "passing_fence"}
    of_their_own_parts = {"delete", "storage_info", "get_version", "get_changes"} | of_fences
    contract = {name for name in public if not name.startswith("_")} - {"close"} - of_their_own_parts
    assert contract | {"__len__", "__contains__", "__iter__"} == set(OPERATIONS)


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if not name.startswith("__")])
def test_every_argument_of_every_operation_has_bad_values(operation: str) -> None:
    arguments = set(inspect.signature(getattr(LeaderboardBackend, operation)).parameters) - {"self"}
    tested = {place.name.partition("(")[2].partition(")")[0] for place in PLACES if place.name.startswith(operation)}
    assert arguments <= tested


@pytest.mark.parametrize("url", ["memory://", "memory://weekly", "naive://weekly?keep=best", "fakeredis://weekly"])
def test_a_url_gives_boards_with_the_kits_own_names(url: str) -> None:
    with url_factory(url)("kit-1", order="ascending", keep="last") as board:
        assert (board.name, board.order, board.keep) == ("kit-1", "ascending", "last")


@pytest.mark.parametrize("url", ["redis://h1,h2", "redis://h1:0?keep=best"])
def test_a_url_that_names_no_server_right_is_not_taken_for_the_server_of_this_machine(url: str) -> None:
    asked: list[str] = []

    def open_board(target: str, **options: Any) -> LeaderboardBackend:
        asked.append(target)
        return open_leaderboard(target, **options)

    with pytest.raises(ConfigurationError):
        url_factory(url, open_board)("kit-1", order="descending", keep="last")
    assert asked == [url]


def test_the_board_that_a_url_names_is_left_alone() -> None:
    with EmbeddedServer() as server:
        url = f"{server.unix_url}?board=precious"
        with open_leaderboard(url) as precious:
            precious.update_score("ada", "Ada", 5)
            before = list(precious)
            assert run_kit(url_factory(url), parts=["lookups", "removal", "isolation"]).verdict == "PASSED IN PART"
            assert list(precious) == before
