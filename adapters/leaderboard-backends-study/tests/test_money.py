"""Claims on costs are judged by the study's own arithmetic and by measured bytes, beside each other."""

from __future__ import annotations

import pytest
from claimed_results import facts, judged, row
from leaderboard_backends_study.evidence import NotMeasuredError, Verdict

from leaderboard_backends.comparison.schema import Run
from tests.comparison.advice.results import memory, service

MIDDLE = 100_000


def boards(*, process: int = 100, server: int = 100, zodb: int = 100) -> list[list[Run]]:
    """Return service runs of the three boards that stand for the study's, by bytes per player."""
    taken = {
        "sortedcontainers": memory(process=process * MIDDLE),
        "redis": memory(server=server * MIDDLE),
        "zodb": memory(process=zodb * MIDDLE, disk=1),
    }
    return [service(label, {"update": 1.0}, MIDDLE, taken=bytes_) for label, bytes_ in taken.items()]


def test_building_costs_the_studys_days_at_its_rate() -> None:
    found = judged("development-cost-redis", *boards())
    assert (found.verdict, found.measured) == ("holds", "5 days x 1,000 USD = 5,000 USD, from the study's inputs")


def test_days_are_not_measured_and_what_an_author_writes_is_beside_them() -> None:
    found = judged("development-days-redis", *boards(), code=[row("basic board", "redis", 9, configuration=2)])
    assert found.verdict == "not measured"
    assert found.measured == (
        "the study's own days for writing and testing add up to 3 to 5 days; an app's author writes 9 statements and 2 "
        "lines of configuration"
    )


@pytest.mark.parametrize(("memory_app", "verdict"), [(9, "holds in part"), (8, "holds")])
def test_the_least_cost_of_building_is_judged_by_statements_too(memory_app: int, verdict: Verdict) -> None:
    code = [
        row("basic board", name, app) for name, app in (("sortedcontainers", memory_app), ("redis", 9), ("zodb", 9))
    ]
    assert judged("sortedcontainers-lowest-development-cost", *boards(), code=code).verdict == verdict


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("monthly-cost-sortedcontainers-100k", "holds"),  # 15.18 for 15
        ("monthly-cost-redis-100k", "holds"),  # 27.59 for 28
        ("monthly-cost-sortedcontainers-1m", "does not hold"),  # 15.18 for 30
        ("monthly-cost-sortedcontainers-10m", "does not hold"),  # 30.37 for 120
        ("five-year-total-sortedcontainers-100k", "holds"),
        ("five-year-total-redis-1m", "holds in part"),  # 9.5K by its inputs, 6.7K by measured bytes
        ("five-year-ratio-redis-100k", "holds"),
        ("five-year-ratio-redis-1m", "holds in part"),
        ("server-size-1m", "holds"),
        ("infrastructure-15-to-120-for-1m", "holds"),
        ("one-server-cost", "holds"),
        ("replicas-cost", "holds in part"),  # 275.94 and 367.92 for 300 to 600
        ("redis-costs-2-to-3-times", "holds in part"),
        ("sortedcontainers-lowest-total-at-every-size", "holds"),
    ],
)
def test_amounts_hold_within_a_tenth_of_the_measured_bill(claim: str, verdict: Verdict) -> None:
    assert judged(claim, *boards()).verdict == verdict


def test_a_server_is_too_small_for_boards_that_need_more() -> None:
    """4,000 bytes per player are 6 GB with headroom at a million; the names are more."""
    found = judged("server-size-1m", *boards(zodb=4_000))
    assert found.verdict == "holds in part"
    assert "BTrees + ZODB 6.09 GiB (r6i.large)" in found.measured


def test_the_cheapest_is_judged_among_all_boards() -> None:
    found = judged("sortedcontainers-and-zodb-cheapest-infrastructure", *boards())
    assert found.verdict == "holds in part"  # at 10M the names of players in the process need a larger server
    assert found.measured.endswith("at 10,000,000 players: sortedcontainers 30.37, zodb 15.18, lowest 15.18 (zodb)")


def test_the_lowest_total_is_judged_among_all_boards_as_the_cheapest_is() -> None:
    """A board in a file needs no memory for its players: at ten million it runs on a smaller server."""
    sqlite = service("sqlite", {"update": 1.0}, MIDDLE, taken=memory(process=1, disk=1))
    boards_ = boards()
    assert judged("sortedcontainers-lowest-total-at-every-size", *boards_).verdict == "holds"
    found = judged("sortedcontainers-lowest-total-at-every-size", *boards_, sqlite)
    assert found.verdict == "holds in part"
    assert found.measured.startswith(
        "totals of all boards by measured bytes: at 100,000 players sortedcontainers 3,911, lowest 3,911"
    )
    assert found.measured.endswith("(sqlite)")


def test_the_parts_of_building_are_not_measured_and_what_is_known_stands_beside_them() -> None:
    code = [row("basic board", "zodb", 9, configuration=2)]
    found = judged("development-time-zodb", *boards(), code=code)
    assert (found.verdict, found.measured[:35]) == ("not measured", "an app's author writes 9 statements")
    tested = judged("testing-time-redis", *boards(), backends=[facts("redis")])
    assert tested == ("the conformance kit has 100 tests for redis", "not measured")


def test_shards_are_bought_by_measured_bytes() -> None:
    found = judged("shards-cost", *boards())
    assert found.measured == (
        "10,000,000 players on 10 x t3.small 152 per month, 10,000,000 players on 20 x t3.small 304 per month, "
        "100,000,000 players on 10 x t3.medium 304 per month, 100,000,000 players on 20 x t3.small 304 per month"
    )
    assert found.verdict == "does not hold"


def test_players_of_the_largest_server_are_told() -> None:
    """(16 - 0.5) GiB / 1.5 / (100 + 2 x 52) bytes."""
    assert "r6i.large (16 GiB) holds 54M players" in judged("defer-sharding-until-10m", *boards()).measured


def test_without_bytes_there_is_no_amount() -> None:
    with pytest.raises(NotMeasuredError, match="bytes per player of redis"):
        judged("monthly-cost-redis-100k", boards()[0])
    with pytest.raises(NotMeasuredError, match="bytes per player"):
        judged("shards-cost", boards()[1])
    with pytest.raises(NotMeasuredError, match="no amount for SortedContainers at 10,000,000 players"):
        judged("monthly-cost-sortedcontainers-10m", *boards(process=9_999))
