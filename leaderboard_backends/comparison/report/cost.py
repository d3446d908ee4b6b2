"""What boards cost, as sections of a report: amounts by size, and what they buy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from ...numerals import NONE, counted, whole
from ..cost.bill import Bill
from ..cost.cluster import cheapest_bill, tiers, tiers_section
from ..cost.footprint import FITTED_FROM, Footprint, footprints
from ..cost.source import Inputs
from ..document import Section, Table, Value, columns
from ..measurements import Measurements
from ..schema import Result
from ..statistics import Interval
from .plots import AS_DOLLARS, AS_NUMBER, Axis, Plot, PlotRow, at_end, ends, figure, panels_of, plot, spans

BEYOND: Final = (
    f"*: extrapolated beyond the largest measured size, by a line through the sizes from {FITTED_FROM:,} players on."
)

SIZES: Final = (100_000, 1_000_000, 10_000_000)


def bills(m: Measurements, sizes: Sequence[int] = SIZES, inputs: Inputs | None = None) -> list[Bill]:
    """Return the bill of each backend at each size."""
    given = inputs or Inputs.shipped()
    return [cheapest_bill(footprint, players, given) for footprint in footprints(m) for players in sizes]


def cost_plots(m: Measurements) -> Iterator[Plot]:
    """Yield the cost per month by board size, and that of building and running a board over the years."""
    yield from bill_plots(m, bills(m))


def bill_plots(m: Measurements, bills: Sequence[Bill]) -> Iterator[Plot]:
    """Yield the same of given bills; amounts that are not known, and those of 0, are left out."""
    known = [one for one in bills if not one.problem]
    monthly = [_amount(m, one, one.monthly) for one in known if one.monthly > 0]
    if monthly:
        yield _plot(m, "cost-monthly", "Cost per month by board size", monthly)
    total = [_amount(m, one, one.total) for one in known if one.total]
    if total:
        years = known[0].years
        yield _plot(m, "cost-total", f"Cost of building, and of {years:g} years, by board size", total)


def _amount(m: Measurements, one: Bill, usd: float) -> PlotRow:
    """Return the row of an amount, which is computed and not measured, so that it has no interval."""
    at = Interval(usd, usd, usd, 1)
    return figure(m.durability(one.backend), one.backend, at, dollars, players=one.players)


def _plot(m: Measurements, name: str, title: str, rows: Sequence[PlotRow]) -> Plot:
    largest, last = at_end(rows, "players", max)
    return plot(
        m,
        "lines",
        name,
        title,
        f"US dollars by the price table and the model; both axes are logarithmic. At {whole(largest)} players: "
        f"{spans(last, dollars, panels_of(rows))}.",
        rows,
        x=Axis("players", AS_NUMBER, [row["players"] for row in rows], "players"),
        y=Axis("", AS_DOLLARS, ends(rows)),
        number="US dollars",
        before={"players": "players"},
    )


def dollars(usd: float) -> str:
    """Return an amount in whole dollars."""
    return f"${usd:,.0f}"


def cost_sections(
    m: Measurements, today: date, sizes: Sequence[int] = SIZES, inputs: Inputs | None = None
) -> list[Section]:
    """Return the section on costs: amounts first, then what they buy, and how each amount is computed.

    Each amount carries what it was computed from as its hint, too.
    """
    given, measured = inputs or Inputs.shipped(), footprints(m)
    rows = [_Row(footprint, [cheapest_bill(footprint, players, given) for players in sizes]) for footprint in measured]
    return [
        Section(
            name="cost",
            title="Cost",
            paragraphs=[*_warnings(given, today), *_deployment(given), *_without(m.result, measured)],
            tables=[_amounts(rows, sizes, given), _runs_on(rows, sizes)],
            sections=[*tiers_section(tiers(m, measured, given)), _traces(rows)],
        )
    ]


def _without(result: Result, measured: Sequence[Footprint]) -> Iterator[str]:
    """Yield a sentence for each requested backend without amounts."""
    known = {footprint.backend for footprint in measured}
    for label in result.settings.backends:
        if label not in known:
            yield f"`{label}` has no cost: {result.why_not(label) or 'its bytes were not measured'}."


class _Row(NamedTuple):
    footprint: Footprint
    bills: list[Bill]


def _warnings(given: Inputs, today: date) -> Iterator[str]:
    for warning in given.prices.stale(today):
        yield f"**Warning:** {warning}"


def _deployment(given: Inputs) -> Iterator[str]:
    model, prices = given.model, given.prices
    each = " each" if model.servers > 1 else ""
    yield (
        f"Servers and disks for {counted(model.servers, 'app server')} with {counted(model.workers, 'worker')}{each} "
        f"and {counted(model.replicas, 'replica')}, at {model.updates_a_second:g} updates per second, in "
        f"{prices.currency}. Machines are chosen by memory: {model.headroom:g} bytes for each byte measured."
    )
    yield (
        f"Prices: {prices.region}, {prices.source}, read {prices.read}, {given.term}. Not included: processor time, "
        f"root disks, traffic and backups. `leaderboard cost --prices FILE --model FILE` uses prices and a cost model "
        f"of your own."
    )


def _amounts(rows: Sequence[_Row], sizes: Sequence[int], given: Inputs) -> Table:
    years = f"{given.model.years:g} years"
    beyond = any(one.players > max(row.footprint.sizes) for row in rows for one in row.bills if not one.problem)
    headings = [f"#{what} at {players:,}" for what in ("per month", years) for players in sizes]
    note = (
        f"In {given.prices.currency}. {years}: development, by the hours of the cost model, and running. Bytes are "
        f"measured at that size, or interpolated between the two nearest sizes."
    )
    return Table(
        "What each backend costs",
        columns("backend", *headings, "#hours to build"),
        [
            [
                Value(row.footprint.backend, hint=row.footprint.source),
                *(_monthly(one, row.footprint) for one in row.bills),
                *(_total(one) for one in row.bills),
                _hours(row.bills[0]),
            ]
            for row in rows
        ],
        f"{note} {BEYOND}" if beyond else note,
    )


def _monthly(one: Bill, footprint: Footprint) -> Value:
    if one.problem:
        return Value(NONE, hint=one.problem)
    beyond = "*" if one.players > max(footprint.sizes) else ""
    return Value(f"{one.monthly:,.2f}{beyond}", one.monthly, hint="; ".join(one.trace()))


def _total(one: Bill) -> Value:
    if one.problem or one.total is None:
        return Value(NONE, hint=one.problem or "the cost model has no hours to build it")
    return Value(f"{one.total:,.0f}", one.total, hint=list(one.trace())[-1])


def _hours(one: Bill) -> Value:
    hours = one.build_hours
    return Value(NONE, hint="the cost model has none") if hours is None else Value(f"{hours:g}", hours)


def _runs_on(rows: Sequence[_Row], sizes: Sequence[int]) -> Table:
    machines = [[Value(row.footprint.backend), *(Value(one.runs_on) for one in row.bills)] for row in rows]
    return Table("Machines", columns("backend", *(f"{players:,} players" for players in sizes)), machines)


def _traces(rows: Sequence[_Row]) -> Section:
    inputs = [
        [Value(row.footprint.backend), Value(f"{one.players:,}", one.players), Value(line)]
        for row in rows
        for one in row.bills
        for line in (*one.trace(), *([one.problem] if one.problem else []))
    ]
    sources = [[Value(row.footprint.backend), Value(row.footprint.source)] for row in rows]
    tables = [
        Table("Amounts and their inputs", columns("backend", "#players", "computed as"), inputs),
        Table("Where the bytes were measured", columns("backend", "runs"), sources),
    ]
    return Section("cost-traces", "How each amount is computed", tables=tables, detail=True)
