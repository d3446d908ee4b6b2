"""What a board costs as it outgrows one server: that server, and a cluster with and without replicas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ...numerals import NONE, elapsed, significant
from ..document import Section, Table, Value, columns
from ..measurements import Measurements
from .bill import Bill
from .cluster import (
    COUNT_US,
    MORE_BYTES,
    SHARDS_EACH,
    TRIPS,
    Ratios,
    cheapest_bill,
    one_server_holds,
    one_server_rows,
    over_shards,
    p50_of_rank,
    ratios,
)
from .footprint import Footprint
from .source import Inputs

SIZES: Final = (1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000)
REPLICAS: Final = 2
"""Of each primary: after a failover, one is left that can confirm a write (`wait_replicas=1`)."""


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
    measured = next((one for one in footprints if one.sharded), None)
    over, known, rank = measured or over_shards(alone), ratios(m), p50_of_rank(m, alone.backend)
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


def tiers_section(found: Tiers | None) -> list[Section]:
    """Return the section on what outgrows one server; none where the result has no such server."""
    if found is None:
        return []
    said = [premature(found), *assumptions(found)]
    return [Section("cost-tiers", "From one server to a cluster", said, [tiers_table(found)])]


def tiers_table(found: Tiers) -> Table:
    """Return a row for each size."""
    rank = "#rank" if "rank" in found.ratios.measured else "#rank, at most"
    head = columns(
        *("#players", "one server", f"with {REPLICAS} replicas", "#primaries", "#shards", "#players on a primary"),
        *("#GiB of a primary", rank, "cluster", f"with {REPLICAS} replicas each"),
    )
    title = f"Servers of the board, and {found.inputs.prices.currency} per month"
    return Table(title, head, [_row(tier) for tier in found.rows])


def _row(tier: Tier) -> list[Value]:
    nodes, sharding = tier.cluster, tier.cluster.sharding
    fits = not nodes.problem
    rank = Value(NONE) if tier.rank_us is None else Value(elapsed(tier.rank_us / 1e6), tier.rank_us)
    return [
        Value(f"{tier.players:,}", tier.players),
        Value(storage(tier.one_server)),
        Value(storage(tier.with_replicas)),
        Value(str(sharding.primaries), sharding.primaries),
        Value(str(sharding.shards), sharding.shards),
        Value(f"{nodes.players_each:,}", nodes.players_each),
        Value(f"{nodes.gib_each:.2f}", nodes.gib_each) if fits else Value(NONE),
        rank,
        Value(storage(nodes), hint="; ".join(nodes.trace())),
        Value(storage(tier.replicated), hint="; ".join(tier.replicated.trace())),
    ]


def premature(found: Tiers) -> str:
    """Return below which size a cluster is too early, and what it costs there."""
    durable = f" ({significant(found.durable, 2)} if every update must survive a power cut)" if found.durable else ""
    return (
        f"**Below about {significant(found.holds, 2)} players{durable} a cluster is too early**: one server holds the "
        f"board ({found.holds_on} {found.inputs.prices.currency} per month){_ranks(found)}.{_cheaper(found)}"
    )


def _ranks(found: Tiers) -> str:
    """Return what a rank takes on one server and on the smallest cluster, each over the network."""
    first = found.rows[0]
    if found.rank_at is None or first.rank_us is None:
        return ""
    alone = elapsed((found.rank_at[0] + found.inputs.model.round_trip_us) / 1e6)
    over = elapsed(first.rank_us / 1e6)
    return (
        f", and answers a rank in {alone} over the network; {first.cluster.sharding.shards} shards answer it in "
        f"{'' if 'rank' in found.ratios.measured else 'at most '}{over}"
    )


def _cheaper(found: Tiers) -> str:
    """Return what one pays otherwise at the sizes at which a cluster without replicas costs less than one server."""
    sizes = [
        f"{tier.players:,}"
        for tier in found.rows
        if not tier.one_server.problem and tier.cluster.monthly < tier.one_server.monthly
    ]
    if not sizes:
        return ""
    return (
        f" At {' and '.join(sizes)} players the cluster costs less; what one pays for it: ranks take longer, three or "
        "more servers have to run, and without replicas the players of a lost primary are lost."
    )


def assumptions(found: Tiers) -> Iterator[str]:
    """Yield what the figures of the table rest on."""
    model, label, each = found.inputs.model, found.alone.backend, found.alone.server.line.each
    more = "" if found.is_measured else f", x {MORE_BYTES:g} over shards as measured at 300,000 players"
    yield (
        f"A model, not a measurement. Memory: {each:.0f} bytes per player, by which `{label}` grew between the "
        f"measured sizes{more}, x {model.headroom:g}; the cheapest machines of the price table, and at least "
        f"{SHARDS_EACH} shards on a primary. A primary holds whole shards: the GiB are of the one with the most."
    )
    if found.rank_at:
        rank, players = found.rank_at
        yield (
            f"Rank on the cluster: {elapsed(rank / 1e6)} (p50 of `{label}` at {players:,} players) x the ratio, with "
            f"16 shards {found.ratios.source('rank', 16)}, + {COUNT_US:g} µs for each shard of a primary (measured "
            f"with 750,000 players in a shard), + {TRIPS} round trips of {model.round_trip_us:g} µs between machines "
            f"(assumed); on one server, 1 round trip."
        )
