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
from leaderboard_backends.hardening.rate_limiting.async_board import AsyncRateLimitedLeaderboard
from leaderboard_backends.hardening.validation.async_board import AsyncValidatedLeaderboard
from leaderboard_backends.testing.asynchronous import BlockingLeaderboard, run_on_loop


class BlockingPart(BlockingLeaderboard):
    """An asynchronous part around a board for the tests of the synchronous one; its figures are the part's own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.board, name)

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
}
LOOK_INSIDE: Final = {
    "test_a_batch_is_judged_as_its_updates_one_by_one",
    "test_an_increment_is_judged_as_the_update_to_its_sum",
    "test_an_error_amid_an_iteration_is_a_failure",
    "test_monitoring_is_a_table_of_the_boards_text",
    "test_spans_are_off_unless_asked_for",
}
"""Tests that use the board inside a part, the steps of its iteration, or a part's class."""


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
            is_test = isinstance(value, FunctionType) and each.startswith("test_") and each not in LOOK_INSIDE
            if is_test or isinstance(value, FixtureFunctionDefinition):
                found[each] = value
    return found
