"""Price tables and models are checked when they are read, and refused by file and key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeAlias

import pytest
from msgspec.structs import replace

from leaderboard_backends.comparison.cost.source import load_result, shipped_result
from leaderboard_backends.comparison.cost.tables import SHIPPED_TABLES, Model, PriceTable, Study, read_table
from leaderboard_backends.comparison.schema import encode_result
from leaderboard_backends.comparison.shipped import shipped
from leaderboard_backends.errors import ConfigurationError

from ..advice.results import PRICES, ended, facts, result, service

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
        ("years = 5", "years = 'five'", "does not describe a Model"),
        ("years = 5", "", "missing required field `years`"),
        ("years = 5", "years = 5\nyaers = 6", "unknown field `yaers`"),
        ("years = 5", "years =", "is no TOML"),
        ("schema_version = 1", "schema_version = 9", "schema version 9"),
        ("workers = 1", "workers = 0", "workers needs a larger number"),
        ("headroom = 1.5", "headroom = nan", "headroom needs a larger number"),
        ("cache_reserved = 0.25", "cache_reserved = 1.0", "cache_reserved needs a part"),
        ("busiest = 0.7", "busiest = 0", "busiest needs a part above 0"),
        ("busiest = 0.7", "busiest = 1.1", "busiest needs a part above 0"),
        ('"cheapest"', '"dearest"', "does not describe a Model"),
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
    with pytest.raises(ConfigurationError, match=r"t3\.small needs its memory"):
        read_table(PriceTable, written(PriceTable, "memory_gib = 2\n", ""))
    with pytest.raises(ConfigurationError, match="gp3 needs a price above 0"):
        read_table(PriceTable, written(PriceTable, "usd = 0.08\n", "usd = 0\n"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_table(PriceTable, Path("nosuch.toml"))


def test_all_files_that_come_with_the_library_are_read() -> None:
    assert read_table(PriceTable).region == "us-east-1"
    assert read_table(Study).years == read_table(Model).years == 5


def test_the_models_hours_are_the_studys_days_of_eight_hours() -> None:
    model, study = read_table(Model), read_table(Study)
    assert model.engineer_usd_an_hour * 8 == study.engineer_usd_a_day
    assert {name: model.build_hours[label] / 8 for name, label in study.measured_as.items()} == study.days


def test_every_backend_that_is_compared_by_default_has_hours_to_build() -> None:
    labels = {path.stem for path in shipped("backends").glob("*.toml")}
    assert labels
    assert labels <= read_table(Model).build_hours.keys()


def test_prices_read_over_90_days_ago_carry_a_warning() -> None:
    assert PRICES.stale(date(2027, 1, 30)) == []
    assert PRICES.stale(date(2027, 1, 31)) == ["prices of here were read on 2026-11-01, 91 days ago: check them."]


def test_a_price_read_on_another_day_has_a_warning_of_its_own() -> None:
    small, *others = PRICES.price
    table = replace(PRICES, price=[replace(small, read=date(2027, 5, 1)), *others])
    assert [warning[:27] for warning in table.stale(date(2027, 9, 1))] == ["prices of here were read on"] * 2


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
    with pytest.raises(ConfigurationError, match="no result of a comparison"):
        load_result(path)
    path.write_bytes(encode_result(result([facts("mine")], ended("mine", "failed"))))
    with pytest.raises(ConfigurationError, match="no run with figures"):
        load_result(path)
