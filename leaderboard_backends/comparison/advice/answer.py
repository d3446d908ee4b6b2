"""The answer: which backend for a need, the others in order, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf
from typing import Final, NamedTuple

import msgspec

from ...numerals import counted, percent
from ..cost.cluster import TRIPS, Cluster
from ..cost.source import MOST_PLAYERS, ON_DEMAND, Inputs, Model, PriceTable
from ..document import operation_title
from ..measurements import Measurements
from ..schema import Result
from ..statistics import differs, ratio
from .candidates import Basis, Candidate
from .clusters import all_candidates
from .need import DURABILITIES, Need, rate_words, time_words
from .performance import Latency, Response, extrapolated_up_to
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


class Advice(msgspec.Struct, frozen=True):
    """Which backend meets a need, and all figures that the answer is based on."""

    need: Need
    pick: Candidate | None
    """`None` where nothing fits."""
    ranking: Ranking
    candidates: tuple[Candidate, ...]
    """Every backend of the result, those that do not fit included."""
    why: tuple[str, ...]
    thresholds: tuple[Threshold, ...]
    """What would change the answer, the nearest of each kind."""
    inputs: Inputs
    result: Result

    @property
    def known(self) -> bool:
        """Whether any backend has figures for such a board."""
        return any(one.times is not None for one in self.candidates)

    @property
    def verdict(self) -> str:
        """What to say where there is no pick: that nothing fits, or that nothing is known."""
        return "nothing fits" if self.known else "not known"


def advise(
    result: Result,
    need: Need,
    prices: PriceTable | None = None,
    model: Model | None = None,
    term: str = ON_DEMAND,
) -> Advice:
    """Return which backend of a result meets a need, with the shipped prices and model where none are given.

    Those that meet the need are sorted by monthly cost; where that is equal, the class of durability that was asked for
    comes before stronger ones, and p99 decides within a class. Figures within the noise of each other are ties: among
    them, what is simpler to run comes first. Raises `ConfigurationError` where the result has no service times of
    updates.
    """
    shipped = Inputs.shipped()
    inputs = Inputs(prices or shipped.prices, model or shipped.model, term)
    return advise_from(Basis(Measurements(result), inputs), need)


def advise_from(basis: Basis, need: Need) -> Advice:
    """Return the same from what is read already."""

    def order(other: Need) -> Sequence[Candidate]:
        return rank(basis.m, other, all_candidates(basis, other)).order

    found = advise_without_thresholds(basis, need)
    modelled = {one.label for one in found.candidates if one.times and one.times.modelled}

    def known_up_to(label: str) -> int:
        return MOST_PLAYERS if label in modelled else extrapolated_up_to(basis.m, label)

    changes = thresholds(need, found.pick, order, known_up_to)
    return msgspec.structs.replace(found, thresholds=tuple(changes))


def advise_without_thresholds(basis: Basis, need: Need) -> Advice:
    """Return the same without what would change the answer, which takes ten times as long as the answer itself."""
    found = all_candidates(basis, need)
    ranking = rank(basis.m, need, found)
    pick = ranking.order[0] if ranking.order else None
    return Advice(
        need=need,
        pick=pick,
        ranking=ranking,
        candidates=tuple(found),
        why=tuple(_why(pick, need, basis.inputs, ranking)) if pick else tuple(_why_nothing(found)),
        thresholds=(),
        inputs=basis.inputs,
        result=basis.m.result,
    )


# ---------------------------------------------------------------------- order


def rank(m: Measurements, need: Need, found: Sequence[Candidate]) -> Ranking:
    """Put those that fit in order, as `advise` says."""
    order: list[Candidate] = []
    ties: list[tuple[str, ...]] = []
    noise_unknown = False
    for equal in _equal_cost([one for one in found if one.fits]):
        for durability in (*DURABILITIES, "not known"):
            alike = [one for one in equal if one.facts.durability == durability]
            for group in _by_p99(m, need, alike):
                order += sorted(group, key=lambda one: one.simplicity)
                ties += [tuple(one.label for one in order[-len(group) :])] if len(group) > 1 else []
            noise_unknown = noise_unknown or any(not _can_tell(m, need, alike[0], other) for other in alike[1:])
    return Ranking(tuple(order), tuple(ties), noise_unknown)


def _equal_cost(fitting: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Yield those whose cost is within a hundredth of the cheapest left; without an amount they come last."""
    left = sorted(fitting, key=_amount)
    while left:
        most = _amount(left[0]) * (1 + EQUAL_COST)
        yield [one for one in left if _amount(one) <= most]
        left = [one for one in left if _amount(one) > most]


def _amount(one: Candidate) -> float:
    return inf if one.monthly is None else one.monthly


def _by_p99(m: Measurements, need: Need, alike: Sequence[Candidate]) -> Iterator[list[Candidate]]:
    """Yield groups by rising p99: the fastest one left, with those within the noise of it."""
    left = sorted(alike, key=lambda one: _p99(one, need))
    while left:
        first, *others = left
        tied = [one for one in others if _tied(m, need, first, one)]
        yield [first, *tied]
        left = [one for one in others if one not in tied]


def _p99(one: Candidate, need: Need) -> float:
    p99 = one.p99_us(need)
    return inf if p99 is None else p99


def _tied(m: Measurements, need: Need, first: Candidate, other: Candidate) -> bool:
    one, two = first.judged(need), other.judged(need)
    if one is None or two is None or one.p99_us is None or two.p99_us is None:
        return _p99(first, need) == _p99(other, need)
    if not _can_tell(m, need, first, other):
        return two.p99_us <= UNKNOWN_NOISE * one.p99_us  # `first` is the faster one
    return not differs(ratio(one.p99_by_round, two.p99_by_round), _floor(m, first, other))


