"""Asynchronous parts around boards for the tests of the synchronous ones."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import FunctionType
from typing import Any, Final

from _pytest.fixtures import FixtureFunctionDefinition

from leaderboard_backends import AsyncLeaderboard, LeaderboardBackend
from leaderboard_backends.aio import as_async
from leaderboard_backends.hardening.async_monitoring import AsyncMonitoredLeaderboard
from leaderboard_backends.hardening.degradation.async_board import AsyncDegradableLeaderboard
from leaderboard_backends.hardening.rate_limiting.async_board import AsyncRateLimitedLeaderboard
from leaderboard_backends.hardening.validation.async_board import AsyncValidatedLeaderboard
from leaderboard_backends.testing.asynchronous import BlockingLeaderboard, run_on_loop


class BlockingPart(BlockingLeaderboard):
    """An asynchronous part around a board for the tests of the synchronous one; its figures are the part's own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.board, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Switch the part itself to read-only."""
        if name == "read_only":
            setattr(self.board, name, value)
        else:
            super().__setattr__(name, value)

    def rank_band(self, player_id: str) -> Any:
        """Return the band of a degradable board."""
        board: Any = self.board
        return run_on_loop(board.rank_band(player_id))

    def snapshot(self) -> Any:
        """Return the figures of a monitored board."""
        board: Any = self.board
        return run_on_loop(board.snapshot())


def part(kind: type[Any]) -> Callable[..., BlockingPart]:
    """Return what takes the place of a synchronous part's class."""

    async def made(inner: AsyncLeaderboard, settings: dict[str, Any]) -> AsyncLeaderboard:
        board: AsyncLeaderboard = kind(inner, **settings)
        return board

    def make(inner: LeaderboardBackend, **settings: Any) -> BlockingPart:
        asynchronous = inner.board if isinstance(inner, BlockingPart) else as_async(inner)
        return BlockingPart(run_on_loop(made(asynchronous, settings)))

    return make


PARTS: Final = {
    "ValidatedLeaderboard": part(AsyncValidatedLeaderboard),
    "RateLimitedLeaderboard": part(AsyncRateLimitedLeaderboard),
    "MonitoredLeaderboard": part(AsyncMonitoredLeaderboard),
    "DegradableLeaderboard": part(AsyncDegradableLeaderboard),
}
OF_THREADS: Final = {
    "test_an_async_function_is_refused_as_its_answer_would_always_be_true",
    "test_it_is_described_in_the_text_of_a_board",
    "test_what_is_on_is_in_its_text",
    "test_a_backend_without_time_outs_takes_no_bound_of_reads",
    "test_reads_go_to_a_second_board_object_whose_times_add_up_to_less_than_the_bound",
    "test_what_was_written_is_read_at_once",
    "test_both_are_closed_together",
    "test_where_the_wrapper_cannot_be_made_the_second_one_is_closed",
    "test_a_write_that_is_answered_while_the_top_is_read_is_not_missed",
    "test_a_write_that_is_sent_while_the_top_is_read_and_applied_after_it_is_not_missed",
    "test_a_write_below_the_old_top_and_within_the_new_one_is_not_missed",
    "test_once_a_write_can_be_seen_anywhere_it_shows_in_the_top",
    "test_before_a_write_is_applied_it_shows_nowhere",
    "test_after_a_write_that_only_might_have_changed_it_the_top_is_served_from_memory_again",
    "test_while_one_thread_reads_anew_others_are_served_from_memory",
    "test_a_storage_that_takes_long_holds_up_one_thread_and_the_others_are_told_that_it_is_old",
    "test_without_a_memory_nobody_is_given_what_is_old_however_long_it_takes",
    "test_what_was_served_long_ago_is_not_served_while_it_is_read_anew",
    "test_where_nothing_is_in_memory_others_wait_for_the_one_that_reads",
    "test_those_who_waited_for_a_reading_that_a_write_outdated_ask_for_themselves",
    "test_however_often_a_shared_top_is_written_one_thread_reads_at_a_time_and_misses_no_own_write",
    "test_a_batch_is_judged_as_its_updates_one_by_one",
    "test_an_increment_is_judged_as_the_update_to_its_sum",
    "test_an_error_amid_an_iteration_is_a_failure",
    "test_monitoring_is_a_table_of_the_boards_text",
    "test_spans_are_off_unless_asked_for",
    "test_a_reading_amid_another_of_its_thread_does_not_wait_for_it_and_misses_no_write",
    "test_writes_amid_the_notes_of_another_of_their_thread_wait_for_nothing_and_are_noted",
    "test_a_call_amid_the_measuring_of_another_does_not_wait_for_its_own_thread",
    "test_a_board_can_be_closed_amid_a_collection_of_the_same_thread",
    "test_a_call_amid_another_of_its_thread_is_refused_and_that_goes_on",
    "test_a_call_for_another_player_amid_one_of_its_thread_is_refused_as_well",
}
"""Tests of what coroutines do not share; and those that use a part's class, the board inside it, the steps of its
iteration, or a part amid its own call. A finalizer or a signal handler makes no call of an asynchronous board amid
another one: it cannot await it, and the task that it may start is one of many, which waits for the others. In these
tests it would keep the thread of the event loop from going on, or a thread for which the loop waits.
"""


def adopted(*names: str) -> dict[str, Any]:
    """Return the tests of modules, and their fixtures, with asynchronous parts in place of the synchronous ones."""
    found: dict[str, Any] = {}
    for name in names:
        spec = spec_from_file_location(f"{__name__}_{name}", Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        vars(module).update({part: made for part, made in PARTS.items() if part in vars(module)})
        for each, value in vars(module).items():
            is_test = isinstance(value, FunctionType) and each.startswith("test_") and each not in OF_THREADS
            if is_test or isinstance(value, FixtureFunctionDefinition):
                found[each] = value
    return found
