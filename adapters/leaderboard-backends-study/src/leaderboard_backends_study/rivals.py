"""Claims that compare boards: which is faster, by how much, and whether that is clear of noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple

from leaderboard_backends.comparison.document import operation_title
from leaderboard_backends.comparison.statistics import (
    ENOUGH_PROCESSES,
    Interval,
    differs,
    operations_of,
    ratio,
    runs_of,
    sizes_of,
)
from leaderboard_backends.numerals import times

from .evidence import SORTED, WORKLOAD, Evaluator, Evidence, missing, told
from .findings import Judged, NotMeasuredError, decide
from .inputs import Claim
from .rates import RatePlace, rates
from .speed import MIDDLE

SHOWN: Final = 3
"""How many of the cases in which a board is slower are named."""


class Place(NamedTuple):
    """An operation of a workload at a size."""

    operation: str
    players: int
    workload: str

    def __str__(self) -> str:
        return f"{operation_title(self.operation)} at {self.players:,} players, {self.workload}"


class Against(NamedTuple):
    """Time of `sortedcontainers` relative to another board, and whether the difference is clear of noise."""

    ratio: Interval
    clear: bool


class Outcome(NamedTuple):
    """Whether `sortedcontainers` is clearly faster than all others in one case, and which board beats it most."""

    place: str
    won: bool
    beaten: tuple[float, str] | None
    """The time of `sortedcontainers` relative to the board that clearly beats it most, and that board's label."""

    @classmethod
    def of(cls, place: str, judged: Mapping[str, Against | None]) -> Outcome | None:
        """Return the outcome; `None` where no other board has enough processes and A/A runs for a verdict."""
        known = {label: by for label, by in judged.items() if by is not None}
        if not known:
            return None
        beaten = [(by.ratio.middle, label) for label, by in known.items() if by.clear and by.ratio.middle > 1]
        won = all(by.clear and by.ratio.middle < 1 for by in known.values())
        return cls(place, won, max(beaten, default=None))


def beats_all(_: Claim, found: Evidence) -> Judged:
    """Judge whether `sortedcontainers` is the fastest, clear of noise: by service times, throughput and batches."""
    times_ = [one for place in _places(found) if (one := Outcome.of(str(place), _times(found, place))) is not None]
    if not times_:
        missing(f"{SORTED} and another board in {ENOUGH_PROCESSES} processes each, with A/A runs for the noise floor")
    rates_ = [one for place, judged in _rates(found).items() if (one := Outcome.of(str(place), judged)) is not None]
    said = f"fastest, clear of noise, in {_counted(times_)} combinations of operation, workload and size"
    said += f", and in {_counted(rates_)} numbers of clients and batch sizes" if rates_ else "; no throughput to judge"
    beaten = [one for one in (*times_, *rates_) if one.beaten]
    slower = "; ".join(_beaten(one) for one in beaten[:SHOWN])
    said += f"; slower in {len(beaten)}, for example {slower}" if beaten else ""
    return Judged(said + _crowded(found), decide([one.won for one in (*times_, *rates_)]))


def _counted(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(one.won for one in outcomes)} of {len(outcomes)}"


def _beaten(one: Outcome) -> str:
    by, label = one.beaten or (0.0, "")
    return f"{one.place}: {times(by)} slower than {label}"


def _crowded(found: Evidence) -> str:
    """Return the throughput of the most threads on `sortedcontainers`, relative to one thread, as text."""
    rate = {clients: one.middle for clients, one in found.throughputs(SORTED, "threads").items()}
    most = max(rate, default=1)
    return (
        f"; `{SORTED}` with {most} threads has {times(rate[most] / rate[1])} the throughput of one" if most > 1 else ""
    )


def _places(found: Evidence) -> Iterator[Place]:
    for facts in found.result.workloads:
        for players in sizes_of(found.result, "service", facts.name):
            runs = runs_of(found.result, "service", facts.name, players, SORTED)
            yield from (Place(name, players, facts.name) for name in operations_of(runs))


def _times(found: Evidence, place: Place) -> dict[str, Against | None]:
    return {label: _against(found, place, label) for label in found.labels if label != SORTED}


def _against(found: Evidence, place: Place, label: str) -> Against | None:
    try:
        mine, other = (
            found.by_round(one, place.operation, place.players, workload=place.workload) for one in (SORTED, label)
        )
    except NotMeasuredError:
        return None
    return _judged(ratio(mine, other), found.floor(SORTED, label))


