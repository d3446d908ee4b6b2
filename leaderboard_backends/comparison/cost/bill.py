"""The bill of a deployment: which servers, cache nodes and disks a board of some size needs, and what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from math import ceil
from typing import Final, NamedTuple

from ...numerals import counted
from .footprint import Bytes, BytesPlace, Footprint
from .source import PER, BytesAPlayer, Inputs, Kind, Model

GIB: Final = 2**30
GB: Final = 10**9
MONTHS: Final = 12
SECONDS_A_DAY: Final = 86_400
NAMES: Final = 2
"""Strings per player that a board keeps: id and username."""


class Sharding(NamedTuple):
    """The storage servers of a board: one, or the primaries of a cluster with the board's shards."""

    primaries: int = 1
    shards: int = 1

    @property
    def on_one(self) -> int:
        """Return the shards on the primary that has the most of them: each is there as a whole."""
        return ceil(self.shards / self.primaries)

    @property
    def share(self) -> float:
        """Return the part of the players that the primary with the most shards has."""
        return self.on_one / self.shards

    @property
    def url(self) -> str:
        """Return what an app's configuration has for a board on a cluster."""
        return f"redis+cluster://h1:7000,h2:7000,h3:7000/?board=weekly&shards={self.shards}"


ONE_SERVER: Final = Sharding()


class Item(NamedTuple):
    """One line of a bill, with the words that say where it comes from."""

    kind: Kind
    what: str
    monthly: float
    because: str
    sku: str
    need: float
    """GiB of memory, or GB of disk, that each of them needs."""


class Bill(NamedTuple):
    """What one backend costs at one size; `problem` says why there is no amount."""

    backend: str
    players: int
    items: tuple[Item, ...]
    model: Model
    problem: str = ""
    sharding: Sharding = ONE_SERVER

    @property
    def monthly(self) -> float:
        """What it costs per month to run, people apart."""
        return sum(item.monthly for item in self.items)

    @property
    def running(self) -> float:
        """What it costs to run over the years, people's hours for it included."""
        upkeep = self.model.upkeep_hours.get(self.backend, 0.0) * self.model.engineer_usd_an_hour
        return (self.monthly + upkeep) * MONTHS * self.model.years

    @property
    def development(self) -> float | None:
        """What it costs to build, where the model says how many hours."""
        hours = self.model.build_hours.get(self.backend)
        return None if hours is None else hours * self.model.engineer_usd_an_hour

    @property
    def total(self) -> float | None:
        """What building and running cost together over the years."""
        return None if self.development is None else self.development + self.running

    @property
    def runs_on(self) -> str:
        """What is bought, or why nothing is bought."""
        return self.problem or " + ".join(item.what for item in self.items)

    @property
    def players_each(self) -> int:
        """The players on the storage server that has the most."""
        return ceil(self.players * self.sharding.share)

    @property
    def gib_each(self) -> float:
        """The GiB that a storage server needs, with headroom and the share of its system or engine."""
        return max((item.need for item in self.items[1:] if item.kind != "disk"), default=0.0)

    def trace(self) -> Iterator[str]:
        """Yield a line for each amount, with what it was computed from."""
        for item in self.items:
            yield f"{item.what}, {item.monthly:,.2f} per month: {item.because}"
        model, an_hour = self.model, self.model.engineer_usd_an_hour
        if self.development is not None:
            yield f"to build, {self.development:,.0f}: {model.build_hours[self.backend]:g} hours at {an_hour:g}"
        if self.total is not None and not self.problem:
            yield (
                f"{model.years:g} years in all, {self.total:,.0f}: {self.development:,.0f} + ({self.monthly:,.2f} + "
                f"{model.upkeep_hours.get(self.backend, 0.0):g} hours of upkeep at {an_hour:g}) x "
                f"{MONTHS * model.years:g} months"
            )


class NothingFitsError(ValueError):
    """The price table has nothing that is large enough, or the backend cannot serve such a deployment."""


