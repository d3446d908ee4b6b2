from __future__ import annotations

from collections.abc import Callable

import pytest

from leaderboard_backends.comparison.measure.session import packed
from leaderboard_backends.comparison.schema import Result, ServiceFigures


@pytest.mark.parametrize("scores", [[], [1, -(2**53), 2**53], [1, 0.5, -2], [1e300]])
def test_scores_are_given_to_the_board_as_they_are_and_as_objects_of_its_own(scores: list[int | float]) -> None:
    given = list(packed(scores))
    assert given == scores
    assert not [one for one, other in zip(given, scores, strict=True) if one is other and abs(one) > 256]


def test_what_a_board_keeps_of_each_player_is_counted_as_its_memory(comparing: Callable[..., Result]) -> None:
    figures = comparing("naive", players=(20_000,), steps=5, time_limit=0.01).runs[0].figures
    assert isinstance(figures, ServiceFigures)
    assert figures.memory.board_bytes / 20_000 > 100
