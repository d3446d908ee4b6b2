"""Costs follow from measured bytes, a price table and a model, and each amount says where it comes from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from leaderboard_backends.comparison.cost.bill import bill
from leaderboard_backends.comparison.cost.footprint import Footprint, Home, Line, fit, footprints
from leaderboard_backends.comparison.cost.study import checks
from leaderboard_backends.comparison.cost.tables import (
    ON_DEMAND,
    Model,
    Price,
    PriceTable,
    Study,
    read_table,
    shipped,
)
from leaderboard_backends.comparison.result import read_result
from leaderboard_backends.errors import ConfigurationError

LATEST = Path(__file__).parents[2] / "reports" / "latest" / "result.json"
NOTHING = Line(0, 0)
GIB = 2**30


@pytest.fixture
def prices() -> PriceTable:
    return PriceTable(
        schema_version=1,
        currency="USD",
        region="here",
        hours_a_month=730,
        source="made up",
        read=date(2026, 11, 1),
        price=[
            Price("large", "server", 0.1, "hour", ON_DEMAND, memory_gib=16),
            Price("small", "server", 10, "month", ON_DEMAND, memory_gib=2),
            Price("small", "server", 6, "month", "reserved", memory_gib=2),
            Price("node", "cache", 20, "month", ON_DEMAND, memory_gib=4),
            Price("disk", "disk", 0.5, "GB-month", ON_DEMAND),
        ],
    )


@pytest.fixture
def model() -> Model:
    return Model(
        schema_version=1,
        years=5,
        headroom=2,
        system_gib=1,
        cache_reserved=0.25,
        disk_headroom=3,
        servers=1,
        workers=1,
        replicas=0,
        engineer_usd_a_day=1000,
        days={"mine": 3},
    )


def taking(home: Home, *, process: float = 0, server: float = 0, disk: float = 0, shared: bool = False) -> Footprint:
    """Return a footprint with bytes a player and nothing fixed."""
    return Footprint("mine", home, shared, Line(0, process), Line(0, server), Line(0, disk), (1000,))


# ---------------------------------------------------------------------- bytes


def test_a_line_through_exact_points_is_found() -> None:
    found = fit([(players, 5000 + 120.0 * players) for players in (1000, 10_000, 1_000_000)])
    assert found.fixed == pytest.approx(5000, rel=1e-6)
    assert found.each == pytest.approx(120, rel=1e-9)


def test_each_size_counts_alike_in_a_fit() -> None:
    """By absolute errors, the largest size alone would decide, and a small board would seem to take nothing."""
    points = [(1_000, 1_100_000.0), (10_000, 2_000_000.0), (1_000_000, 100_000_000.0)]
    found = fit(points)
    assert all(abs(found.at(players) / size - 1) < 0.1 for players, size in points)


def test_one_point_gives_its_ratio_and_none_gives_nothing() -> None:
    assert fit([(100, 5000.0)]) == Line(0, 50)
    assert fit([(100, 5000.0), (100, 7000.0)]).each == pytest.approx(60, rel=0.1)
    assert fit([]) == fit([(100, 0.0)]) == NOTHING
    assert Line(-500, 1).at(100) == 0


def test_a_result_tells_where_each_board_lives_and_what_it_takes() -> None:
    found = {footprint.backend: footprint for footprint in footprints(read_result(LATEST))}
    assert {name: found[name].home for name in ("memory", "valkey", "zodb")} == {
        "memory": "process",
        "valkey": "server",
        "zodb": "file",
    }
    assert 150 < found["memory"].process.each < 300
    assert found["memory"].server == NOTHING
    assert 100 < found["valkey"].server.each < 250
    assert found["zodb"].disk.each > 100


# ---------------------------------------------------------------------- bills


def test_the_cheapest_server_that_is_large_enough_is_taken(prices: PriceTable, model: Model) -> None:
    board = taking("process", process=GIB / 1000 / 2)  # a GiB of memory for 1,000 players, headroom included
    small, large = (bill(board, players, model, prices, ON_DEMAND) for players in (1000, 1001))
    assert [item.what for item in small.items] == ["1 x small"]
    assert (small.monthly, small.running, small.development, small.total) == (10, 600, 3000, 3600)
    assert [item.what for item in large.items] == ["1 x large"]
    assert large.monthly == pytest.approx(73)


def test_each_worker_holds_a_copy_of_a_board_in_its_process(prices: PriceTable, model: Model) -> None:
    board = taking("process", process=GIB / 1000 / 2)
    four = bill(board, 1000, model.changed(workers=4, servers=2), prices, ON_DEMAND)
    assert [item.what for item in four.items] == ["2 x large"]
    assert "4 workers, each with a copy that the app keeps alike" in four.items[0].because


def test_a_server_board_needs_cache_nodes_with_room_for_the_engine(prices: PriceTable, model: Model) -> None:
    fits = taking("server", server=GIB / 1000 * 1.5)  # 3 GiB with headroom: three quarters of a node
    found = bill(fits, 1000, model.changed(replicas=1), prices, ON_DEMAND)
    assert [(item.what, item.monthly) for item in found.items] == [("1 x small", 10), ("2 x node", 40)]
    assert "25% of the node for its engine" in found.items[1].because
    beyond = bill(fits, 1001, model, prices, ON_DEMAND)
    assert beyond.problem == "no cache of the price table has 4.0 GiB"
    assert (beyond.items, beyond.monthly) == ((), 0)


def test_a_file_costs_disk_and_serves_one_process_unless_shared(prices: PriceTable, model: Model) -> None:
    found = bill(taking("file", disk=1e6), 1000, model, prices, ON_DEMAND)
    assert [(item.what, item.monthly) for item in found.items] == [("1 x small", 10), ("3.00 GB disk", 1.5)]
    two = model.changed(workers=2)
    assert "one process at a time" in bill(taking("file", disk=1e6), 1000, two, prices, ON_DEMAND).problem
    assert not bill(taking("file", disk=1e6, shared=True), 1000, two, prices, ON_DEMAND).problem


def test_a_term_replaces_the_prices_that_it_has(prices: PriceTable, model: Model) -> None:
    board = taking("process", process=1)
    assert bill(board, 1000, model, prices, "reserved").monthly == 6
    assert bill(board, 10**9, model, prices, "reserved").items[0].what == "1 x large"


def test_without_days_there_is_no_total(prices: PriceTable, model: Model) -> None:
    found = bill(taking("process", process=1)._replace(backend="other"), 1000, model, prices, ON_DEMAND)
    assert (found.development, found.total) == (None, None)


def test_prices_read_long_ago_carry_a_warning(prices: PriceTable) -> None:
    assert prices.stale(date(2027, 1, 30)) == []
    assert prices.stale(date(2027, 1, 31)) == ["prices of here were read on 2026-11-01, 91 days ago: check them."]


# ---------------------------------------------------------------------- files


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str, str], Path]:
    """Writes a changed copy of a file that comes with the library."""

    def write(name: str, old: str, new: str) -> Path:
        text = shipped(name).read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / name
        path.write_text(text.replace(old, new), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("years = 5", "years = 'five'", "does not describe a Model"),
        ("years = 5", "", "missing required field `years`"),
        ("years = 5", "years = 5\nyaers = 6", "unknown field `yaers`"),
        ("years = 5", "years =", "is no TOML"),
        ("schema_version = 1", "schema_version = 9", "schema version 9"),
        ("workers = 1", "workers = 0", "workers needs a larger number"),
        ("headroom = 1.5", "headroom = nan", "headroom needs a larger number"),
        ("cache_reserved = 0.25", "cache_reserved = 1.0", "cache_reserved needs a part"),
    ],
)
def test_a_model_that_describes_nothing_is_refused_by_key(
    written: Callable[[str, str, str], Path], old: str, new: str, said: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_table(written("model.toml", old, new), Model)
    assert said in str(refused.value)
    assert "model.toml" in str(refused.value)


def test_prices_without_memory_or_amount_are_refused(written: Callable[[str, str, str], Path]) -> None:
    with pytest.raises(ConfigurationError, match=r"t3\.small needs its memory"):
        read_table(written("aws-us-east-1.toml", "memory_gib = 2\n", ""), PriceTable)
    with pytest.raises(ConfigurationError, match="gp3 needs a price above 0"):
        read_table(written("aws-us-east-1.toml", "usd = 0.08\n", "usd = 0\n"), PriceTable)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_table(Path("nosuch.toml"), PriceTable)


# ---------------------------------------------------------------------- the study


def test_the_studys_totals_follow_from_its_inputs_and_its_ratio_does_not() -> None:
    found = checks(read_table(shipped("study.toml"), Study), read_table(shipped("aws-us-east-1.toml"), PriceTable))
    broken = {check.claim: check.found for check in found if not check.holds}
    assert set(broken) == {"Redis costs 2 to 3 times as much to run", "r6i.large costs 120 USD a month"}
    assert broken["Redis costs 2 to 3 times as much to run"] == "1.87x, 2.50x, 2.50x"
    totals = {check.claim: check.found for check in found if check.holds and "5 years" in check.claim}
    assert totals["Redis, 100,000 players, 5 years: 6.7K USD"] == "5 days x 1,000 + 28 x 60 = 6.68K"
    assert len(totals) == 6


def test_a_wrong_total_would_be_seen(written: Callable[[str, str, str], Path]) -> None:
    study = read_table(written("study.toml", "SortedContainers = 3.9", "SortedContainers = 4.9"), Study)
    found = checks(study, read_table(shipped("aws-us-east-1.toml"), PriceTable))
    assert [check.holds for check in found if "4.9K" in check.claim] == [False]
