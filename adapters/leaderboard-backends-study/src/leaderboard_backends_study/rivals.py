"""Claims that compare boards: which is faster, by how much, and whether that is clear of noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from math import inf
from statistics import median
from typing import Final, Literal, NamedTuple, TypeAlias

from leaderboard_backends.comparison.document import operation_title
from leaderboard_backends.comparison.measurements import Measured, Values
from leaderboard_backends.comparison.named_figures import Figure
from leaderboard_backends.comparison.statistics import ENOUGH_PROCESSES, differs, ratio
from leaderboard_backends.numerals import counted, times

from .evidence import SORTED, Evaluator, Evidence, Judged, decide, measured, missing, timed
from .inputs import Claim
from .speed import MIDDLE

SHOWN: Final = 3
"""How many of the cases in which a board is slower are named."""

Compared: TypeAlias = Literal["service", "throughput"]

Cases: TypeAlias = dict[str, dict[str, Values]]
"""Figures by round of each board that has any, by what was measured, in words."""


class Outcome(NamedTuple):
    """Whether `sortedcontainers` is clearly faster than all others in one case, and which board beats it most."""

    case: str
    won: bool
    beaten: tuple[float, str] | None
    """The time of `sortedcontainers` relative to the board that clearly beats it most, and that board's label."""


