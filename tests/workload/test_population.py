from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard_backends.workload.population import Members, Popularity, player_names
from leaderboard_backends.workload.scores import Chance


@given(st.integers(0, 5), st.lists(st.booleans()))
def test_members_are_on_the_board_or_absent_as_a_set_says(on_board: int, joins: list[bool]) -> None:
    chance = Chance("members")
    members, expected = Members(5, on_board), set(range(on_board))
    for join in joins:
        if join and members.absent:
            player = members.one_absent(chance)
            assert player not in expected
            members.enter(player)
            expected.add(player)
        elif not join and members.on_board:
            player = members.one_on_board(chance)
            members.leave(player)
            expected.remove(player)
        assert {player for player in range(5) if player in members} == expected
        assert (members.on_board, members.absent) == (len(expected), 5 - len(expected))
        assert set(members.some_on_board(9, chance)) == expected


def test_a_new_player_is_absent_at_first() -> None:
    members = Members(2, 2)
    assert members.add() == 2
    assert 2 not in members
    assert members.one_absent(Chance("")) == 2


def test_friends_are_different_players_on_the_board() -> None:
    members = Members(200, 100)
    friends = members.some_on_board(50, Chance("friends"))
    assert len(set(friends)) == 50
    assert all(friend in members for friend in friends)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5])
def test_popularity_follows_zipf(exponent: float) -> None:
    popularity = Popularity(100, exponent, Chance("zipf"))
    counted = [count for _, count in Counter(popularity.draw() for _ in range(50_000)).most_common()]
    weights = [number**-exponent for number in range(1, 101)]
    for rank in (1, 2, 10):
        assert counted[rank - 1] / 50_000 == pytest.approx(weights[rank - 1] / sum(weights), rel=0.15)


def test_popular_players_are_not_the_first_ones() -> None:
    popularity = Popularity(1_000, 1.0, Chance("zipf"))
    popular = [player for player, _ in Counter(popularity.draw() for _ in range(20_000)).most_common(20)]
    assert max(popular) > 500
    assert sorted(popular) != popular


def test_without_steepness_all_are_drawn_alike_and_one_alone_always() -> None:
    popularity = Popularity(10, 0, Chance("flat"))
    counted = Counter(popularity.draw() for _ in range(10_000))
    assert set(counted) == set(range(10))
    assert max(counted.values()) < 1.2 * min(counted.values())
    assert Popularity(1, 1.0, Chance("one")).draw() == 0


def test_one_username_in_sixteen_is_not_ascii() -> None:
    assert sum(not player_names(number)[1].isascii() for number in range(160)) == 10
    assert len({player_names(number) for number in range(160)}) == 160
