"""The bill of a deployment: which servers, cache nodes and disks a board of some size needs, and what they cost."""

from __future__ import annotations

from typing import Final, NamedTuple

from .footprint import Footprint
from .tables import Kind, Model, Price, PriceTable

GIB: Final = 2**30
GB: Final = 10**9
MONTHS: Final = 12


class Item(NamedTuple):
    """One line of a bill, with the words that say where it comes from."""

    what: str
    monthly: float
    because: str


class Bill(NamedTuple):
    """What one backend costs at one size; `problem` says why there is no amount."""

    backend: str
    players: int
    items: tuple[Item, ...]
    days: float | None
    years: float
    engineer_usd_a_day: float
    problem: str = ""

    @property
    def monthly(self) -> float:
        """What it costs a month to run."""
        return sum(item.monthly for item in self.items)

    @property
    def running(self) -> float:
        """What it costs to run over the years."""
        return self.monthly * MONTHS * self.years

    @property
    def development(self) -> float | None:
        """What it costs to build, where the model says how many days."""
        return None if self.days is None else self.days * self.engineer_usd_a_day

    @property
    def total(self) -> float | None:
        """What building and running cost together over the years."""
        return None if self.development is None else self.development + self.running


class NothingFitsError(ValueError):
    """The price table has nothing that is large enough."""


def bill(footprint: Footprint, players: int, model: Model, prices: PriceTable, term: str) -> Bill:
    """Return the bill of a backend at a size, at the prices of a term (those on demand where a SKU has none)."""
    problem, items = "", []
    try:
        items.append(_app_servers(footprint, players, model, prices, term))
        if footprint.home == "server":
            items.append(_cache_nodes(footprint, players, model, prices, term))
        if footprint.disk.each:
            items.append(_disk(footprint, players, model, prices, term))
    except NothingFitsError as error:
        problem, items = str(error), []
    days = model.days.get(footprint.backend)
    return Bill(footprint.backend, players, tuple(items), days, model.years, model.engineer_usd_a_day, problem)


def _app_servers(footprint: Footprint, players: int, model: Model, prices: PriceTable, term: str) -> Item:
    copies = f"{model.workers} workers"
    if footprint.home == "process" and model.servers * model.workers > 1:
        copies += ", each with a copy that the app keeps alike,"
    if footprint.home == "file" and not footprint.shared and model.servers * model.workers > 1:
        raise NothingFitsError("one process at a time may open its file: it serves one worker on one server")
    board = footprint.process.at(players) * model.headroom
    need = model.system_gib + model.workers * board / GIB
    price = _smallest(prices, "server", term, need)
    because = (
        f"{need:.2f} GiB: {model.system_gib:g} for the system, {copies} of {board / GIB:.3f} "
        f"({footprint.process.fixed / 1e6:.1f} MB + {footprint.process.each:.0f} bytes a player as measured, "
        f"x {model.headroom:g})"
    )
    return _item(prices, price, model.servers, because)


def _cache_nodes(footprint: Footprint, players: int, model: Model, prices: PriceTable, term: str) -> Item:
    board = footprint.server.at(players) * model.headroom / GIB
    need = board / (1 - model.cache_reserved)
    price = _smallest(prices, "cache", term, need)
    because = (
        f"{need:.2f} GiB: {board:.2f} for the board ({footprint.server.fixed / 1e6:.1f} MB + "
        f"{footprint.server.each:.0f} bytes a player as measured, x {model.headroom:g}), and "
        f"{model.cache_reserved:.0%} of the node for its engine"
    )
    return _item(prices, price, 1 + model.replicas, because)


def _disk(footprint: Footprint, players: int, model: Model, prices: PriceTable, term: str) -> Item:
    need = footprint.disk.at(players) * model.disk_headroom / GB
    offers = prices.offers("disk", term)
    if not offers:
        raise NothingFitsError("the price table has no disk")
    monthly = prices.monthly(offers[0]) * need
    because = (
        f"{footprint.disk.each:.0f} bytes a player as measured, x {model.disk_headroom:g}, at {offers[0].usd:g} a GB "
        f"and month"
    )
    return Item(f"{need:.2f} GB {offers[0].sku}", monthly, because)


def _smallest(prices: PriceTable, kind: Kind, term: str, gib: float) -> Price:
    """Return the cheapest that has so much memory."""
    for price in prices.offers(kind, term):
        if price.memory_gib >= gib:
            return price
    raise NothingFitsError(f"no {kind} of the price table has {gib:.1f} GiB")


def _item(prices: PriceTable, price: Price, number: int, because: str) -> Item:
    monthly = number * prices.monthly(price)
    rate = f"{number} x {price.usd:g} a {price.unit}, {price.term}"
    return Item(f"{number} x {price.sku}", monthly, f"{rate}; {because}")
