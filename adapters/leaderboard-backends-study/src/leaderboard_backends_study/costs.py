"""The study's cost section: its arithmetic done again from its own inputs, and what measured bytes make of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from leaderboard_backends.comparison.cost.bill import MONTHS, Bill, Item, bill
from leaderboard_backends.comparison.cost.cluster import tiers
from leaderboard_backends.comparison.cost.footprint import Footprint, footprints
from leaderboard_backends.comparison.cost.source import ON_DEMAND, PER, Inputs, Price, PriceTable
from leaderboard_backends.comparison.document import Section, Table, Value, columns
from leaderboard_backends.comparison.report.extensions import Subject
from leaderboard_backends.numerals import NONE

from .inputs import Costs, costs

ROUNDING: Final = 0.05
"""In thousands of USD: the study rounds to one decimal."""
CLAIMED_RATIO: Final = (2, 3)
"""How many times as much Redis is said to cost to run."""
CLOSE: Final = 0.1
"""Relative difference up to which two amounts count as equal."""


class Check(NamedTuple):
    """One statement of the study, what comes out, and whether it holds."""

    claim: str
    computed: str
    holds: bool


def on_demand(prices: PriceTable, sku: str) -> Price | None:
    """Return the price of a SKU on demand, `None` where the table has none."""
    return next((price for price in prices.price if price.sku == sku and price.term == ON_DEMAND), None)


def checks(study: Costs, prices: PriceTable) -> list[Check]:
    """Return each total, the ratios and the server prices of the study, computed again."""
    return [*_totals(study), *_cheapest(study), *_ratios(study), *_servers(study, prices)]


def total(study: Costs, players: int, backend: str) -> float:
    """Return what building and running cost over the study's years, in USD, from its inputs."""
    development = study.days[backend] * study.engineer_usd_a_day
    return development + study.monthly[players][backend] * MONTHS * study.years


def _totals(study: Costs) -> Iterator[Check]:
    for players, totals in study.total_thousands.items():
        for backend, claimed in totals.items():
            computed = total(study, players, backend) / 1000
            yield Check(
                f"{backend}, {players:,} players, {study.years:g} years: {claimed:g}K USD",
                f"{study.days[backend]:g} days x {study.engineer_usd_a_day:,.0f} + "
                f"{study.monthly[players][backend]:g} x {MONTHS * study.years:g} = {computed:.2f}K",
                abs(computed - claimed) <= ROUNDING + 1e-9,
            )


def _cheapest(study: Costs) -> Iterator[Check]:
    for players in study.monthly:
        totals = {backend: total(study, players, backend) for backend in study.days}
        best = min(totals, key=totals.__getitem__)
        shown = ", ".join(f"{backend} {amount / 1000:.1f}K" for backend, amount in totals.items())
        yield Check(f"SortedContainers has the lowest total at {players:,} players", shown, best == "SortedContainers")


def _ratios(study: Costs) -> Iterator[Check]:
    ratios = [monthly["Redis"] / monthly["SortedContainers"] for monthly in study.monthly.values()]
    least, most = CLAIMED_RATIO
    yield Check(
        f"Redis costs {least} to {most} times as much to run",
        ", ".join(f"{ratio:.2f}x" for ratio in ratios),
        all(least <= ratio <= most for ratio in ratios),
    )


def _servers(study: Costs, prices: PriceTable) -> Iterator[Check]:
    for players, sku in study.servers.items():
        claim, price = f"{sku} costs {study.server_monthly[players]:g} USD per month", on_demand(prices, sku)
        if price is None:
            yield Check(claim, "not in the price table", holds=False)
            continue
        monthly = prices.monthly(price)
        shown = f"{price.usd:g} {PER[price.unit]}: {monthly:.2f} per month"
        yield Check(claim, shown, abs(monthly / study.server_monthly[players] - 1) <= CLOSE)


# ---------------------------------------------------------------------- beside measured bytes

Outcome: TypeAlias = Literal[
    "as the study says",
    "a smaller one is enough",
    "a smaller one would do without headroom",
    "a larger one is needed",
    "nothing fits",
]


class Change(NamedTuple):
    """A machine of the study, and the machine that measured bytes need."""

    players: int
    studied: str
    """The study's backend."""
    backend: str
    """The backend that was measured for it."""
    instance: str
    """What the study buys."""
    claimed: float
    """What that costs per month, by the study."""
    item: Item | None
    """What the measured bytes need, `None` where the price table has nothing so large."""
    bare: Item | None
    """The same without headroom."""
    outcome: Outcome
    problem: str = ""


