"""One server and a cluster: side by side as measured, and what a board costs by the model as it outgrows one server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...numerals import elapsed, significant, times
from ..advice.need import time_words
from ..cost.cluster import COUNT_US, MORE_BYTES, REPLICAS, SHARDS_EACH, TRIPS, Tier, Tiers, side_by_side, storage
from ..document import Section, Table, Value, columns, median_of, number, of_interval, operation_title
from ..measurements import Measured, Measurements
from ..named_figures import Statistic
from ..statistics import ratio
from .circumstances import one_machine
from .tables import Row, row_of, section, table_of, words

STORED: Final[dict[str, tuple[str, Statistic]]] = {
    "players per second": ("load", "players_per_second"),
    "bytes per player": ("board", "server_memory"),
}
"""What is shown of loading and memory, by its part and statistic."""

PERCENTILES: Final[tuple[Statistic, ...]] = ("p50", "p99")


def cluster_sections(m: Measurements) -> list[Section]:
    """Return a section for the clusters of a result that have figures where one server has; none without either."""
    found = [table for one, many in side_by_side(m) for table in _tables(one, many)]
    return [section("one-server-and-a-cluster", found, more=one_machine(m.result))] if found else []


def _tables(one: Measured, many: Measured) -> Iterator[Table]:
    headings = [f"#{of}" for each in PERCENTILES for of in (f"{each} of {one.label}, µs", f"of {many.label}", "ratio")]
    rows = [
        row_of(operation_title(name), *(value for each in PERCENTILES for value in _pair(one, many, name, each)))
        for name in one.operations
    ]
    yield Table(f"Service times: {one.place.title}", columns("operation", *headings), rows)
    head = columns("what", f"#{one.label}", f"#{many.label}", "#ratio")
    rows = [row_of(title, *_pair(one, many, *of)) for title, of in STORED.items()]
    yield Table(f"Loading and memory of the servers: {one.place.title}", head, rows)


def _pair(one: Measured, many: Measured, part: str, statistic: Statistic) -> Row:
    """Return both sides of a figure, and the ratio of the second to the first."""
    alone, sharded = one.values(part, statistic), many.values(part, statistic)
    usable = alone and sharded and min([*alone.values(), *sharded.values()]) > 0
    return row_of(median_of(alone), median_of(sharded), of_interval(ratio(sharded, alone), times) if usable else None)


# ---------------------------------------------------------------------- tiers, by the model


def tiers_section(found: Tiers | None) -> list[Section]:
    """Return the section on what outgrows one server; none where the result has no such server."""
    if found is None:
        return []
    said = [premature(found), *assumptions(found)]
    return [Section("cost-tiers", "From one server to a cluster", said, [tiers_table(found)])]


def tiers_table(found: Tiers) -> Table:
    """Return a row for each size."""
    rank = "#rank" if "rank" in found.ratios.measured else "#rank, at most"
    nodes = f"#primaries|#shards|#players on a primary|#GiB of a primary|{rank}"
    head = f"#players|one server|with {REPLICAS} replicas|{nodes}|cluster|with {REPLICAS} replicas each"
    title = f"Servers of the board, and {found.inputs.prices.currency} per month"
    return table_of(title, head, map(_tier, found.rows))


def _tier(tier: Tier) -> Row:
    nodes, (primaries, shards) = tier.cluster, tier.cluster.sharding
    each = number(None if nodes.problem else nodes.gib_each, lambda gib: f"{gib:.2f}")
    on_one = storage(tier.one_server), storage(tier.with_replicas)
    over = (Value(storage(one), hint="; ".join(one.trace())) for one in (nodes, tier.replicated))
    of_nodes = primaries, Value(str(shards), shards), nodes.players_each, each, number(tier.rank_us, time_words)
    return row_of(tier.players, *on_one, *of_nodes, *over)


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
    return f" {words('tiers-cheaper', sizes=' and '.join(sizes))}" if sizes else ""


def assumptions(found: Tiers) -> Iterator[str]:
    """Yield what the figures of the table rest on."""
    model, label, each = found.inputs.model, found.alone.backend, found.alone.server.line.each
    more = "" if found.is_measured else f" x {MORE_BYTES:g} (over shards, as measured at 300,000 players)"
    yield words("tiers-memory", label=label, each=each, more=more, headroom=model.headroom, shards=SHARDS_EACH)
    if found.rank_at:
        rank, players = found.rank_at
        yield (
            f"Rank on the cluster: {elapsed(rank / 1e6)} (p50 of `{label}` at {players:,} players) x the ratio, + "
            f"{COUNT_US:g} µs for each shard of a primary (measured with 750,000 players in a shard), + {TRIPS} round "
            f"trips of {model.round_trip_us:g} µs between machines (assumed). The ratio with 16 shards: "
            f"{found.ratios.source('rank', 16)}. On one server: the p50 + 1 round trip."
        )
