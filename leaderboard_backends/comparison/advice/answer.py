"""The answer: which backend for a need, the others in order, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Final, NamedTuple

from ...numerals import counted, percent, rate_words
from ..cost.bill import Bill
from ..cost.cluster import TRIPS
from ..cost.source import MOST_PLAYERS, Inputs
from ..document import operation_title
from ..measurements import Measurements
from ..schema import Result
from ..statistics import Interval, differs, ratio
from .candidates import Basis, Candidate
from .clusters import all_candidates
from .need import DURABILITIES, Need, time_words
from .performance import Latency, Times, extrapolated_up_to
from .thresholds import Threshold, thresholds

UNKNOWN_NOISE: Final = 2.0
"""Where too few processes ran to know the noise, times within this ratio are called equal: by so much did the p99 of
updates differ between processes of one backend and size, up to 100,000 players, in `reports/results/full.json`."""

EQUAL_COST: Final = 0.01
"""Monthly amounts within a hundredth are called equal: a few cents of disk decide nothing."""


class Ranking(NamedTuple):
    """Those that fit, best first, and which of them are ties."""

    order: tuple[Candidate, ...]
    ties: tuple[tuple[str, ...], ...]
    """Labels whose cost is equal and whose p99 differs by no more than the noise."""
    noise_unknown: bool
    """Whether there were too few processes, or no A/A runs, to know the noise between some of them."""


class Advice(NamedTuple):
    """Which backend meets a need, and all figures that the answer is based on."""

    need: Need
    pick: Candidate | None
    """`None` where nothing fits."""
    ranking: Ranking
    candidates: tuple[Candidate, ...]
    """Every backend of the result, those that do not fit included."""
    why: tuple[str, ...]
    basis: Basis

    @property
    def thresholds(self) -> list[Threshold]:
        """What would change the answer, the nearest of each kind. Cost: ten times that of the answer."""
        basis, pick, most_known = self.basis, self.pick, 0
        if pick is not None and pick.times is not None:
            most_known = MOST_PLAYERS if pick.times.modelled else extrapolated_up_to(basis.m, pick.label)

        def order(other: Need) -> Sequence[Candidate]:
            return rank(basis.m, other, all_candidates(basis, other)).order

        return [*thresholds(self.need, pick, order, most_known)]

    @property
    def known(self) -> bool:
        """Whether any backend has figures for such a board."""
        return any(one.times is not None for one in self.candidates)

    @property
    def verdict(self) -> str:
        """What to say where there is no pick: that nothing fits, or that nothing is known."""
        return "nothing fits" if self.known else "not known"


def advise(result: Result, need: Need, inputs: Inputs | None = None) -> Advice:
    """Return which backend of a result meets a need, with the shipped prices and model where none are given.

    Those that meet the need are sorted by monthly cost; where that is equal, the class of durability that was asked for
    comes before stronger ones, and p99 decides within a class. Figures within the noise of each other are ties: among
    them, what is simpler to run comes first. Raises `ConfigurationError` where the result has no service times of
    updates.
    """
    return advise_from(Basis(Measurements(result), inputs), need)


def advise_from(basis: Basis, need: Need) -> Advice:
    """Return the same from what is read already."""
    found = all_candidates(basis, need)
    ranking = rank(basis.m, need, found)
    pick = next(iter(ranking.order), None)
    why = _why(pick, need, basis.inputs, ranking) if pick else _why_nothing(found)
    return Advice(need, pick, ranking, tuple(found), tuple(why), basis)


# ---------------------------------------------------------------------- order


def rank(m: Measurements, need: Need, found: Sequence[Candidate]) -> Ranking:
    """Put those that fit in order, as `advise` says; within the noise, the simplest comes first."""
    order: list[Candidate] = []
    ties: list[tuple[str, ...]] = []
    noise_unknown = False
    fitting = [one for one in found if one.fits]
    for equal in _groups(fitting, _monthly, lambda first, one: _monthly(one) <= _monthly(first) * (1 + EQUAL_COST)):
        for durability in (*DURABILITIES, "not known"):
            alike = [one for one in equal if one.facts.durability == durability]
            for tied in _groups(alike, lambda one: _p99(one, need), lambda first, other: _tied(m, need, first, other)):
                group = sorted(tied, key=lambda one: one.simplicity)
                order += group
                ties += [tuple(one.label for one in group)] if len(group) > 1 else []
            noise_unknown = noise_unknown or any(_ratio(m, need, alike[0], other) is None for other in alike[1:])
    return Ranking(tuple(order), tuple(ties), noise_unknown)


def _groups(
    left: Sequence[Candidate], key: Callable[[Candidate], float], equal: Callable[[Candidate, Candidate], bool]
) -> Iterator[list[Candidate]]:
    """Yield groups by rising key: the first one left, with all that count as equal to it."""
    left = sorted(left, key=key)
    while left:
        first, *others = left
        group = [first, *(other for other in others if equal(first, other))]
        yield group
        left = [one for one in others if one not in group]


def _monthly(one: Candidate) -> float:
    return inf if one.monthly is None else one.monthly


def _p99(one: Candidate, need: Need) -> float:
    p99 = one.p99_us(need)
    return inf if p99 is None else p99


def _tied(m: Measurements, need: Need, first: Candidate, other: Candidate) -> bool:
    """Whether the second, which is no faster than the first, differs by no more than the noise."""
    one, two = _p99(first, need), _p99(other, need)
    if inf in (one, two):
        return one == two
    found = _ratio(m, need, first, other)
    return two <= UNKNOWN_NOISE * one if found is None else not differs(*found)


def _ratio(m: Measurements, need: Need, first: Candidate, other: Candidate) -> tuple[Interval, float] | None:
    """Return the ratio of p99 with the noise floor; `None` with too few processes or A/A runs to say if two differ."""
    one, two = first.judged(need), other.judged(need)
    if not (one and two and one.p99_by_round and two.p99_by_round):
        return None
    found = ratio(one.p99_by_round, two.p99_by_round)
    floor = max(m.floor(each.facts, "service", "p99").ratio for each in (first, other))
    return (found, floor) if found.enough and floor < inf else None


# ---------------------------------------------------------------------- reasons


def _why(pick: Candidate, need: Need, inputs: Inputs, ranking: Ranking) -> Iterator[str]:
    facts = pick.facts
    if pick.plug_in:
        yield f"It is a plug-in, the distribution {pick.plug_in}."
    yield f"Durability: {facts.durability} (asked for: {need.durability}); it survives: {facts.survives}."
    if need.processes > 1:
        where = "on a" if facts.home == "server" else "in a"
        yield f"{need.processes} app processes share one board, {where} {facts.home}."
    if pick.facts.sharded and pick.bill is not None:
        yield from _over_shards(pick.bill, pick.times, inputs)
    if pick.times is not None:
        yield f"{_time_of(pick.times.update, 'An update')} ({pick.times.source})."
        if slowest := pick.times.slowest_read:
            yield f"{_time_of(slowest, f'The slowest read, {operation_title(slowest.operation)},')}."
        if need.processes > 1:
            yield "These times are of one client alone" + (
                "." if pick.responds_together else f": those of {need.processes} clients at once were not measured."
            )
    yield from _load_and_cost(pick, need, inputs)
    for labels in ranking.ties:
        if pick.label in labels:
            others = ", ".join(label for label in labels if label != pick.label)
            yield f"Within the noise it equals {others}: the simplest to run comes first."
    if ranking.noise_unknown:
        yield f"Too few processes were run to know the noise: times within {UNKNOWN_NOISE:g}x count as equal."


def _over_shards(nodes: Bill, times: Times | None, inputs: Inputs) -> Iterator[str]:
    """Yield how to open a board over shards, what a primary holds, and what a rank takes over a network."""
    sharding, trip = nodes.sharding, inputs.model.round_trip_us
    memory = "" if nodes.problem else f", and needs {nodes.gib_each:.2f} GiB"
    yield (
        f"Open {sharding.url} on {counted(sharding.primaries, 'primary', 'primaries')}: the one with the most holds "
        f"{sharding.on_one} of {sharding.shards} shards, {nodes.players_each:,} players{memory}."
    )
    rank_us = next((one.p50_us for one in times.reads if one.operation == "rank"), None) if times else None
    if rank_us is not None:
        time = time_words(rank_us + TRIPS * trip)
        yield f"A rank takes about {time} (p50) with {TRIPS} round trips of {trip:g} µs between machines (assumed)."


def _time_of(latency: Latency, what: str) -> str:
    p50 = "" if latency.p50_us is None else f"p50 {time_words(latency.p50_us)}, "
    return f"{what} takes {time_words(latency.mean_us)} on average, {p50}p99 {latency.p99_words}"


def _load_and_cost(pick: Candidate, need: Need, inputs: Inputs) -> Iterator[str]:
    busiest, found, bill = percent(inputs.model.busiest), pick.response, pick.bill
    yield (
        f"It carries up to {rate_words(pick.carries, 'update')} in addition to {rate_words(need.reads, 'read')} at "
        f"{busiest} of the measured rate; the need is {percent(pick.share)} of that ({pick.concurrency.source})."
    )
    if found is not None and found.p99_us is not None:
        alone = " for one client with the whole load; several at once were not measured" if found.several else ""
        yield f"Under load, p99 from the intended start is {time_words(found.p99_us)}{alone} ({found.source})."
    if bill is None or bill.problem:
        yield f"Cost: not known ({bill.problem if bill else 'its bytes were not measured'})."
    else:
        total = f", {bill.total:,.0f} over {bill.model.years:g} years including development" if bill.total else ""
        yield f"It costs {bill.monthly:,.2f} {inputs.prices.currency} per month ({bill.runs_on}){total}."


def _why_nothing(found: Sequence[Candidate]) -> Iterator[str]:
    """Yield how many each demand rules out, and who is ruled out by a single demand; where nothing is known, why."""
    if not any(one.times for one in found):
        for text in dict.fromkeys(reason.text for one in found for reason in one.reasons):
            yield f"{', '.join(one.label for one in found if one.reasons[0].text == text)}: {text}."
        return
    for demand in dict.fromkeys(reason.demand for one in found for reason in one.reasons):
        labels = [one.label for one in found if any(reason.demand == demand for reason in one.reasons)]
        yield f"Ruled out by {demand}: {', '.join(labels)}."
    nearest = [one for one in found if one.times and len({reason.demand for reason in one.reasons}) == 1]
    for one in sorted(nearest, key=lambda one: one.share)[:1]:
        yield f"Nearest: {one.label}, which fails one demand only: {'; '.join(reason.text for reason in one.reasons)}."
