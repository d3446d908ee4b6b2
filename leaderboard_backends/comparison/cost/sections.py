"""What boards cost, as sections of a report: amounts by size, what they buy, and those of a study to compare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from ...numerals import NONE, counted
from ..document import Column, Section, Table, Value, numbers, words
from ..schema import Result
from .bill import MONTHS, Bill
from .footprint import TOLD_FROM, Footprint, footprints
from .source import Inputs
from .study import Change, changes, checks, study_bills
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


# ---------------------------------------------------------------------- the study


def study_costs_section(result: Result, inputs: Inputs | None = None) -> Section:
    """Return what measured bytes make of the study's amounts, a part of the section on its claims."""
    given, measured = inputs or Inputs.shipped(), footprints(result)
    bills = study_bills(given.study, measured, given.model, given.prices)
    found = changes(given.study, measured, given.model, given.prices)
    return Section(
        name="cost-study",
        title="The study's costs",
        paragraphs=list(_conclusions(found, bills)),
        tables=[*([_changed(found)] if found else []), _arithmetic(given)],
    )


def _conclusions(found: Sequence[Change], bills: dict[int, dict[str, Bill]]) -> Iterator[str]:
    """Yield what measured bytes make of the study's conclusions."""
    changed = [change.outcome for change in found if change.outcome != "as the study says"]
    bare = changed.count("a smaller one would do without headroom")
    if found:
        yield (
            f"Measured bytes per player change {len(changed)} of the {len(found)} machines that the study names, "
            f"{bare} of them only without headroom."
        )
    ratios = [
        f"{by_backend['Redis'].monthly / by_backend['SortedContainers'].monthly:.2f}x at {players:,} players"
        for players, by_backend in bills.items()
        if all(by_backend.get(name) and not by_backend[name].problem for name in ("Redis", "SortedContainers"))
    ]
    if ratios:
        yield f"By measured bytes, Redis costs {', '.join(ratios)} of SortedContainers; the study says 2 to 3x."


def _changed(found: Sequence[Change]) -> Table:
    return Table(
        "The study's instances, and what measured bytes need",
        [
            *numbers("players"),
            *words("the study's", "measured", "the study's instance"),
            *numbers("per month, study", "GiB needed"),
            *words("machine"),
            *numbers("per month"),
            *words("without headroom", "change"),
        ],
        [_change_row(change) for change in found],
        "GiB needed: by measured bytes, with the headroom of the cost model and the memory of the system. The study "
        "names no type of cache node: its amount counts as equal within a tenth.",
    )


def _change_row(change: Change) -> list[Value]:
    item = change.item
    return [
        Value(f"{change.players:,}", change.players),
        Value(change.studied),
        Value(change.backend),
        Value(change.instance),
        Value(f"{change.claimed:g}", change.claimed),
        Value(NONE) if item is None else Value(f"{item.need:.2f}", item.need, hint=item.because),
        Value(change.problem or NONE) if item is None else Value(item.what, hint=item.because),
        Value(NONE) if item is None else Value(f"{item.monthly:,.2f}", item.monthly),
        Value(NONE) if change.bare is None else Value(change.bare.what, hint=change.bare.because),
        Value(change.outcome, tone="" if change.outcome == "as the study says" else "bad"),
    ]


def _arithmetic(given: Inputs) -> Table:
    return Table(
        "The study's arithmetic, from its own inputs",
        [Column("claim", figures=False), Column("computed", figures=False), Column("", figures=False)],
        [
            [
                Value(check.claim),
                Value(check.found),
                Value("holds", tone="good") if check.holds else Value("does not hold", tone="bad"),
            ]
            for check in checks(given.study, given.prices)
        ],
        f"{given.study.source}. A total is days x {given.study.engineer_usd_a_day:,.0f} + the monthly amount x "
        f"{given.study.years * MONTHS:g}.",
    )
