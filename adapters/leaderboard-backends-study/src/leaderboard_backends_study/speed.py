"""Claims on times, rates and memory of boards: judged by the boards of this library, at the claim's size."""

from __future__ import annotations

from functools import partial
from math import log
from statistics import median
from typing import Final

from leaderboard_backends.comparison.document import operation_title
from leaderboard_backends.numerals import duration, elapsed, percent, significant, size, times, whole

from .evidence import SORTED, WORKLOAD, Evaluator, Evidence, Judged, decide, measured, missing, timed
from .inputs import Claim
from .programs.board import STUDY_BOARD

MIDDLE: Final = 100_000
LARGE: Final = 1_000_000

TARGETS_MS: Final = {"update": 10.0, "top_100": 50.0, "rank": 20.0}
"""The study's targets in milliseconds, by operation."""

MS: Final = 1_000.0
MB: Final = 1e6

PROGRAM_OPERATIONS: Final = {"update": ("update", "update and rank"), "top_100": ("top 100",), "rank": ("rank",)}
"""Operations of the study's own board, for each operation of this library."""


# ---------------------------------------------------------------------- latencies and targets


def latency(operation: str, claim: Claim, evidence: Evidence) -> Judged:
    """Judge a mean: it holds where neither the study's board nor `sortedcontainers`, as far as measured, is slower."""
    limit = claim.needs("value") * MS
    programs = measured(PROGRAM_OPERATIONS[operation], lambda name: evidence.timing(STUDY_BOARD, name))
    means = {f"{name} of the study's board": time for name, time in programs.items()}
    boards = measured([SORTED], lambda label: evidence.time(label, operation, MIDDLE, "mean"))
    means.update({f"`{label}`": time for label, time in boards.items()})
    if not means:
        missing(f"means of {operation} on `{SORTED}` or in `{STUDY_BOARD}`")
    said = [f"{name} {timed(time)}, {_times_faster(limit, time.middle)}" for name, time in means.items()]
    return Judged("; ".join(said), decide([time.middle <= limit for time in means.values()]))


def _times_faster(claimed: float, taken: float) -> str:
    if taken <= claimed:
        return f"{times(claimed / taken)} faster than claimed"
    return f"{times(taken / claimed)} slower than claimed"


def target(operation: str, claim: Claim, evidence: Evidence) -> Judged:
    """Judge a target by the p99 of `sortedcontainers`, and report that of every other board."""
    limit = claim.needs("below") * MS
    mine = evidence.time(SORTED, operation, MIDDLE, "p99")
    others = [label for label in evidence.labels if label != SORTED]
    p99 = measured(others, lambda label: evidence.time(label, operation, MIDDLE, "p99").middle)
    met = [label for label, time in p99.items() if time < limit]
    missed = [f"{label} {elapsed(time / 1e6)}" for label, time in p99.items() if label not in met]
    missed += [f"{label} (p99 not known)" for label in others if label not in p99]
    beside = f"; also below the target: {', '.join(met)}" if met else ""
    but = f"; not below: {', '.join(missed)}" if missed else ""
    return Judged(f"p99 of `sortedcontainers` {timed(mine)}{beside}{but}", decide([mine.middle < limit]))


def below_1_ms(claim: Claim, evidence: Evidence) -> Judged:
    """Judge all operations of `sortedcontainers` by their p99 against one bound."""
    limit = claim.needs("below") * MS
    p99 = {name: evidence.time(SORTED, name, MIDDLE, "p99") for name in evidence.operations(SORTED, MIDDLE)}
    slowest = max(p99, key=lambda name: p99[name].middle)
    said = f"the slowest of {len(p99)} operations, {operation_title(slowest)}, has a p99 of {timed(p99[slowest])}"
    return Judged(said, decide([time.middle < limit for time in p99.values()]))


