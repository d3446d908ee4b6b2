"""Claims on operating and choosing a board: judged by what was measured and counted, by nothing that is only stated.

A rating on something that was not measured, and an opinion, are reported with related facts, and not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from leaderboard_backends.comparison.advice.answer import advise_from
from leaderboard_backends.comparison.advice.candidates import Basis
from leaderboard_backends.comparison.advice.need import Need, time_words
from leaderboard_backends.comparison.report.recovery import STATED, Operation, operations
from leaderboard_backends.errors import ConfigurationError
from leaderboard_backends.numerals import counted, duration, size, times

from .evidence import BOARDS, SORTED, Evaluator, Evidence, Judged, decide, measured, missing
from .inputs import Claim
from .speed import LARGE, MIDDLE, targets

PERSISTENT_REDIS: Final = ("redis (appendfsync everysec)", "redis (appendfsync always)", "redis")
"""The boards that represent Redis in disaster recovery, log on before log off; the first one measured is used."""

STARS: Final = {"sortedcontainers": 5, "redis": 3, "zodb": 4}
"""The study's stars for deployment, to compare those of a claim with the other two."""

Words: TypeAlias = Callable[[Evidence, str], str]


def deployment(name: str, claim: Claim, evidence: Evidence) -> Judged:
    """Judge stars by the order of what there is to run: more stars must mean less to run, equal stars as much."""
    rated, to_run = claim.needs("value"), {other: _to_run(evidence, other) for other in STARS}
    agree = [
        (rated > STARS[other], rated < STARS[other]) == (to_run[name] < theirs, to_run[name] > theirs)
        for other, theirs in to_run.items()
        if other != name
    ]
    return Judged(_each(evidence, name, _to_run_words), decide(agree))


def unrated(name: str, words: Words, why: str, _: Claim, evidence: Evidence) -> Judged:
    """Report related facts for stars on something that was not measured here."""
    return Judged(f"{_each(evidence, name, words)}; {why}", "not measured")


def _each(evidence: Evidence, name: str, words: Words) -> str:
    """Return the words for each of the study's backends, the rated one first."""
    return "; ".join(
        f"{other}: {words(evidence, other)}" for other in (name, *(each for each in BOARDS if each != name))
    )


def _to_run(evidence: Evidence, name: str) -> tuple[int, ...]:
    """Return what there is to run and to set up, as measured and counted: processes, ports, lines of configuration."""
    one = evidence.operation(name)
    return one.processes or 0, one.ports or 0, _configuration(evidence, name)


def _configuration(evidence: Evidence, name: str) -> int:
    lines = evidence.code("basic board", name).configuration
    return missing(f"lines of configuration of {name}") if lines is None else lines


def _to_run_words(evidence: Evidence, name: str) -> str:
    lines = counted(_configuration(evidence, name), "line")
    return f"{lines} of configuration, {running(evidence.operation(name))}"


def _watching_words(evidence: Evidence, name: str) -> str:
    watched = evidence.facts(name).metadata.watch or missing(f"what can be monitored of {name}")
    return ", ".join(watched)


def _scaling_words(evidence: Evidence, name: str) -> str:
    """Return the highest throughput of several clients relative to one, with their number and kind."""
    kind = "processes" if evidence.throughputs(name, "processes") else "threads"
    rates = evidence.throughputs(name, kind)
    alone = rates.pop(1, None)
    if not alone or not rates:
        missing(f"throughput of several clients on {name}")
    best = max(rates, key=lambda clients: rates[clients])
    return f"{best} {kind} have {times(rates[best] / alone)} the throughput of one"


def _recovery_words(evidence: Evidence, name: str) -> str:
    """Return the crash recovery of the board that represents one of the study's."""
    labels = PERSISTENT_REDIS if name == "redis" else (name,)
    every = measured(labels, evidence.operation) or missing(f"crash recovery of {labels[0]}")
    one = next(iter(every.values()))
    lost = f"{one.label} lost {one.lost or 0:,} of {one.acknowledged or 0:,} updates"
    return f"{lost}, {duration(one.restore_seconds or 0)} to restore"


WATCHED: Final = f"{STATED}: we wrote these lists, and their length has no influence"
SCALED: Final = "all on one server; the stars rate a cluster and shards, and neither was measured"
RECOVERED: Final = (
    "recovery after kill -9, from the log or the file on disk; the stars rate snapshots, backups and a rebuild, and no "
    "snapshot or backup was taken or restored"
)


def running(one: Operation) -> str:
    """Return what there is to run and to set up, as text."""
    start = "" if one.start_seconds is None else f", {duration(one.start_seconds)} to start"
    to_run = [counted(one.processes or 0, "process", "processes"), counted(one.ports or 0, "port")]
    return f"{', '.join(to_run)}{start}, {counted(len(one.setup), 'set-up step')} ({STATED})"


