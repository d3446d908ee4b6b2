"""The model of a board over shards: nodes by memory, ratios by measurements or limits, and one bill for all of them."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.cost.bill import Sharding
from leaderboard_backends.comparison.cost.cluster import (
    COUNT_US,
    MEASURED,
    MORE_BYTES,
    Ratios,
    cheapest_bill,
    one_server_holds,
    over_shards,
    ratios,
    sharding_of,
    tiers,
)
from leaderboard_backends.comparison.cost.footprint import Bytes, Footprint, Line, footprints
from leaderboard_backends.comparison.cost.source import Inputs, load_result
from leaderboard_backends.comparison.measurements import Measurements
from leaderboard_backends.comparison.report.cost import premature
from leaderboard_backends.comparison.report.growth import cluster_sections
from leaderboard_backends.numerals import significant

from ..advice.results import MODEL, facts, inputs, memory, result, service

INPUTS = inputs()
EACH = 200
"""Bytes per player on the server."""

SERVER = Bytes(((1_000, 1_000 * EACH),), Line(0.0, EACH))
NOTHING = Bytes(((1_000, 0),), Line(0.0, 0.0))
PLACES = (NOTHING, SERVER, NOTHING)
REDIS = Footprint(facts("redis", "server", shared=True), *PLACES, 0.0, None, (1_000,), "made up")
OVER = over_shards(REDIS)._replace(more_bytes=1.0)


def test_a_primary_has_whole_shards_and_the_bill_is_of_the_one_with_the_most() -> None:
    found = cheapest_bill(OVER, 1_000_000, INPUTS)
    assert (found.sharding, found.sharding.on_one, found.players_each) == (Sharding(3, 16), 6, 375_000)
    (_, nodes) = found.items
    assert (nodes.what, nodes.monthly) == ("3 x node", 60)
    assert nodes.need == pytest.approx(375_000 * EACH * MODEL.headroom / 2**30 / (1 - MODEL.cache_reserved))
    assert "6 of 16 shards" in nodes.because


def test_the_cheapest_primaries_that_hold_the_board_are_taken() -> None:
    """Nodes of 20 USD take 3 GiB of board each, with headroom 2."""
    found = cheapest_bill(OVER, 100_000_000, INPUTS)
    assert found.problem == ""
    assert found.gib_each <= 4
    fewer = sharding_of(found.sharding.primaries - 1)
    assert 100_000_000 * EACH * MODEL.headroom / 2**30 * fewer.share > 3


def test_each_primary_has_its_replicas_and_what_is_too_large_has_no_amount() -> None:
    replicated = cheapest_bill(OVER, 1_000_000, INPUTS.changed(replicas=2))
    assert replicated.items[1].what == "9 x node"
    assert "no cache" in cheapest_bill(OVER, 10**10, INPUTS).problem


@pytest.mark.parametrize(("primaries", "shards"), [(3, 16), (4, 16), (5, 32), (8, 32), (9, 64), (256, 1024)])
def test_shards_leave_room_for_as_many_primaries_again(primaries: int, shards: int) -> None:
    assert sharding_of(primaries) == (primaries, shards)


def test_what_one_server_holds_is_what_the_largest_machine_has_memory_for() -> None:
    holds, server = one_server_holds(REDIS, INPUTS)
    assert server is not None
    assert not server.problem
    assert 0.98 < holds * EACH * MODEL.headroom / 2**30 / (4 * (1 - MODEL.cache_reserved)) <= 1


def test_ratios_are_those_of_the_bars_until_a_result_has_a_sharded_board() -> None:
    few, many = MEASURED["rank"]
    assert Ratios({}).of("rank", 16) == few
    assert Ratios({}).of("rank", 40) == pytest.approx((few + many) / 2)
    assert Ratios({"rank": few / 2}).of("rank", 64) == pytest.approx(many / 2)
    assert Ratios({}).call_us("entry", 100.0, Sharding(3, 16)) == 100 * few + 6 * COUNT_US


def test_measured_ratios_are_of_the_largest_size_that_both_have() -> None:
    redis = replace(facts("redis", "server", shared=True), class_name="RedisLeaderboard")
    sharded = replace(facts("redis+cluster", "server", shared=True), consistency="per player")
    runs = [
        *service("redis", {"rank": 100.0}, 1_000),
        *service("redis", {"rank": 200.0}, 10_000),
        *service("redis+cluster", {"rank": 250.0}, 1_000),
    ]
    assert ratios(Measurements(result([redis, sharded], runs))).measured == {"rank": 2.5}
    assert ratios(Measurements(result([redis], runs[:5]))).measured == {}


def test_one_server_and_a_cluster_stand_side_by_side_at_the_largest_size_that_both_have() -> None:
    redis = replace(facts("redis", "server", shared=True), class_name="RedisLeaderboard")
    sharded = replace(facts("redis+cluster", "server", shared=True), consistency="per player")
    stored = {label: memory(server=each * 1_000) for label, each in (("redis", EACH), ("redis+cluster", 2 * EACH))}
    runs = [
        *service("redis", {"rank": 100.0, "update": 80.0}, 1_000, taken=stored["redis"]),
        *service("redis", {"rank": 200.0}, 10_000),
        *service("redis+cluster", {"rank": 250.0, "update": 400.0}, 1_000, taken=stored["redis+cluster"]),
    ]
    (section,) = cluster_sections(Measurements(result([redis, sharded], runs)))
    timed, kept = section.tables
    assert timed.title.endswith("1,000 players")
    p50s = {row[0].text: [value.sort for value in row[1:4]] for row in timed.rows}
    assert p50s == {"rank": pytest.approx([100, 250, 2.5]), "update and rank": pytest.approx([80, 400, 5])}
    assert [value.sort for value in kept.rows[-1][1:]] == [EACH, 2 * EACH, 2]
    assert cluster_sections(Measurements(result([redis], runs[:5]))) == []


def test_a_measured_sharded_board_is_priced_as_a_cluster_by_its_own_bytes() -> None:
    sharded = replace(facts("redis+cluster", "server", shared=True), consistency="per player")
    (found,) = footprints(
        Measurements(result([sharded], service("redis+cluster", {"rank": 1.0}, taken=memory(server=EACH * 1_000))))
    )
    assert found.facts.sharded
    assert cheapest_bill(found, 1_000, Inputs.read()).runs_on.startswith("t3.small + 3 x ")


def test_the_tiers_of_the_published_result_say_when_a_cluster_is_too_early() -> None:
    published, shipped = Measurements(load_result()), Inputs.read()
    found = tiers(published, footprints(published), shipped)
    assert found is not None
    one, *_, largest = found.rows
    assert not one.one_server.problem
    assert one.cluster.monthly > one.one_server.monthly
    assert largest.one_server.problem
    assert largest.replicated.monthly > largest.cluster.monthly
    assert one.players < found.durable < found.holds < largest.players
    said = premature(found)
    assert (
        f"players ({significant(found.durable, 2)} if every update must survive a power cut) a cluster is too early"
        in said
    )
    assert "one server holds the board" in said
    assert re.search(r"At [\d,]+(,? (and )?[\d,]+)* players the cluster costs less, but ranks take longer", said)
    assert MORE_BYTES > 1
