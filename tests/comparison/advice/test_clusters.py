"""Advice on boards that outgrow one server: a cluster by the model, with what it rests on, and not before its time."""

from __future__ import annotations

from functools import cache

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.advice import Advice, advise
from leaderboard_backends.comparison.advice.need import Need
from leaderboard_backends.comparison.cost.source import load_result
from leaderboard_backends.comparison.schema import Durability, Result

from .results import facts, inputs, memory, result, service

TIMES = {"update": 100.0, "rank": 100.0}
EACH = 200
LARGEST = 1_000_000


def measured(*, sharded: bool = False) -> Result:
    """A result of one server of each durability, and of a sharded board if asked for."""
    backends = [
        replace(facts("redis", "server", shared=True), class_name="RedisLeaderboard"),
        replace(
            facts("redis (appendfsync always)", "server", "every commit", shared=True), class_name="RedisLeaderboard"
        ),
    ]
    if sharded:
        backends.append(replace(facts("redis+cluster", "server", shared=True), consistency="per player"))
    slower = {"redis": 1, "redis (appendfsync always)": 3, "redis+cluster": 2.5}
    runs = [
        run
        for one in backends
        for run in service(
            one.label,
            {name: time * slower[one.label] for name, time in TIMES.items()},
            LARGEST,
            taken=memory(server=EACH * LARGEST),
        )
    ]
    return result(backends, runs)


@cache
def published() -> Result:
    return load_result()


def advised(players: int, durability: Durability = "memory only", *, sharded: bool = False) -> Advice:
    need = Need(players, 10, 10, servers=3, workers=4, durability=durability)
    return advise(measured(sharded=sharded), need, inputs())


def text(advice: Advice) -> str:
    assert advice.pick
    return " ".join([*advice.why, *advice.pick.cautions])


@pytest.mark.parametrize(
    ("durability", "label"), [("memory only", "redis+cluster"), ("every commit", "redis+cluster (appendfsync always)")]
)
def test_beyond_what_one_server_holds_the_answer_is_a_cluster(durability: Durability, label: str) -> None:
    advice = advised(50_000_000, durability)
    assert advice.pick
    assert advice.pick.label == label
    assert advice.pick.facts.sharded
    assert advice.pick.bill
    shards, primaries = advice.pick.bill.sharding.shards, advice.pick.bill.sharding.primaries
    assert (
        f"Open redis+cluster://h1:7000,h2:7000,h3:7000/?board=weekly&shards={shards} on {primaries} primaries"
        in text(advice)
    )
    assert "GiB" in text(advice)
    assert "2 round trips of 200 µs between machines (assumed)" in text(advice)
    assert "a model" in text(advice)


def test_a_log_adds_to_an_update_over_shards_what_it_adds_on_one_server() -> None:
    plain, logged = advised(50_000_000), advised(50_000_000, "every commit")
    assert plain.pick
    assert logged.pick
    assert plain.pick.times
    assert logged.pick.times
    more = logged.pick.times.update.mean_us - plain.pick.times.update.mean_us
    assert 0 < more < 1_000


def test_one_server_that_holds_the_board_comes_first_and_the_cluster_says_that_it_is_too_early() -> None:
    advice = advised(LARGEST)
    assert advice.pick
    assert not advice.pick.facts.sharded
    early = next(one for one in advice.candidates if one.facts.sharded)
    assert [reason.demand for reason in early.reasons] == ["size"]
    assert early.reasons[0].text.startswith("too early below about ")
    assert early.monthly
    assert advice.pick.monthly
    assert early.monthly > advice.pick.monthly
    assert not [one for one in advised(LARGEST - 1).candidates if one.facts.sharded]


@pytest.mark.parametrize("players", [11_000_000, 30_000_000, 50_000_000, 70_000_000])
@pytest.mark.parametrize("durability", ["memory only", "every commit"])
def test_as_far_as_one_server_holds_the_board_it_is_the_answer_however_far_that_is(
    players: int, durability: Durability
) -> None:
    """Of the published result, the measured sizes end at a million."""
    advice = advise(published(), Need(players, 100, 100, servers=3, durability=durability))
    assert advice.pick
    assert advice.pick.bill
    assert advice.pick.label == ("redis" if durability == "memory only" else "redis (appendfsync always)")
    assert "by its memory one server holds this board, but measure its times first" in text(advice)
    early = next(one for one in advice.candidates if one.facts.sharded)
    (reason,) = early.reasons
    assert reason.text.startswith("too early below about ")
    assert ("(every commit: " if durability == "memory only" else "(memory only: ") in reason.text
    assert f"({advice.pick.bill.runs_on}, " in reason.text
    assert any("redis+cluster" in (one.then or "") for one in advice.thresholds if one.demand == "players")


def test_a_failover_loses_what_a_replica_lacks_whatever_the_log_is() -> None:
    assert "unless the board is opened with wait_replicas=1" in text(advised(50_000_000, "every commit"))
    assert "wait_replicas" not in text(advised(50_000_000))


def test_what_changes_the_answer_is_the_size_from_which_one_server_does_not_hold_the_board() -> None:
    for advice in (advised(5 * LARGEST), advise(published(), Need(5_000_000, 10, 10, servers=3, workers=4))):
        assert advice.pick
        assert advice.pick.label == "redis"
        larger = [one.then for one in advice.thresholds if one.demand == "players"]
        assert [label for label in larger if label and label.startswith("redis+cluster")]


def test_a_measured_cluster_takes_the_place_of_the_model_as_far_as_it_goes() -> None:
    near = [one for one in advised(LARGEST, sharded=True).candidates if one.facts.sharded]
    assert [(one.label, bool(one.times and one.times.modelled)) for one in near] == [("redis+cluster", False)]
    assert [reason.text[:9] for reason in near[0].reasons] == ["too early"]
    far = advised(50_000_000, sharded=True)
    assert far.pick
    assert far.pick.times
    assert "x one server (as measured with 16 shards" in far.pick.times.source