def bill(footprint: Footprint, players: int, inputs: Inputs, sharding: Sharding = ONE_SERVER) -> Bill:
    """Return the bill of a backend at a size, at the prices of the term (those on demand where a SKU has none).

    A server that keeps a log runs on a machine of its own: managed cache nodes keep none (ElastiCache has no
    append-only file from Redis 2.8.22 on, docs.aws.amazon.com/AmazonElastiCache/latest/red-ug/RedisAOF.html). Without
    a log it is the cheaper of both, or what the model says. Memory alone decides on sizes, not processor time.
    """
    problem, items = "", tuple[Item, ...]()
    try:
        items = tuple(Deployment(footprint, players, inputs, sharding).items())
    except NothingFitsError as error:
        problem = str(error)
    return Bill(footprint.backend, players, items, inputs.model, problem, sharding)


def why_not_shared(footprint: Footprint, servers: int, workers: int) -> str:
    """Return why this number of app processes cannot share one board; empty where they can, or for one process."""
    if servers * workers == 1:
        return ""
    if not footprint.facts.shared:
        if footprint.facts.home == "file":
            return "one process at a time may open its file: it serves one worker on one server"
        return f"it lives in one process: {servers * workers} processes would hold a copy each"
    if footprint.facts.home == "file" and servers > 1:
        return "its file is on one machine: it serves one server"
    return ""


