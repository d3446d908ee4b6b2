"""Price tables, models and results are checked when they are read, and refused by file and key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeAlias

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.cost.source import (
    SHIPPED_TABLES,
    BytesAPlayer,
    Model,
    PriceTable,
    check_names,
    check_term,
    load_result,
    read_table,
    shipped_result,
)
from leaderboard_backends.comparison.result_files import encode_result
from leaderboard_backends.comparison.targets import read_target
from leaderboard_backends.errors import ConfigurationError
from leaderboard_backends.toml_files import shipped

from ..advice.results import MODEL, PRICES, ended, facts, result, service

Write: TypeAlias = Callable[[type[PriceTable] | type[Model], str, str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Write:
    """Writes a changed copy of a file that comes with the library."""

    def write(kind: type[PriceTable | Model], old: str, new: str) -> Path:
        source = shipped(SHIPPED_TABLES[kind])
        text = source.read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / source.name
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("years = 5", "years = 'five'", "years is 'five': it must be a number from 0 to 1,000,000,000,000."),
        ("years = 5", "", "years is missing"),
        ("years = 5", "years = 5\nyaers = 6", "yaers is not a known key"),
        ("years = 5", "years =", "is not TOML"),
        ("schema_version = 1", "schema_version = 9", "schema_version is 9"),
        ("workers = 1", "workers = 0", "workers is 0: it must be a whole number from 1 to"),
        ("headroom = 1.5", "headroom = 0.9", "headroom is 0.9: it must be a number from 1 to"),
        ("headroom = 1.5", "headroom = nan", "headroom is nan: it must be a number from 1 to"),
        ("years = 5", "years = inf", "years is inf: it must be a number from 0 to"),
        ("cache_reserved = 0.25", "cache_reserved = 1.0", "cache_reserved is 1.0: it must be a number from 0 to 0.99."),
        ("busiest = 0.7", "busiest = 0", "busiest is 0: it must be a number from 0.01 to 1."),
        ("busiest = 0.7", "busiest = 1.1", "busiest is 1.1: it must be"),
        ("memory = 24", "memory = nan", "build_hours.memory is nan: it must be a number from 0 to"),
        ("[upkeep_hours]", "[upkeep_hours]\nmemory = -1", "upkeep_hours.memory is -1: it must be"),
        ("[bytes_a_player]", "[bytes_a_player.memory]\nprocess = inf", "bytes_a_player.memory.process is inf: it"),
        ('"cheapest"', '"dearest"', "storage_servers is 'dearest': it must be one of cache nodes,"),
    ],
)
def test_a_model_that_describes_nothing_is_refused_by_key(written: Write, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_table(Model, written(Model, old, new))
    assert said in str(refused.value)
    assert "model.toml" in str(refused.value)


def test_prices_without_memory_or_amount_are_refused(
    written: Write,
) -> None:
    with pytest.raises(ConfigurationError, match=r"memory_gib of t3\.small is 0: it must be a number above 0"):
        read_table(PriceTable, written(PriceTable, "memory_gib = 2\n", ""))
    with pytest.raises(ConfigurationError, match=r"price\[10\]\.usd is 0: it must be a number above 0"):
        read_table(PriceTable, written(PriceTable, "usd = 0.08\n", "usd = 0\n"))
    with pytest.raises(ConfigurationError, match="usd is inf"):
        read_table(PriceTable, written(PriceTable, "usd = 0.08\n", "usd = inf\n"))
    with pytest.raises(ConfigurationError, match="hours_a_month is 0"):
        read_table(PriceTable, written(PriceTable, "hours_a_month = 730", "hours_a_month = 0"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_table(PriceTable, Path("nosuch.toml"))


def test_all_files_that_come_with_the_library_are_read() -> None:
    assert read_table(PriceTable).region == "us-east-1"
    assert read_table(Model).years == 5


def test_every_backend_that_is_compared_by_default_has_hours_to_build() -> None:
    labels = {read_target(path).label for path in shipped("backends").glob("*.toml")}
    assert labels
    assert labels <= read_table(Model).build_hours.keys()


def test_prices_read_over_90_days_ago_carry_a_warning() -> None:
    assert [*PRICES.stale(date(2027, 1, 30))] == []
    assert [*PRICES.stale(date(2027, 1, 31))] == ["prices of here were read on 2026-11-01, 91 days ago: check them."]


def test_a_price_read_on_another_day_has_a_warning_of_its_own() -> None:
    small, *others = PRICES.price
    table = replace(PRICES, price=[replace(small, read=date(2027, 5, 1)), *others])
    assert [warning[:27] for warning in table.stale(date(2027, 9, 1))] == ["prices of here were read on"] * 2


def test_prices_read_on_a_day_that_is_yet_to_come_carry_a_warning() -> None:
    """A day ahead may be today, elsewhere on the earth."""
    assert [*PRICES.stale(date(2026, 10, 31))] == []
    assert [*PRICES.stale(date(2026, 10, 30))] == [
        "prices of here were read on 2026-11-01, which is yet to come: check the date."
    ]


@pytest.mark.parametrize("table", ["build_hours", "upkeep_hours", "bytes_a_player", "grows"])
def test_a_model_that_names_a_backend_of_nobodys_is_refused(table: str) -> None:
    wrong = {"grows": ["memmory"], "bytes_a_player": {"memmory": BytesAPlayer(1)}}.get(table, {"memmory": 24.0})
    with pytest.raises(ConfigurationError, match=rf"{table} names 'memmory'.* Did you mean memory\?.* name: .*mine"):
        check_names(replace(MODEL, **{table: wrong}), ["mine", "growing", "tended"])


def test_a_model_may_name_the_shipped_backends_and_those_of_the_result() -> None:
    check_names(read_table(Model), ["one_of_two"])
    check_names(MODEL, ["mine", "growing", "tended"])


def test_a_term_that_no_price_is_at_is_refused_with_those_there_are() -> None:
    check_term(PRICES, "reserved")
    check_term(replace(PRICES, price=PRICES.price[2:3]), "on demand")
    with pytest.raises(ConfigurationError, match="at the term 'bananas'; write one of 'on demand', 'reserved'"):
        check_term(PRICES, "bananas")


# ---------------------------------------------------------------------- the result


def test_the_shipped_result_is_that_of_the_published_report() -> None:
    assert shipped_result().parts[-3:] == ("reports", "results", "full.json")


def test_a_result_is_read_or_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_bytes(encode_result(result([facts("mine")], service("mine", {"update": 1.0}))))
    assert load_result(path).settings.backends == ["mine"]
    with pytest.raises(ConfigurationError, match=r"cannot be read .* leaderboard compare"):
        load_result(tmp_path / "nosuch.json")
    path.write_text("{}")
    with pytest.raises(ConfigurationError, match="not a result of a comparison"):
        load_result(path)
    path.write_bytes(encode_result(result([facts("mine")], ended("mine", "failed"))))
    with pytest.raises(ConfigurationError, match="no run with figures"):
        load_result(path)
