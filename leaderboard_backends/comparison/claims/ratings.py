"""Claims on operating a board; ratings are judged by the order of the facts, not by stars."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Final, TypeAlias

from ..document.numerals import duration, times
from .catalogue import Claim
from .evidence import LABELS, MEMORY, Evaluator, Evidence, measured, missing
from .findings import Judged, decide
from .operating import Operation, in_short, operation, operations, running

PERSISTENT_REDIS: Final = ("valkey-everysec-tcp", "valkey-fsync", "valkey")
"""The boards that stand for Redis where disaster recovery is rated, the first that was drilled: with its log on."""

Key: TypeAlias = Callable[[Evidence, str], tuple[float, ...]]
"""What a rating is about, of one of the study's backends: the less, the more stars."""
Words: TypeAlias = Callable[[Evidence, str], str]


def rating(aspect: str, key: Key, words: Words) -> dict[str, Evaluator]:
    """Return evaluators of an aspect, one a backend: it holds where its place among the three is that of its stars.

    For each of the two others, the one with more stars must have the smaller facts, and equal stars equal ones.
    """
    return {f"rating-{aspect}-{name}": _rated(name, STARS[aspect], key, words) for name in LABELS}


STARS: Final = {
    "deployment": {"sortedcontainers": 5, "redis": 3, "zodb": 4},
    "monitoring": {"sortedcontainers": 4, "redis": 2, "zodb": 3},
    "scaling": {"sortedcontainers": 3, "redis": 5, "zodb": 3},
    "disaster-recovery": {"sortedcontainers": 2, "redis": 4, "zodb": 4},
}
"""The study's, to compare a claim's with the two others'."""


def _rated(name: str, stars: dict[str, int], key: Key, words: Words) -> Evaluator:
    def judge(claim: Claim, found: Evidence) -> Judged:
        facts = {other: key(found, other) for other in stars}
        agree = [
            _sign(claim.needs("value") - stars[other]) == -_compared(facts[name], facts[other])
            for other in stars
            if other != name
        ]
        said = "; ".join(
            f"{other}: {words(found, other)}" for other in (name, *(each for each in stars if each != name))
        )
        return Judged(said, decide(agree))

    return judge


def _sign(number: float) -> int:
    return (number > 0) - (number < 0)


def _compared(one: tuple[float, ...], two: tuple[float, ...]) -> int:
    return (one > two) - (one < two)


def _drilled(found: Evidence, name: str) -> Operation:
    one = operation(found, found.facts(LABELS[name]))
    return one if one.drilled else missing(f"a drill of {one.label}")


def _deployment(found: Evidence, name: str) -> tuple[float, ...]:
    one = _drilled(found, name)
    return one.processes or 0, one.ports or 0, len(one.setup)


def _deployment_words(found: Evidence, name: str) -> str:
    return running(_drilled(found, name))


def _watching(found: Evidence, name: str) -> tuple[float, ...]:
    watched = found.facts(LABELS[name]).sheet.watch
    return (len(watched),) if watched else missing(f"what can be watched of {LABELS[name]}")


def _watching_words(found: Evidence, name: str) -> str:
    return ", ".join(found.facts(LABELS[name]).sheet.watch)


def _scaling(found: Evidence, name: str) -> tuple[float, ...]:
    return (-max(1.0, round(_gain(found, name)[0], 1)),)


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


def _recovery(found: Evidence, name: str) -> tuple[float, ...]:
    return (float(found.lost(_recovered(found, name))[0] > 0),)


def _recovered(found: Evidence, name: str) -> str:
    """Return the board that was drilled for one of the study's."""
    labels = PERSISTENT_REDIS if name == "redis" else (LABELS[name],)
    return next(iter(measured(labels, found.drills)), None) or missing(f"a drill of {labels[0]}")


