"""The study's cost section: its arithmetic done again from its own inputs, and its inputs beside the price table."""

from __future__ import annotations

from typing import Final, NamedTuple

from .bill import MONTHS
from .tables import ON_DEMAND, PriceTable, Study

ROUNDING: Final = 0.05
"""In thousands of USD: the study gives one digit after the point."""
CLAIMED_RATIO: Final = (2, 3)
"""How many times as much Redis is said to cost to run."""
CLOSE: Final = 0.1
"""A price within a tenth of the table's is called the same."""


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
        price = next((one for one in prices.price if one.sku == sku and one.term == ON_DEMAND), None)
        if price is None:
            found.append(Check(f"{sku} costs {claimed:g} USD a month", "not in the price table", holds=False))
            continue
        monthly = prices.monthly(price)
        shown = f"{price.usd:g} a {price.unit}: {monthly:.2f} a month"
        found.append(Check(f"{sku} costs {claimed:g} USD a month", shown, abs(monthly / claimed - 1) <= CLOSE))
    return found