def beats_all(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether `sortedcontainers` is the fastest, clear of noise: by service times, throughput and batches."""
    times_, rates_ = list(_outcomes(evidence, "service")), list(_outcomes(evidence, "throughput"))
    if not times_:
        missing(f"{SORTED} and another board in {ENOUGH_PROCESSES} processes each, with A/A runs for the noise floor")
    said = f"fastest, clear of noise, in {_won(times_)} combinations of operation, workload and size"
    said += f", and in {_won(rates_)} numbers of clients and batch sizes" if rates_ else "; no throughput to judge"
    every = [*times_, *rates_]
    slower = [f"{one.case}: {times(one.beaten[0])} slower than {one.beaten[1]}" for one in every if one.beaten]
    said += f"; slower in {len(slower)}, for example {'; '.join(slower[:SHOWN])}" if slower else ""
    return Judged(said + _crowded(evidence), decide([one.won for one in every]))


def _won(outcomes: Sequence[Outcome]) -> str:
    return f"{sum(one.won for one in outcomes)} of {len(outcomes)}"


def _crowded(evidence: Evidence) -> str:
    """Return the throughput of the most threads on `sortedcontainers`, relative to one thread, as text."""
    rate = evidence.throughputs(SORTED)
    most = max(rate, default=1)
    return (
        f"; `{SORTED}` with {most} threads has {times(rate[most] / rate[1])} the throughput of one" if most > 1 else ""
    )


def _outcomes(evidence: Evidence, mode: Compared) -> Iterator[Outcome]:
    """Yield the outcome of each case in which another board has enough processes and A/A runs for a verdict."""
    for case, by_label in _cases(evidence, mode).items():
        mine, ratios = by_label.pop(SORTED), list[tuple[float, str, bool]]()
        for label, other in by_label.items():
            by = ratio(mine, other) if mode == "service" else ratio(other, mine)
            floor = evidence.floor(SORTED, label, mode, "p50" if mode == "service" else "per_second")
            if by.enough and floor < inf:
                ratios.append((by.middle, label, differs(by, floor)))
        if ratios:
            beaten = [(middle, label) for middle, label, clear in ratios if clear and middle > 1]
            won = all(clear and middle < 1 for middle, _, clear in ratios)
            yield Outcome(case, won, max(beaten, default=None))


def _cases(evidence: Evidence, mode: Compared) -> Cases:
    """Return what was measured of `sortedcontainers`; per number of clients, the better of threads and processes."""
    cases: Cases = {}
    for label in (SORTED, *(label for label in evidence.labels if label != SORTED)):
        for one in evidence.measurements.measured(mode, [label]):
            for what, values in _figures(one):
                by_label = cases.setdefault(f"{what} at {one.cell.players:,} players, {one.cell.workload}", {})
                if label not in by_label or median(values.values()) > median(by_label[label].values()):
                    by_label[label] = values
    return {case: by_label for case, by_label in cases.items() if SORTED in by_label}


def _figures(one: Measured) -> Iterator[tuple[str, Values]]:
    """Yield the p50 of each operation, or the operations per second by number of clients and batch size."""
    for name in one.operations:
        if p50 := one.values(name, "p50"):
            yield operation_title(name), p50
    for figure, values in one.figures.items():
        if figure.statistic == "per_second" and figure.amount and min(values.values()) > 0:
            yield _clients(figure), values


def _clients(figure: Figure) -> str:
    return counted(int(figure.amount), "client") if figure.part in {"threads", "processes"} else figure.title


def slower_than_sorted(labels: Sequence[str], _: Claim, evidence: Evidence) -> Judged:
    """Judge whether boards, as far as measured, are slower than `sortedcontainers` at each operation."""
    by_label = measured(labels, lambda label: evidence.service(label, MIDDLE)) or missing(
        f"service times of {' or '.join(labels)} at {MIDDLE:,} players"
    )
    said, slower = [], []
    for label in by_label:
        by = {name: _ratio(evidence, label, name) for name in evidence.operations(SORTED, MIDDLE)}
        slower += [one > 1 for one in by.values()]
        each = ", ".join(f"{operation_title(name)} {times(one)}" for name, one in by.items())
        said.append(f"{label}: {each}")
    return Judged(f"p50 relative to `sortedcontainers` at {MIDDLE:,} players: {'; '.join(said)}", decide(slower))


def _ratio(evidence: Evidence, label: str, operation: str) -> float:
    return evidence.time(label, operation, MIDDLE).middle / evidence.time(SORTED, operation, MIDDLE).middle


def good_on_one_server(_: Claim, evidence: Evidence) -> Judged:
    """Judge ZODB on one server: it loses nothing, and no board as durable is faster at updates."""
    lost, acknowledged = evidence.lost("zodb")
    durable = [label for label in evidence.labels if evidence.measurements.durability(label) == "every commit"]
    update = {label: evidence.time(label, "update", MIDDLE) for label in durable}
    mine = update.get("zodb") or missing("updates of zodb")
    said = ", ".join(f"{label} {timed(time)}" for label, time in update.items())
    fastest = all(mine.middle <= time.middle for time in update.values())
    return Judged(
        f"zodb lost {lost:,} of {acknowledged:,} updates; p50 of an update, durable at every commit: {said}",
        decide([lost == 0, fastest]),
    )


def live_top_10(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether a live top 10 is much faster than a top 100: at least twice as fast."""
    ten, hundred = (evidence.time(SORTED, name, MIDDLE) for name in ("top_10", "top_100"))
    by = hundred.middle / ten.middle
    said = f"p50 of `sortedcontainers`: top 10 {timed(ten)}, top 100 {timed(hundred)}: {times(by)}"
    return Judged(said, decide([hundred.middle >= 2 * ten.middle]))


def approximate_ranks(_: Claim, evidence: Evidence) -> Judged:
    """Report what an approximate rank could save, by the time of an exact percentile relative to a rank."""
    exact, rank = (evidence.time(SORTED, name, MIDDLE, workload="lobby") for name in ("percentile", "rank"))
    saves = "nothing to save" if exact.middle <= 2 * rank.middle else "something to save"
    said = f"an exact percentile takes {timed(exact)}, a rank {timed(rank)} (p50 of `sortedcontainers`, lobby): {saves}"
    return Judged(said, "holds in part")


EVALUATORS: Final[dict[str, Evaluator]] = {
    "sortedcontainers-beats-alternatives": beats_all,
    "redis-network-latency": partial(slower_than_sorted, ("redis (unix socket)", "redis")),
    "zodb-slower": partial(slower_than_sorted, ("zodb", "zodb+memory")),
    "zodb-good-on-one-server": good_on_one_server,
    "live-top-10-beside-cached-top-100": live_top_10,
    "approximate-ranks": approximate_ranks,
}
"""By the claim's id."""
