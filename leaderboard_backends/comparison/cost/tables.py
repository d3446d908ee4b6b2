"""The files that a cost is computed from, read and checked: price table, model, and the study's own inputs."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from ...errors import ConfigurationError

SCHEMA_VERSION: Final = 1
STALE_DAYS: Final = 90
"""Prices read longer ago than this carry a warning."""

AT_LEAST: Final = {
    "years": 0,
    "headroom": 1,
    "system_gib": 0,
    "disk_headroom": 1,
    "servers": 1,
    "workers": 1,
    "replicas": 0,
}
"""The least that each number of a model may be."""

SHIPPED: Final = Path(__file__).parent / "prices"
IN_THE_SOURCE_TREE: Final = Path(__file__).parents[3] / "benchmarks" / "prices"

Kind = Literal["server", "cache", "disk"]
Unit = Literal["hour", "month", "GB-month"]


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a price table."""

    sku: str
    kind: Kind
    usd: float
    unit: Unit
    term: str
    memory_gib: float = 0.0
    source: str = ""
    read: date | None = None


class PriceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices of one region. `source` and `read` hold for each price that has none of its own."""

    schema_version: int
    currency: str
    region: str
    hours_a_month: float
    source: str
    read: date
    price: list[Price]

    def offers(self, kind: Kind, term: str) -> list[Price]:
        """Return the prices of a kind at a term, cheapest first."""
        found = [price for price in self.price if price.kind == kind and price.term in (term, ON_DEMAND)]
        named = {price.sku for price in found if price.term == term}
        chosen = [price for price in found if price.term == term or price.sku not in named]
        return sorted(chosen, key=self.monthly)

    def monthly(self, price: Price) -> float:
        """Return what one of it costs a month; of a disk, one GB."""
        return price.usd * self.hours_a_month if price.unit == "hour" else price.usd

    def stale(self, today: date) -> list[str]:
        """Return a warning for each day on which prices were read that is too long ago."""
        days = {price.read or self.read for price in self.price}
        return [
            f"prices of {self.region} were read on {day}, {(today - day).days} days ago: check them."
            for day in sorted(days)
            if (today - day).days > STALE_DAYS
        ]


ON_DEMAND: Final = "on demand"


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a deployment looks like, and what people cost; `days` are engineer days by backend."""

    schema_version: int
    years: float
    headroom: float
    system_gib: float
    cache_reserved: float
    disk_headroom: float
    servers: int
    workers: int
    replicas: int
    engineer_usd_a_day: float
    days: dict[str, float]

    def changed(self, **numbers: float) -> Model:
        """Return the model with other numbers."""
        return msgspec.structs.replace(self, **numbers)


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The study's inputs and conclusions, by number of players and by the study's names of backends."""

    schema_version: int
    source: str
    years: float
    engineer_usd_a_day: float
    days: dict[str, float]
    monthly: dict[int, dict[str, float]]
    total_thousands: dict[int, dict[str, float]]
    servers: dict[int, str]
    server_monthly: dict[int, float]


Table = TypeVar("Table", PriceTable, Model, Study)


def shipped(name: str) -> Path:
    """Return the path of a file that comes with the library."""
    folder = SHIPPED if SHIPPED.is_dir() else IN_THE_SOURCE_TREE
    return folder / name


def read_table(path: Path, kind: type[Table]) -> Table:
    """Read a TOML file; raises `ConfigurationError` with the file, the key and what is allowed there."""
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        table = msgspec.convert(found, kind, strict=False)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no TOML: {error}.") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{path} does not describe a {kind.__name__}: {error}.") from error
    if table.schema_version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path} has schema version {table.schema_version}; this library reads {SCHEMA_VERSION}."
        )
    _check_numbers(path, table)
    return table


def _check_numbers(path: Path, table: PriceTable | Model | Study) -> None:
    """Refuse numbers that no cost can be computed from."""
    if isinstance(table, PriceTable):
        _refuse(path, [price.sku for price in table.price if not price.usd > 0], "a price above 0")
        without = [price.sku for price in table.price if price.kind != "disk" and not price.memory_gib > 0]
        _refuse(path, without, "its memory in GiB, above 0")
        _refuse(path, ["price"] if not table.price else [], "at least one price")
    elif isinstance(table, Model):
        at_least = {
            "years": 0,
            "headroom": 1,
            "system_gib": 0,
            "disk_headroom": 1,
            "servers": 1,
            "workers": 1,
            "replicas": 0,
        }
        low = [name for name, least in at_least.items() if not getattr(table, name) >= least]
        _refuse(path, low, "a larger number")
        _refuse(path, [] if 0 <= table.cache_reserved < 1 else ["cache_reserved"], "a part from 0 to under 1")


def _refuse(path: Path, names: Sequence[str], needs: str) -> None:
    if names:
        raise ConfigurationError(f"{path}: {', '.join(names)} needs {needs}.")
