"""One server and a cluster as measured, side by side at the largest size that both have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ...numerals import times
from ..cost.cluster import one_server_rows
from ..document import Section, Table, columns, median_of, of_interval, operation_title
from ..measurements import Measured, Measurements
from ..named_figures import Statistic
from ..statistics import ratio
from .circumstances import one_machine
from .tables import Row, row_of

SIDE_BY_SIDE: Final = (
    "The same steps on one server and on the shards of a cluster, at the largest size measured on both. Ratio: the "
    "cluster by the server, per round; the median over the rounds with its 95 % interval. A rank is counted in every "
    "shard, so that a cluster takes longer for each call and, where its nodes have cores of their own, does more calls "
    "at once and holds more players: “From one server to a cluster” has the model for up to 100,000,000."
)
STORED: Final[dict[str, tuple[str, Statistic]]] = {
    "players per second": ("load", "players_per_second"),
    "bytes per player": ("board", "server_memory"),
}
"""What is shown of loading and memory, by its part and statistic."""

PERCENTILES: Final[tuple[Statistic, ...]] = ("p50", "p99")


def cluster_sections(m: Measurements) -> list[Section]:
    """Return a section for each cluster of a result that has figures where one server has; none without either."""
    alone = next(iter(one_server_rows(m.result).values()), None)
    sharded = [facts.label for facts in m.result.backends if facts.consistency == "per player"]
    found = [table for label in sharded if alone is not None for table in _tables(m, alone.label, label)]
    said = [SIDE_BY_SIDE, *one_machine(m.result)]
    return [Section("one-server-and-a-cluster", "One server and a cluster", said, found)] if found else []


def _tables(m: Measurements, alone: str, sharded: str) -> Iterator[Table]:
    servers, clusters = m.by_size("service", alone), m.by_size("service", sharded)
    common = sorted(servers.keys() & clusters.keys())
    if not common:
        return
    one, many = servers[common[-1]], clusters[common[-1]]
    at = f"{one.cell.workload}, {common[-1]:,} players"
    headings = [f"#{of}" for each in PERCENTILES for of in (f"{each} of {alone}, µs", f"of {sharded}", "ratio")]
    head = columns("operation", *headings)
    rows = [
        row_of(operation_title(name), *(value for each in PERCENTILES for value in _pair(one, many, name, each)))
        for name in one.operations
    ]
    yield Table(f"Service times: {at}", head, rows)
    head = columns("what", f"#{alone}", f"#{sharded}", "#ratio")
    rows = [row_of(title, *_pair(one, many, *of)) for title, of in STORED.items()]
    yield Table(f"Loading and memory of the servers: {at}", head, rows)


def _pair(one: Measured, many: Measured, part: str, statistic: Statistic) -> Row:
    """Return both sides of a figure, and the second by the first."""
    alone, sharded = one.values(part, statistic), many.values(part, statistic)
    usable = alone and sharded and min([*alone.values(), *sharded.values()]) > 0
    return row_of(median_of(alone), median_of(sharded), of_interval(ratio(sharded, alone), times) if usable else None)