def between(claim: Claim, evidence: Evidence) -> Judged:
    """Judge all operations of `sortedcontainers` against a range: as with a mean, it holds where none is slower."""
    low, high = claim.needs("low") * MS, claim.needs("high") * MS
    names = evidence.operations(SORTED, MIDDLE)
    p50 = {name: evidence.time(SORTED, name, MIDDLE).middle for name in names}
    p99 = {name: evidence.time(SORTED, name, MIDDLE, "p99").middle for name in names}
    said = f"p50 {elapsed(min(p50.values()) / 1e6)} to {elapsed(max(p50.values()) / 1e6)}, p99 up to "
    faster = sum(p99[name] < low for name in names)
    return Judged(
        f"{said}{elapsed(max(p99.values()) / 1e6)}; {faster} of {len(names)} operations are faster than the range",
        decide([time <= high for time in p99.values()]),
    )


# ---------------------------------------------------------------------- sizes


def targets(evidence: Evidence, players: int) -> tuple[str, bool]:
    """Return the p99 of `sortedcontainers` at a size by operation, as text, and whether all of the targets are met."""
    p99 = {name: evidence.time(SORTED, name, players, "p99").middle for name in TARGETS_MS}
    each = ", ".join(f"{operation_title(name)} {elapsed(time / 1e6)}" for name, time in p99.items())
    return f"p99 at {players:,} players: {each}", all(time < TARGETS_MS[name] * MS for name, time in p99.items())


def holds_players(claim: Claim, evidence: Evidence) -> Judged:
    """Judge whether the targets are met at both ends of a range of sizes."""
    both = [targets(evidence, round(claim.needs(end))) for end in ("low", "high")]
    return Judged("; ".join(said for said, _ in both), decide([met for _, met in both]))


def meets_targets(claim: Claim, evidence: Evidence) -> Judged:
    """Judge whether the targets are met at the claim's size."""
    said, met = targets(evidence, round(claim.needs("players")))
    return Judged(said, decide([met]))


def one_server(claim: Claim, evidence: Evidence) -> Judged:
    """Judge whether one process meets the targets at the claim's size, and report its load time and memory."""
    players = round(claim.needs("players"))
    said, met = targets(evidence, players)
    load = median(evidence.service(SORTED, players).values("load", "seconds").values())
    bytes_ = evidence.memory(SORTED, players)
    return Judged(f"{said}; loaded in {duration(load)}; {size(bytes_)} of memory", decide([met]))


def grows_to_1m(claim: Claim, evidence: Evidence) -> Judged:
    """Judge scaling by the targets at a million, and report how each p50 grew from the smallest size."""
    players = round(claim.needs("players"))
    said, met = targets(evidence, players)
    smallest = min(evidence.measurements.sizes("service", WORKLOAD))
    grown = {
        operation_title(name): evidence.time(SORTED, name, players).middle
        / evidence.time(SORTED, name, smallest).middle
        for name in evidence.operations(SORTED, players)
    }
    each = ", ".join(f"{name} {times(by)}" for name, by in grown.items())
    return Judged(f"{said}; growth of p50 from {smallest:,} to {players:,} players: {each}", decide([met]))


def n_log_n(_: Claim, evidence: Evidence) -> Judged:
    """Judge the growth of the naive board between its two largest sizes: n log n has an exponent just above 1."""
    sizes = evidence.measurements.sizes("service", WORKLOAD)
    by_size = measured(sizes, lambda players: evidence.time("naive", "rank", players).middle)
    if len(by_size) <= 1:
        missing("ranks of `naive` at two sizes")
    smaller, larger = [*by_size][-2:]
    exponent = log(by_size[larger] / by_size[smaller]) / log(larger / smaller)
    return Judged(
        f"p50 of a rank on `naive`: {elapsed(by_size[smaller] / 1e6)} at {smaller:,} players, "
        f"{elapsed(by_size[larger] / 1e6)} at {larger:,}: exponent {exponent:.2f}",
        decide([LINEAR[0] <= exponent <= LINEAR[1]]),
    )


LINEAR: Final = (0.9, 1.35)
"""Exponents between two sizes ten times apart that count as n or n log n; caches add more than the logarithm."""


# ---------------------------------------------------------------------- rates


def updates_a_second(claim: Claim, evidence: Evidence) -> Judged:
    """Judge a rate of updates by one client of `sortedcontainers`; the reads of the workload do not count."""
    rate, share = evidence.throughput(SORTED), evidence.share_of_updates(SORTED)
    said = f"{whole(rate * share)} updates per second, among {whole(rate)} operations ({percent(share)} are updates)"
    return Judged(f"`sortedcontainers`, one client: {said}", decide([rate * share > claim.needs("above")]))


