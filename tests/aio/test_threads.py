"""Synchronous boards in an asyncio program: on a few threads of their own, and at once where they are in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from threading import Event, Thread, current_thread
from time import monotonic, sleep
from types import FunctionType

import pytest

from leaderboard_backends import BackendUnavailableError, Entry, LeaderboardClosedError, Score, model
from leaderboard_backends.aio import threads
from leaderboard_backends.aio.direct import MOST_ROWS, DirectLeaderboard
from leaderboard_backends.aio.hooks import call_hook
from leaderboard_backends.aio.threads import THREADS, ThreadedLeaderboard, open_in_thread
from leaderboard_backends.async_delegating import AsyncDelegatingLeaderboard
from leaderboard_backends.backends.naive import NaiveLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.in_turns import CHECKED_AT_ONCE, WORK_OF_A_TURN
from leaderboard_backends.protocol import PAGE_SIZE
from leaderboard_backends.testing.conformance.tasks import turns_beside

LIMIT = 30


class Slow(NaiveLeaderboard):
    """A board whose reads of an entry wait until they are let go, as on a disk that does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[str] = []
        self.go = Event()

    def _get_rank(self, player_id: str) -> int | None:
        self.waiting.append(current_thread().name)
        assert self.go.wait(LIMIT)
        return super()._get_rank(player_id)


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop go on until what threads do shows."""
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110 - it is threads that change it
            await asyncio.sleep(0.001)


def test_calls_wait_for_a_few_threads_and_the_loop_goes_on() -> None:
    async def program() -> None:
        slow = Slow()
        board = ThreadedLeaderboard(slow)
        calls = [asyncio.create_task(board.get_rank("ada")) for _ in range(50)]
        await until(lambda: len(slow.waiting) == THREADS)
        await asyncio.to_thread(lambda: None)  # the default executor has all its threads
        calls[-1].cancel()
        await asyncio.wait(calls[-1:])
        slow.go.set()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in answers[-2:]] == [type(None), asyncio.CancelledError]
        assert len(slow.waiting) == 49, "the call that was cancelled before it began was made"
        assert len(set(slow.waiting)) == THREADS
        await board.close()

    asyncio.run(program())


def test_too_many_waiting_calls_are_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MOST_WAITING", 10)

    async def program() -> None:
        slow = Slow()
        board = ThreadedLeaderboard(slow)
        calls = [asyncio.create_task(board.get_rank("ada")) for _ in range(10)]
        await until(lambda: len(slow.waiting) == THREADS)
        with pytest.raises(BackendUnavailableError, match="10 calls wait"):
            await board.get_rank("ada")
        slow.go.set()
        assert await asyncio.gather(*calls) == [None] * 10
        await board.close()

    asyncio.run(program())


def test_closing_does_not_wait_for_calls_that_hang() -> None:
    async def program() -> None:
        slow = Slow()
        board = ThreadedLeaderboard(slow)
        calls = [asyncio.create_task(board.get_rank("ada")) for _ in range(THREADS)]
        await until(lambda: len(slow.waiting) == THREADS)
        async with asyncio.timeout(LIMIT):
            await board.close()
        slow.go.set()
        assert await asyncio.gather(*calls) == [None] * THREADS

    asyncio.run(program())


def test_a_method_of_a_synchronous_board_that_is_a_hook_is_called_in_a_thread() -> None:
    """Such as `player_exists=registry.contains`: it may wait for a server."""

    async def program() -> None:
        slow = Slow()
        slow.go.set()
        assert await call_hook(slow.get_rank, "ada") is None
        assert slow.waiting != [current_thread().name]

    asyncio.run(program())


def test_a_hook_that_belongs_to_no_module_is_called_in_a_thread() -> None:
    """As what `exec` makes of a text."""
    nameless = FunctionType((lambda player_id: player_id == "ada").__code__, {})

    async def program() -> None:
        assert await call_hook(nameless, "ada") is True

    asyncio.run(program())


def test_a_hook_that_raises_stop_iteration_ends_its_call() -> None:
    """As `next` does that finds nothing."""

    def exists(player_id: str) -> bool:
        return next(each == player_id for each in list[str]())

    async def program() -> None:
        async with asyncio.timeout(LIMIT):
            with pytest.raises(RuntimeError, match="StopIteration"):
                await call_hook(exists, "ada")

    asyncio.run(program())


def test_a_call_that_close_overtakes_says_that_the_board_is_closed() -> None:
    async def program() -> None:
        board = ThreadedLeaderboard(NaiveLeaderboard())
        await board.update_scores([(f"p{i}", "", i) for i in range(PAGE_SIZE + 1)])
        entries = aiter(board)
        assert [(await anext(entries)).rank for _ in range(PAGE_SIZE)] == [*range(1, PAGE_SIZE + 1)]
        await board.close()
        with pytest.raises(LeaderboardClosedError):
            await anext(entries)

    asyncio.run(program())


def test_a_board_that_is_opened_for_a_cancelled_caller_is_closed() -> None:
    begun, go, closed = Event(), Event(), Event()

    class Opened(NaiveLeaderboard):
        def _close(self) -> None:
            closed.set()

    def open_board() -> NaiveLeaderboard:
        begun.set()
        assert go.wait(LIMIT)
        return Opened()

    async def program() -> None:
        opening = asyncio.create_task(open_in_thread(open_board))
        await until(begun.is_set)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        go.set()

    asyncio.run(program())
    assert closed.wait(LIMIT)


class Noting(SortedContainersLeaderboard):
    """Takes down in which thread its long calls run."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []
        self.began, self.go = Event(), Event()

    def _update_scores(self, updates: Sequence[tuple[str, str, Score]]) -> None:
        self.threads.append(current_thread().name)
        if len(updates) > MOST_ROWS:
            self.began.set()
            assert self.go.wait(LIMIT)
        super()._update_scores(updates)

    def _update_score(self, player_id: str, username: str, score: Score) -> int:
        self.threads.append(current_thread().name)
        return super()._update_score(player_id, username, score)


