"""A player gets so many updates a minute and a board so many a second, by whatever call; refused is told until when."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import inf
from threading import Barrier, Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends import ScoreUpdate, open_leaderboard
from leaderboard_backends.errors import (
    ConfigurationError,
    InvalidScoreError,
    RateLimitExceededError,
    UnknownOptionError,
    UpdateRefusedError,
)
from leaderboard_backends.hardening import RateLimitedLeaderboard, ValidatedLeaderboard


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Limited:
    """A limited board whose time stands still until a test moves it."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.board = RateLimitedLeaderboard(open_leaderboard("memory://weekly"), clock=self.clock, **settings)

    def refused(self, call: Callable[[], object]) -> RateLimitExceededError:
        with pytest.raises(RateLimitExceededError) as caught:
            call()
        return caught.value

    def update(self, player_id: str = "ada") -> int:
        return self.board.update_score(player_id, "", self.clock.now)


# ------------------------------------------------------------------ a player's minute


def test_sixty_updates_a_minute_are_the_default() -> None:
    limited = Limited()
    for _ in range(60):
        limited.update()
    error = limited.refused(limited.update)
    assert "the updates of player 'ada' have reached their limit" in str(error)
    assert "updates_a_minute is 60; nothing was applied" in str(error)
    limited.update("bob")
    assert limited.board.counts["updates_a_minute"] == 1


def test_retry_after_is_when_the_oldest_update_leaves_the_window() -> None:
    limited = Limited(updates_a_minute=2)
    limited.update()
    limited.clock.now += 20
    limited.update()
    limited.clock.now += 10
    wait = limited.refused(limited.update).retry_after
    assert wait == pytest.approx(30, abs=0.0011)
    limited.clock.now += wait - 0.0011
    limited.refused(limited.update)
    limited.clock.now += 0.0011
    limited.update()


def test_increments_and_batches_count_as_updates_do() -> None:
    limited = Limited(updates_a_minute=4)
    limited.board.increment_score("ada", "", 1)
    limited.board.update_scores([("ada", "", 1), ("bob", "", 1), ("ada", "", 2)])
    limited.update()
    for call in (
        limited.update,
        lambda: limited.board.increment_score("ada", "", 1),
        lambda: limited.board.update_scores([("bob", "", 1), ("ada", "", 1)]),
    ):
        limited.refused(call)
    assert limited.board.get_score("bob") == 1


def test_removing_clearing_and_reading_do_not_count() -> None:
    limited = Limited(updates_a_minute=1)
    limited.update()
    for _ in range(3):
        limited.board.get_top_n()
        limited.board.get_rank("ada")
        limited.board.remove_player("ada")
        limited.board.clear()
    limited.refused(limited.update)


def test_a_refused_batch_writes_nothing_and_costs_nothing() -> None:
    limited = Limited(updates_a_minute=3)
    limited.update()
    error = limited.refused(lambda: limited.board.update_scores([("bob", "", 1)] * 2 + [("ada", "", 1)] * 3))
    assert "player 'ada'" in str(error)
    assert error.retry_after == pytest.approx(60, abs=0.002)
    assert "bob" not in limited.board
    assert limited.board.update_scores([("bob", "", 1)] * 3 + [("ada", "", 1)] * 2) == 5
    assert limited.board.counts["updates_a_minute"] == 5


def test_a_batch_waits_until_all_of_it_fits() -> None:
    limited = Limited(updates_a_minute=4)
    for _ in range(4):
        limited.update()
        limited.clock.now += 10
    error = limited.refused(lambda: limited.board.update_scores([("ada", "", 1)] * 3))
    assert error.retry_after == pytest.approx(40, abs=0.0011), "the third has left 80 s after the first came"
    limited.clock.now += error.retry_after
    assert limited.board.update_scores([("ada", "", 1)] * 3) == 3


def test_a_batch_that_can_never_fit_says_so() -> None:
    limited = Limited(updates_a_minute=3, updates_a_second=10)
    error = limited.refused(lambda: limited.board.update_scores([("ada", "", 1)] * 4))
    assert error.retry_after == inf
    assert "4 updates of player 'ada' in one batch are above the limit: split the batch" in str(error)
    error = limited.refused(lambda: limited.board.update_scores([(f"p{n}", "", 1) for n in range(11)]))
    assert error.retry_after == inf
    assert "11 updates of board weekly" in str(error)


def test_input_that_is_no_update_does_not_count_and_an_update_that_is_refused_inside_does() -> None:
    clock = Clock()
    inner = ValidatedLeaderboard(open_leaderboard("memory://"), score_max=100, on_flag=lambda _: None)
    board = RateLimitedLeaderboard(inner, clock=clock, updates_a_minute=2)
    for _ in range(3):
        with pytest.raises(InvalidScoreError):
            board.update_score("eve", "", inf)
    for _ in range(2):
        with pytest.raises(UpdateRefusedError):
            board.update_score("eve", "", 101)
    with pytest.raises(RateLimitExceededError):
        board.update_score("eve", "", 1)


def test_an_empty_batch_is_free() -> None:
    limited = Limited(updates_a_minute=1, updates_a_second=1)
    limited.update()
    assert limited.board.update_scores([]) == 0


# ------------------------------------------------------------------ a board's second


def test_a_board_s_second_is_shared_by_all_players() -> None:
    limited = Limited(updates_a_minute=0, updates_a_second=3)
    for player in "abc":
        limited.update(player)
    error = limited.refused(lambda: limited.update("d"))
    assert "the updates of board weekly have reached their limit" in str(error)
    assert error.retry_after == pytest.approx(1, abs=0.0011)
    assert limited.board.counts["updates_a_second"] == 1
    limited.clock.now += error.retry_after
    limited.update("d")


