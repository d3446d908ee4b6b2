"""A board over the shards of a cluster, by a model: its primaries, what each holds, what a call takes, what it costs.

A figure is from the result, from the price table and the cost model, or a constant here, whose docstring has its
source. Bytes and times are those of one server of the result, until a result has a sharded board as well. The tiers
say what a board costs as it outgrows one server: that server, and a cluster with and without replicas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from math import ceil
from statistics import median
from typing import Final, NamedTuple

from msgspec.structs import replace

from ...numerals import NONE
from ..measurements import Measured, Measurements
from ..schema import BackendFacts, Durability, Result
from .bill import Bill, Deployment, Sharding, bill
from .footprint import Footprint
from .source import MOST_PLAYERS, Inputs

ONE_SERVER_CLASS: Final = "RedisLeaderboard"
"""The class of a board on one server whose data a cluster can keep as well."""

LEAST_PRIMARIES: Final = 3
"""With fewer, none can be replaced: a majority of the primaries has to agree that one has failed (the cluster
specification of Redis, section "Failure detection")."""

SHARDS_EACH: Final = 4
"""Shards per primary, at least: as many primaries again can join, and each still has two (`redis+cluster://` needs
twice as many shards as the primaries that there will ever be)."""

MOST_SHARDS: Final = 1024
"""What `redis+cluster://` takes at most."""

MORE_BYTES: Final = 1.01
"""Bytes per player relative to one server, with 16 and with 64 shards: measured at 300,000 players on Valkey 9.1.2 by
`benchmarks/bars.py scaling`."""

COUNT_US: Final = 27.0
"""Microseconds of a node to count in one shard that it has not used lately, of 750,000 players on Valkey 9.1.2. It
grows with the logarithm of the shard's players. All shards are counted for each rank, those of a node in turn."""

MEASURED_SHARDS: Final = (16, 64)
"""The numbers of shards for which `MEASURED` is."""

MEASURED: Final[Mapping[str, tuple[float, float]]] = {
    "update": (5.1, 6.9),
    "rank": (5.0, 9.9),
    "top_100": (3.9, 10.2),
    "around": (5.7, 12.4),
    "friends": (7.1, 16.4),
    "count": (5.4, 6.8),
}
"""What a call takes relative to one server, by `MEASURED_SHARDS`: medians of `benchmarks/bars.py scaling` with 300,000
players on Valkey 9.1.2, while three primaries and the client shared two cores. Where each node has cores of its own, it
is less."""

_LIKE: Final = {
    "increment": "update",
    "join": "update",
    "leave": "update",
    "entry": "rank",
    "percentile": "rank",
    "top_10": "top_100",
    "by_score": "top_100",
}
"""Operations without a figure of their own, by the one that asks the shards for the same."""

TRIPS: Final = 2
"""Network round trips of an update that returns the rank, of a rank, and of what is around a player."""