def _rates(found: Evidence) -> dict[RatePlace, dict[str, Against | None]]:
    """Return the throughput of every other board relative to `sortedcontainers`, by clients and batch size."""
    mine = rates(found, SORTED)
    judged: dict[RatePlace, dict[str, Against | None]] = {place: {} for place in mine}
    for label in found.labels:
        floor = found.floor(SORTED, label, "throughput", "per_second")
        for place, rate in rates(found, label).items() if label != SORTED else ():
            if place in mine and min(*rate.values(), *mine[place].values()) > 0:
                judged[place][label] = _judged(ratio(rate, mine[place]), floor)
    return judged


def _judged(by: Interval, floor: float) -> Against | None:
    return Against(by, differs(by, floor)) if by.enough and floor < inf else None


def slower_than_sorted(*labels: str) -> Evaluator:
    """Judge whether boards, as far as measured, are slower than `sortedcontainers` at each operation."""

    def judge(_: Claim, found: Evidence) -> Judged:
        measured = [label for label in labels if runs_of(found.result, "service", WORKLOAD, MIDDLE, label)]
        if not measured:
            missing(f"service times of {' or '.join(labels)} at {MIDDLE:,} players")
        said, slower = [], []
        for label in measured:
            by = {name: _ratio(found, label, name) for name in found.operations(SORTED, MIDDLE)}
            slower += [one > 1 for one in by.values()]
            each = ", ".join(f"{operation_title(name)} {times(one)}" for name, one in by.items())
            said.append(f"{label}: {each}")
        return Judged(f"p50 relative to `sortedcontainers` at {MIDDLE:,} players: {'; '.join(said)}", decide(slower))

    return judge


def _ratio(found: Evidence, label: str, operation: str) -> float:
    return found.time(label, operation, MIDDLE).middle / found.time(SORTED, operation, MIDDLE).middle


def good_on_one_server(_: Claim, found: Evidence) -> Judged:
    """Judge ZODB on one server: it loses nothing, and no board as durable is faster at updates."""
    lost, acknowledged = found.lost("zodb")
    durable = [label for label in found.labels if _is_durable(found, label)]
    update = {label: found.time(label, "update", MIDDLE) for label in durable}
    mine = update.get("zodb") or missing("updates of zodb")
    said = ", ".join(f"{label} {told(time)}" for label, time in update.items())
    fastest = all(mine.middle <= time.middle for time in update.values())
    return Judged(
        f"zodb lost {lost:,} of {acknowledged:,} updates; p50 of an update, durable at every commit: {said}",
        decide([lost == 0, fastest]),
    )


def _is_durable(found: Evidence, label: str) -> bool:
    facts = found.result.facts(label)
    return facts is not None and facts.durability == "every commit"


def live_top_10(_: Claim, found: Evidence) -> Judged:
    """Judge whether a live top 10 is much faster than a top 100: at least twice as fast."""
    ten, hundred = (found.time(SORTED, name, MIDDLE) for name in ("top_10", "top_100"))
    said = (
        f"p50 of `sortedcontainers`: top 10 {told(ten)}, top 100 {told(hundred)}: {times(hundred.middle / ten.middle)}"
    )
    return Judged(said, decide([hundred.middle >= 2 * ten.middle]))


def approximate_ranks(_: Claim, found: Evidence) -> Judged:
    """Report what an approximate rank could save, by the time of an exact percentile relative to a rank."""
    exact, rank = (found.time(SORTED, name, MIDDLE, workload="lobby") for name in ("percentile", "rank"))
    saves = "nothing to save" if exact.middle <= 2 * rank.middle else "something to save"
    said = f"an exact percentile takes {told(exact)}, a rank {told(rank)} (p50 of `sortedcontainers`, lobby): {saves}"
    return Judged(said, "holds in part")


EVALUATORS: Final[dict[str, Evaluator]] = {
    "sortedcontainers-beats-alternatives": beats_all,
    "redis-network-latency": slower_than_sorted("redis (unix socket)", "redis"),
    "zodb-slower": slower_than_sorted("zodb", "zodb+memory"),
    "zodb-good-on-one-server": good_on_one_server,
    "live-top-10-beside-cached-top-100": live_top_10,
    "approximate-ranks": approximate_ranks,
}
"""By the claim's id."""
