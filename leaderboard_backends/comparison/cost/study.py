"""The study's cost section: its arithmetic done again from its own inputs, and what measured bytes make of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from .bill import MONTHS, Bill, Item, bill
from .footprint import Footprint
from .tables import PER, Model, PriceTable, Study

ROUNDING: Final = 0.05
"""In thousands of USD: the study rounds to one decimal."""
CLAIMED_RATIO: Final = (2, 3)
"""How many times as much Redis is said to cost to run."""
CLOSE: Final = 0.1
"""Relative difference up to which two amounts count as equal."""


class Check(NamedTuple):
    """One statement of the study, what comes out, and whether it holds."""

    claim: str
    found: str
    holds: bool


def checks(study: Study, prices: PriceTable) -> list[Check]:
    """Return each total, the ratios and the server prices of the study, computed again."""
    return [*_totals(study), *_cheapest(study), *_ratios(study), *_servers(study, prices)]


def total(study: Study, players: int, backend: str) -> float:
    """Return what building and running cost over the study's years, in USD, from its inputs."""
    development = study.days[backend] * study.engineer_usd_a_day
    return development + study.monthly[players][backend] * MONTHS * study.years


def _totals(study: Study) -> list[Check]:
    found = []
    for players, totals in study.total_thousands.items():
        for backend, claimed in totals.items():
            computed = total(study, players, backend) / 1000
            found.append(
                Check(
                    f"{backend}, {players:,} players, {study.years:g} years: {claimed:g}K USD",
                    f"{study.days[backend]:g} days x {study.engineer_usd_a_day:,.0f} + "
                    f"{study.monthly[players][backend]:g} x {MONTHS * study.years:g} = {computed:.2f}K",
                    abs(computed - claimed) <= ROUNDING + 1e-9,
                )
            )
    return found


def _cheapest(study: Study) -> list[Check]:
    found = []
    for players in study.monthly:
        totals = {backend: total(study, players, backend) for backend in study.days}
        best = min(totals, key=totals.__getitem__)
        shown = ", ".join(f"{backend} {amount / 1000:.1f}K" for backend, amount in totals.items())
        found.append(
            Check(f"SortedContainers has the lowest total at {players:,} players", shown, best == "SortedContainers")
        )
    return found


def _ratios(study: Study) -> list[Check]:
    ratios = [monthly["Redis"] / monthly["SortedContainers"] for monthly in study.monthly.values()]
    shown = ", ".join(f"{ratio:.2f}x" for ratio in ratios)
    least, most = CLAIMED_RATIO
    return [
        Check(
            f"Redis costs {least} to {most} times as much to run",
            shown,
            all(least <= ratio <= most for ratio in ratios),
        )
    ]


def _servers(study: Study, prices: PriceTable) -> list[Check]:
    found = []
    for players, sku in study.servers.items():
        claimed = study.server_monthly[players]
        price = prices.find(sku)
        if price is None:
            found.append(Check(f"{sku} costs {claimed:g} USD per month", "not in the price table", holds=False))
            continue
        monthly = prices.monthly(price)
        shown = f"{price.usd:g} {PER[price.unit]}: {monthly:.2f} per month"
        found.append(Check(f"{sku} costs {claimed:g} USD per month", shown, abs(monthly / claimed - 1) <= CLOSE))
    return found


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


def study_bills(
    study: Study, footprints: Sequence[Footprint], model: Model, prices: PriceTable
) -> dict[int, dict[str, Bill]]:
    """Return, by the study's sizes and backends, the bill of the backend that was measured for each.

    One app server with one worker, and a cache node without replica, as in the study. Backends that the result lacks
    are left out.
    """
    alone = model.changed(servers=1, workers=1, replicas=0).with_storage_servers("cache nodes")
    known = {footprint.backend: footprint for footprint in footprints}
    measured = {studied: known[label] for studied, label in study.measured_as.items() if label in known}
    return {
        players: {studied: bill(footprint, players, alone, prices) for studied, footprint in measured.items()}
        for players in study.monthly
    }


def changes(study: Study, footprints: Sequence[Footprint], model: Model, prices: PriceTable) -> list[Change]:
    """Return each machine of the study with what measured bytes need in its place, prices on demand."""
    bills = study_bills(study, footprints, model, prices)
    bare = study_bills(study, footprints, model.changed(headroom=1), prices)
    return [
        change
        for players, by_backend in bills.items()
        for studied in by_backend
        for change in _of_bill(study, studied, bills[players][studied], bare[players][studied], prices)
    ]


def _of_bill(study: Study, studied: str, one: Bill, bare: Bill, prices: PriceTable) -> Iterator[Change]:
    sku, claimed = study.servers[one.players], study.server_monthly[one.players]
    price = prices.find(sku)
    before = claimed if price is None else prices.monthly(price)
    common = (one.players, studied, one.backend)
    items: tuple[Item | None, ...] = one.items or (None,)
    without: tuple[Item | None, ...] = bare.items or (None,) * len(items)
    outcome = _outcome(items[0], without[0], before, exact=price is not None)
    yield Change(*common, sku, claimed, items[0], without[0], outcome, one.problem)
    if studied == "Redis" and len(items) > 1:
        cache = study.cache_monthly[one.players]
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
