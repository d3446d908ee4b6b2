"""What boards cost, as sections of a report: amounts by size, what they buy, and a board as it outgrows one server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from ...numerals import NONE, counted, elapsed, significant
from ..advice.need import time_words
from ..cost.bill import Bill
from ..cost.cluster import MORE_BYTES, REPLICAS, Tiers, cheapest_bill, storage, tiers
from ..cost.footprint import Footprint, footprints
from ..cost.source import Inputs
from ..document import Section, Table, Value, number
from ..measurements import Measurements
from ..statistics import Interval
from .plots import AS_DOLLARS, Plot, at_end, figure, plot
from .tables import row_of, table_of, words

SIZES: Final = (100_000, 1_000_000, 10_000_000)


def bills(m: Measurements, sizes: Sequence[int] = SIZES, inputs: Inputs | None = None) -> list[Bill]:
    """Return the bill of each backend at each size."""
    given = inputs or Inputs.read()
    return [cheapest_bill(footprint, players, given) for footprint in footprints(m) for players in sizes]


def cost_plots(m: Measurements, given: Sequence[Bill] | None = None) -> Iterator[Plot]:
    """Yield costs per month, and of building and running over the years; what is not known, or 0, is left out."""
    known = [one for one in (bills(m) if given is None else given) if not one.problem]
    dollars = "${:,.0f}".format
    for name, amounts in (
        ("cost-monthly", [(one, one.monthly) for one in known if one.monthly]),
        ("cost-total", [(one, one.total) for one in known if one.total]),
    ):
        computed = ((one, Interval(usd, usd, usd, 1)) for one, usd in amounts)  # not measured: no intervals
        if rows := [figure(m, one.backend, usd, dollars, players=one.players) for one, usd in computed]:
            said = at_end(rows, "players", dollars)
            yield plot(m, name, rows, AS_DOLLARS, years=known[0].model.years, **said)


def cost_sections(
    m: Measurements, today: date, sizes: Sequence[int] = SIZES, inputs: Inputs | None = None
) -> list[Section]:
    """Return the section on costs: amounts first, then what they buy, and how each is computed, its hint as well."""
    given, measured = inputs or Inputs.read(), footprints(m)
    rows = [(footprint, [cheapest_bill(footprint, players, given) for players in sizes]) for footprint in measured]
    servers, replicas = counted(given.model.servers, "app server"), counted(given.model.replicas, "replica")
    workers = counted(given.model.workers, "worker") + (" each" if given.model.servers > 1 else "")
    without = [label for label in m.result.settings.backends if label not in {one.backend for one in measured}]
    said = [
        *(f"**Warning:** {warning}" for warning in given.prices.stale(today)),
        words("deployment", given=given, servers=servers, workers=workers, replicas=replicas),
        words("prices", given=given),
        *(f"`{name}` has no cost: {m.result.why_not(name) or 'its bytes were not measured'}." for name in without),
    ]
    inner = [_traces(rows)]
    if found := tiers(m, measured, given):
        by_model = [premature(found), *assumptions(found)]
        inner = [Section("cost-tiers", "From one server to a cluster", by_model, [tiers_table(found)]), *inner]
    head = "|".join(["backend", *(f"{players:,} players" for players in sizes)])
    machines = (row_of(taken.backend, *(one.runs_on for one in bills)) for taken, bills in rows)
    tables = [_amounts(rows, sizes, given), table_of("Machines", head, machines)]
    return [Section("cost", "Cost", said, tables, sections=inner)]


def _amounts(rows: Sequence[tuple[Footprint, Sequence[Bill]]], sizes: Sequence[int], given: Inputs) -> Table:
    years = f"{given.model.years:g} years"
    beyond = any(one.players > max(taken.sizes) for taken, bills in rows for one in bills if not one.problem)
    headings = [f"#{what} at {players:,}" for what in ("per month", years) for players in sizes]
    note = words("amounts", currency=given.prices.currency, years=years)
    amounts = []
    for taken, bills in rows:
        most, build = max(taken.sizes), given.model.build_hours.get(taken.backend)
        monthly = [
            _amount(one, one.monthly, "{:,.2f}*" if one.players > most else "{:,.2f}", one.trace()) for one in bills
        ]
        total = [_amount(one, one.total, "{:,.0f}", [*one.trace()][-1:]) for one in bills]
        hours = Value(NONE, hint="the cost model has none") if build is None else number(build, lambda it: f"{it:g}")
        amounts.append(row_of(Value(taken.backend, hint=taken.source), *monthly, *total, hours))
    head = "|".join(["backend", *headings, "#hours to build"])
    return table_of("What each backend costs", head, amounts, f"{note} {words('beyond')}" if beyond else note)


def _amount(one: Bill, usd: float | None, form: str, trace: Iterable[str]) -> Value:
    if one.problem or usd is None:
        return Value(NONE, hint=one.problem or "the cost model has no hours to build it")
    return Value(form.format(usd), usd, hint="; ".join(trace))


def _traces(rows: Sequence[tuple[Footprint, Sequence[Bill]]]) -> Section:
    inputs = [
        row_of(taken.backend, one.players, line)
        for taken, bills in rows
        for one in bills
        for line in (*one.trace(), *([one.problem] if one.problem else []))
    ]
    sources = [row_of(taken.backend, taken.source) for taken, _ in rows]
    tables = [
        table_of("Amounts and their inputs", "backend|#players|computed as", inputs),
        table_of("Where the bytes were measured", "backend|runs", sources),
    ]
    return Section("cost-traces", "How each amount is computed", tables=tables, detail=True)


# ---------------------------------------------------------------------- tiers, by the model


def tiers_table(found: Tiers) -> Table:
    """Return a row for each size."""
    rank = "#rank" if "rank" in found.ratios.measured else "#rank, at most"
    nodes = f"#primaries|#shards|#players on a primary|#GiB of a primary|{rank}"
    head = f"#players|one server|with {REPLICAS} replicas|{nodes}|cluster|with {REPLICAS} replicas each"
    title = f"Servers of the board, and {found.inputs.prices.currency} per month"
    rows = []
    for tier in found.rows:
        cluster, (primaries, shards) = tier.cluster, tier.cluster.sharding
        each = number(None if cluster.problem else cluster.gib_each, lambda gib: f"{gib:.2f}")
        on_one = storage(tier.one_server), storage(tier.with_replicas)
        over = (Value(storage(one), hint="; ".join(one.trace())) for one in (cluster, tier.replicated))
        of_nodes = primaries, Value(str(shards), shards), cluster.players_each, each, number(tier.rank_us, time_words)
        rows.append(row_of(tier.players, *on_one, *of_nodes, *over))
    return table_of(title, head, rows)


def premature(found: Tiers) -> str:
    """Return below which size a cluster is too early, what it costs there, and what a rank takes over the network."""
    durable = f" ({significant(found.durable, 2)} if every update must survive a power cut)" if found.durable else ""
    first, ranks = found.rows[0], ""
    if found.rank_at and first.rank_us is not None:
        alone, over = elapsed((found.rank_at[0] + found.inputs.model.round_trip_us) / 1e6), elapsed(first.rank_us / 1e6)
        at_most = "" if "rank" in found.ratios.measured else "at most "
        ranks = words("tiers-ranks", alone=alone, shards=first.cluster.sharding.shards, over=at_most + over)
    less = [one for one in found.rows if not one.one_server.problem and one.cluster.monthly < one.one_server.monthly]
    cheaper = f" {words('tiers-cheaper', sizes=' and '.join(f'{one.players:,}' for one in less))}" if less else ""
    holds = significant(found.holds, 2)
    return words("tiers-premature", found=found, holds=holds, durable=durable, ranks=ranks) + cheaper


def assumptions(found: Tiers) -> Iterator[str]:
    """Yield what the figures of the table rest on."""
    model, label, each = found.inputs.model, found.alone.backend, found.alone.server.line.each
    more = "" if found.is_measured else f" x {MORE_BYTES:g} (over shards, as measured at 300,000 players)"
    yield words("tiers-memory", label=label, each=each, more=more, headroom=model.headroom)
    if found.rank_at:
        rank, players = elapsed(found.rank_at[0] / 1e6), found.rank_at[1]
        ratio = found.ratios.source("rank", 16)
        yield words("tiers-rank", rank=rank, label=label, players=players, trip_us=model.round_trip_us, ratio=ratio)
