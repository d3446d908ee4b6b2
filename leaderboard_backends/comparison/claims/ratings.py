"""Claims on operating a board: judged by what was measured and counted, and by nothing that was only stated.

A rating whose stars stand for something else than what was measured is told beside the facts, and not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Final, TypeAlias

from ..cost.bill import counted
from ..document.numerals import duration, times
from .catalogue import Claim
from .evidence import CODE, LABELS, MEMORY, Evaluator, Evidence, measured, missing
from .findings import Judged, decide
from .operating import STATED, Operation, drilled, in_short, operations, running

PERSISTENT_REDIS: Final = ("redis (appendfsync everysec)", "redis (appendfsync always)", "redis")
"""The boards that stand for Redis where disaster recovery is rated, the first that was drilled: with its log on."""

STARS: Final = {"sortedcontainers": 5, "redis": 3, "zodb": 4}
"""The study's for deployment, to compare a claim's with the two others'."""

Words: TypeAlias = Callable[[Evidence, str], str]


def deployment(name: str) -> Evaluator:
    """Judge stars by the order of what there is to run: more stars must have less, and equal stars as much."""

    def judge(claim: Claim, found: Evidence) -> Judged:
        facts = {other: _to_run(found, other) for other in STARS}
        agree = [
            _sign(claim.needs("value") - STARS[other]) == -_compared(facts[name], facts[other])
            for other in STARS
            if other != name
        ]
        return Judged(_each(found, name, _to_run_words), decide(agree))

    return judge


def unrated(name: str, words: Words, why: str) -> Evaluator:
    """Tell what is known of an aspect whose stars stand for something that nothing here measured."""
    return lambda _, found: Judged(f"{_each(found, name, words)}; {why}", "not measured")


def _each(found: Evidence, name: str, words: Words) -> str:
    """Say something of each of the study's backends, of the one that is rated first."""
    return "; ".join(f"{other}: {words(found, other)}" for other in (name, *(each for each in LABELS if each != name)))


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _compared(one: tuple[int, ...], two: tuple[int, ...]) -> int:
    return (one > two) - (one < two)


def _to_run(found: Evidence, name: str) -> tuple[int, ...]:
    """Return what was measured and counted of running and setting up: processes, ports, lines of configuration."""
    one = drilled(found, LABELS[name])
    return one.processes or 0, one.ports or 0, _configuration(found, name)


def _configuration(found: Evidence, name: str) -> int:
    lines = found.code("basic board", CODE[name]).configuration
    return missing(f"lines of configuration of {CODE[name]}") if lines is None else lines


def _to_run_words(found: Evidence, name: str) -> str:
    lines = counted(_configuration(found, name), "line")
    return f"{lines} of configuration, {running(drilled(found, LABELS[name]))}"


def _watching_words(found: Evidence, name: str) -> str:
    watched = found.facts(LABELS[name]).sheet.watch or missing(f"what can be watched of {LABELS[name]}")
    return ", ".join(watched)


def _gain(found: Evidence, name: str) -> tuple[float, int, str]:
    """Return the most that several clients did, by what one did, with their number and kind."""
    label = LABELS[name]
    kind = "processes" if found.throughputs(label, "processes") else "threads"
    rates = {clients: rate.middle for clients, rate in found.throughputs(label, kind).items()}
    alone = rates.pop(1, None)
    if not alone or not rates:
        missing(f"throughput of several clients on {label}")
    best = max(rates, key=lambda clients: rates[clients])
    return rates[best] / alone, best, kind


def _scaling_words(found: Evidence, name: str) -> str:
    gain, clients, kind = _gain(found, name)
    return f"{clients} {kind} do {times(gain)} of what one does"


def _recovered(found: Evidence, name: str) -> str:
    """Return the board that was drilled for one of the study's."""
    labels = PERSISTENT_REDIS if name == "redis" else (LABELS[name],)
    return next(iter(measured(labels, found.drills)), None) or missing(f"crash recovery of {labels[0]}")


def _recovery_words(found: Evidence, name: str) -> str:
    label = _recovered(found, name)
    lost, acknowledged = found.lost(label)
    seconds = median(drill.restore_seconds for drill in found.drills(label))
    return f"{label} lost {lost:,} of {acknowledged:,} updates, {duration(seconds)} to restore"


WATCHED: Final = f"{STATED}: the lists are ours, and how long they are decides nothing"
SCALED: Final = "all on one server: the stars are for a cluster and for shards, and neither was measured"
RECOVERED: Final = (
    "after kill -9, from the log or the file that was there: the stars are for snapshots and backups beside a rebuild, "
    "and no snapshot or backup was taken or restored"
)

# ---------------------------------------------------------------------- other claims


