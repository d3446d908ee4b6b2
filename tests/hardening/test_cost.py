"""How many Python functions of the library a call runs through: most of what the parts cost, told without a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

import leaderboard_backends
from leaderboard_backends import LeaderboardBackend, open_leaderboard

LIBRARY = str(Path(leaderboard_backends.__file__).parent)
VALIDATION = {"score_min": 0, "score_max": 1000, "max_n": 100}
FULL = {"degradation": {}, "validation": VALIDATION, "rate_limit": {"updates_a_minute": 1000}, "monitoring": {}}
EVERYTHING = {
    "degradation": {"cache_top": 100, "live_top": 5},
    "validation": {**VALIDATION, "max_change": 1000, "max_username_bytes": 64},
    "rate_limit": {"updates_a_minute": 1000, "updates_a_second": 1000},
    "monitoring": {"spans": True},
}


def calls(call: Callable[[], object]) -> int:
    """Return how many functions of the library a call runs through, at least: a second's first call marks it."""
    return min(_calls(call) for _ in range(3))


def _calls(call: Callable[[], object]) -> int:
    found = 0

    def note(frame: FrameType, event: str, _: object) -> None:
        nonlocal found
        found += event == "call" and frame.f_code.co_filename.startswith(LIBRARY)

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return found


def opened(parts: Mapping[str, Mapping[str, Any]]) -> LeaderboardBackend:
    settings = {name: dict(each) for name, each in parts.items()}
    if "monitoring" in settings:
        settings["monitoring"]["registry"] = CollectorRegistry()
    return open_leaderboard({"url": "memory://", **settings})


@pytest.mark.parametrize(
    ("parts", "update", "increment", "read"),
    [
        pytest.param({"monitoring": {}}, 4, 4, 4, id="monitoring"),
        pytest.param({"monitoring": {"spans": True}}, 9, 9, 7, id="spans"),
        pytest.param({"degradation": {}}, 7, 7, 9, id="degradation"),
        pytest.param({"validation": VALIDATION}, 5, 7, 3, id="validation"),
        pytest.param({"rate_limit": {"updates_a_minute": 1000}}, 7, 7, 3, id="rate limit"),
        pytest.param(FULL, 15, 17, 22, id="all parts"),
        pytest.param(EVERYTHING, 29, 27, 25, id="all settings"),
    ],
)
def test_parts_add_few_calls_to_one_of_a_board_in_memory(
    parts: Mapping[str, Mapping[str, Any]], update: int, increment: int, read: int
) -> None:
    """A part alone costs an update three checks of values; in a stack, they are made once."""
    with opened({}) as bare, opened(parts) as board:

        def added(call: Callable[[LeaderboardBackend], object]) -> int:
            for each in (bare, board):
                call(each)  # what is made once, such as the metrics of an operation
            return calls(lambda: call(board)) - calls(lambda: call(bare))

        assert added(lambda each: each.update_score("ada", "Ada", 5)) <= update
        assert added(lambda each: each.increment_score("ada", "Ada", 1)) <= increment
        assert added(lambda each: each.get_rank("ada")) <= read
