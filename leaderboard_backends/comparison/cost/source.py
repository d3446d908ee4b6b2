"""What costs and advice are computed from: prices, a cost model, a result; those of the library where none is named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple, TypeVar

import msgspec

from ...errors import ConfigurationError
from ...model import shorten
from ...toml_files import IN_THE_SOURCE_TREE, SHIPPED, read_toml, refuse, shipped
from ..result_files import REMEDY, read_result
from ..schema import Result

STALE_DAYS: Final = 90
"""Prices read longer ago than this carry a warning."""

_TIME_ZONES: Final = 1
"""Days that a date may lie ahead, read elsewhere on the earth."""

ON_DEMAND: Final = "on demand"

MOST_PLAYERS: Final = 10**10
"""Players of a board, at most."""

MOST: Final = 10**12
"""What any number of these files may be at most."""

Positive = Annotated[float, msgspec.Meta(gt=0, le=MOST)]
AtLeastZero = Annotated[float, msgspec.Meta(ge=0, le=MOST)]
AtLeastOne = Annotated[float, msgspec.Meta(ge=1, le=MOST)]
Servers = Annotated[int, msgspec.Meta(ge=1, le=MOST)]

Kind = Literal["server", "cache", "disk"]
Unit = Literal["hour", "month", "GB-month"]

PER: Final[dict[Unit, str]] = {"hour": "per hour", "month": "per month", "GB-month": "per GB and month"}
"""What a price is for, as text."""


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a price table."""

    sku: str
    kind: Kind
    usd: Positive
    unit: Unit
    term: str
    memory_gib: AtLeastZero = 0.0
    source: str = ""
    read: date | None = None


class PriceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Prices of one region. `source` and `read` apply to each price without its own."""

    schema_version: int
    currency: str
    region: str
    hours_a_month: Positive
    source: str
    read: date
    price: Annotated[list[Price], msgspec.Meta(min_length=1)]

    def offers(self, kind: Kind, term: str) -> list[Price]:
        """Return the prices of a kind at a term, cheapest first."""
        found = [price for price in self.price if price.kind == kind and price.term in (term, ON_DEMAND)]
        named = {price.sku for price in found if price.term == term}
        chosen = [price for price in found if price.term == term or price.sku not in named]
        return sorted(chosen, key=self.monthly)

    def monthly(self, price: Price) -> float:
        """Return the price per month of one instance, or of one GB of disk."""
        return price.usd * self.hours_a_month if price.unit == "hour" else price.usd

    def stale(self, today: date) -> Iterator[str]:
        """Yield a warning for each day on which prices were read that is too long ago, or yet to come."""
        for day in sorted({price.read or self.read for price in self.price}):
            age, read = (today - day).days, f"prices of {self.region} were read on {day}"
            if age > STALE_DAYS:
                yield f"{read}, {age} days ago: check them."
            elif age < -_TIME_ZONES:
                yield f"{read}, which is yet to come: check the date."


class BytesAPlayer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes per player to use instead of the measured ones; `None` leaves the measured ones."""

    process: AtLeastZero | None = None
    server: AtLeastZero | None = None
    disk: AtLeastZero | None = None


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a deployment looks like, and what people cost; hours are by backend."""

    schema_version: int
    years: AtLeastZero
    headroom: AtLeastOne
    system_gib: AtLeastZero
    string_bytes: AtLeastZero
    cache_reserved: Annotated[float, msgspec.Meta(ge=0, le=0.99)]
    disk_headroom: AtLeastOne
    storage_servers: Literal["cheapest", "cache nodes", "own machines"]
    """What a board's server runs on without a log; with a log, it is always a machine of its own."""
    busiest: Annotated[float, msgspec.Meta(ge=0.01, le=1)]
    """The part of a measured rate that is relied on."""
    servers: Servers
    workers: Servers
    replicas: Annotated[int, msgspec.Meta(ge=0, le=MOST)]
    updates_a_second: AtLeastZero
    pack_days: AtLeastZero
    grows: list[str]
    """Backends whose files grow with each update until they are packed."""
    engineer_usd_an_hour: AtLeastZero
    build_hours: dict[str, AtLeastZero]
    upkeep_hours: dict[str, AtLeastZero] = {}
    """A month."""
    round_trip_us: AtLeastZero = 200.0
    """Microseconds of a round trip between machines: an assumption, of one data centre."""
    bytes_a_player: dict[str, BytesAPlayer] = {}


class Inputs(NamedTuple):
    """What amounts are computed from in addition to the result."""

    prices: PriceTable
    model: Model
    term: str = ON_DEMAND

    @classmethod
    def read(cls, prices: Path | None = None, model: Path | None = None, term: str = ON_DEMAND) -> Inputs:
        """Read the price table and the model, those that come with the library where none is named.

        Raises `ConfigurationError`, for a term that the table does not have, too.
        """
        given = cls(read_table(PriceTable, prices), read_table(Model, model), term)
        check_term(given.prices, term)
        return given

    def changed(self, **values: object) -> Inputs:
        """Return the same prices with other values of the model."""
        return self._replace(model=msgspec.structs.replace(self.model, **values))


Table = TypeVar("Table", PriceTable, Model)

SHIPPED_TABLES: Final = {PriceTable: "prices/aws-us-east-1.toml", Model: "prices/model.toml"}


def read_table(kind: type[Table], path: Path | None = None) -> Table:
    """Read a TOML file, the shipped one by default.

    Raises `ConfigurationError` with the file, the key and what is allowed there.
    """
    chosen = path or shipped(SHIPPED_TABLES[kind])
    table = read_toml(chosen, kind)
    for price in table.price if isinstance(table, PriceTable) else ():
        if price.kind != "disk" and not price.memory_gib:
            refuse(chosen, f"memory_gib of {price.sku} is 0: it must be a number above 0.")
    return table


def check_names(model: Model, known: Iterable[str]) -> None:
    """Refuse a model that has numbers for a backend that neither the result nor the shipped model knows.

    Raises `ConfigurationError`: else a slip of the pen would leave a number of the user's without any effect.
    """
    names = sorted({*known, *read_table(Model).build_hours})
    for table in ("build_hours", "upkeep_hours", "bytes_a_player", "grows"):
        for name in getattr(model, table):
            if name not in names:
                near = "".join(f" Did you mean {one}?" for one in get_close_matches(name, names, 1))
                raise ConfigurationError(
                    f"the model's {table} names {shorten(name)}, which is no backend here.{near} It may name: "
                    f"{', '.join(names)}."
                )


def check_term(prices: PriceTable, term: str) -> None:
    """Refuse a term at which a price table has no price at all. Raises `ConfigurationError`."""
    terms = list(dict.fromkeys([ON_DEMAND, *(price.term for price in prices.price)]))
    if term not in terms:
        said = ", ".join(f"'{one}'" for one in terms)
        raise ConfigurationError(f"no price of the table is at the term {shorten(term)}; write one of {said}.")


def shipped_result() -> Path:
    """Return the path of the published result: in an installed wheel its copy, in a source tree that of the report."""
    if SHIPPED.is_dir():
        return SHIPPED / "result.json"
    return IN_THE_SOURCE_TREE.parent / "reports" / "results" / "full.json"


def load_result(path: Path | None = None) -> Result:
    """Read a result, the shipped one by default.

    Raises `ConfigurationError` where there is none, where the file is something else, or where no run has figures.
    """
    chosen = path or shipped_result()
    result = read_result(chosen)
    if not any(run.status == "ok" for run in result.runs):
        raise ConfigurationError(f"{chosen} has no run with figures. {REMEDY}")
    return result