def loses_with_process(_: Claim, found: Evidence) -> Judged:
    """Judge whether a board in the process is lost with it."""
    lost, acknowledged = found.lost(MEMORY)
    said = f"{lost:,} of {acknowledged:,} updates lost; {_recovery_words(found, 'sortedcontainers')}, by loading again"
    return Judged(said, decide([lost == acknowledged]))


def redis_keeps(_: Claim, found: Evidence) -> Judged:
    """Judge whether Redis keeps the board, by each of its settings that was drilled."""
    losses = measured(("redis", "redis (appendfsync everysec)", "redis (appendfsync always)"), found.lost)
    if not losses:
        missing("crash recovery of redis, redis (appendfsync everysec) or redis (appendfsync always)")
    said = ", ".join(f"{label} {lost:,} of {acknowledged:,}" for label, (lost, acknowledged) in losses.items())
    return Judged(f"updates lost to kill -9: {said}", decide([lost == 0 for lost, _ in losses.values()]))


def zodb_keeps(_: Claim, found: Evidence) -> Judged:
    """Judge whether ZODB keeps the board."""
    lost, _acknowledged = found.lost("zodb")
    return Judged(_recovery_words(found, "zodb"), decide([lost == 0]))


def one_more_to_run(_: Claim, found: Evidence) -> Judged:
    """Judge whether Redis is one more process to run than a board in the app's own."""
    redis, mine = (drilled(found, LABELS[name]) for name in ("redis", "sortedcontainers"))
    said = f"redis: {running(redis)}; memory: {running(mine)}"
    return Judged(said, decide([(redis.processes or 0) > (mine.processes or 0)]))


def zodb_is_complex(_: Claim, found: Evidence) -> Judged:
    """Judge whether ZODB has more to run and to configure than either of the others; steps are stated beside."""
    facts = {name: _to_run(found, name) for name in LABELS}
    more = [facts["zodb"] > other for name, other in facts.items() if name != "zodb"]
    return Judged(_each(found, "zodb", _to_run_words), decide(more))


def easiest(_: Claim, found: Evidence) -> Judged:
    """Judge the easiest board to operate: nothing has less to run, and nothing loses less in a crash."""
    every = [one for one in operations(found.result) if one.drilled]
    mine = next((one for one in every if one.label == MEMORY), None) or missing(f"crash recovery of {MEMORY}")
    others = [one for one in every if one is not mine]
    if not others:
        missing("crash recovery of other boards")
    least = all(_effort(mine) <= _effort(one) for one in others)
    safest = all((mine.lost or 0) <= (one.lost or 0) for one in others)
    lost = ", ".join(one.label for one in every if one.lost) or "none"
    said = f"{in_short(every)}; updates lost by {lost}"
    return Judged(said, decide([least, safest]))


def _effort(one: Operation) -> tuple[int, int]:
    return one.processes or 0, one.ports or 0


def shared_by_servers(_: Claim, found: Evidence) -> Judged:
    """Judge whether several servers may use one board: what it declares, and what the kit said of it."""
    facts = found.facts("redis")
    judged = facts.verdict or missing("the conformance kit's verdict on redis")
    said = f"shared: {'yes' if facts.shared else 'no'}; the kit, {judged.parts}: {judged.verdict}"
    return Judged(said, decide([facts.shared and judged.allows_figures]))


def acid(_: Claim, found: Evidence) -> Judged:
    """Judge transactions by the conformance kit: in part where not all of the kit was run."""
    judged = found.facts("zodb").verdict or missing("the conformance kit's verdict on zodb")
    said = f"the kit, {judged.parts}: {judged.verdict}, {judged.passed} tests passed, {judged.failed} failed"
    if not judged.allows_figures:
        return Judged(said, "does not hold")
    return Judged(said, decide([True, judged.parts == "all"]))


EVALUATORS: Final[dict[str, Evaluator]] = {
    "sortedcontainers-in-memory-only": loses_with_process,
    "redis-distributed": shared_by_servers,
    "redis-persistent": redis_keeps,
    "redis-external-dependency": one_more_to_run,
    "zodb-persistent": zodb_keeps,
    "zodb-mvcc-acid": acid,
    "zodb-complex-setup": zodb_is_complex,
    **{f"rating-deployment-{name}": deployment(name) for name in LABELS},
    **{f"rating-monitoring-{name}": unrated(name, _watching_words, WATCHED) for name in LABELS},
    **{f"rating-scaling-{name}": unrated(name, _scaling_words, SCALED) for name in LABELS},
    **{f"rating-disaster-recovery-{name}": unrated(name, _recovery_words, RECOVERED) for name in LABELS},
    "sortedcontainers-easiest-below-1m": easiest,
    "easiest-to-operate": easiest,
}
"""By the claim's id."""
