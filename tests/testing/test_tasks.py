"""The kit's tests of tasks find what is wrong with an asynchronous board: each board here has one bug."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from leaderboard_backends import AsyncLeaderboard, Entry, InvalidScoreError, Score
from leaderboard_backends.aio.direct import DirectLeaderboard
from leaderboard_backends.async_delegating import AsyncDelegatingLeaderboard
from leaderboard_backends.backends.sortedcontainers import SortedContainersLeaderboard
from leaderboard_backends.testing import AsyncConformance
from leaderboard_backends.testing.runner import run_kit


class MixesAnswersUp(AsyncDelegatingLeaderboard):
    """As where tasks share a connection, and one reads what another asked for."""

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        self.answer = await super()._increment_score(player_id, username, delta)
        await asyncio.sleep(0)
        return self.answer


class ReadsThenWrites(AsyncDelegatingLeaderboard):
    """As where a lock of threads is taken to hold for tasks."""

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        before = await self._inner.get_score(player_id) or 0
        await asyncio.sleep(0)
        await self._inner.update_score(player_id, username, before + delta)
        return Entry(await self._inner.get_rank(player_id) or 0, player_id, username, before + delta)


class RefusesTheWholeBatch(AsyncDelegatingLeaderboard):
    """As where updates share a call, and one of them is wrong."""

    refusal: InvalidScoreError | None = None

    async def _increment_score(self, player_id: str, username: str, delta: Score) -> Entry:
        try:
            return await super()._increment_score(player_id, username, delta)
        except InvalidScoreError as error:
            self.refusal = error
            raise

    async def _update_score(self, player_id: str, username: str, score: Score) -> int:
        if self.refusal is not None:
            raise self.refusal
        return await super()._update_score(player_id, username, score)


class NeverWaits(DirectLeaderboard):
    """As a synchronous board with coroutines around its methods."""

    async def update_score(self, player_id: str, username: str, score: Score) -> int:
        return self._board.update_score(player_id, username, score)


class Broken(AsyncConformance):
    tasks, waiting = 20, 1000
    wrapper: ClassVar[type[AsyncDelegatingLeaderboard]]

    async def make(self, *, name: str, **options: Any) -> AsyncLeaderboard:
        return self.wrapper(DirectLeaderboard(SortedContainersLeaderboard(name, **options)))


class OfMixedAnswers(Broken):
    wrapper = MixesAnswersUp


class OfLostIncrements(Broken):
    wrapper = ReadsThenWrites


class OfRefusedBatches(Broken):
    wrapper = RefusesTheWholeBatch


class OfNeverWaiting(Broken):
    async def make(self, *, name: str, **options: Any) -> AsyncLeaderboard:
        return NeverWaits(SortedContainersLeaderboard(name, **options))


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (OfMixedAnswers, "test_each_of_many_tasks_gets_the_answers_to_its_own_calls"),
        (OfLostIncrements, "test_increments_of_many_tasks_are_neither_lost_nor_doubled"),
        (OfRefusedBatches, "test_a_call_that_is_refused_refuses_no_other"),
        (OfNeverWaiting, "test_a_task_that_calls_all_the_time_lets_others_run"),
    ],
)
def test_a_bug_is_found_by_the_test_that_is_about_it(broken: type[AsyncConformance], found: str) -> None:
    report = run_kit(broken)
    failed = {outcome.test for outcome in report.outcomes if outcome.result == "failed"}
    assert found in failed
    assert len(failed) <= 3