def study_bills(footprints: Sequence[Footprint], given: Inputs) -> dict[int, dict[str, Bill]]:
    """Return, by the study's sizes and backends, the bill of the backend that was measured for each.

    One app server with one worker, and a cache node without replica, on demand, as in the study. Backends that the
    result lacks are left out.
    """
    on_demand = Inputs(given.prices, given.model)
    alone = on_demand.changed(servers=1, workers=1, replicas=0, storage_servers="cache nodes")
    known = {footprint.backend: footprint for footprint in footprints}
    measured = {studied: known[label] for studied, label in costs().measured_as.items() if label in known}
    return {
        players: {studied: bill(footprint, players, alone) for studied, footprint in measured.items()}
        for players in costs().monthly
    }


def changes(footprints: Sequence[Footprint], given: Inputs) -> list[Change]:
    """Return each machine of the study with what measured bytes need in its place, prices on demand."""
    bills = study_bills(footprints, given)
    bare = study_bills(footprints, given.changed(headroom=1))
    return [
        change
        for players, by_backend in bills.items()
        for studied, one in by_backend.items()
        for change in _of_bill(studied, one, bare[players][studied], given.prices)
    ]


def _of_bill(studied: str, one: Bill, bare: Bill, prices: PriceTable) -> Iterator[Change]:
    sku, claimed = costs().servers[one.players], costs().server_monthly[one.players]
    price = on_demand(prices, sku)
    before = claimed if price is None else prices.monthly(price)
    common = (one.players, studied, one.backend)
    items: tuple[Item | None, ...] = one.items or (None,)
    without: tuple[Item | None, ...] = bare.items or (None,) * len(items)
    outcome = _outcome(items[0], without[0], before, exact=price is not None)
    yield Change(*common, sku, claimed, items[0], without[0], outcome, one.problem)
    if studied == "Redis" and len(items) > 1:
        cache = costs().cache_monthly[one.players]
        outcome = _outcome(items[1], without[1], cache, exact=False)
        yield Change(*common, "ElastiCache", cache, items[1], without[1], outcome)


def _outcome(item: Item | None, bare: Item | None, before: float, *, exact: bool) -> Outcome:
    """Compare two amounts: prices of one table exactly, with the study's rounded ones by a tenth."""
    close = 1e-9 if exact else CLOSE
    if item is None:
        return "nothing fits"
    if item.monthly > before * (1 + close):
        return "a larger one is needed"
    if item.monthly < before * (1 - close):
        return "a smaller one is enough"
    if bare is not None and bare.monthly < before * (1 - close):
        return "a smaller one would do without headroom"
    return "as the study says"


# ---------------------------------------------------------------------- as a section of the report


def costs_section(subject: Subject) -> Section:
    """Return what measured bytes make of the study's amounts, a part of the section on its claims."""
    given, measured = subject.inputs, footprints(subject.measurements)
    bills, found = study_bills(measured, given), changes(measured, given)
    return Section(
        name="cost-study",
        title="The study's costs",
        paragraphs=[*_conclusions(found, bills), *_third_tier(subject, measured)],
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


def _third_tier(subject: Subject, measured: Sequence[Footprint]) -> Iterator[str]:
    """Yield the study's estimate for shards, and what the board costs there on the cheapest cluster."""
    tier = costs().sharded
    (least, most), (few, many), (low, high) = tier.players, tier.shards, tier.monthly
    ours = tiers(subject.measurements, measured, subject.inputs, tier.players)
    amounts = [f"{row.cluster.monthly:,.0f} at {row.players:,}" for row in ours.rows] if ours else []
    beside = f"; by measured bytes, app server included: {' and '.join(amounts)}" if amounts else ""
    yield (
        f"The study's third tier, {least:,} to {most:,} players (its machines are not named): {low:,.0f} to "
        f"{high:,.0f} USD per month on {few} to {many} shards{beside}. Here, shards share primaries, the cheapest that "
        f"hold the measured bytes."
    )


def _changed(found: Sequence[Change]) -> Table:
    return Table(
        "The study's instances, and what measured bytes need",
        columns(
            *("#players", "the study's", "measured", "the study's instance", "#per month, study", "#GiB needed"),
            *("machine", "#per month", "without headroom", "change"),
        ),
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
        columns("claim", "computed", ""),
        [
            [
                Value(check.claim),
                Value(check.computed),
                Value("holds", tone="good") if check.holds else Value("does not hold", tone="bad"),
            ]
            for check in checks(costs(), given.prices)
        ],
        f"{costs().source}. A total is days x {costs().engineer_usd_a_day:,.0f} + the monthly amount x "
        f"{costs().years * MONTHS:g}.",
    )
