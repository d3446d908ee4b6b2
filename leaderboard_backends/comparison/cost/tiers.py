"""What a board costs as it outgrows one server: that server, and a cluster with and without replicas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from ..document import NONE, Section, Table, Value
from ..document.numerals import elapsed, times
from ..document.values import numbers, words
from ..schema import Result
from .bill import Bill
from .cluster import (
    COUNT_US,
    MORE_BYTES,
    SHARDS_EACH,
    TRIPS,
    Cluster,
    Ratios,
    merged,
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
    cluster: Cluster
    replicated: Cluster
    """The same with `REPLICAS` of each primary."""
    rank_us: float | None
    """What a rank takes over the network, in microseconds; `None` where the result has none of one server."""


class Tiers(NamedTuple):
    """The tiers of a result, and what they are computed from."""

    label: str
    """The row of one server."""
    rows: tuple[Tier, ...]
    holds: int
    """The most players that one server of the price table holds."""
    holds_on: str
    """What that server is."""
    ratios: Ratios
    rank_at: tuple[float, int] | None
    """The p50 of a rank on one server in microseconds, and the size that it was measured at."""
    merged: float | None
    """How many times as long a rank takes over ten boards of one process as on one."""
    is_measured: bool
    """Whether the bytes are those of a sharded board."""
    inputs: Inputs


def tiers(
    result: Result, footprints: Sequence[Footprint], inputs: Inputs, sizes: Sequence[int] = SIZES
) -> Tiers | None:
    """Return what each size takes on one server and on a cluster; `None` where the result has no server for it.

    One app server with one worker, as the storage alone is compared.
    """
    label = next((one.label for one in one_server_rows(result)), "")
    alone = next((one for one in footprints if one.backend == label), None)
    if alone is None:
        return None
    model, known, rank = inputs.model.changed(servers=1, workers=1), ratios(result), p50_of_rank(result, label)
    measured = next((one for one in footprints if one.sharded), None)
    over = measured or over_shards(alone)
    without, replicated = (inputs._replace(model=model.changed(replicas=replicas)) for replicas in (0, REPLICAS))
    rows = []
    for players in sizes:
        nodes = without.cluster(over, players)
        taken = None if rank is None else known.call_us("rank", rank[0], nodes.spread) + TRIPS * model.round_trip_us
        bills = without.bill(alone, players), replicated.bill(alone, players)
        rows.append(Tier(players, *bills, nodes, replicated.cluster(over, players), taken))
    holds, largest = one_server_holds(alone, without.model, inputs.prices, inputs.term)
    on = storage(largest) if largest else ""
    return Tiers(label, tuple(rows), holds, on, known, rank, merged(result), measured is not None, inputs)


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
    return [
        Section(
            name="cost-tiers",
            title="From one server to a cluster",
            paragraphs=[premature(found), *assumptions(found)],
            tables=[tiers_table(found)],
        )
    ]


def tiers_table(found: Tiers) -> Table:
    """Return a row for each size."""
    currency = found.inputs.prices.currency
    return Table(
        f"Servers of the board, and {currency} per month",
        [
            *numbers("players"),
            *words("one server", f"with {REPLICAS} replicas"),
            *numbers("primaries", "shards", "players on a primary", "GiB of a primary", "rank"),
            *words("cluster", f"with {REPLICAS} replicas each"),
        ],
        [_row(tier) for tier in found.rows],
    )


def _row(tier: Tier) -> list[Value]:
    nodes, spread = tier.cluster, tier.cluster.spread
    fits = not nodes.bill.problem
    rank = Value(NONE) if tier.rank_us is None else Value(elapsed(tier.rank_us / 1e6), tier.rank_us)
    return [
        Value(f"{tier.players:,}", tier.players),
        Value(storage(tier.one_server)),
        Value(storage(tier.with_replicas)),
        Value(str(spread.primaries), spread.primaries),
        Value(str(spread.shards), spread.shards),
        Value(f"{nodes.players_each:,}", nodes.players_each),
        Value(f"{nodes.gib_each:.2f}", nodes.gib_each) if fits else Value(NONE),
        rank,
        Value(storage(nodes.bill), hint="; ".join(nodes.bill.trace())),
        Value(storage(tier.replicated.bill), hint="; ".join(tier.replicated.bill.trace())),
    ]


def premature(found: Tiers) -> str:
    """Return below which size a cluster is too early, and what it costs there."""
    rank = found.ratios.source("rank", 16)
    by_hand = (
        f"; over ten boards of one process, merged by hand, {times(found.merged)} one board" if found.merged else ""
    )
    return (
        f"**Below about {_round(found.holds)} players a cluster is too early**: one server holds the board "
        f"({found.holds_on} {found.inputs.prices.currency} per month), and a rank over 16 shards takes {rank}{by_hand}."
    )


def assumptions(found: Tiers) -> Iterator[str]:
    """Yield what the figures of the table rest on."""
    model, study = found.inputs.model, found.inputs.study.sharded
    more = "" if found.is_measured else f", x {MORE_BYTES:g} over shards as measured at 300,000 players"
    yield (
        f"A model, not a measurement. Memory: the measured bytes per player of `{found.label}`{more}, x "
        f"{model.headroom:g}; the cheapest machines of the price table, and at least {SHARDS_EACH} shards on a "
        f"primary. A primary holds whole shards: the GiB are of the one with the most."
    )
    if found.rank_at:
        rank, players = found.rank_at
        yield (
            f"Rank: {elapsed(rank / 1e6)} (p50 of `{found.label}` at {players:,} players) x the ratio to one server, "
            f"with 16 shards {found.ratios.source('rank', 16)}, + {COUNT_US:g} µs for each shard of a primary "
            f"(measured with 750,000 players in a shard), + {TRIPS} round trips of {model.round_trip_us:g} µs between "
            f"machines (assumed)."
        )
    low, high = study.monthly
    yield (
        f"A published estimate for {study.players[0]:,} to {study.players[1]:,} players: {low:,.0f} to {high:,.0f} USD "
        f"per month on {study.shards[0]} to {study.shards[1]} shards."
    )


def _round(players: int) -> str:
    """Return a number of players with two digits that count."""
    return f"{int(float(f'{players:.1e}')):,}"