def test_a_board_in_memory_answers_at_once_but_not_while_a_long_call_runs() -> None:
    async def program() -> None:
        noting, here = Noting(), current_thread().name
        board = DirectLeaderboard(noting)
        await board.update_scores([(f"p{i}", "", i) for i in range(MOST_ROWS)])
        await board.update_score("ada", "Ada", 1)
        assert noting.threads == [here, here]
        load = asyncio.create_task(board.update_scores([(f"p{i}", "", i) for i in range(MOST_ROWS + 1)]))
        await until(noting.began.is_set)
        beside = asyncio.create_task(board.update_score("bob", "Bob", 1))
        await until(lambda: len(noting.threads) == 4)
        noting.go.set()
        assert await load == MOST_ROWS + 1
        assert await beside
        assert here not in noting.threads[2:]
        await board.update_score("ada", "Ada", 2)
        assert noting.threads[-1] == here
        await board.close()

    asyncio.run(program())


def test_a_long_call_of_a_caller_that_was_cancelled_keeps_the_others_off_the_loop() -> None:
    """It goes on and has the board's lock, for which the event loop would wait."""

    async def program() -> None:
        noting, here = Noting(), current_thread().name
        board = DirectLeaderboard(noting)
        load = asyncio.create_task(board.update_scores([(f"p{i}", "", i) for i in range(MOST_ROWS + 1)]))
        await until(noting.began.is_set)
        load.cancel()
        await asyncio.wait([load])
        await board.update_score("bob", "Bob", 1)
        assert noting.threads[1] != here
        noting.go.set()
        await until(lambda: noting.count() > MOST_ROWS)
        async with asyncio.timeout(LIMIT):
            while noting.threads[-1] != here:
                await board.update_score("ada", "Ada", 1)
        await board.close()

    asyncio.run(program())


def test_a_task_that_never_waits_lets_the_others_have_their_turn() -> None:
    async def calls() -> None:
        board = DirectLeaderboard(SortedContainersLeaderboard())
        for number in range(10 * WORK_OF_A_TURN):
            await board.update_score("ada", "Ada", number)

    assert asyncio.run(turns_beside(calls())) >= 9


