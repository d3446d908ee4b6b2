from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.plan import ChurnPart, Plan, expected_seconds, in_order, read_plan, units
from leaderboard_backends.errors import ConfigurationError

GOOD = """
schema_version = 1
title = "mine"
rounds = 2
time_limit = 1

[[service]]
workloads = ["realtime", "lobby"]
players = [10, 20]
steps = 100
a_a = ["a"]
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD)
    return read_plan(path)


def test_the_plans_that_come_with_the_library_are_read() -> None:
    quick, full = read_plan("quick"), read_plan("full")
    assert quick.rounds == 1
    assert full.rounds >= 5
    assert full.proof == "all"
    assert {players for part in full.service for players in part.players} == {10**power for power in range(2, 7)}
    assert set(full.workloads()) == {"realtime", "lobby", "season-start", "churn"}
    assert full.throughput
    assert full.response
    assert full.hardening
    assert full.churn
    assert full.recovery
    assert [part.distribution for part in full.programs] == ["leaderboard-backends-study"]


def test_each_cell_comes_once_and_a_a_runs_where_they_are_asked_for(plan: Plan) -> None:
    found = units(plan, ["a", "b"])
    assert len({unit.cell for unit in found}) == len(found) == 2 * 2 * 3
    assert {unit.cell.backend for unit in found if unit.cell.a_a} == {"a"}
    every = units(replace(plan, service=[replace(plan.service[0], a_a=["every"])]), ["a", "b"])
    assert {unit.cell.backend for unit in every if unit.cell.a_a} == {"a", "b"}
    doubled = replace(plan, service=[*plan.service, *plan.service])
    assert units(doubled, ["a", "b"]) == found


def test_a_part_leaves_out_backends_unless_it_is_for_every_one(plan: Plan) -> None:
    without = replace(plan, service=[replace(plan.service[0], without=["a"])])
    assert {unit.cell.backend for unit in units(without, ["a", "b"])} == {"b"}
    assert units(without.with_parts(without=[]), ["a", "b"]) == units(plan, ["a", "b"])


def test_events_have_the_one_size_that_they_have(plan: Plan) -> None:
    sizes = {unit.cell.players for unit in units(plan, ["a"], only_sizes={"lobby": 7}) if unit.cell.workload == "lobby"}
    assert sizes == {7}


def test_every_round_has_every_cell_in_an_order_that_the_seed_decides(plan: Plan) -> None:
    found = units(plan, ["a", "b", "c"])
    runs = in_order(found, 1)
    assert [number for number, _ in runs] == [1] * len(found) + [2] * len(found)
    first, second = ([unit.cell for number, unit in runs if number == round_] for round_ in (1, 2))
    assert sorted(first) == sorted(second) == sorted(unit.cell for unit in found)
    assert first != second
    assert in_order(found, 1) == runs != in_order(found, 2)


def test_what_the_command_line_says_goes_before_the_plan(plan: Plan) -> None:
    changed = plan.changed(rounds=7, time_limit=None).with_parts(players=[5], workloads=["churn"], steps=9)
    assert (changed.rounds, changed.time_limit) == (7, 1)
    assert (changed.service[0].players, changed.service[0].workloads, changed.service[0].steps) == ([5], ["churn"], 9)
    assert plan.with_parts() == plan
    assert plan.with_parts(names={"lobby": "mine"}).service[0].workloads == ["realtime", "mine"]


def test_the_kit_runs_whole_unless_parts_are_named(plan: Plan) -> None:
    assert plan.parts == []
    assert "threads" not in plan.changed(proof="sequential").parts
    assert "order" in plan.changed(proof="sequential").parts
    assert plan.changed(proof="order, life").parts == ["order", "life"]


def test_larger_runs_are_expected_to_take_longer() -> None:
    expected = expected_seconds(units(read_plan("full"), ["a"]))
    seconds = {cell.players: taken for cell, taken in expected.items() if cell.mode == "service"}
    assert seconds[100] < seconds[100_000] < seconds[1_000_000]


def test_runs_that_go_at_once_are_expected_to_take_the_time_of_one_together(plan: Plan) -> None:
    def of_churn(backends: list[str], rounds: int) -> float:
        churn = ChurnPart("realtime", [100], backends, rounds, seconds=600, every=60)
        runs = [unit for _, unit in in_order(units(replace(plan, churn=[churn]), ["a", "b", "c"]), 1)]
        expected = expected_seconds(runs)
        return sum(expected[unit.cell] for unit in runs if unit.cell.mode == "churn")

    assert 600 < of_churn(["a"], 1) < 610
    assert of_churn(["a", "b", "c"], 2) == pytest.approx(of_churn(["a"], 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("rounds = 2", "rounds = 0"), "rounds is 0: it must be a whole number from 1 to 100."),
        (("rounds = 2", "round = 2"), "round is not a known key. Allowed: schema_version, title, rounds,"),
        (("players = [10, 20]", "players = [0]"), "service[0].players[0] is 0: it must be"),
        (("players = [10, 20]", "players = [10000001]"), "a whole number from 1 to 10,000,000"),
        (("time_limit = 1", "time_limit = 0"), "time_limit is 0: it must be a number above 0, up to 3,600."),
        (("schema_version = 1", "schema_version = 9"), "schema_version is 9: this library reads 1"),
        (("rounds = 2", 'proof = "most"\nrounds = 2'), "'most' is not 'all', not 'sequential'"),
        (("title", "[title"), "is not TOML"),
    ],
)
def test_a_plan_that_is_none_is_refused_with_what_is_wrong(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace(*change))
    with pytest.raises(ConfigurationError) as refusal:
        read_plan(path)
    assert said in str(refusal.value)


def test_a_name_of_no_plan_lists_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"give one of full, quick, or a \.toml file"):
        read_plan("slow")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_plan(tmp_path / "absent.toml")
