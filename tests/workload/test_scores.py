from __future__ import annotations

from collections import Counter
from math import ceil
from statistics import mean, stdev

import pytest

from leaderboard_backends.workload.scores import (
    CHANGES,
    DISTRIBUTIONS,
    LARGEST,
    Chance,
    ChangeName,
    DistributionName,
    Scores,
)


def scores_of(
    distribution: DistributionName, players_per_score: float, players: int, change: ChangeName = "any other"
) -> Scores:
    return Scores(distribution, players_per_score, change, players, Chance("scores"))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("players_per_score", [1.2, 2, 5, 50])
@pytest.mark.parametrize("players", [5_000, 50_000])
def test_so_many_players_share_a_score(distribution: DistributionName, players_per_score: float, players: int) -> None:
    source = scores_of(distribution, players_per_score, players)
    different = len({source.draw() for _ in range(players)})
    assert players / different == pytest.approx(players_per_score, rel=0.08)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_at_one_player_a_score_hardly_anybody_is_tied(distribution: DistributionName) -> None:
    source = scores_of(distribution, 1, 20_000)
    assert len({source.draw() for _ in range(20_000)}) > 19_980


def test_the_distributions_have_their_shapes() -> None:
    chance = Chance("shapes")
    drawn = {name: sorted(each.draw(chance) for _ in range(10_000)) for name, each in DISTRIBUTIONS.items()}
    assert mean(drawn["uniform"]) == pytest.approx(0.5, rel=0.03)
    assert mean(drawn["normal"]) == pytest.approx(6, rel=0.01)
    assert stdev(drawn["normal"]) == pytest.approx(1, rel=0.03)
    assert drawn["pareto"][5_000] == pytest.approx(2**0.5, rel=0.03)
    assert drawn["pareto"][9_900] == pytest.approx(10, rel=0.15)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("players", [1, 2, 3, 1_000])
@pytest.mark.parametrize("players_per_score", [1, 5, 1_000])
def test_the_next_score_is_another_one(
    distribution: DistributionName, change: ChangeName, players: int, players_per_score: float
) -> None:
    source = scores_of(distribution, players_per_score, players, change)
    standing = [source.draw() for _ in range(20)]
    assert all(source.after(score) != score for score in standing * 20)


def test_a_climb_is_a_small_step_up_and_starts_over_at_the_end() -> None:
    source = scores_of("uniform", 5, 100_000, "climb")
    steps = [source.after(1_000) - 1_000 for _ in range(2_000)]
    assert (min(steps), max(steps)) == (1, source.scale // 100)
    assert source.after(LARGEST - 1) < source.scale


def test_any_other_score_is_drawn_from_all_of_them() -> None:
    source = scores_of("uniform", 10, 100)
    counted = Counter(source.after(0) for _ in range(9_000))
    assert set(counted) == set(range(1, ceil(source.scale)))
    assert max(counted.values()) < 1.3 * min(counted.values())


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_largest_score_is_exact_as_a_double(distribution: DistributionName) -> None:
    """The draw of a chance that always returns its largest number."""
    chance = Chance("largest")
    chance.random = lambda: 1 - 2**-53
    largest = Scores(distribution, 1, "any other", 10_000_000, Chance("")).scale * DISTRIBUTIONS[distribution].draw(
        chance
    )
    assert largest <= LARGEST