def test_a_task_that_reads_many_rows_lets_the_others_have_their_turn_sooner() -> None:
    async def program() -> None:
        board = DirectLeaderboard(SortedContainersLeaderboard())
        await board.update_scores([(f"p{i}", "", i) for i in range(MOST_ROWS)])

        async def calls() -> None:
            for _ in range(WORK_OF_A_TURN):
                assert len(await board.get_top_n(MOST_ROWS)) == MOST_ROWS

        assert await turns_beside(calls()) >= WORK_OF_A_TURN // 4

    asyncio.run(program())


async def most_in_a_turn(count: Callable[[], int], *calls: Awaitable[object]) -> int:
    """Return by how much a number grows at most in one turn of the event loop, while tasks make calls."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    most, before = 0, count()
    while not all(task.done() for task in tasks):
        await asyncio.sleep(0)
        most, before = max(most, count() - before), count()
    for task in tasks:
        await task
    return most


def test_many_tasks_that_never_wait_do_no_more_in_one_turn_than_one_does() -> None:
    async def program() -> None:
        noting = Noting()
        board = DirectLeaderboard(noting)

        async def calls(player: str) -> None:
            for score in range(100):
                await board.update_score(player, "", score)

        tasks = [calls(f"p{number}") for number in range(100)]
        assert await most_in_a_turn(lambda: len(noting.threads), *tasks) <= 2 * WORK_OF_A_TURN
        assert len(noting.threads) == 100 * 100

    asyncio.run(program())


def test_many_boards_do_no_more_in_one_turn_than_one_does() -> None:
    async def program() -> None:
        noting = [Noting() for _ in range(100)]
        boards = [DirectLeaderboard(each) for each in noting]
        for board in boards:  # each in a turn of its own, whose rest it leaves
            await board.update_score("ada", "", 0)
            await asyncio.sleep(0)

        async def calls(board: DirectLeaderboard) -> None:
            for score in range(100):
                await board.update_score("ada", "", score)

        def made() -> int:
            return sum(len(each.threads) for each in noting)

        assert await most_in_a_turn(made, *map(calls, boards)) <= 2 * WORK_OF_A_TURN
        assert made() == 100 * 101

    asyncio.run(program())


def test_of_many_batches_only_as_many_are_applied_in_one_turn_as_take_no_longer_than_one() -> None:
    async def program() -> None:
        noting = Noting()
        board, updates = DirectLeaderboard(noting), [(f"p{number}", "", number) for number in range(MOST_ROWS)]
        tasks = [board.update_scores(updates) for _ in range(20)]
        assert await most_in_a_turn(lambda: len(noting.threads), *tasks) <= 2

    asyncio.run(program())


def test_many_tasks_check_no_more_of_their_input_in_one_turn_than_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    checked, check_updates = 0, model.check_updates

    def counted(updates: list[tuple[str, str, Score]], first: int | None = None) -> list[tuple[str, str, Score]]:
        nonlocal checked
        checked += 0 if first is None else len(updates)  # the synchronous board checks them, too
        return check_updates(updates, first or 0)

    async def program() -> None:
        board = DirectLeaderboard(SortedContainersLeaderboard())
        updates = [(f"p{number}", "", number) for number in range(CHECKED_AT_ONCE + 1)]
        monkeypatch.setattr(model, "check_updates", counted)
        tasks = [board.update_scores(updates) for _ in range(20)]
        assert await most_in_a_turn(lambda: checked, *tasks) < 2 * len(updates)
        assert checked == 20 * len(updates)

    asyncio.run(program())


def test_a_call_that_is_cancelled_before_its_turn_is_not_made() -> None:
    async def program() -> None:
        noting = Noting()
        board = DirectLeaderboard(noting)
        tasks = [asyncio.create_task(board.update_score(f"p{i}", "", i)) for i in range(3 * WORK_OF_A_TURN)]
        await asyncio.sleep(0)
        tasks[-1].cancel()
        assert sum(isinstance(each, int) for each in await asyncio.gather(*tasks, return_exceptions=True)) == len(
            noting.threads
        )
        assert len(noting.threads) == len(tasks) - 1

    asyncio.run(program())


class OpenInside(AsyncDelegatingLeaderboard):
    """Leaves what it stands around open: as a server is, that is there after a board of it was closed."""

    async def _close(self) -> None:
        pass


def test_a_call_whose_input_is_being_checked_while_its_board_is_closed_is_not_made() -> None:
    async def program() -> None:
        noting = Noting()
        board = OpenInside(DirectLeaderboard(noting))
        updates = [(f"p{number}", "", number) for number in range(2 * CHECKED_AT_ONCE)]
        tasks: list[asyncio.Task[object]] = [
            asyncio.create_task(board.update_scores(updates)),
            asyncio.create_task(board.get_entries([player_id for player_id, _, _ in updates])),
        ]
        await asyncio.sleep(0)
        await board.close()
        for task in tasks:
            with pytest.raises(LeaderboardClosedError):
                await task
        assert noting.threads == []

    asyncio.run(program())


class Read(SortedContainersLeaderboard):
    """Counts the pages that were read."""

    pages = 0

    def _get_range(self, first_rank: int, last_rank: int) -> list[Entry]:
        self.pages += 1
        return super()._get_range(first_rank, last_rank)


def test_pages_that_threads_read_at_the_same_time_are_shown_in_turns() -> None:
    async def program() -> None:
        read, shown = Read(), 0
        board = DirectLeaderboard(read)
        await board.update_scores([(f"p{number}", "", number) for number in range(PAGE_SIZE)])

        async def iterate() -> None:
            nonlocal shown
            async for _ in board:
                shown += 1

        def stand_still_until_all_are_read() -> None:
            end = monotonic() + LIMIT
            while read.pages < 20 and monotonic() < end:
                sleep(0.001)

        async def stand_still() -> None:
            await until(lambda: read.pages > 0)
            stand_still_until_all_are_read()

        tasks = [iterate() for _ in range(20)]
        assert await most_in_a_turn(lambda: shown, stand_still(), *tasks) <= 8 * PAGE_SIZE
        assert shown == 20 * PAGE_SIZE

    asyncio.run(program())


class Scanning(NaiveLeaderboard):
    """Takes down in which thread it looks at all players for a rank."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[str] = []

    def _get_rank(self, player_id: str) -> int | None:
        self.threads.append(current_thread().name)
        return super()._get_rank(player_id)


