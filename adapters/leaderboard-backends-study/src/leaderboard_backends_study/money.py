"""Claims on costs: the study's arithmetic from its own inputs, and bills from measured bytes per player."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product
from typing import Final, NoReturn

from leaderboard_backends.comparison.cost.bill import Bill
from leaderboard_backends.comparison.cost.cluster import cheapest_bill
from leaderboard_backends.numerals import times, whole

from .costs import CLOSE, ROUNDING, on_demand, total
from .evidence import BOARDS, SORTED, Evaluator, Evidence, Judged, NotMeasuredError, decide, missing
from .inputs import Claim, costs

STUDIED: Final = {"sortedcontainers": "SortedContainers", "redis": "Redis", "zodb": "BTrees + ZODB"}
"""What the study calls its backends, by their part of a claim's id."""

SIZES: Final = {"100k": 100_000, "1m": 1_000_000, "10m": 10_000_000}
RATIO_ROUNDING: Final = 0.05
"""The study rounds ratios to one decimal."""


def _unpriced(what: str) -> NoReturn:
    raise NotMeasuredError(f"the price table and the cost model have no {what}: add it to one of them")


def _close(measured: float, claimed: float) -> bool:
    return abs(measured / claimed - 1) <= CLOSE


# ---------------------------------------------------------------------- building


def development(name: str, claim: Claim, _: Evidence) -> Judged:
    """Judge an amount by the study's own days and daily rate."""
    days, rate = costs().days[STUDIED[name]], costs().engineer_usd_a_day
    said = f"{days:g} days x {rate:,.0f} USD = {days * rate:,.0f} USD, from the study's inputs"
    return Judged(said, decide([days * rate == claim.needs("value")]))


def days(name: str, claim: Claim, evidence: Evidence) -> Judged:
    """Report what the study's days add up to; how long building takes is not measured here."""
    low, high = claim.needs("low"), claim.needs("high")
    own = f"the study's own days for writing and testing add up to {low:g} to {high:g} days"
    return Judged(f"{own}; {_written(evidence, name)}", "not measured")


def building_time(name: str, _: Claim, evidence: Evidence) -> Judged:
    """Report what there is to write; how long that takes is not measured here."""
    return Judged(_written(evidence, name), "not measured")


def testing_time(name: str, _: Claim, evidence: Evidence) -> Judged:
    """Report how many tests the conformance kit has; how long testing takes is not measured here."""
    kit = evidence.facts(name).verdict or missing(f"the conformance kit's verdict on {name}")
    return Judged(f"the conformance kit has {kit.passed + kit.failed:,} tests for {name}", "not measured")


def _written(evidence: Evidence, name: str) -> str:
    row = next((row for row in evidence.result.code if (row.feature, row.backend) == ("basic board", name)), None)
    if row is None or row.app is None:
        return "what the app's author writes was not counted"
    return f"an app's author writes {row.app} statements and {row.configuration} lines of configuration"


def lowest_development(_: Claim, evidence: Evidence) -> Judged:
    """Judge the least cost of building by the study's days, and by the statements that an app's author writes."""
    spent = costs().days
    rows = {row.backend: row.app for row in evidence.result.code if row.feature == "basic board"}
    written = {name: number for name in BOARDS if (number := rows.get(name)) is not None}
    if len(written) < len(BOARDS):
        missing("statements that an app's author writes, by backend")
    by_days = ", ".join(f"{name} {each:g} days" for name, each in spent.items())
    by_code = ", ".join(f"{STUDIED[name]} {number}" for name, number in written.items())
    others = [number for name, number in written.items() if name != SORTED]
    return Judged(
        f"the study's inputs: {by_days}; statements that an app's author writes: {by_code}",
        decide([_least(spent), written[SORTED] < min(others)]),
    )


# ---------------------------------------------------------------------- running


def monthly(name: str, players: int, claim: Claim, evidence: Evidence) -> Judged:
    """Judge a monthly amount: it holds within a tenth of the bill from measured bytes."""
    bill = evidence.bill(players, STUDIED[name])
    return Judged(_billed(bill), decide([_close(bill.monthly, claim.needs("value"))]))


def _billed(bill: Bill) -> str:
    return f"{bill.monthly:,.2f} per month by measured bytes of `{bill.backend}`: {bill.runs_on}"


def server(players: int, claim: Claim, evidence: Evidence) -> Judged:
    """Judge a server by the memory that each of the study's boards needs on it."""
    items = {name: bill.items[0] for name, bill in evidence.study_bills[players].items() if bill.items}
    if not items:
        missing(f"bytes per player of {', '.join(costs().measured_as.values())}")
    said = ", ".join(f"{name} {item.need:.2f} GiB ({item.sku})" for name, item in items.items())
    said = f"memory needed on the app server, and the type that has it: {said}"
    return Judged(said, decide([item.need <= claim.needs("value") for item in items.values()]))


