"""The traffic of a run keeps the rules of the board that it runs on, whatever they are."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leaderboard_backends import UpdateRefusedError, open_leaderboard
from leaderboard_backends.hardening import ValidatedLeaderboard
from leaderboard_backends.preflight.traffic import Traffic

BOUND = st.one_of(st.none(), st.integers(-(2**53), 2**53), st.floats(-1e300, 1e300))


def test_without_rules_scores_are_whole_and_five_players_share_one() -> None:
    scores = [score for _, _, score in Traffic({}, 10_000).load()]
    assert all(type(score) is int and 0 <= score <= 1_000_000 for score in scores)
    assert 1_500 < len(set(scores)) <= 2_001


def test_texts_are_as_long_as_the_studys() -> None:
    player_id, username, _ = next(Traffic({}, 10).load())
    assert (len(player_id), len(username)) == (14, 12)


def test_players_take_turns() -> None:
    traffic = Traffic({}, 3)
    assert len(list(traffic.load())) == 3
    drawn = [traffic.draw_update()[0] for _ in range(6)]
    assert drawn[:3] == drawn[3:]
    assert len(set(drawn)) == 3


@example(low=2**53 + 10.0**6, high=None, change=1.0)
@given(low=BOUND, high=BOUND, change=st.one_of(st.none(), st.floats(0, 1e300), st.integers(0, 2**53)))
def test_every_update_keeps_the_range_and_the_change(low: Any, high: Any, change: Any) -> None:
    if low is not None and high is not None and low > high:
        low, high = high, low
    rules = {
        name: value
        for name, value in [("score_min", low), ("score_max", high), ("max_change", change)]
        if value is not None
    }
    traffic = Traffic(rules, 4)
    first = list(traffic.load())
    with open_leaderboard("memory://") as inner:
        inner.update_scores(first)
        board = ValidatedLeaderboard(inner, **rules)
        for update in islice(iter(traffic.draw_update, None), 20):
            board.update_score(*update)


@pytest.mark.parametrize(("most", "players"), [(1, 36), (2, 500), (13, 500), (14, 500)])
def test_ids_are_as_short_as_they_must_be_and_each_is_one_player(most: int, players: int) -> None:
    traffic = Traffic({"max_player_id_bytes": most, "max_username_bytes": 3}, 500)
    updates = list(traffic.load())
    assert len({player_id for player_id, _, _ in updates}) == len(updates) == players
    assert all(len(player_id) <= most and len(username) <= 3 for player_id, username, _ in updates)


def test_the_rules_that_it_keeps_are_those_of_validation() -> None:
    """What the traffic is for: without the rules in view it would be refused."""
    with open_leaderboard("memory://") as inner:
        board = ValidatedLeaderboard(inner, score_max=10)
        with pytest.raises(UpdateRefusedError):
            board.update_scores(list(Traffic({}, 50).load()))
        board.update_scores(list(Traffic({"score_max": 10}, 50).load()))