def test_a_board_that_looks_at_all_players_answers_at_once_while_it_is_small() -> None:
    async def program() -> None:
        scanning, here = Scanning(), current_thread().name
        board = DirectLeaderboard(scanning)
        for players in (MOST_ROWS, MOST_ROWS + 1):
            await board.update_scores([(f"p{i}", "", i) for i in range(players)])
            assert await board.get_rank("p0") == players
        assert scanning.threads[0] == here
        assert scanning.threads[1] != here
        await board.close()

    asyncio.run(program())


def no_thread(_: Thread) -> None:
    """Fail as the start of a thread does in a process that may have no more."""
    raise RuntimeError("can't start new thread")


def test_a_call_for_which_no_thread_can_be_started_is_never_made(monkeypatch: pytest.MonkeyPatch) -> None:
    async def program() -> None:
        board = ThreadedLeaderboard(NaiveLeaderboard())
        with monkeypatch.context() as patch:
            patch.setattr(Thread, "start", no_thread)
            with pytest.raises(BackendUnavailableError, match="nothing was sent"):
                await board.increment_score("ada", "Ada", 1)
            with pytest.raises(BackendUnavailableError, match="nothing was sent"):
                await board.close()
        assert not board.closed
        assert (await board.increment_score("ada", "Ada", 1)).score == 1
        await board.close()
        assert board.board.closed

    asyncio.run(program())


def test_where_no_more_threads_can_be_started_those_that_there_are_make_all_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def program() -> None:
        slow = Slow()
        board = ThreadedLeaderboard(slow)
        waiting = asyncio.create_task(board.get_rank("ada"))
        await until(lambda: len(slow.waiting) == 1)
        with monkeypatch.context() as patch:
            patch.setattr(Thread, "start", no_thread)
            adding = asyncio.create_task(board.increment_score("ada", "Ada", 1))
            await asyncio.sleep(0)
            assert not adding.done()
            slow.go.set()
            assert (await adding).score == 1
        assert await waiting is None
        await board.close()

    asyncio.run(program())