SIZES: Final = (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
"""Those of the tiers."""

REPLICAS: Final = 2
"""Of each primary: after a failover, one is left that can confirm a write (`wait_replicas=1`)."""


def sharding_of(primaries: int) -> Sharding:
    """Return the shards for a number of primaries: the least power of two that leaves room to grow."""
    return Sharding(primaries, 1 << (SHARDS_EACH * primaries - 1).bit_length())


def over_shards(footprint: Footprint) -> Footprint:
    """Return the footprint of a board on one server as that of the same board over shards."""
    label = footprint.backend.replace("redis", "redis+cluster", 1)
    facts = replace(footprint.facts, label=label, consistency="per player")
    return footprint._replace(facts=facts, more_bytes=MORE_BYTES)


def cheapest_bill(footprint: Footprint, players: int, inputs: Inputs) -> Bill:
    """Return the bill of a backend at a size; of a sharded board, that of the cheapest cluster.

    Looked at are, for each machine of the price table, the fewest primaries of this kind that hold the board. Where
    nothing is large enough, the bill has a problem.
    """
    if not footprint.facts.sharded:
        return bill(footprint, players, inputs)
    numbers = sorted({LEAST_PRIMARIES, *_fewest(footprint, players, inputs)})
    every = (bill(footprint, players, inputs, sharding_of(primaries)) for primaries in numbers)
    return min(every, key=lambda one: (bool(one.problem), one.monthly))


def _fewest(footprint: Footprint, players: int, inputs: Inputs) -> Iterator[int]:
    """Yield for each machine the fewest primaries that hold a board, as far as there are shards for so many."""
    (gib, _), (prices, model, term) = Deployment(footprint, players, inputs).server_memory(), inputs
    usable = [price.memory_gib * (1 - model.cache_reserved) for price in prices.offers("cache", term)]
    usable += [price.memory_gib - model.system_gib for price in prices.offers("server", term)]
    for each in usable:
        if each > 0:
            numbers = range(max(LEAST_PRIMARIES, ceil(gib / each)), MOST_SHARDS // SHARDS_EACH + 1)
            yield from islice((number for number in numbers if gib * sharding_of(number).share <= each), 1)


def one_server_holds(footprint: Footprint, inputs: Inputs) -> tuple[int, Bill | None]:
    """Return the most players that one server of the price table holds, to a hundredth, with its bill.

    Memory alone decides. Cost: about 20 bills.
    """
    low, high = 0, MOST_PLAYERS
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (low, middle) if bill(footprint, middle, inputs).problem else (middle, high)
    return low, bill(footprint, low, inputs) if low else None


def by_socket(facts: BackendFacts) -> bool:
    """Whether a board was measured over a unix socket, which ends at the machine."""
    return "unix://" in facts.metadata.configuration


def one_server_rows(result: Result) -> dict[Durability, BackendFacts]:
    """Return the rows of boards on one server over TCP that a cluster could keep, the first of each durability."""
    rows: dict[Durability, BackendFacts] = {}
    for facts in result.backends:
        if facts.class_name == ONE_SERVER_CLASS and not by_socket(facts):
            rows.setdefault(facts.durability, facts)
    return rows


class Ratios(NamedTuple):
    """What a call takes relative to one server, at 16 shards; others follow `MEASURED`."""

    measured: Mapping[str, float]
    """By operation, where the result has a sharded board; else `MEASURED` is used."""

    def of(self, operation: str, shards: int) -> float:
        """Return the ratio of an operation: between 16 and 64 shards, and beyond, on the line through both."""
        low, high = MEASURED.get(_LIKE.get(operation, operation), MEASURED["friends"])
        few, many = MEASURED_SHARDS
        ratio = low + (high - low) * (max(shards, few) - few) / (many - few)
        return ratio * self.measured.get(operation, low) / low

    def call_us(self, operation: str, one_server_us: float, sharding: Sharding) -> float:
        """Return what a call takes in microseconds, without the network between machines."""
        return one_server_us * self.of(operation, sharding.shards) + sharding.on_one * COUNT_US

    def source(self, operation: str, shards: int) -> str:
        """Return where the ratio of an operation is from, as text."""
        times = f"{self.of(operation, shards):.1f}x one server"
        if operation in self.measured:
            return f"{times} (as measured with {MEASURED_SHARDS[0]} shards on one machine)"
        few, many = MEASURED_SHARDS
        of = f"with {shards} shards"
        if shards not in MEASURED_SHARDS:
            of = f"with {few} and {many} shards; for {shards}, by the line through both"
        return f"at most {times} (measured with all nodes on the same two cores, {of})"


def side_by_side(m: Measurements) -> Iterator[tuple[Measured, Measured]]:
    """Yield the board on one server with each that is sharded, at the largest size at which both have service times."""
    alone = next(iter(one_server_rows(m.result).values()), None)
    servers = m.by_size("service", alone.label) if alone else {}
    for facts in m.result.backends:
        clusters = m.by_size("service", facts.label) if facts.sharded else {}
        if common := servers.keys() & clusters.keys():
            yield servers[max(common)], clusters[max(common)]


@lru_cache(maxsize=8)
def ratios(m: Measurements) -> Ratios:
    """Return the ratios of a result: p50 of its sharded board by p50 of one server, at the largest common size."""
    found = next(side_by_side(m), None)
    if found is None:
        return Ratios({})
    on_one, over = map(_p50s, found)
    return Ratios({name: over[name] / on_one[name] for name in over.keys() & on_one.keys()})


def _p50s(one: Measured) -> dict[str, float]:
    """Return the p50 of each operation: the median over processes."""
    times = {name: one.values(name, "p50") for name in one.operations}
    return {name: median(values.values()) for name, values in times.items() if values}


class Tier(NamedTuple):
    """A size, and what the board needs there on one server and on a cluster."""

    players: int
    one_server: Bill
    with_replicas: Bill
    """The same with `REPLICAS`, as for Sentinels."""
    cluster: Bill
    replicated: Bill
    """The same with `REPLICAS` of each primary."""
    rank_us: float | None
    """What a rank takes over the network, in microseconds; `None` where the result has none of one server."""


class Tiers(NamedTuple):
    """The tiers of a result, and what they are computed from."""

    alone: Footprint
    """Of the row of one server."""
    rows: tuple[Tier, ...]
    holds: int
    """The most players that one server of the price table holds."""
    durable: int
    """The same of a server that keeps every update in a log; 0 if the result has none."""
    holds_on: str
    """What that server is."""
    ratios: Ratios
    rank_at: tuple[float, int] | None
    """The p50 of a rank on one server in microseconds, and the size that it was measured at."""
    is_measured: bool
    """Whether the bytes are those of a sharded board."""
    inputs: Inputs


def tiers(
    m: Measurements, footprints: Sequence[Footprint], inputs: Inputs, sizes: Sequence[int] = SIZES
) -> Tiers | None:
    """Return what each size takes on one server and on a cluster; `None` where the result has no server for it.

    One app server with one worker, as the storage alone is compared.
    """
    boards, servers = {one.backend: one for one in footprints}, one_server_rows(m.result)
    alone = next((boards.get(facts.label) for facts in servers.values()), None)
    if alone is None:
        return None
    logged = boards.get(servers["every commit"].label) if "every commit" in servers else None
    measured = next((one for one in footprints if one.facts.sharded), None)
    over, known, service = measured or over_shards(alone), ratios(m), m.largest("service", alone.backend)
    p50 = _p50s(service).get("rank") if service else None
    rank = (p50, service.cell.players) if service and p50 is not None else None
    without, replicated = (inputs.changed(servers=1, workers=1, replicas=replicas) for replicas in (0, REPLICAS))
    rows, trips_us = [], TRIPS * inputs.model.round_trip_us
    for players in sizes:
        one, with_replicas, nodes, with_replicas_each = (
            cheapest_bill(board, players, given) for board in (alone, over) for given in (without, replicated)
        )
        taken = None if rank is None else known.call_us("rank", rank[0], nodes.sharding) + trips_us
        rows.append(Tier(players, one, with_replicas, nodes, with_replicas_each, taken))
    holds, largest = one_server_holds(alone, without)
    durable = 0 if logged is None else one_server_holds(logged, without)[0]
    on = storage(largest) if largest else ""
    return Tiers(alone, tuple(rows), holds, durable, on, known, rank, measured is not None, inputs)


def storage(bill: Bill) -> str:
    """Return what a bill buys for the board beside the app's own server, with its price."""
    items = bill.items[1:]
    if bill.problem or not items:
        return bill.problem or NONE
    return f"{' + '.join(item.what for item in items)}, {sum(item.monthly for item in items):,.0f}"