def test_a_player_at_the_limit_takes_nothing_of_the_board_s() -> None:
    limited = Limited(updates_a_minute=1, updates_a_second=2)
    limited.update("eve")
    for _ in range(10):
        limited.refused(lambda: limited.update("eve"))
    limited.update("ada")
    limited.refused(lambda: limited.update("bob"))
    limited.clock.now += 1.1
    limited.update("bob")


def test_both_limits_may_be_off() -> None:
    for off in (0, False, "off"):
        limited = Limited(updates_a_minute=off)
        for _ in range(200):
            limited.update()
        assert "no limit" in repr(limited.board)


# ------------------------------------------------------------------ against a model

CALLS = st.one_of(
    st.tuples(st.sampled_from(["update", "increment"]), st.sampled_from("ab")),
    st.tuples(st.just("batch"), st.text("ab", min_size=1, max_size=5)),
)
STEPS = st.sampled_from([0.0, 0.3, 0.5, 1.0, 7.0, 20.0, 61.0])


@given(st.lists(st.tuples(STEPS, CALLS), max_size=40))
def test_calls_pass_as_a_model_says_and_pass_after_retry_after(program: list[Any]) -> None:
    limited = Limited(updates_a_minute=4, updates_a_second=3)
    passed: list[tuple[float, str]] = []

    def fits(players: str) -> bool:
        now = limited.clock.now
        minute = [player for time, player in passed if time >= now - 60]
        second = [player for time, player in passed if time >= now - 1]
        return len(second) + len(players) <= 3 and all(minute.count(p) + players.count(p) <= 4 for p in players)

    def call(kind: str, players: str) -> None:
        if kind == "batch":
            limited.board.update_scores([ScoreUpdate(player, "", 1) for player in players])
        else:
            getattr(limited.board, f"{kind}_score")(players, "", 1)
        passed.extend((limited.clock.now, player) for player in players)

    for step, (kind, players) in program:
        limited.clock.now += step
        if fits(players):
            call(kind, players)
            continue
        wait = limited.refused(partial(call, kind, players)).retry_after
        assert (wait == inf) is (len(players) > 3 or max(map(players.count, players)) > 4)
        if wait < inf:
            limited.clock.now += wait - 0.0011
            assert not fits(players), "it would have passed earlier"
            limited.clock.now += 0.0011
            call(kind, players)


def test_several_threads_get_exactly_the_limit() -> None:
    limited, start, passed = Limited(updates_a_minute=60), Barrier(4), []

    def play() -> None:
        start.wait()
        for _ in range(40):
            try:
                limited.update()
            except RateLimitExceededError:
                continue
            passed.append(1)

    threads = [Thread(target=play) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passed) == 60
    assert limited.board.counts["updates_a_minute"] == 100


def test_of_more_players_than_fit_the_quietest_is_counted_anew_and_that_is_told() -> None:
    limited = Limited(updates_a_minute=1, max_players=2)
    for player in ("ada", "bob", "cid"):
        limited.update(player)
    assert limited.board.forgotten == 1
    limited.update("ada")
    limited.refused(lambda: limited.update("cid"))


# ------------------------------------------------------------------ config


def test_the_same_settings_come_from_a_board_s_text() -> None:
    with open_leaderboard({"url": "memory://", "rate_limit": {"updates_a_minute": "1"}}) as board:
        board.update_score("ada", "", 1)
        with pytest.raises(RateLimitExceededError):
            board.update_score("ada", "", 2)
        assert "updates_a_minute=1, storage=memory" in repr(board)
    with open_leaderboard({"url": "memory://", "rate_limit": True}) as board:
        assert "updates_a_minute=60" in repr(board)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"updates_a_minute": -1}, "at least 0"),
        ({"updates_a_second": "many"}, "it must be a whole number"),
        ({"when_down": "ajar"}, "it must be one of open, closed"),
        ({"timeout": 0}, "above 0"),
        ({"max_players": 0}, "at least 1"),
        ({"prefix": "a b"}, "a prefix has 1 to 64 characters"),
        ({"storage": "memcached://host"}, "it must be memory, or a redis://, rediss:// or unix:// URL"),
        ({"storage": "redis"}, "it must be memory, or a redis://, rediss:// or unix:// URL"),
        ({"storage": "redis://host/first"}, "a database is a number"),
        ({"storage": "unix://host"}, "absolute path of a socket"),
        ({"storage": "redis://host?socket_timeout=9"}, "its URL has the option socket_timeout; allowed options are db"),
        ({"storage": "redis://host:99999"}, "a port is a number up to 65535"),
        ({"storage": "redis://cache..local"}, "its host is no name: what is between two dots has 1 to 63 characters"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(settings))) as caught:
        Limited(**settings)
    assert text in str(caught.value)


def test_an_unknown_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownOptionError, match="Did you mean updates_a_minute"):
        Limited(updates_a_minut=1)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:sesame@127.0.0.1:1/0",
        "redis://ann:sesame@127.0.0.1:1/0?db=0",
        "unix:///run/redis.sock?password=sesame",
        "rediss://127.0.0.1:1?password=sesame",
    ],
)
def test_a_password_shows_nowhere(url: str) -> None:
    board = RateLimitedLeaderboard(open_leaderboard("memory://"), storage=url)
    assert "storage=" in repr(board)
    assert "sesame" not in repr(board)
    board.close()
    for broken in (f"{url}#", f"x{url}", f"{url}{'&' if '?' in url else '?'}nonsense=1"):
        with pytest.raises(ConfigurationError) as caught:
            RateLimitedLeaderboard(open_leaderboard("memory://"), storage=broken)
        assert "sesame" not in str(caught.value)
