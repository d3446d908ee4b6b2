"""What would change the answer is found where it lies: at a load, a size, a durability, a number of processes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from leaderboard_backends.comparison.advice import Need, Threshold, advise
from leaderboard_backends.comparison.schema import BackendFacts, Run

from .results import facts, inputs, memory, result, service

MINE = facts("mine")
SERVER = facts("server", "server", shared=True)
SYNCED = facts("synced", "server", "every commit", shared=True)


def runs(label: str, time: float, *, each: int = 100, sizes: Sequence[int] = (1_000, 10_000_000)) -> list[Run]:
    """Return runs of a board with so many bytes per player, in its process or on its server."""
    return [
        run
        for players in sizes
        for run in service(
            label, {"update": time}, players, taken=memory(process=each * players, server=each * players)
        )
    ]


def found(backends: Sequence[BackendFacts], *measured: list[Run], need: Need) -> dict[str, list[Threshold]]:
    every = [run for several in measured for run in several]
    by_demand: dict[str, list[Threshold]] = {}
    for threshold in advise(result(backends, every), need, inputs().changed(string_bytes=0)).thresholds:
        by_demand.setdefault(threshold.demand, []).append(threshold)
    return by_demand


NEED = Need(1_000, 100)


def test_more_updates_than_the_pick_carries_change_the_answer() -> None:
    """At 100 µs one client is relied on for 5,000 per second, at 50 µs for 10,000."""
    (one,) = found([MINE, SERVER], runs("mine", 100.0), runs("server", 50.0, each=1), need=NEED)["updates"]
    assert one.text == "above 5,000 updates/s, mine with one process no longer keeps up: server, 30.00 USD per month"
    assert one.then == "server"
    (last,) = found([MINE], runs("mine", 100.0), need=NEED)["updates"]
    assert (last.then, last.text[-12:]) == (None, "nothing fits")


def test_the_size_from_which_the_bill_rises_is_found() -> None:
    """100 bytes per player twice, and 1 GiB for the system, are 2 GiB at 5.37M players."""
    (rises,) = found([MINE], runs("mine", 100.0), need=Need(1_000_000, 100))["players"]
    assert rises.text == "from about 5,400,000 players on it needs large, 73.00 USD per month"
    assert rises.then == "mine"


def test_the_size_from_which_another_is_the_pick_is_found() -> None:
    """There the board in the process needs a large server, and one beside a small server costs less."""
    measured = runs("mine", 100.0), runs("server", 500.0, each=1)
    changes = found([MINE, SERVER], *measured, need=Need(1_000_000, 100))["players"]
    assert [one.text for one in changes] == ["from about 5,400,000 players on: server, 30.00 USD per month"]


def test_where_the_figures_end_it_is_not_said_that_nothing_fits() -> None:
    (ends,) = found([MINE], runs("mine", 100.0, sizes=(1_000,)), need=NEED)["players"]
    assert ends.text == (
        "above 10,000 players, nothing is known: mine was measured up to 1,000 players, and is not extrapolated "
        "beyond 10 times as many"
    )


def test_a_size_far_away_changes_nothing_of_interest() -> None:
    assert "players" not in found([MINE], runs("mine", 100.0), need=NEED)


def test_stronger_durability_says_what_it_costs() -> None:
    measured = runs("mine", 100.0), runs("synced", 300.0, each=1)
    every = found([MINE, SYNCED], *measured, need=NEED)["durability"]
    price = "synced, 20.00 instead of 10.00 USD per month, p99 600 µs instead of 200 µs (3.0x)"
    assert [one.text for one in every] == [
        f"if a power cut may take no more than about a second of updates: {price}",
        f"if every acknowledged update must survive a power cut: {price}",
    ]


def test_weaker_durability_says_what_it_saves() -> None:
    measured = runs("mine", 100.0), runs("synced", 300.0, each=1)
    every = found([MINE, SYNCED], *measured, need=NEED.changed(durability="every commit"))["durability"]
    price = "mine, 10.00 instead of 20.00 USD per month, p99 200 µs instead of 600 µs (0.33x)"
    assert [one.text for one in every] == [f"if a power cut may take everything: {price}"]


def test_a_second_process_rules_out_what_lives_in_one() -> None:
    measured = runs("mine", 100.0), runs("server", 200.0, each=1)
    every = found([MINE, SERVER], *measured, need=NEED)["servers and workers"]
    assert [(one.text.partition(":")[0], one.then) for one in every] == [
        ("with a second app process", "server"),
        ("with a second app server", "server"),
    ]


def test_one_process_would_allow_what_several_rule_out() -> None:
    measured = runs("mine", 100.0), runs("server", 200.0, each=1)
    every = found([MINE, SERVER], *measured, need=NEED.changed(servers=3))["servers and workers"]
    assert [(one.text.partition(":")[0], one.then) for one in every] == [
        ("with one app server", "mine"),
        ("with one app process", "mine"),
    ]


def test_a_limit_on_p99_says_below_which_the_pick_is_out() -> None:
    measured = runs("mine", 100.0), runs("server", 50.0, each=1)
    (one,) = found([MINE, SERVER], *measured, need=NEED.changed(p99_us=1_000.0))["p99"]
    assert one.text == "where p99 must stay below 200 µs: server, 30.00 USD per month"


def test_without_a_limit_the_fastest_that_fits_is_named() -> None:
    measured = runs("mine", 100.0), runs("server", 50.0, each=1)
    (one,) = found([MINE, SERVER], *measured, need=NEED)["p99"]
    assert one.text == (
        "where p99 matters more than cost: server, 30.00 instead of 10.00 USD per month, p99 100 µs instead of 200 µs "
        "(0.50x)"
    )
    assert "p99" not in found([MINE], runs("mine", 100.0), need=NEED)


# ---------------------------------------------------------------------- nothing fits


def test_where_nothing_fits_each_demand_that_could_go_is_named() -> None:
    measured = runs("mine", 100.0), runs("synced", 300.0, each=1)
    every = found([MINE, SYNCED], *measured, need=NEED.changed(durability="every commit", p99_us=300.0))
    assert {demand: [one.text for one in changes] for demand, changes in every.items()} == {
        "durability": ["with memory only: mine, 10.00 USD per month"],
        "p99": ["without a limit on p99: synced, 20.00 USD per month"],
    }


def test_where_the_load_is_too_much_the_part_that_is_carried_is_named() -> None:
    (one,) = found([MINE], runs("mine", 100.0), need=NEED.changed(updates=20_000))["load"]
    assert one.text == "with 5,000 updates/s and 0 reads/s: mine, 10.00 USD per month"


@pytest.mark.parametrize("updates", [9_000.0, 10**9])
def test_where_no_single_demand_stands_in_the_way_nothing_is_named(updates: float) -> None:
    need = NEED.changed(updates=updates, workers=2, durability="every commit")
    assert found([MINE], runs("mine", 100.0), need=need) == {}