class Deployment(NamedTuple):
    """One backend at one size, and what its bill is computed from."""

    footprint: Footprint
    players: int
    inputs: Inputs
    sharding: Sharding = ONE_SERVER

    def items(self) -> Iterator[Item]:
        """Yield what is bought; raises `NothingFitsError`."""
        if problem := why_not_shared(self.footprint, self.inputs.model.servers, self.inputs.model.workers):
            raise NothingFitsError(problem)
        yield self._app_servers()
        if self.footprint.facts.home == "server":
            yield self._storage_server()
        if self.footprint.disk.any:
            yield self._disk()

    def server_memory(self) -> tuple[float, str]:
        """Return the GiB of the board on the server that has the most of it, with headroom, and how it is computed."""
        (taken, source), headroom, nodes = self._board("server"), self.inputs.model.headroom, self.sharding
        part = f", {nodes.on_one} of {nodes.shards} shards" if nodes.shards > 1 else ""
        return taken * nodes.share * headroom / GIB, f"{source}{part}, x {headroom:g}"

    def _board(self, place: BytesPlace) -> tuple[float, str]:
        """Return the bytes of the board in one location, and where the figure is from."""
        footprint, model = self.footprint, self.inputs.model
        given = getattr(model.bytes_a_player.get(footprint.backend, BytesAPlayer()), place)
        if given is not None:
            return given * self.players, f"{given:.0f} bytes per player as the cost model says"
        measured: Bytes = getattr(footprint, place)
        size, source = measured.estimate(self.players)
        if place != "server":
            return size, source
        more = f", x {footprint.more_bytes:g} over shards" if footprint.more_bytes != 1 else ""
        each = f" on {footprint.facts.copies} servers together" if footprint.facts.copies > 1 else ""
        return size * footprint.more_bytes / footprint.facts.copies, f"{source}{more}{each}"

    def _app_servers(self) -> Item:
        """Return the app's servers; a board's file is in their cache, as it was when times were measured."""
        model, home = self.inputs.model, self.footprint.facts.home
        taken, source = self._board("process")
        names = self.footprint.names + NAMES * model.string_bytes if home == "process" else 0.0
        board = (taken + names * self.players) * model.headroom / GIB
        cached = self._board("disk")[0] / GIB if home == "file" else 0.0
        need = model.system_gib + model.workers * board + cached
        kept = f" + {names:.0f} for the player's names" if names else ""
        file = f", {cached:.3f} for the file in the system's cache, as it was when measured" if home == "file" else ""
        because = (
            f"{need:.2f} GiB: {model.system_gib:g} for the system, {counted(model.workers, 'worker')} of "
            f"{board:.3f} ({source}{kept}, x {model.headroom:g}){file}"
        )
        return self._smallest("server", need, model.servers, because)

    def _storage_server(self) -> Item:
        """Return what the board's server runs on: own machines if it has a log, else what the cost model says."""
        chosen, offers = self.inputs.model.storage_servers, list[Item]()
        either: tuple[Callable[[], Item], ...] = (self._cache_nodes, self._own_machines)
        if self.footprint.facts.durability != "memory only":
            return self._own_machines(", as managed cache nodes keep no log")
        if chosen == "cache nodes":
            return self._cache_nodes()
        if chosen == "own machines":
            return self._own_machines(", as the cost model says")
        for offer in either:
            with suppress(NothingFitsError):
                offers.append(offer())
        if not offers:
            raise NothingFitsError(f"no cache or server of the price table holds {self.server_memory()[0]:.1f} GiB")
        cheap, *others = sorted(offers, key=lambda item: item.monthly)
        instead = "".join(f"; cheaper than {other.what}, {other.monthly:,.2f}" for other in others)
        return cheap._replace(because=f"{cheap.because}{instead}")

    def _cache_nodes(self) -> Item:
        (board, source), reserved = self.server_memory(), self.inputs.model.cache_reserved
        need = board / (1 - reserved)
        because = f"{need:.2f} GiB: {board:.2f} for the board ({source}), and {reserved:.0%} of the node for its engine"
        return self._smallest("cache", need, self._storage_servers(), because)

    def _own_machines(self, why: str = "") -> Item:
        (board, source), system = self.server_memory(), self.inputs.model.system_gib
        because = (
            f"{system + board:.2f} GiB: {system:g} for the system, {board:.2f} for the board ({source}); a machine of "
            f"its own{why}"
        )
        machine = self._smallest("server", system + board, self._storage_servers(), because)
        return machine._replace(what=f"{machine.what} (storage)")

    def _storage_servers(self) -> int:
        """Return the number of primaries and of their replicas, which are of one size."""
        return self.sharding.primaries * max(1 + self.inputs.model.replicas, self.footprint.facts.copies)

    def _disk(self) -> Item:
        prices, model = self.inputs.prices, self.inputs.model
        (taken, source), (grown, growth) = self._board("disk"), self._growth()
        need = (taken * self.sharding.share * model.disk_headroom + grown) / GB
        disk = next(iter(prices.offers("disk", self.inputs.term)), None)
        if disk is None:
            raise NothingFitsError("the price table has no disk")
        number = self._storage_servers() if self.footprint.facts.home == "server" else 1
        because = f"{source}, x {model.disk_headroom:g}{growth}, at {disk.usd:g} {PER[disk.unit]}, {disk.term}"
        monthly = number * prices.monthly(disk) * need
        return Item("disk", _several(number, f"{need:.2f} GB {disk.sku}"), monthly, because, disk.sku, need)

    def _growth(self) -> tuple[float, str]:
        """Return the bytes that updates add until the file is packed."""
        model, each = self.inputs.model, self.footprint.grown
        if self.footprint.backend not in model.grows or not each:
            return 0.0, ""
        grown = each * model.updates_a_second * SECONDS_A_DAY * model.pack_days
        words = f" + {each:.0f} bytes per update as measured, {model.updates_a_second:g} per second"
        return grown, f"{words}, for {counted(model.pack_days, 'day')} until it is packed"

    def _smallest(self, kind: Kind, gib: float, number: int, because: str) -> Item:
        """Return the cheapest that has so much memory."""
        prices = self.inputs.prices
        for price in prices.offers(kind, self.inputs.term):
            if price.memory_gib >= gib:
                rate = f"{number} x {price.usd:g} {PER[price.unit]}, {price.term}"
                monthly = number * prices.monthly(price)
                return Item(kind, _several(number, price.sku), monthly, f"{rate}; {because}", price.sku, gib)
        raise NothingFitsError(f"no {kind} of the price table has {gib:.1f} GiB")


def _several(number: int, what: str) -> str:
    return what if number == 1 else f"{number} x {what}"
