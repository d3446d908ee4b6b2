"""Each rule refuses what breaks it and nothing else; increments and batches are held to it as single updates are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends import Entry, LeaderboardBackend, ScoreUpdate, open_leaderboard
from leaderboard_backends.errors import ConfigurationError, InvalidScoreError, UnknownOptionError, UpdateRefusedError
from leaderboard_backends.hardening import ValidatedLeaderboard
from leaderboard_backends.model import Keep, Order
from leaderboard_backends.wrapper import achieved

NOW = 1_700_000_000.0


def validated(*, order: Order = "descending", keep: Keep = "last", **settings: Any) -> ValidatedLeaderboard:
    inner = open_leaderboard("memory://weekly", order=order, keep=keep)
    return ValidatedLeaderboard(inner, clock=lambda: NOW, **settings)


def refused(rule: str, call: Callable[[], object]) -> str:
    """Return the text of the refusal that a call meets under a rule."""
    with pytest.raises(UpdateRefusedError) as caught:
        call()
    assert caught.value.rule == rule
    assert rule in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------ range


def test_scores_at_the_ends_of_the_range_stand_and_beyond_them_are_refused() -> None:
    board = validated(score_min=0, score_max=100)
    assert board.update_score("ada", "Ada", 100) == 1
    assert board.update_score("bob", "Bob", 0) == 2
    assert "score 101 is above score_max 100" in refused("score_max", lambda: board.update_score("ada", "Ada", 101))
    assert "score -0.5 is below score_min 0" in refused("score_min", lambda: board.update_score("ada", "Ada", -0.5))
    assert board.get_top_n() == [Entry(1, "ada", "Ada", 100), Entry(2, "bob", "Bob", 0)]


def test_the_sum_of_an_increment_is_held_to_the_range() -> None:
    board = validated(score_min=0, score_max=100)
    board.update_score("ada", "Ada", 90)
    text = refused("score_max", lambda: board.increment_score("ada", "Ada", 11))
    assert "the sum 90 + 11 = 101 is above score_max 100" in text
    assert board.increment_score("ada", "Ada", 10).score == 100
    refused("score_min", lambda: board.increment_score("new", "New", -1))
    assert "new" not in board


def test_a_sum_outside_the_score_rule_is_refused_as_on_any_board() -> None:
    board = validated(score_min=0)
    board.update_score("ada", "Ada", 2**53)
    with pytest.raises(InvalidScoreError):
        board.increment_score("ada", "Ada", 1)
    assert board.get_score("ada") == 2**53


@pytest.mark.parametrize("order", ["descending", "ascending"])
def test_the_range_holds_for_scores_that_a_best_board_would_ignore(order: Order) -> None:
    board = validated(order=order, keep="best", score_min=0, score_max=100)
    board.update_score("ada", "Ada", 50)
    refused("score_min", lambda: board.update_score("ada", "Ada", -1))
    refused("score_max", lambda: board.update_score("ada", "Ada", 101))
    refused("score_min", lambda: board.increment_score("ada", "Ada", -51))
    refused("score_max", lambda: board.increment_score("ada", "Ada", 51))


def test_a_range_without_a_score_in_it_is_refused_when_the_board_is_opened() -> None:
    with pytest.raises(ConfigurationError, match="score_min 5 of validation is above score_max 1"):
        validated(score_min=5, score_max=1)


# ------------------------------------------------------------------ change


def test_a_change_is_held_to_its_bound_in_both_directions() -> None:
    board = validated(max_change=10)
    board.update_score("ada", "Ada", 10)
    board.update_score("ada", "Ada", 20)
    text = refused("max_change", lambda: board.update_score("ada", "Ada", 31))
    assert "score 31 changes the current score 20 by 11, more than max_change 10 per update" in text
    refused("max_change", lambda: board.update_score("ada", "Ada", 9))
    refused("max_change", lambda: board.increment_score("ada", "Ada", 11))
    refused("max_change", lambda: board.increment_score("ada", "Ada", -11))
    assert board.increment_score("ada", "Ada", -10).score == 10


def test_a_new_account_is_no_way_around_the_bound_of_changes() -> None:
    board = validated(max_change=10)
    assert "from 0, where a new player starts" in refused("max_change", lambda: board.update_score("new", "New", 11))
    refused("max_change", lambda: board.increment_score("new", "New", 11))
    assert board.increment_score("new", "New", 10).score == 10


def test_a_first_lap_time_is_no_change() -> None:
    board = validated(order="ascending", max_change=10)
    assert board.update_score("ada", "Ada", 93.5) == 1
    refused("max_change", lambda: board.update_score("ada", "Ada", 83))


def test_the_first_score_counts_or_not_as_it_is_set() -> None:
    exempt = validated(max_change=10, first_score="exempt")
    assert exempt.update_score("ada", "Ada", 1200) == 1
    assert exempt.increment_score("bob", "Bob", 1000).score == 1000
    refused("max_change", lambda: exempt.increment_score("bob", "Bob", 11))
    counted = validated(order="ascending", max_change=10, first_score="counted")
    refused("max_change", lambda: counted.update_score("ada", "Ada", 93.5))


@pytest.mark.parametrize(("order", "worse", "better"), [("descending", 1, 200), ("ascending", 200, 1)])
def test_a_score_that_a_best_board_ignores_changes_nothing(order: Order, worse: int, better: int) -> None:
    board = validated(order=order, keep="best", max_change=10, first_score="exempt")
    board.update_score("ada", "Ada", 100)
    assert board.update_score("ada", "Lady Ada", worse) == 1
    assert board.increment_score("ada", "Lady Ada", worse - 100).score == 100
    refused("max_change", lambda: board.update_score("ada", "Ada", better))
    refused("max_change", lambda: board.increment_score("ada", "Ada", better - 100))
    assert board.get_entry("ada") == Entry(1, "ada", "Lady Ada", 100)


def test_a_bound_of_zero_lets_only_the_standing_score_be_repeated() -> None:
    board = validated(max_change=0, first_score="exempt")
    board.update_score("ada", "Ada", 5)
    assert board.update_score("ada", "Lady Ada", 5) == 1
    refused("max_change", lambda: board.update_score("ada", "Ada", 6))


# ------------------------------------------------------------------ time


def test_a_time_of_the_future_is_refused_beyond_the_tolerance_for_clocks() -> None:
    board = validated()
    assert board.update_score("ada", "Ada", 1, achieved_at=NOW + 5) == 1
    text = refused("max_ahead", lambda: board.update_score("ada", "Ada", 2, achieved_at=NOW + 6))
    assert "6.000 s in the future, above max_ahead 5 s" in text
    strict = validated(max_ahead=0)
    refused("max_ahead", lambda: strict.update_score("ada", "Ada", 2, achieved_at=NOW + 0.5))
    assert validated(max_ahead=False).update_score("ada", "Ada", 2, achieved_at=NOW + 1e6) == 1


def test_a_time_too_long_ago_is_refused() -> None:
    board = validated(max_age=60)
    assert board.update_score("ada", "Ada", 1, achieved_at=datetime.fromtimestamp(NOW - 60, UTC)) == 1
    text = refused("max_age", lambda: board.increment_score("ada", "Ada", 2, achieved_at=NOW - 61))
    assert "61.000 s ago, above max_age 60 s" in text
    assert board.update_score("ada", "Ada", 3) == 1, "an update without a time is fine unless one is required"


@pytest.mark.parametrize("moment", [nan, inf, 10**400], ids=["nan", "inf", "int"])
def test_what_is_no_time_is_not_let_through_by_comparing_false(moment: float) -> None:
    refused("max_ahead", lambda: validated().update_score("ada", "Ada", 1, achieved_at=moment))
    with pytest.raises(UpdateRefusedError):
        validated(max_ahead=False, max_age=60).update_score("ada", "Ada", 1, achieved_at=min(moment, -moment))


def test_a_time_may_be_required() -> None:
    board = validated(require_achieved_at=True)
    for call in (
        lambda: board.update_score("ada", "Ada", 1),
        lambda: board.increment_score("ada", "Ada", 1),
        lambda: board.update_scores([ScoreUpdate("ada", "Ada", 1)]),
    ):
        assert "give achieved_at" in refused("require_achieved_at", call)
    assert board.update_score("ada", "Ada", 1, achieved_at=NOW) == 1


def test_the_time_of_a_batch_is_that_of_each_of_its_updates() -> None:
    board = validated(max_age=60)
    batch = [ScoreUpdate("ada", "Ada", 1), ScoreUpdate("bob", "Bob", 2)]
    assert "update 0: " in refused("max_age", lambda: board.update_scores(batch, achieved_at=NOW - 61))
    assert board.update_scores(batch, achieved_at=NOW - 59) == 2


def test_a_time_told_to_an_outer_wrapper_arrives() -> None:
    outer = ValidatedLeaderboard(validated(max_age=60), max_ahead=False)
    refused("max_age", lambda: outer.update_score("ada", "Ada", 1, achieved_at=NOW - 61))
    with achieved(NOW - 61):
        refused("max_age", lambda: outer.update_score("ada", "Ada", 1))


# ------------------------------------------------------------------ texts


def test_texts_are_measured_in_bytes() -> None:
    board = validated(max_player_id_bytes=4, max_username_bytes=4)
    assert board.update_score("ädä"[:2], "Ädä"[:2], 1) == 1
    assert "has 5 bytes" in refused("max_player_id_bytes", lambda: board.update_score("ädä", "", 1))
    assert "has 5 bytes" in refused("max_username_bytes", lambda: board.increment_score("ada", "Ädä", 1))
    assert board.get_entry("a player id that is too long to be written") is None


# ------------------------------------------------------------------ batches


def test_a_batch_with_one_bad_update_writes_nothing() -> None:
    board = validated(score_max=100)
    batch = [("ada", "Ada", 1), ("bob", "Bob", 2), ("eve", "Eve", 101)]
    assert refused("score_max", lambda: board.update_scores(batch)).startswith("update 2: score 101")
    assert len(board) == 0


def test_the_steps_of_a_batch_are_judged_in_order() -> None:
    board = validated(max_change=10)
    assert board.update_scores([("ada", "Ada", 10), ("bob", "Bob", 5), ("ada", "Ada", 20)]) == 3
    text = refused("max_change", lambda: board.update_scores([("ada", "Ada", 30), ("ada", "Ada", 19)]))
    assert "update 1: score 19 changes the current score 30 by -11" in text
    assert board.get_score("ada") == 20


SMALL = st.integers(-12, 12)
UPDATES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "x"]), SMALL), min_size=1, max_size=8)
RULES = st.fixed_dictionaries(
    {},
    optional={
        "score_min": st.integers(-10, 0),
        "score_max": st.integers(0, 10),
        "max_change": st.integers(0, 12),
        "first_score": st.sampled_from(["counted", "exempt"]),
    },
)
ORDERS = st.sampled_from(["descending", "ascending"])
KEEPS = st.sampled_from(["last", "best"])


@given(RULES, ORDERS, KEEPS, UPDATES, UPDATES)
def test_a_batch_is_judged_as_its_updates_one_by_one(
    rules: dict[str, Any], order: Order, keep: Keep, before: list[Any], batch: list[Any]
) -> None:
    whole = validated(order=order, keep=keep, **rules)
    single = validated(order=order, keep=keep, **rules)
    for board in (whole, single):
        board.inner.update_scores(before)
    start = list(whole)
    try:
        for update in batch:
            single.update_score(*update)
    except UpdateRefusedError as error:
        refused(error.rule, lambda: whole.update_scores(batch))
        assert list(whole) == start
    else:
        assert whole.update_scores(batch) == len(batch)
        assert list(whole) == list(single)


@given(RULES, ORDERS, KEEPS, UPDATES, st.sampled_from("abcd"), SMALL)
def test_an_increment_is_judged_as_the_update_to_its_sum(
    rules: dict[str, Any], order: Order, keep: Keep, before: list[Any], player: str, delta: int
) -> None:
    added = validated(order=order, keep=keep, **rules)
    stored = validated(order=order, keep=keep, **rules)
    for board in (added, stored):
        board.inner.update_scores(before)
    try:
        stored.update_score(player, "x", (stored.get_score(player) or 0) + delta)
    except UpdateRefusedError as error:
        refused(error.rule, lambda: added.increment_score(player, "x", delta))
    else:
        added.increment_score(player, "x", delta)
    assert list(added) == list(stored)


@given(RULES, ORDERS, KEEPS, UPDATES)
def test_flagging_changes_nothing_of_what_a_board_does(
    rules: dict[str, Any], order: Order, keep: Keep, updates: list[Any]
) -> None:
    flags: list[Any] = []
    board = validated(order=order, keep=keep, score_action="flag", change_action="flag", on_flag=flags.append, **rules)
    plain = open_leaderboard("memory://", order=order, keep=keep)
    for player_id, username, score in updates:
        assert board.update_score(player_id, username, score) == plain.update_score(player_id, username, score)
        assert board.increment_score(player_id, username, score) == plain.increment_score(player_id, username, score)
    board.update_scores(updates)
    plain.update_scores(updates)
    assert list(board) == list(plain)
    assert sum(board.counts.flagged.values()) == len(flags)
    assert sum(board.counts.refused.values()) == 0


# ------------------------------------------------------------------ reads


def read_bounds(board: LeaderboardBackend) -> dict[str, tuple[Callable[[int], object], str]]:
    return {
        "max_n": (board.get_top_n, "n 4 is above max_n 3"),
        "max_radius": (lambda radius: board.get_around("p1", radius), "radius 4 is above max_radius 3"),
        "max_ids": (lambda n: board.get_entries([f"p{i}" for i in range(n)]), "number of player_ids 4 is above"),
        "max_span": (lambda n: board.get_range(2, n + 1), "number of ranks 4 is above max_span 3"),
        "max_limit": (lambda limit: board.get_by_score(-inf, inf, limit), "limit 4 is above max_limit 3"),
    }


@pytest.mark.parametrize("rule", ["max_n", "max_radius", "max_ids", "max_span", "max_limit"])
def test_a_read_is_answered_up_to_its_bound(rule: str) -> None:
    settings: dict[str, Any] = {rule: 3}
    board = validated(**settings)
    board.update_scores([(f"p{i}", "", i) for i in range(9)])
    for name, (read, text) in read_bounds(board).items():
        read(3)
        if name == rule:
            assert text in refused(rule, partial(read, 4))
        else:
            read(4)
    assert board.counts.refused[rule] == 1
    assert len(list(board)) == 9, "iterating reads pages, and is not bounded"


def test_a_read_without_a_limit_is_above_any_limit() -> None:
    board = validated(max_limit=1000)
    text = refused("max_limit", lambda: board.get_by_score(0, 10))
    assert "limit None is above max_limit 1000: ask for at most 1000" in text


def test_a_read_beyond_all_bounds_is_refused_in_a_short_text() -> None:
    board = validated(max_n=3)
    assert "n an int of 16610 bits is above max_n 3" in refused("max_n", lambda: board.get_top_n(10**5000))


# ------------------------------------------------------------------ config


def test_with_no_settings_only_the_future_is_refused() -> None:
    board = validated()
    assert "max_ahead=5" in repr(board)
    board.update_score("ada", "Ada", 10**15)
    board.update_score("ada", "Ada", -(10**15), achieved_at=0)
    assert len(board.get_top_n(10**6)) == 1
    assert set(board.counts.refused.values()) == {0}


def test_the_same_settings_come_from_a_board_s_text() -> None:
    table = {"score_max": "100", "max_change": 50, "change_action": "flag", "player_exists": "builtins:bool"}
    with open_leaderboard({"url": "memory://weekly", "validation": table}) as board:
        refused("score_max", lambda: board.update_score("ada", "Ada", 101))
        assert board.update_score("ada", "Ada", 60) == 1
        for shown in ("score_max=100", "max_change=50", "change_action=flag", "player_exists=builtins:bool"):
            assert shown in repr(board)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"score_max": "high"}, "option score_max='high' of validation is not allowed: it must be a number"),
        ({"score_action": "drop"}, "it must be one of refuse, flag"),
        ({"max_change": -1}, "at least 0"),
        ({"max_age": 0}, "above 0"),
        ({"max_username_bytes": 129}, "at most 128"),
        ({"player_exists": "nowhere"}, "it must be module:function"),
        ({"player_exists": "no.such.module:exists"}, "cannot be imported"),
        ({"player_exists": "builtins:exists"}, "has no 'exists'"),
        ({"player_exists": "builtins:__name__"}, "it must be a function"),
        ({"player_exists": 7}, "it must be a function"),
        ({"on_flag": 7}, "it must be a function"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))) as caught:
        validated(**settings)
    assert text in str(caught.value)


def test_an_unknown_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean score_max"):
        validated(score_maks=1)


def test_an_async_function_is_refused_as_its_answer_would_always_be_true() -> None:
    async def exists(player_id: str) -> bool:
        return bool(player_id)

    with pytest.raises(ConfigurationError, match="plain function"):
        validated(player_exists=exists)
