"""Boards in this process: a call in the middle of another of its thread never waits for what it interrupts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import pytest

from leaderboard_backends import BackendUnavailableError, LeaderboardBackend, in_process, open_leaderboard
from leaderboard_backends.backends import naive, sortedcontainers
from leaderboard_backends.backends.memory import board as memory
from leaderboard_backends.backends.zodb import attempts
from leaderboard_backends.testing.crew import Crew

FILES: Final = {module.__file__ for module in (in_process, memory, naive, sortedcontainers, attempts)}
START: Final = [(f"p{number}", "", number % 4) for number in range(10)]

OPERATIONS: Final[dict[str, Callable[[LeaderboardBackend], object]]] = {
    "update_score": lambda board: board.update_score("p1", "", 9),
    "increment_score": lambda board: board.increment_score("p1", "", 9),
    "update_scores (small)": lambda board: board.update_scores([("p1", "", 9)]),
    "update_scores (large)": lambda board: board.update_scores([(f"q{number}", "", 1) for number in range(10)]),
    "remove_player": lambda board: board.remove_player("p1"),
    "clear": lambda board: board.clear(),
    "get_score": lambda board: board.get_score("p1"),
    "get_rank": lambda board: board.get_rank("p1"),
    "get_entries": lambda board: board.get_entries(["p1", "p2", "nobody"]),
    "get_percentile": lambda board: board.get_percentile("p1"),
    "get_top_n": lambda board: board.get_top_n(5),
    "get_range": lambda board: board.get_range(2, 5),
    "get_around": lambda board: board.get_around("p1"),
    "get_by_score": lambda board: board.get_by_score(0, 2),
    "count_by_score": lambda board: board.count_by_score(0, 2),
    "count": lambda board: board.count(),
}


@contextmanager
def called_at_each_line(call: Callable[[], None]) -> Iterator[None]:
    """Have each line of the boards' own code call something first, as a finalizer or a signal handler may."""

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename not in FILES:
            return None
        if event == "line":
            call()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("scheme", ["memory", "naive", "sortedcontainers", "zodb+memory"])
def test_a_call_amid_another_of_its_thread_is_answered_or_refused_and_that_goes_on(scheme: str, operation: str) -> None:
    """Whether it reads or writes: it would wait for ever for a lock that its own thread has."""
    refusals: list[str] = []
    with open_leaderboard(f"{scheme}://") as board, open_leaderboard(f"{scheme}://") as undisturbed:
        board.update_scores(START)
        undisturbed.update_scores(START)
        calls: list[Callable[[], object]] = [board.count, lambda: board.remove_player("nobody")]

        def interfere() -> None:
            for call in calls:
                try:
                    call()
                except BackendUnavailableError as error:
                    refusals.append(str(error))

        def work() -> object:
            with called_at_each_line(interfere):
                return OPERATIONS[operation](board)

        assert Crew([work]).join(20) == [OPERATIONS[operation](undisturbed)]
        assert list(board) == list(undisturbed)
    assert refusals
    assert all("is in the middle of another call of this thread" in refusal for refusal in refusals)