def _can_tell(m: Measurements, need: Need, first: Candidate, other: Candidate) -> bool:
    """Whether there are enough processes and A/A runs to say whether two differ."""
    one, two = first.judged(need), other.judged(need)
    if not (one and two and one.p99_by_round and two.p99_by_round):
        return False
    return ratio(one.p99_by_round, two.p99_by_round).enough and _floor(m, first, other) < inf


def _floor(m: Measurements, *both: Candidate) -> float:
    return max(m.floors.find(one.facts, "service", "p99").ratio for one in both)


# ---------------------------------------------------------------------- reasons


def _why(pick: Candidate, need: Need, inputs: Inputs, ranking: Ranking) -> Iterator[str]:
    facts = pick.facts
    if pick.plug_in:
        yield f"It is a plug-in, the distribution {pick.plug_in}."
    yield f"Durability: {facts.durability} (asked for: {need.durability}); it survives: {facts.survives}."
    if need.processes > 1:
        where = "on a" if facts.home == "server" else "in a"
        yield f"{need.processes} app processes share one board, {where} {facts.home}."
    if pick.cluster is not None:
        yield _nodes(pick.cluster)
        yield from _beyond_one_machine(pick, inputs)
    if pick.times is not None:
        yield f"{_time_of(pick.times.update, 'An update')} ({pick.times.source})."
        if pick.times.slowest_read:
            slowest = pick.times.slowest_read
            yield f"{_time_of(slowest, f'The slowest read, {operation_title(slowest.operation)},')}."
        if need.processes > 1:
            yield "These times are of one client alone" + (
                "." if pick.responds_together else f": those of {need.processes} clients at once were not measured."
            )
    yield _load(pick, need, inputs)
    if pick.response is not None and pick.response.p99_us is not None:
        yield _under_load(pick.response.p99_us, pick.response)
    yield _cost(pick, inputs)
    yield from _ties(pick, ranking)


def _nodes(nodes: Cluster) -> str:
    """Return how to open a board over shards, and what a primary holds."""
    sharding = nodes.sharding
    memory = "" if nodes.bill.problem else f", and needs {nodes.gib_each:.2f} GiB"
    return (
        f"Open {nodes.url} on {counted(sharding.primaries, 'primary', 'primaries')}: the one with the most holds "
        f"{sharding.on_one} of {sharding.shards} shards, {nodes.players_each:,} players{memory}."
    )


def _beyond_one_machine(pick: Candidate, inputs: Inputs) -> Iterator[str]:
    """Yield what a rank takes over a network, and what others estimate that such boards cost."""
    trip = inputs.model.round_trip_us
    rank = next((one for one in pick.times.reads if one.operation == "rank"), None) if pick.times else None
    if rank is not None and rank.p50_us is not None:
        time = time_words(rank.p50_us + TRIPS * trip)
        yield f"A rank takes about {time} (p50) with {TRIPS} round trips of {trip:g} µs between machines (assumed)."


def _time_of(latency: Latency, what: str) -> str:
    p50 = "" if latency.p50_us is None else f"p50 {time_words(latency.p50_us)}, "
    return f"{what} takes {time_words(latency.mean_us)} on average, {p50}p99 {latency.p99_words}"


def _load(pick: Candidate, need: Need, inputs: Inputs) -> str:
    busiest = percent(inputs.model.busiest)
    return (
        f"It carries up to {rate_words(pick.carries, 'update')} beside {rate_words(need.reads, 'read')}, counting on "
        f"{busiest} of the measured rate; the need is {percent(pick.share)} of that ({pick.concurrency.source})."
    )


def _under_load(p99_us: float, found: Response) -> str:
    whole_load = " for one client with the whole load; several at once were not measured" if found.several else ""
    return f"Under load, p99 from the intended start is {time_words(p99_us)}{whole_load} ({found.source})."


def _cost(pick: Candidate, inputs: Inputs) -> str:
    if pick.bill is None or pick.bill.problem:
        return f"Cost: not known ({pick.bill.problem if pick.bill else 'its bytes were not measured'})."
    total = f", {pick.bill.total:,.0f} over {pick.bill.years:g} years including development" if pick.bill.total else ""
    return f"It costs {pick.bill.monthly:,.2f} {inputs.prices.currency} per month ({pick.bill.runs_on}){total}."


def _ties(pick: Candidate, ranking: Ranking) -> Iterator[str]:
    for labels in ranking.ties:
        if pick.label in labels:
            others = ", ".join(label for label in labels if label != pick.label)
            yield f"Within the noise it equals {others}: the simplest to run comes first."
    if ranking.noise_unknown:
        yield f"Too few processes were run to know the noise: times within {UNKNOWN_NOISE:g}x count as equal."


def _why_nothing(found: Sequence[Candidate]) -> Iterator[str]:
    """Yield how many each demand rules out, and who is ruled out by a single demand; where nothing is known, why."""
    if not any(one.times for one in found):
        texts = dict.fromkeys(reason.text for one in found for reason in one.reasons)
        for text in texts:
            yield f"{', '.join(one.label for one in found if one.reasons[0].text == text)}: {text}."
        return
    demands = dict.fromkeys(reason.demand for one in found for reason in one.reasons)
    for demand in demands:
        labels = [one.label for one in found if any(reason.demand == demand for reason in one.reasons)]
        yield f"Ruled out by {demand}: {', '.join(labels)}."
    nearest = [one for one in found if one.times and len({reason.demand for reason in one.reasons}) == 1]
    for one in sorted(nearest, key=lambda one: one.share)[:1]:
        yield f"Nearest: {one.label}, which fails one demand only: {'; '.join(reason.text for reason in one.reasons)}."
