"""The files that a cost is computed from, read and checked: price table, model, and the study's own inputs."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from ...errors import ConfigurationError
from ..shipped import shipped

SCHEMA_VERSION: Final = 1
STALE_DAYS: Final = 90
"""Prices read longer ago than this carry a warning."""

ON_DEMAND: Final = "on demand"

_AT_LEAST: Final = {
    "years": 0,
    "headroom": 1,
    "system_gib": 0,
    "string_bytes": 0,
    "disk_headroom": 1,
    "servers": 1,
    "workers": 1,
    "replicas": 0,
    "updates_a_second": 0,
    "pack_days": 0,
    "engineer_usd_an_hour": 0,
}
"""The least that each number of a model may be."""

Kind = Literal["server", "cache", "disk"]
StorageServers = Literal["cheapest", "cache nodes", "own machines"]
Unit = Literal["hour", "month", "GB-month"]

PER: Final[dict[Unit, str]] = {"hour": "an hour", "month": "a month", "GB-month": "a GB and month"}
"""What a price is for, in words."""


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

    def find(self, sku: str) -> Price | None:
        """Return the price of a SKU on demand, `None` where the table has none."""
        return next((price for price in self.price if price.sku == sku and price.term == ON_DEMAND), None)

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


class BytesAPlayer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes a player that stand in place of those measured; `None` leaves the measured ones."""

    process: float | None = None
    server: float | None = None
    disk: float | None = None


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a deployment looks like, and what people cost; hours are by backend."""

    schema_version: int
    years: float
    headroom: float
    system_gib: float
    string_bytes: float
    cache_reserved: float
    disk_headroom: float
    storage_servers: StorageServers
    """What a board's server runs on where it keeps no log; with a log it is a machine of its own."""
    busiest: float
    """The part of a measured rate that is relied on."""
    servers: int
    workers: int
    replicas: int
    updates_a_second: float
    pack_days: float
    grows: list[str]
    """Backends whose files grow with each update until they are packed."""
    engineer_usd_an_hour: float
    build_hours: dict[str, float]
    upkeep_hours: dict[str, float] = {}
    """A month."""
    bytes_a_player: dict[str, BytesAPlayer] = {}

    def changed(self, **numbers: float) -> Model:
        """Return the model with other numbers."""
        return msgspec.structs.replace(self, **numbers)

    def with_bytes(self, backend: str, given: BytesAPlayer) -> Model:
        """Return the model with bytes a player of a backend in place of those measured."""
        return msgspec.structs.replace(self, bytes_a_player={**self.bytes_a_player, backend: given})

    def with_storage_servers(self, kind: StorageServers) -> Model:
        """Return the model with servers of boards on machines of a kind."""
        return msgspec.structs.replace(self, storage_servers=kind)


class Study(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The study's inputs and conclusions, by number of players and by the study's names of backends."""

    schema_version: int
    source: str
    years: float
    engineer_usd_a_day: float
    days: dict[str, float]
    measured_as: dict[str, str]
    """The backend whose measured bytes stand for each of the study's."""
    monthly: dict[int, dict[str, float]]
    total_thousands: dict[int, dict[str, float]]
    servers: dict[int, str]
    server_monthly: dict[int, float]
    cache_monthly: dict[int, float]


Table = TypeVar("Table", PriceTable, Model, Study)

SHIPPED_TABLES: Final = {
    PriceTable: "prices/aws-us-east-1.toml",
    Model: "prices/model.toml",
    Study: "prices/study.toml",
}


def read_table(kind: type[Table], path: Path | None = None) -> Table:
    """Read a TOML file, the shipped one by default.

    Raises `ConfigurationError` with the file, the key and what is allowed there.
    """
    chosen = path or shipped(SHIPPED_TABLES[kind])
    try:
        found: dict[str, Any] = tomllib.loads(chosen.read_text(encoding="utf-8"))
        table = msgspec.convert(found, kind, strict=False)
    except OSError as error:
        raise ConfigurationError(f"{chosen} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{chosen} is no TOML: {error}.") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{chosen} does not describe a {kind.__name__}: {error}.") from error
    if table.schema_version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"{chosen} has schema version {table.schema_version}; this library reads {SCHEMA_VERSION}."
        )
    _check_numbers(chosen, table)
    return table


def _check_numbers(path: Path, table: PriceTable | Model | Study) -> None:
    """Refuse numbers that no cost can be computed from."""
    if isinstance(table, PriceTable):
        _refuse(path, [price.sku for price in table.price if not price.usd > 0], "a price above 0")
        without = [price.sku for price in table.price if price.kind != "disk" and not price.memory_gib > 0]
        _refuse(path, without, "its memory in GiB, above 0")
        _refuse(path, ["price"] if not table.price else [], "at least one price")
    elif isinstance(table, Model):
        _refuse(
            path, [name for name, least in _AT_LEAST.items() if not getattr(table, name) >= least], "a larger number"
        )
        _refuse(path, [] if 0 <= table.cache_reserved < 1 else ["cache_reserved"], "a part from 0 to under 1")
        _refuse(path, [] if 0 < table.busiest <= 1 else ["busiest"], "a part above 0, 1 at most")


def _refuse(path: Path, names: Sequence[str], needs: str) -> None:
    if names:
        raise ConfigurationError(f"{path}: {', '.join(names)} needs {needs}.")
