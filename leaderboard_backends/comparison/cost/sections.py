"""What boards cost, as sections of a report: amounts by size, and what they buy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from ...numerals import NONE, counted
from ..document import Column, Section, Table, Value
from ..schema import Result
from .bill import Bill
from .footprint import TOLD_FROM, Footprint, footprints
from .source import Inputs
from .tiers import tiers, tiers_section

BEYOND: Final = (
    f"*: extrapolated beyond the largest measured size, by a line through the sizes from {TOLD_FROM:,} players on."
)

SIZES: Final = (100_000, 1_000_000, 10_000_000)


class CostPoint(NamedTuple):
    """One backend at one size, for a chart; an amount is `None` where nothing fits or the model gives no hours."""

    backend: str
    players: int
    monthly: float | None
    total: float | None


def cost_points(result: Result, sizes: Sequence[int] = SIZES, inputs: Inputs | None = None) -> list[CostPoint]:
    """Return what each backend costs at each size."""
    given = inputs or Inputs.shipped()
    return [
        CostPoint(one.backend, one.players, None if one.problem else one.monthly, None if one.problem else one.total)
        for footprint in footprints(result)
        for one in (given.bill(footprint, players) for players in sizes)
    ]


def cost_sections(
    result: Result, today: date, sizes: Sequence[int] = SIZES, inputs: Inputs | None = None
) -> list[Section]:
    """Return the section on costs: amounts first, then what they buy, and how each amount is computed.

    Each amount carries what it was computed from as its hint, too.
    """
    given, measured = inputs or Inputs.shipped(), footprints(result)
    rows = [_Row(footprint, [given.bill(footprint, players) for players in sizes]) for footprint in measured]
    return [
        Section(
            name="cost",
            title="Cost",
            paragraphs=[*_warnings(given, today), *_deployment(given), *_without(result, measured)],
            tables=[_amounts(rows, sizes, given), _runs_on(rows, sizes)],
            sections=[*tiers_section(tiers(result, measured, given)), _traces(rows)],
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
    headings = [f"{what} at {players:,}" for what in ("per month", years) for players in sizes]
    return Table(
        "What each backend costs",
        [Column("backend", figures=False), *(Column(heading) for heading in headings), Column("hours to build")],
        [
            [
                Value(row.footprint.backend, hint=row.footprint.source),
                *(_monthly(one, row.footprint) for one in row.bills),
                *(_total(one) for one in row.bills),
                _hours(row.bills[0]),
            ]
            for row in rows
        ],
        f"In {given.prices.currency}. {years}: development, by the hours of the cost model, and running. Bytes are "
        f"measured at that size, or interpolated between the two nearest sizes." + (f" {BEYOND}" if beyond else ""),
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
    return Table(
        "Machines",
        [Column("backend", figures=False), *(Column(f"{players:,} players", figures=False) for players in sizes)],
        [[Value(row.footprint.backend), *(Value(one.runs_on) for one in row.bills)] for row in rows],
    )


def _traces(rows: Sequence[_Row]) -> Section:
    return Section(
        name="cost-traces",
        title="How each amount is computed",
        tables=[
            Table(
                "Amounts and their inputs",
                [Column("backend", figures=False), Column("players"), Column("computed as", figures=False)],
                [
                    [Value(row.footprint.backend), Value(f"{one.players:,}", one.players), Value(line)]
                    for row in rows
                    for one in row.bills
                    for line in (*one.trace(), *([one.problem] if one.problem else []))
                ],
            ),
            Table(
                "Where the bytes were measured",
                [Column("backend", figures=False), Column("runs", figures=False)],
                [[Value(row.footprint.backend), Value(row.footprint.source)] for row in rows],
            ),
        ],
        detail=True,
    )
