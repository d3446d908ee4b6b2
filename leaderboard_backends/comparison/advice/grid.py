"""The answers to a grid of needs: computed here once, so that a page that computes nothing can look them up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, product
from typing import Final

import msgspec

from ...numerals import rate_words
from ..cost.source import Inputs
from ..document import operation_title
from ..measurements import Measurements
from ..schema import Durability, Result
from .answer import EQUAL_COST, Advice, Ranking, advise_from
from .candidates import Basis, Candidate
from .need import DURABILITIES, LOST, Need, time_words
from .performance import FURTHEST, sizes

PLAYERS: Final = (1_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000)
"""Sizes in the grid, as far as a result has figures; its measured sizes are in the grid as well."""

SMALLEST: Final = 1_000
"""Smaller sizes are not in the grid, even if they were measured."""

SERVERS: Final = (1, 3)
WORKERS: Final = (1, 4, 8)
RATES: Final = (100, 500, 2_000, 10_000)
"""Updates, and reads, per second."""


class Axes(msgspec.Struct, frozen=True):
    """What can be asked: each need has one value of each axis. The first axis varies slowest in `Grid.index`."""

    players: list[int]
    servers: list[int]
    workers: list[int]
    durability: list[Durability]
    updates: list[int]
    reads: list[int]

    def needs(self) -> Iterator[Need]:
        """Yield every need, in the order of the index."""
        every = (self.players, self.servers, self.workers, self.durability, self.updates, self.reads)
        for players, servers, workers, durability, updates, reads in product(*every):
            yield Need(players, updates, reads, servers, workers, durability)


class Found(msgspec.Struct, frozen=True, array_like=True):
    """One answer; every number is an index into `Grid.texts`."""

    take: int
    """The label of the pick, or the verdict where there is none."""
    config: int | None
    """The line for a config; `None` without a pick."""
    facts: tuple[tuple[int, int], ...]
    """What is known of the pick, each with its name."""
    notes: tuple[int, ...]
    """What the figures do not show; without a pick, why nothing fits."""
    others: tuple[tuple[int, int], ...]
    """The other backends, the runner-up first, each with the reason why it is not the pick."""


class Grid(msgspec.Struct, frozen=True):
    """The answers to all needs of the axes, for compact JSON: equal answers are stored once."""

    axes: Axes
    texts: list[str]
    answers: list[Found]
    index: list[int]
    """The answer to each need."""
    largest: int
    """The most players that were measured."""


def grid(result: Result, inputs: Inputs | None = None) -> Grid | None:
    """Return what `advise` answers to each need of the grid; `None` where a result has nothing to advise from.

    Cost: a second for ten backends.
    """
    m = Measurements(result)
    measured = {size for facts in result.backends for size in sizes(m, facts.label)}
    if not measured:
        return None
    basis = Basis(m, inputs)
    known = {size for size in measured if size >= SMALLEST} or measured
    players = sorted(known | {size for size in PLAYERS if size <= FURTHEST * max(measured)})
    axes = Axes(players, [*SERVERS], [*WORKERS], [*DURABILITIES], [*RATES], [*RATES])
    texts, answers = defaultdict[str, int](count().__next__), defaultdict[Found, int](count().__next__)
    index = [answers[_found(advise_from(basis, need), texts)] for need in axes.needs()]
    return Grid(axes, [*texts], [*answers], index, max(measured))


def _found(advice: Advice, texts: Mapping[str, int]) -> Found:
    """Return an answer by the numbers of its texts; `texts` has one for every text."""

    def pairs(found: Iterable[tuple[str, str]]) -> tuple[tuple[int, int], ...]:
        return tuple((texts[one], texts[other]) for one, other in found)

    pick, need, notes = advice.pick, advice.need, [*advice.why]
    if pick:
        not_measured = f": those of {need.processes} at once were not measured."
        others = "; `leaderboard advise` has those of several at once." if pick.responds_together else not_measured
        alone = [f"The p99s are of one client alone{others}"] if need.processes > 1 else []
        notes = [*alone, *(f"{caution}." for caution in pick.cautions)]
    return Found(
        take=texts[pick.label if pick else advice.verdict],
        config=texts[pick.facts.metadata.configuration] if pick else None,
        facts=pairs(_facts(pick, need)) if pick else (),
        notes=tuple(texts[note[:1].upper() + note[1:]] for note in notes),
        others=pairs(_others(pick, advice)) if pick else (),
    )


def _facts(pick: Candidate, need: Need) -> Iterator[tuple[str, str]]:
    update, read = (pick.times.update, pick.times.slowest_read) if pick.times else (None, None)
    if update is not None and update.p99_us is not None:
        yield "p99 of an update", time_words(update.p99_us)
    if read is not None and read.p99_us is not None:
        yield "p99 of the slowest read", f"{time_words(read.p99_us)} ({operation_title(read.operation)})"
    yield "Capacity", f"{rate_words(pick.carries, 'update')} in addition to {rate_words(need.reads, 'read')}"
    if pick.bill is not None:
        yield "Cost", "not known" if pick.bill.problem else f"{pick.cost}, on {pick.bill.runs_on}"
    yield "Lost in a power cut", LOST[pick.facts.durability]


def _others(pick: Candidate, advice: Advice) -> Iterator[tuple[str, str]]:
    """Yield every other backend: those that fit in their order, then those that fail the fewest demands."""
    for other in advice.ranking.order[1:]:
        yield other.label, _behind(pick, other, advice.need, advice.ranking)
    unfit = [one for one in advice.candidates if not one.fits]
    for one in sorted(unfit, key=lambda one: (len({reason.demand for reason in one.reasons}), one.share)):
        yield one.label, one.reasons[0].text


def _behind(pick: Candidate, other: Candidate, need: Need, ranking: Ranking) -> str:
    """Return why a backend that fits is not the pick, by the rule that decided: cost, then the noise, then p99."""
    if pick.monthly is None or other.monthly is None or other.monthly > pick.monthly * (1 + EQUAL_COST):
        return f"costs {other.cost}" if other.monthly is not None else "its cost is not known"
    if any({pick.label, other.label} <= {*labels} for labels in ranking.ties):
        return "equal within the noise, but needs more to run or to set up"
    mine, theirs = pick.p99_us(need), other.p99_us(need)
    if mine is None or theirs is None or theirs <= mine:
        return "keeps more in a power cut than was asked for"
    return f"p99 {time_words(theirs)} instead of {time_words(mine)}"
