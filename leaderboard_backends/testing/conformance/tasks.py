"""What asynchronous boards have of their own: many tasks at once, cancelled calls, time-outs, event loops.

Everything else is tested by `BackendConformance` through the façade `asynchronous.blocking`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from random import Random
from typing import Any, ClassVar, Final

import pytest

from ...async_protocol import AsyncLeaderboard
from ...errors import BackendUnavailableError, InvalidScoreError, LeaderboardError, WriteOutcomeUnknownError
from ...model import Entry, Keep, Order
from ..honesty import HonestKit
from ..subject import unique_name

ROUNDS: Final = 10
"""Calls of each task."""
LONG: Final = 1000
"""Calls of a task that does nothing else."""

Program = Callable[[AsyncLeaderboard], Coroutine[Any, Any, None]]


async def turns_beside(calls: Awaitable[object]) -> int:
    """Return how many turns of the event loop another task has until one task has made its calls."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await calls
    beside.cancel()
    return turns


class AsyncConformance(HonestKit):
    """Tests of an asynchronous board; `make` opens one.

    Subclass it as `Test…`, beside a `BackendConformance` whose `make` uses `asynchronous.blocking`:

        class TestMyTasks(AsyncConformance):
            def make(self, **options):
                return MyBoard.open(**options)
    """

    open_names: ClassVar[frozenset[str]] = frozenset({"make"})
    efforts: ClassVar[dict[str, int]] = {"tasks": 20, "waiting": 1000}

    tasks: int = 50
    """How many tasks call a board at the same time."""
    waiting: int = 10_000
    """How many tasks wait for a board at the same time."""

    def make(self, *, name: str, order: Order, keep: Keep) -> Awaitable[AsyncLeaderboard]:
        """Return what opens a board, to be awaited in the event loop that uses it."""
        raise NotImplementedError(
            f"{type(self).__name__} needs make(self, **options) that returns what is awaited for an open board; "
            "options are name, order and keep: def make(self, **options): return MyBoard.open(**options)"
        )

    def _run(self, program: Program) -> None:
        """Run a program on a board of its own, which is deleted in the end."""

        async def whole() -> None:
            board = await self.make(name=unique_name(), order="descending", keep="last")
            try:
                async with asyncio.timeout(self.time_limit):
                    await program(board)
            finally:
                if not board.closed:
                    await board.delete()

        asyncio.run(whole())

    def test_each_of_many_tasks_gets_the_answers_to_its_own_calls(self) -> None:
        async def program(board: AsyncLeaderboard) -> None:
            async def work(player: str) -> None:
                for score in range(ROUNDS):
                    entry = await board.increment_score(player, player, 1)
                    assert entry[1:] == (player, player, score + 1)
                    assert await board.get_score(player) == score + 1
                    found = await board.get_entry(player)
                    assert found is not None
                    assert found[1:] == (player, player, score + 1)

            await asyncio.gather(*(work(f"p{number}") for number in range(self.tasks)))
            assert await board.count() == self.tasks

        self._run(program)

    def test_increments_of_many_tasks_are_neither_lost_nor_doubled(self) -> None:
        async def program(board: AsyncLeaderboard) -> None:
            calls = self.tasks * ROUNDS
            entries = await asyncio.gather(*(board.increment_score("ada", "Ada", 1) for _ in range(calls)))
            assert sorted(entry.score for entry in entries) == [*range(1, calls + 1)]

        self._run(program)

    def test_a_cancelled_call_changes_nobody_elses_answers(self) -> None:
        """Cancelled at any moment: it happened once or not at all, and the others get what they asked for."""
        chance = Random(self.seed)

        async def program(board: AsyncLeaderboard) -> None:
            acknowledged = 0

            async def work(player: str) -> None:
                nonlocal acknowledged
                for score in range(ROUNDS):
                    await board.increment_score("sum", "", 1)
                    acknowledged += 1
                    assert (await board.increment_score(player, player, 1))[1:] == (player, player, score + 1)

            tasks = [asyncio.create_task(work(f"p{number}")) for number in range(self.tasks)]
            for task in tasks[::2]:
                for _ in range(chance.randrange(5)):
                    await asyncio.sleep(0)
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            for outcome in outcomes[1::2]:
                assert outcome is None, outcome
            unsure = sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
            assert acknowledged <= (await board.get_score("sum") or 0) <= acknowledged + unsure

        self._run(program)

    def test_a_call_that_runs_out_of_time_ends_and_the_board_goes_on(self) -> None:
        async def program(board: AsyncLeaderboard) -> None:
            for _ in range(ROUNDS):
                try:
                    async with asyncio.timeout(0):
                        await board.update_score("ada", "Ada", 1)
                except TimeoutError:
                    pass
            assert await board.update_score("ada", "Ada", 2) == 1

        self._run(program)

    def test_a_call_that_is_refused_refuses_no_other(self) -> None:
        async def program(board: AsyncLeaderboard) -> None:
            await board.update_score("full", "", 2**53)
            calls: list[Awaitable[object]] = []
            for number in range(self.tasks):
                calls += [board.increment_score("full", "", 1), board.update_score(f"p{number}", "", number + 0.5)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes[::2]} == {InvalidScoreError}
            assert {type(outcome) for outcome in outcomes[1::2]} == {int}
            assert await board.count() == self.tasks + 1

        self._run(program)

    def test_a_task_that_calls_all_the_time_lets_others_run(self) -> None:
        async def program(board: AsyncLeaderboard) -> None:
            async def calls() -> None:
                for score in range(LONG):
                    await board.update_score("ada", "Ada", score)

            assert await turns_beside(calls()) >= 3

        self._run(program)

    def test_ten_thousand_waiting_calls_are_answered_or_refused(self) -> None:
        async def program(board: AsyncLeaderboard) -> None:
            await board.update_score("ada", "Ada", 1)
            calls = [board.get_entry("ada") for _ in range(self.waiting)]
            outcomes = await asyncio.gather(*calls, return_exceptions=True)
            answers = {outcome for outcome in outcomes if not isinstance(outcome, BackendUnavailableError)}
            assert answers == {Entry(1, "ada", "Ada", 1)}
            assert await board.get_rank("ada") == 1

        self._run(program)

    def test_closing_ends_the_calls_that_wait_with_an_answer_or_an_error(self) -> None:
        async def program(board: AsyncLeaderboard) -> None:
            calls = [asyncio.create_task(board.update_score(f"p{number}", "", 1)) for number in range(self.tasks)]
            await asyncio.sleep(0)
            await board.close()
            for outcome in await asyncio.gather(*calls, return_exceptions=True):
                assert isinstance(outcome, int | LeaderboardError), outcome
            with pytest.raises(LeaderboardError):
                await board.update_score("ada", "Ada", 1)

        self._run(program)

    def test_another_event_loop_is_served_or_refused(self) -> None:
        async def program(board: AsyncLeaderboard) -> None:
            async def elsewhere() -> object:
                try:
                    return await board.update_score("ada", "Ada", 1)
                except LeaderboardError as error:
                    return error

            outcome = await asyncio.to_thread(asyncio.run, elsewhere())
            assert outcome == 1 or isinstance(outcome, LeaderboardError)
            assert not isinstance(outcome, WriteOutcomeUnknownError)
            assert await board.update_score("ada", "Ada", 2) == 1

        self._run(program)