def cheapest(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether SortedContainers and ZODB cost no more than any other board, at each of the study's sizes."""
    said, parts = [], []
    for players in SIZES.values():
        amounts = {label: bill.monthly for label, bill in _bills(evidence, players).items()}
        if not {SORTED, "zodb"} <= amounts.keys():
            missing(f"amounts for `{SORTED}` and `zodb` at {players:,} players")
        first = _first(amounts)
        least = amounts[first]
        parts += [_close(amounts[label], least) for label in (SORTED, "zodb")]
        both = f"{SORTED} {amounts[SORTED]:,.2f}, zodb {amounts['zodb']:,.2f}"
        said.append(f"at {players:,} players: {both}, lowest {least:,.2f} ({first})")
    return Judged(f"per month {'; '.join(said)}", decide(parts))


def times_as_much(claim: Claim, evidence: Evidence) -> Judged:
    """Judge how many times as much Redis costs, by the study's amounts and by bills from measured bytes."""
    low, high = claim.needs("low"), claim.needs("high")
    study = costs()
    own = [each["Redis"] / each["SortedContainers"] for each in study.monthly.values()]
    billed = [
        evidence.bill(size, "Redis").monthly / evidence.bill(size, "SortedContainers").monthly for size in study.monthly
    ]
    said = ", ".join(f"{times(one)} at {players:,}" for players, one in zip(study.monthly, billed, strict=True))
    return Judged(
        f"by the study's own amounts: {', '.join(map(times, own))}; by measured bytes: {said} players",
        decide([low <= one <= high for one in (*own, *billed)]),
    )


# ---------------------------------------------------------------------- over the years


def five_years(name: str, players: int, claim: Claim, evidence: Evidence) -> Judged:
    """Judge a total by the study's inputs, to its rounding, and by the bill from measured bytes, within a tenth."""
    claimed = claim.needs("value")
    own, bill = total(costs(), players, STUDIED[name]), evidence.bill(players, STUDIED[name])
    if bill.total is None:
        _unpriced(f"hours to build on {bill.backend}")
    arithmetic = abs(own - claimed) <= ROUNDING * 1000 + 1e-6
    return Judged(
        f"{whole(own)} from the study's inputs; {whole(bill.total)} by measured bytes of `{bill.backend}`",
        decide([arithmetic, _close(bill.total, claimed)]),
    )


def five_year_ratio(name: str, players: int, claim: Claim, evidence: Evidence) -> Judged:
    """Judge a ratio of totals by the study's inputs, to its rounding, and by bills from measured bytes, to a tenth."""
    claimed, study = claim.needs("value"), costs()
    own = total(study, players, STUDIED[name]) / total(study, players, "SortedContainers")
    one, two = (evidence.bill(players, studied).total for studied in (STUDIED[name], "SortedContainers"))
    if one is None or two is None:
        _unpriced("hours to build")
    return Judged(
        f"{own:.2f}x from the study's inputs; {one / two:.2f}x by measured bytes",
        decide([abs(own - claimed) <= RATIO_ROUNDING + 1e-9, _close(one / two, claimed)]),
    )


def lowest_total(_: Claim, evidence: Evidence) -> Judged:
    """Judge the lowest total at each of the study's sizes: by its inputs, and by the bills of all boards.

    As for the infrastructure, it holds where no other bill is more than a tenth below that of `sortedcontainers`.
    """
    study = costs()
    said, parts = [], []
    for players in study.monthly:
        amounts = {label: bill.total for label, bill in _bills(evidence, players).items()}
        known = {label: amount for label, amount in amounts.items() if amount is not None}
        if SORTED not in known or len(known) == 1:
            _unpriced(f"hours to build on `{SORTED}` and on another board")
        first = _first(known)
        parts += [_least({name: total(study, players, name) for name in study.days})]
        parts += [_close(known[SORTED], known[first])]
        said.append(f"at {players:,} players {SORTED} {whole(known[SORTED])}, lowest {whole(known[first])} ({first})")
    return Judged(f"totals of all boards by measured bytes: {'; '.join(said)}", decide(parts))


def _bills(evidence: Evidence, players: int) -> dict[str, Bill]:
    """Return the bills of all boards at a size, without those that have no amount."""
    every = {label: cheapest_bill(one, players, evidence.inputs) for label, one in evidence.footprints.items()}
    return {label: bill for label, bill in every.items() if not bill.problem}


def _first(amounts: Mapping[str, float]) -> str:
    """Return the label with the lowest amount, to a cent; of equal ones, `sortedcontainers` or `zodb` comes first."""
    return min(amounts, key=lambda label: (round(amounts[label], 2), label not in {SORTED, "zodb"}))


def _least(amounts: Mapping[str, float]) -> bool:
    return min(amounts, key=lambda name: amounts[name]) == STUDIED["sortedcontainers"]


# ---------------------------------------------------------------------- tiers


def one_server(claim: Claim, evidence: Evidence) -> Judged:
    """Judge a range by the table's prices of the servers that the study names."""
    amounts = _prices(evidence)
    low, high = claim.needs("low"), claim.needs("high")
    said = ", ".join(f"{sku} {amount:.2f} per month" for sku, amount in amounts.items())
    return Judged(said, decide([low <= amount <= high for amount in amounts.values()]))


def _prices(evidence: Evidence) -> dict[str, float]:
    prices, study = evidence.inputs.prices, costs()
    known = {sku: on_demand(prices, sku) for sku in study.servers.values()}
    absent = [sku for sku, price in known.items() if price is None]
    if absent:
        _unpriced(f"price of {', '.join(absent)}")
    return {sku: prices.monthly(price) for sku, price in known.items() if price is not None}


def replicas(claim: Claim, evidence: Evidence) -> Judged:
    """Judge a primary and two or three replicas by the server that the study names for 10M players."""
    sku = costs().servers[SIZES["10m"]]
    each = _prices(evidence)[sku]
    amounts = [3 * each, 4 * each]
    inside = [claim.needs("low") <= amount <= claim.needs("high") for amount in amounts]
    return Judged(f"3 and 4 x {sku}: {amounts[0]:,.2f} and {amounts[1]:,.2f} per month", decide(inside))


def shards(claim: Claim, evidence: Evidence) -> Judged:
    """Judge 10 and 20 shards of 10M and 100M players by the servers that hold a shard, from measured bytes."""
    footprint = evidence.footprints.get(SORTED) or missing(f"bytes per player of `{SORTED}`")
    said, amounts = [], []
    tier = costs().sharded
    for players, number in product(tier.players, tier.shards):
        bill = cheapest_bill(footprint, players // number, evidence.inputs)
        if bill.problem:
            _unpriced(f"server for a shard of {players // number:,} players")
        amounts.append(number * bill.monthly)
        said.append(f"{players:,} players on {number} x {bill.items[0].sku} {amounts[-1]:,.0f} per month")
    inside = [claim.needs("low") <= amount <= claim.needs("high") for amount in amounts]
    return Judged(", ".join(said), decide(inside))


def for_a_million(claim: Claim, evidence: Evidence) -> Judged:
    """Judge a range for 1M players by the bill from measured bytes, and report the study's own table."""
    players = round(claim.needs("players"))
    bill, study = evidence.bill(players, "SortedContainers"), costs()
    own = {size: each["SortedContainers"] for size, each in study.monthly.items()}
    said = ", ".join(f"{amount:g} at {size:,}" for size, amount in own.items())
    inside = claim.needs("low") <= bill.monthly <= claim.needs("high")
    return Judged(f"{_billed(bill)}; the study's own table has {said} players", decide([inside]))


def most_players(_: Claim, evidence: Evidence) -> Judged:
    """Report how many players the largest server of the price table holds, in one process."""
    footprint = evidence.footprints.get(SORTED) or missing(f"bytes per player of `{SORTED}`")
    largest = max(evidence.inputs.prices.offers("server", evidence.inputs.term), key=lambda price: price.memory_gib)
    low, high = 1, 10**10
    while high - low > 1:
        middle = (low + high) // 2
        bill = cheapest_bill(footprint, middle, evidence.inputs)
        low, high = (low, middle) if bill.problem else (middle, high)
    said = f"one process of `{SORTED}` on a {largest.sku} ({largest.memory_gib:g} GiB) holds {low / 1e6:.0f}M players"
    return Judged(said, "opinion")


EVALUATORS: Final[dict[str, Evaluator]] = {
    **{f"development-days-{name}": partial(days, name) for name in STUDIED},
    **{f"development-cost-{name}": partial(development, name) for name in STUDIED},
    **{f"development-time-{name}": partial(building_time, name) for name in STUDIED},
    **{f"testing-time-{name}": partial(testing_time, name) for name in STUDIED},
    "sortedcontainers-lowest-development-cost": lowest_development,
    "lowest-development-cost-3-days": lowest_development,
    **{
        f"monthly-cost-{name}-{size}": partial(monthly, name, players)
        for name in STUDIED
        for size, players in SIZES.items()
    },
    **{f"server-size-{size}": partial(server, players) for size, players in SIZES.items()},
    "sortedcontainers-and-zodb-cheapest-infrastructure": cheapest,
    "redis-costs-2-to-3-times": times_as_much,
    **{
        f"five-year-total-{name}-{size}": partial(five_years, name, SIZES[size])
        for name in STUDIED
        for size in ("100k", "1m")
    },
    **{
        f"five-year-ratio-{name}-{size}": partial(five_year_ratio, name, SIZES[size])
        for name in ("redis", "zodb")
        for size in ("100k", "1m")
    },
    "sortedcontainers-lowest-total-at-every-size": lowest_total,
    "one-server-cost": one_server,
    "replicas-cost": replicas,
    "shards-cost": shards,
    "infrastructure-15-to-120-for-1m": for_a_million,
    "defer-sharding-until-10m": most_players,
}
"""By the claim's id."""
