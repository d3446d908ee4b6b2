"""The study's costs are computed again from its own inputs, and held against measured bytes."""

from __future__ import annotations

import pytest
from leaderboard_backends_study.costs import Change, changes, checks, study_bills
from leaderboard_backends_study.inputs import costs
from msgspec.structs import replace

from leaderboard_backends.comparison.cost.footprint import Bytes, Footprint, Line
from leaderboard_backends.comparison.cost.source import Inputs, Model, PriceTable, read_table
from leaderboard_backends.comparison.schema import Home
from tests.comparison.advice.results import facts

STUDY = costs()
PRICES = read_table(PriceTable)
MODEL = replace(read_table(Model), string_bytes=0, system_gib=0, headroom=1.5)
GIB = 2**30


def board(label: str, home: Home, *, process: float = 0, server: float = 0) -> Footprint:
    in_process, in_server, on_disk = (Bytes(((1000, 1000 * each),), Line(0, each)) for each in (process, server, 0.0))
    places = in_process, in_server, on_disk
    return Footprint(facts(label, home, shared=home == "server"), *places, 0.0, None, (1000,), "made up")


def found(*footprints: Footprint) -> dict[tuple[int, str, str], Change]:
    every = changes(footprints, Inputs(PRICES, MODEL))
    return {(one.players, one.studied, one.instance): one for one in every}


def test_the_studys_totals_follow_from_its_inputs_and_its_ratio_does_not() -> None:
    every = checks(STUDY, PRICES)
    broken = {check.claim: check.computed for check in every if not check.holds}
    assert set(broken) == {"Redis costs 2 to 3 times as much to run", "r6i.large costs 120 USD per month"}
    assert broken["Redis costs 2 to 3 times as much to run"] == "1.87x, 2.50x, 2.50x"
    totals = {check.claim: check.computed for check in every if check.holds and "5 years" in check.claim}
    assert totals["Redis, 100,000 players, 5 years: 6.7K USD"] == "5 days x 1,000 + 28 x 60 = 6.68K"
    assert len(totals) == 6


def test_a_wrong_total_would_be_seen() -> None:
    wrong = {**STUDY.total_thousands, 100_000: {**STUDY.total_thousands[100_000], "SortedContainers": 4.9}}
    every = checks(replace(STUDY, total_thousands=wrong), PRICES)
    assert [check.holds for check in every if "4.9K" in check.claim] == [False]


def test_the_studys_amounts_for_redis_are_its_server_and_its_cache_node() -> None:
    for players, monthly in STUDY.monthly.items():
        assert STUDY.server_monthly[players] + STUDY.cache_monthly[players] == monthly["Redis"]


@pytest.mark.parametrize(
    ("each", "needed", "outcome"),
    [
        (100, "t3.small", "a smaller one is enough"),  # 1.4 GiB with headroom
        (300, "r6i.large", "a smaller one would do without headroom"),  # 4.2 GiB, and 2.8 without
        (1000, "r6i.large", "as the study says"),
        (1e6, None, "nothing fits"),
    ],
)
def test_measured_bytes_change_the_studys_instance_for_10m_players(
    each: float, needed: str | None, outcome: str
) -> None:
    change = found(board("sortedcontainers", "process", process=each))[10_000_000, "SortedContainers", "r6i.large"]
    assert change.outcome == outcome
    assert (change.item.sku if change.item else None) == needed
    assert (change.problem == "") == (needed is not None)


def test_a_larger_instance_than_the_studys_is_called_that() -> None:
    change = found(board("sortedcontainers", "process", process=3000))[1_000_000, "SortedContainers", "t3.medium"]
    assert (change.outcome, change.item and change.item.sku) == ("a larger one is needed", "r6i.large")


def test_a_cache_node_is_compared_by_its_amount_with_a_tenth_of_tolerance() -> None:
    every = found(board("redis", "server", server=50))
    assert every[100_000, "Redis", "ElastiCache"].outcome == "as the study says"  # 12.41 for 13
    assert every[1_000_000, "Redis", "ElastiCache"].outcome == "a smaller one is enough"  # 12.41 for 45


def test_the_study_is_held_against_its_own_deployment() -> None:
    """One server with one worker, whatever the model says."""
    several = replace(MODEL, servers=3, workers=4, replicas=2)
    boards = [board("sortedcontainers", "process", process=100), board("redis", "server", server=100)]
    alone, many = (study_bills(boards, Inputs(PRICES, model)) for model in (MODEL, several))
    assert alone == many
    assert alone[100_000]["Redis"].monthly == pytest.approx(0.0208 * 730 + 0.017 * 730)
    assert "BTrees + ZODB" not in alone[100_000]
