"""A caller can tell how its own read was answered: from threads, from asyncio tasks, and beside others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Thread

import pytest

from leaderboard_backends import BackendUnavailableError, Entry, LeaderboardBackend, open_leaderboard
from leaderboard_backends.answers import Coverage
from leaderboard_backends.delegating import DelegatingLeaderboard
from leaderboard_backends.hardening import DegradableLeaderboard
from leaderboard_backends.protocol import PAGE_SIZE
from leaderboard_backends.testing.crew import Crew
from leaderboard_backends.wrapper import LIVE, Answer, answered, ask, last_answer


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Partly(DelegatingLeaderboard):
    """A board whose ranks can be taken away, and nothing else."""

    down = False

    def _get_rank(self, player_id: str) -> int | None:
        if self.down:
            raise BackendUnavailableError("no answer")
        return super()._get_rank(player_id)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def inner() -> Partly:
    return Partly(open_leaderboard("memory://"))


@pytest.fixture
def board(inner: Partly, clock: Clock) -> DegradableLeaderboard:
    """A board that answers ranks stale and 4 s old, scores live, the top from memory, and bands approximately."""
    board = DegradableLeaderboard(inner, cache_top=2, cache_seconds=60, clock=clock)
    board.update_scores([("ada", "", 5), ("bob", "", 4)])
    board.get_rank("ada")
    board.get_top_n(2)
    board.rank_band("ada")
    clock.now += 4.0
    inner.down = True
    return board


def sources(board: DegradableLeaderboard) -> list[tuple[object, Answer]]:
    """Ask in each of four ways."""
    return [
        ask(board.get_rank, "ada"),
        ask(board.get_score, "ada"),
        ask(board.get_top_n, 1),
        ask(board.rank_band, "ada"),
    ]


EXPECTED = [Answer("stale", 4.0), LIVE, Answer("cached", 4.0), Answer("approximate", 4.0)]


def test_each_of_many_threads_is_told_of_its_own_reads(board: DegradableLeaderboard) -> None:
    def tell() -> set[tuple[Answer, ...]]:
        return {tuple(answer for _, answer in sources(board)) for _ in range(50)}

    assert Crew([tell] * 6).join(30) == [{tuple(EXPECTED)}] * 6


def test_what_one_thread_reads_changes_nothing_for_another(board: DegradableLeaderboard) -> None:
    board.get_rank("ada")
    thread = Thread(target=lambda: board.get_score("ada"))
    thread.start()
    thread.join()
    assert last_answer() == Answer("stale", 4.0)


def test_a_read_in_a_thread_of_asyncio_is_told_by_ask(board: DegradableLeaderboard) -> None:
    """`asyncio.to_thread` runs in a copy of the task's context: `last_answer` of the task stays as it was."""

    async def read() -> tuple[Answer, Answer, Answer]:
        board.get_score("ada")
        _, answer = await asyncio.to_thread(ask, board.get_rank, "ada")
        before = last_answer()
        await asyncio.to_thread(board.get_rank, "ada")
        return answer, before, last_answer()

    assert asyncio.run(read()) == (Answer("stale", 4.0), LIVE, LIVE)


def test_a_pool_of_threads_keeps_nothing_from_one_caller_to_the_next(board: DegradableLeaderboard) -> None:
    with ThreadPoolExecutor(1) as pool:
        for read, expected in ((board.get_rank, EXPECTED[0]), (board.get_score, EXPECTED[1])):
            assert pool.submit(ask, read, "ada").result()[1] == expected


def test_tasks_that_take_turns_are_each_told_of_their_own_reads(board: DegradableLeaderboard) -> None:
    async def read(number: int) -> bool:
        call, expected = ((board.get_rank, EXPECTED[0]), (board.get_score, EXPECTED[1]))[number % 2]
        told = []
        for _ in range(20):
            call("ada")
            await asyncio.sleep(0)
            told.append(last_answer() == expected)
        return all(told)

    async def read_all() -> Sequence[bool]:
        return await asyncio.gather(*[read(number) for number in range(10)])

    assert all(asyncio.run(read_all()))


def test_through_all_parts_of_a_stack_a_caller_is_told() -> None:
    cached = {"cache_top": 2, "cache_seconds": 60}
    with open_leaderboard("memory://", degradation=cached, validation={"max_change": 9}, rate_limit=True) as board:
        board.update_score("ada", "", 5)
        assert ask(board.get_top_n, 1)[1] == LIVE
        found, answer = ask(board.get_top_n, 1)
        assert (found, answer.source) == ([Entry(1, "ada", "", 5)], "cached")
        assert answer.age > 0
        board.update_score("ada", "", 6)
        assert ask(board.get_top_n, 1) == ([Entry(1, "ada", "", 6)], LIVE)


class OverShards(DelegatingLeaderboard):
    """A board whose shards can be taken away: one of them, or all."""

    away = "none"

    def _get_top_n(self, n: int) -> list[Entry]:
        if self.away == "all":
            raise BackendUnavailableError("no answer")
        found = super()._get_top_n(n)
        if self.away == "none":
            return found
        answered(Answer("partial", 0.0, Coverage(1, (0,))))
        return found[:1]


def test_an_answer_without_some_shards_is_not_remembered_in_place_of_a_whole_one(clock: Clock) -> None:
    inner = OverShards(open_leaderboard("memory://"))
    inner.update_scores([("ada", "", 5), ("bob", "", 4)])
    board = DegradableLeaderboard(inner, clock=clock)
    whole = board.get_top_n(2)
    inner.away = "one"
    assert ask(board.get_top_n, 2) == (whole[:1], Answer("partial", 0.0, Coverage(1, (0,))))
    inner.away = "all"
    clock.now += 4.0
    assert ask(board.get_top_n, 2) == (whole, Answer("stale", 4.0))


class Breaking(DelegatingLeaderboard):
    """A board whose first page can be taken away."""

    down = False

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        if self.down and first_rank == 1:
            raise BackendUnavailableError("no answer")
        return super()._get_range(first_rank, last_rank)


def test_a_walk_that_began_with_an_old_page_is_told_to_be_old(clock: Clock) -> None:
    inner = Breaking(open_leaderboard("memory://"))
    board: LeaderboardBackend = DegradableLeaderboard(inner, clock=clock)
    board.update_scores([(f"p{number}", "", -number) for number in range(PAGE_SIZE + 5)])
    assert ask(list, board)[1] == LIVE
    inner.down = True
    clock.now += 4.0
    walk = iter(board)
    for part in (PAGE_SIZE, 5):
        assert len(list(islice(walk, part))) == part
        assert last_answer() == Answer("stale", 4.0)
    inner.down = False
    assert ask(list, board)[1] == LIVE