def near_capacity(claim: Claim, evidence: Evidence) -> Judged:
    """Judge "near the capacity": within a factor of two of the updates per second of one process."""
    limit = claim.needs("above")
    rate = evidence.throughput(SORTED) * evidence.share_of_updates(SORTED)
    best = {
        label: max(every.values()) * evidence.share_of_updates(label)
        for label in evidence.labels
        if (every := {**evidence.throughputs(label), **evidence.throughputs(label, "processes")})
    }
    said = ", ".join(f"{label} {whole(most)}" for label, most in best.items())
    near = limit / 2 <= rate <= limit * 2
    return Judged(
        f"updates per second: `{SORTED}` with one client {whole(rate)}; the most with any number of clients: {said}",
        decide([near]),
    )


def needs_more_than_one_process(claim: Claim, evidence: Evidence) -> Judged:
    """Judge whether one process does no more than a rate: the study's board, and `sortedcontainers` at two sizes."""
    limit = claim.needs("above")
    study = measured([STUDY_BOARD], lambda name: 1e6 / evidence.timing(name, "update").middle)
    sizes = measured((MIDDLE, LARGE), lambda size: 1e6 / evidence.time(SORTED, "update", size, "mean").middle)
    rates = {f"`{name}`": rate for name, rate in study.items()}
    rates.update({f"`{SORTED}` at {players:,} players": rate for players, rate in sizes.items()})
    if not rates:
        missing(f"updates of `{SORTED}` or of `{STUDY_BOARD}`")
    said = ", ".join(f"{name} {whole(rate)}" for name, rate in rates.items())
    return Judged(f"updates per second of one process: {said}", decide([rate <= limit for rate in rates.values()]))


# ---------------------------------------------------------------------- memory


def memory_of_100k(claim: Claim, evidence: Evidence) -> Judged:
    """Judge bytes: it holds where neither the study's board nor `sortedcontainers`, as far as measured, takes more."""
    limit = claim.needs("value") * MB
    taken = measured([STUDY_BOARD], evidence.program_memory)
    taken.update(measured([SORTED], lambda label: evidence.memory(label, MIDDLE)))
    if not taken:
        missing(f"memory of `{SORTED}` or of `{STUDY_BOARD}`")
    said = ", ".join(
        f"`{name}` {size(bytes_)} ({significant(bytes_ / MIDDLE)} bytes per player)" for name, bytes_ in taken.items()
    )
    return Judged(f"{said}; player ids and names not counted", decide([bytes_ <= limit for bytes_ in taken.values()]))


def memory_target(claim: Claim, evidence: Evidence) -> Judged:
    """Judge a bound by the memory of every board, a server's included."""
    limit = claim.needs("below") * MB
    taken = measured(evidence.labels, lambda label: evidence.memory(label, MIDDLE))
    if SORTED not in taken:
        missing(f"memory of `{SORTED}` at {MIDDLE:,} players")
    said = ", ".join(f"{label} {size(bytes_)}" for label, bytes_ in taken.items())
    return Judged(said, decide([bytes_ < limit for bytes_ in taken.values()]))


EVALUATORS: Final[dict[str, Evaluator]] = {
    "operations-below-1-ms-100k": below_1_ms,
    "operations-0-1-to-1-ms": between,
    "requirement-1000s-updates-a-second": updates_a_second,
    "requirement-100k-to-1m-players": holds_players,
    "update-latency-100k": partial(latency, "update"),
    "top-100-latency-100k": partial(latency, "top_100"),
    "rank-latency-100k": partial(latency, "rank"),
    "update-target-100k": partial(target, "update"),
    "top-100-target-100k": partial(target, "top_100"),
    "rank-target-100k": partial(target, "rank"),
    "memory-100k": memory_of_100k,
    "memory-target-100k": memory_target,
    "alert-10k-updates-a-second": near_capacity,
    "one-server-up-to-1m-players": one_server,
    "one-process-10k-updates-a-second": needs_more_than_one_process,
    "dict-and-sort-n-log-n": n_log_n,
    "premature-sharding-at-10k": meets_targets,
    "scales-to-1m-players": grows_to_1m,
}
"""By the claim's id."""