def in_short(every: Sequence[Operation]) -> str:
    """Return what there is to run and to set up for several boards, as short text."""
    to_run = ", ".join(f"{one.label} {one.processes}/{one.ports}" for one in every)
    steps = ", ".join(f"{one.label} {len(one.setup)}" for one in every)
    return f"processes/ports: {to_run}; set-up steps ({STATED}): {steps}"


# ---------------------------------------------------------------------- other claims


def loses_with_process(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether a board in the app's process is lost with the process."""
    lost, acknowledged = evidence.lost(SORTED)
    said = f"{_recovery_words(evidence, 'sortedcontainers')}, by loading again"
    return Judged(said, decide([lost == acknowledged]))


def redis_keeps(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether Redis keeps the board, by crash recovery with each of its settings."""
    labels = ("redis", "redis (appendfsync everysec)", "redis (appendfsync always)")
    losses = measured(labels, evidence.lost) or missing(f"crash recovery of {', '.join(labels[:2])} or {labels[2]}")
    said = ", ".join(f"{label} {lost:,} of {acknowledged:,}" for label, (lost, acknowledged) in losses.items())
    return Judged(f"updates lost to kill -9: {said}", decide([lost == 0 for lost, _ in losses.values()]))


def zodb_keeps(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether ZODB keeps the board."""
    lost, _acknowledged = evidence.lost("zodb")
    return Judged(_recovery_words(evidence, "zodb"), decide([lost == 0]))


def one_more_to_run(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether Redis is one more process to run than a board in the app's own."""
    redis, mine = (evidence.operation(name) for name in ("redis", "sortedcontainers"))
    said = f"redis: {running(redis)}; {SORTED}: {running(mine)}"
    return Judged(said, decide([(redis.processes or 0) > (mine.processes or 0)]))


def zodb_is_complex(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether ZODB has more to run and to configure than either of the others; steps are only stated."""
    facts = {name: _to_run(evidence, name) for name in BOARDS}
    more = [facts["zodb"] > other for name, other in facts.items() if name != "zodb"]
    return Judged(_each(evidence, "zodb", _to_run_words), decide(more))


def easiest(_: Claim, evidence: Evidence) -> Judged:
    """Judge the easiest board to operate: no other has less to run, and no other loses less in a crash."""
    every = [one for one in operations(evidence.measurements) if one.is_measured]
    mine = next((one for one in every if one.label == SORTED), None) or missing(f"crash recovery of {SORTED}")
    others = [one for one in every if one is not mine]
    if not others:
        missing("crash recovery of other boards")
    least = all(_effort(mine) <= _effort(one) for one in others)
    safest = all((mine.lost or 0) <= (one.lost or 0) for one in others)
    lost = ", ".join(one.label for one in every if one.lost) or "none"
    said = f"{in_short(every)}; backends that lost updates: {lost}"
    return Judged(said, decide([least, safest]))


def _effort(one: Operation) -> tuple[int, int]:
    return one.processes or 0, one.ports or 0


def shared_by_servers(_: Claim, evidence: Evidence) -> Judged:
    """Judge whether several servers may use one board: what it declares, and the kit's verdict."""
    facts = evidence.facts("redis")
    judged = facts.verdict or missing("the conformance kit's verdict on redis")
    said = f"declared as shared: {'yes' if facts.shared else 'no'}; conformance kit ({judged.parts}): {judged.verdict}"
    return Judged(said, decide([facts.shared and judged.allows_figures]))


def acid(_: Claim, evidence: Evidence) -> Judged:
    """Judge transactions by the conformance kit: `holds in part` where not all of the kit was run."""
    judged = evidence.facts("zodb").verdict or missing("the conformance kit's verdict on zodb")
    said = (
        f"conformance kit ({judged.parts}): {judged.verdict}, {judged.passed:,} tests passed, {judged.failed:,} failed"
    )
    if not judged.allows_figures:
        return Judged(said, "does not hold")
    return Judged(said, decide([True, judged.parts == "all"]))


# ---------------------------------------------------------------------- opinions and choices

ONE_PROCESS: Final = Need(MIDDLE, 1_000, 1_000)
SEVERAL_SERVERS: Final = Need(MIDDLE, 1_000, 1_000, 3, 4)
ONE_DURABLE: Final = Need(MIDDLE, 500, 500, 1, 1, "every commit")


def _advised(evidence: Evidence, *needs: Need) -> str:
    try:
        basis = Basis(evidence.measurements, evidence.inputs)
    except ConfigurationError:
        missing("service times of updates")
    answers = [(need, advise_from(basis, need).pick) for need in needs]
    return "; ".join(f"for {need.words}: {pick.label if pick else 'nothing fits'}" for need, pick in answers)


def default_choice(_: Claim, evidence: Evidence) -> Judged:
    """Report what `leaderboard advise` answers for each of the study's three needs."""
    return Judged(_advised(evidence, ONE_PROCESS, SEVERAL_SERVERS, ONE_DURABLE), "opinion")


def one_server_acid(_: Claim, evidence: Evidence) -> Judged:
    """Report what `leaderboard advise` answers for one server and durable updates."""
    return Judged(_advised(evidence, ONE_DURABLE), "opinion")


def maintenance(_: Claim, evidence: Evidence) -> Judged:
    """Report what there is to maintain: processes, ports, set-up steps, what can be monitored."""
    every = [one for one in operations(evidence.measurements) if one.is_measured]
    if not every:
        missing("crash recovery")
    watched = ", ".join(f"{one.label} {len(one.watch)}" for one in every)
    return Judged(f"{in_short(every)}; things to monitor ({STATED}): {watched}", "opinion")


def alert_thresholds(claim: Claim, evidence: Evidence) -> Judged:
    """Report the longest p99 of each board, with the thresholds."""

    def longest(label: str) -> float:
        names = evidence.operations(label, MIDDLE)
        return max(evidence.time(label, name, MIDDLE, "p99").middle for name in names)

    p99 = measured(evidence.labels, longest) or missing(f"p99 at {MIDDLE:,} players")
    said = [f"{label} {time_words(time)}" for label, time in p99.items()]
    low, high = claim.needs("low"), claim.needs("high")
    return Judged(f"longest p99 of any operation (thresholds {low:g} and {high:g} ms): {', '.join(said)}", "opinion")


def where_replicas_begin(_: Claim, evidence: Evidence) -> Judged:
    """Report whether one process still meets the study's targets at a million players."""
    said, met = targets(evidence, LARGE)
    end = "it meets the study's targets there" if met else "it misses the study's targets there"
    return Judged(f"`sortedcontainers`: {said}; {size(evidence.memory(SORTED, LARGE))} of memory; {end}", "opinion")


def classified(said: str, _: Claim, __: Evidence) -> Judged:
    """Judge a claim on a package by what its metadata says; the metadata is its authors' own view."""
    return Judged(f"classifier in the package metadata: Development Status :: {said}", "holds")


def operating_redis(_: Claim, evidence: Evidence) -> Judged:
    """Report what there is to operate with Redis, and with `sortedcontainers` for comparison."""
    return Judged(
        f"redis: {running(evidence.operation('redis'))}; {SORTED}: {running(evidence.operation(SORTED))}", "opinion"
    )


def part_of_performance(_: Claim, evidence: Evidence) -> Judged:
    """Report statements. A result has no performance relative to a hand-written board."""
    said = ", ".join(f"{label} {number:,}" for label, number in evidence.statements.items()) or "not counted"
    return Judged(f"statements: {said}; a result does not include the benchmarks of `make bench`", "not measured")


EVALUATORS: Final[dict[str, Evaluator]] = {
    "sortedcontainers-in-memory-only": loses_with_process,
    "redis-distributed": shared_by_servers,
    "redis-persistent": redis_keeps,
    "redis-external-dependency": one_more_to_run,
    "zodb-persistent": zodb_keeps,
    "zodb-mvcc-acid": acid,
    "zodb-complex-setup": zodb_is_complex,
    **{f"rating-deployment-{name}": partial(deployment, name) for name in BOARDS},
    **{f"rating-monitoring-{name}": partial(unrated, name, _watching_words, WATCHED) for name in BOARDS},
    **{f"rating-scaling-{name}": partial(unrated, name, _scaling_words, SCALED) for name in BOARDS},
    **{f"rating-disaster-recovery-{name}": partial(unrated, name, _recovery_words, RECOVERED) for name in BOARDS},
    "sortedcontainers-easiest-below-1m": easiest,
    "easiest-to-operate": easiest,
    "sortedcontainers-default-choice": default_choice,
    "zodb-for-one-server-acid": one_server_acid,
    "maintenance-low-medium-high": maintenance,
    "alert-p99-50-and-100-ms": alert_thresholds,
    "replicas-for-1m-to-10m": where_replicas_begin,
    "bintrees-unmaintained": partial(classified, "7 - Inactive"),
    "sortedcontainers-stable-library": partial(classified, "5 - Production/Stable"),
    "redis-ops-knowledge-required": operating_redis,
    "95-percent-of-performance-10-percent-of-complexity": part_of_performance,
}
"""By the claim's id."""