def _recovery_words(found: Evidence, name: str) -> str:
    label = _recovered(found, name)
    lost, acknowledged = found.lost(label)
    seconds = median(drill.restore_seconds for drill in found.drills(label))
    return f"{label} lost {lost:,} of {acknowledged:,} updates, {duration(seconds)} to restore"


# ---------------------------------------------------------------------- other claims


def loses_with_process(_: Claim, found: Evidence) -> Judged:
    """Judge whether a board in the process is lost with it."""
    lost, acknowledged = found.lost(MEMORY)
    said = f"{lost:,} of {acknowledged:,} updates lost; {_recovery_words(found, 'sortedcontainers')}, by loading again"
    return Judged(said, decide([lost == acknowledged]))


def redis_keeps(_: Claim, found: Evidence) -> Judged:
    """Judge whether Redis keeps the board, by each of its settings that was drilled."""
    losses = measured(("valkey", "valkey-everysec-tcp", "valkey-fsync"), found.lost)
    if not losses:
        missing("a drill of valkey, valkey-everysec-tcp or valkey-fsync")
    said = ", ".join(f"{label} {lost:,} of {acknowledged:,}" for label, (lost, acknowledged) in losses.items())
    return Judged(f"updates lost to kill -9: {said}", decide([lost == 0 for lost, _ in losses.values()]))


def zodb_keeps(_: Claim, found: Evidence) -> Judged:
    """Judge whether ZODB keeps the board."""
    lost, _acknowledged = found.lost("zodb")
    return Judged(_recovery_words(found, "zodb"), decide([lost == 0]))


def one_more_to_run(_: Claim, found: Evidence) -> Judged:
    """Judge whether Redis is one more process to run than a board in the app's own."""
    redis, mine = (_drilled(found, name) for name in ("redis", "sortedcontainers"))
    said = f"valkey: {running(redis)}; memory: {running(mine)}"
    return Judged(said, decide([(redis.processes or 0) > (mine.processes or 0)]))


def zodb_is_complex(_: Claim, found: Evidence) -> Judged:
    """Judge whether ZODB has more set-up steps than either of the others."""
    steps = {name: len(found.facts(label).sheet.setup) for name, label in LABELS.items()}
    if not all(steps.values()):
        missing("set-up steps of memory, valkey and zodb")
    said = ", ".join(f"{LABELS[name]} {number}" for name, number in steps.items())
    more = [steps["zodb"] > number for name, number in steps.items() if name != "zodb"]
    return Judged(f"set-up steps: {said}", decide(more))


def easiest(_: Claim, found: Evidence) -> Judged:
    """Judge the easiest board to operate: nothing has less to run and to set up, and nothing loses less in a crash."""
    every = [one for one in operations(found.result) if one.drilled]
    mine = next((one for one in every if one.label == MEMORY), None) or missing(f"a drill of {MEMORY}")
    others = [one for one in every if one is not mine]
    if not others:
        missing("drills of other boards")
    least = all(_effort(mine) <= _effort(one) for one in others)
    safest = all((mine.lost or 0) <= (one.lost or 0) for one in others)
    lost = ", ".join(one.label for one in every if one.lost) or "none"
    said = f"{in_short(every)}; updates lost by {lost}"
    return Judged(said, decide([least, safest]))


def _effort(one: Operation) -> tuple[int, int, int]:
    return one.processes or 0, one.ports or 0, len(one.setup)


def shared_by_servers(_: Claim, found: Evidence) -> Judged:
    """Judge whether several servers may use one board: what it declares, and what the kit said of it."""
    facts = found.facts("valkey")
    judged = facts.verdict or missing("the conformance kit's verdict on valkey")
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
    **rating("deployment", _deployment, _deployment_words),
    **rating("monitoring", _watching, _watching_words),
    **rating("scaling", _scaling, _scaling_words),
    **rating("disaster-recovery", _recovery, _recovery_words),
    "sortedcontainers-easiest-below-1m": easiest,
    "easiest-to-operate": easiest,
}
"""By the claim's id."""
