"""Opinions, shown with related figures, and claims that are decided by reading a package's metadata."""

from __future__ import annotations

from typing import Final

from leaderboard_backends.comparison.advice.answer import advise_from
from leaderboard_backends.comparison.advice.need import Need, time_words
from leaderboard_backends.comparison.advice.records import Records
from leaderboard_backends.comparison.report.tables.operations import STATED, operations
from leaderboard_backends.errors import ConfigurationError
from leaderboard_backends.numerals import size

from .evidence import SORTED, Evaluator, Evidence, measured, missing
from .findings import Judged
from .inputs import Claim
from .ratings import in_short, recovered, running
from .speed import LARGE, MIDDLE, targets

ONE_PROCESS: Final = Need(MIDDLE, 1_000, 1_000)
SEVERAL_SERVERS: Final = Need(MIDDLE, 1_000, 1_000, 3, 4)
ONE_DURABLE: Final = Need(MIDDLE, 500, 500, 1, 1, "every commit")


def _advised(found: Evidence, *needs: Need) -> str:
    try:
        records = Records(found.result)
    except ConfigurationError:
        missing("service times of updates")
    answers = [(need, advise_from(records, need, found.inputs).pick) for need in needs]
    return "; ".join(f"for {need.words}: {pick.label if pick else 'nothing fits'}" for need, pick in answers)


def default_choice(_: Claim, found: Evidence) -> Judged:
    """Report what `leaderboard advise` answers for each of the study's three needs."""
    return Judged(_advised(found, ONE_PROCESS, SEVERAL_SERVERS, ONE_DURABLE), "opinion")


def one_server_acid(_: Claim, found: Evidence) -> Judged:
    """Report what `leaderboard advise` answers for one server and durable updates."""
    return Judged(_advised(found, ONE_DURABLE), "opinion")


def maintenance(_: Claim, found: Evidence) -> Judged:
    """Report what there is to maintain: processes, ports, set-up steps, what can be monitored."""
    every = [one for one in operations(found.result) if one.is_measured]
    if not every:
        missing("crash recovery")
    watched = ", ".join(f"{one.label} {len(one.watch)}" for one in every)
    return Judged(f"{in_short(every)}; things to monitor ({STATED}): {watched}", "opinion")


def alert_thresholds(claim: Claim, found: Evidence) -> Judged:
    """Report the longest p99 of each board, with the thresholds."""

    def longest(label: str) -> float:
        names = found.operations(label, MIDDLE)
        return max(found.time(label, name, MIDDLE, "p99_us").middle for name in names)

    p99 = measured(found.labels, longest)
    if not p99:
        missing(f"p99 at {MIDDLE:,} players")
    said = [f"{label} {time_words(time)}" for label, time in p99.items()]
    low, high = claim.needs("low"), claim.needs("high")
    return Judged(f"longest p99 of any operation (thresholds {low:g} and {high:g} ms): {', '.join(said)}", "opinion")


def where_replicas_begin(_: Claim, found: Evidence) -> Judged:
    """Report whether one process still meets the study's targets at a million players."""
    one = targets(found, LARGE)
    end = "it meets the study's targets there" if one.met else "it misses the study's targets there"
    return Judged(f"`sortedcontainers`: {one.words}; {size(found.memory(SORTED, LARGE))} of memory; {end}", "opinion")


def classified(said: str) -> Evaluator:
    """Judge a claim on a package by what its metadata says; the metadata is its authors' own view."""
    return lambda _, __: Judged(f"classifier in the package metadata: Development Status :: {said}", "holds")


def operating_redis(_: Claim, found: Evidence) -> Judged:
    """Report what there is to operate with Redis, and with `sortedcontainers` for comparison."""
    return Judged(
        f"redis: {running(recovered(found, 'redis'))}; {SORTED}: {running(recovered(found, SORTED))}", "opinion"
    )


def part_of_performance(_: Claim, found: Evidence) -> Judged:
    """Report statements. A result has no performance relative to a hand-written board."""
    counted = {
        label: facts.code.statements
        for label in found.labels
        if (facts := found.result.facts(label)) is not None and facts.code is not None
    }
    said = ", ".join(f"{label} {number:,}" for label, number in counted.items()) or "not counted"
    return Judged(f"statements: {said}; a result does not include the benchmarks of `make bench`", "not measured")


EVALUATORS: Final[dict[str, Evaluator]] = {
    "sortedcontainers-default-choice": default_choice,
    "zodb-for-one-server-acid": one_server_acid,
    "maintenance-low-medium-high": maintenance,
    "alert-p99-50-and-100-ms": alert_thresholds,
    "replicas-for-1m-to-10m": where_replicas_begin,
    "bintrees-unmaintained": classified("7 - Inactive"),
    "sortedcontainers-stable-library": classified("5 - Production/Stable"),
    "redis-ops-knowledge-required": operating_redis,
    "95-percent-of-performance-10-percent-of-complexity": part_of_performance,
}
"""By the claim's id."""
