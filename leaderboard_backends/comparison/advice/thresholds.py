"""What would change an answer: the nearest load, size, durability, number of processes and p99 with another pick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import sqrt
from typing import Final, NamedTuple, TypeAlias

from ...numerals import rate_words, significant, times
from ..cost.source import MOST_PLAYERS
from .candidates import Candidate
from .need import DURABILITIES, Need, time_words
from .performance import FURTHEST, beyond_words

Answer: TypeAlias = Callable[[Need], Sequence[Candidate]]
"""Those that meet a need, best first."""

FARTHEST: Final = 100
"""So many times the players are looked at for another answer."""

CLOSE: Final = 1.01
"""How closely the size at which the answer changes is determined."""

_JUST_MORE: Final = 1.000_001
_LEAST_PART: Final = 0.001
"""Least share of a load that is tried: a need of a thousand times what any backend carries needs something else."""

_MAY_LOSE: Final = {
    "memory only": "if a power cut may take everything",
    "everysec": "if a power cut may take about a second of updates",
}
_MUST_KEEP: Final = {
    "everysec": "if a power cut may take no more than about a second of updates",
    "every commit": "if every acknowledged update must survive a power cut",
}


class Threshold(NamedTuple):
    """One thing that changes the answer, and the answer that it then is."""

    demand: str
    text: str
    then: str | None
    """The backend's label, `None` where nothing fits then."""


def thresholds(need: Need, pick: Candidate | None, answer: Answer, most_known: int) -> Iterator[Threshold]:
    """Yield what changes the answer, or what it takes to have one.

    `answer` ranks for another need; `most_known` is the number of players up to which the pick has figures.
    """
    if pick is None:
        yield from _relaxed(need, answer)
        return
    processes = "one process" if need.processes == 1 else f"{need.processes} processes"
    more = f"above {_about(pick.carries, 'update')}, {pick.label} with {processes} no longer keeps up"
    yield _threshold("updates", more, _first(answer(need.changed(updates=pick.carries * _JUST_MORE))))
    yield from _more_players(need, pick, answer, most_known)
    for demand, text, then in _alternatives(need, answer):
        if _differs(then, pick):
            yield _threshold(demand, text, then, need, pick)
    yield from _other_p99(need, pick, answer)


def _more_players(need: Need, pick: Candidate, answer: Answer, most_known: int) -> Iterator[Threshold]:
    """Yield the size from which on another backend is the pick, and the size at which the bill of the pick rises.

    Beyond its largest figures nothing is known of a backend, which does not mean that nothing fits.
    """

    def best(players: int) -> Candidate | None:
        return _first(answer(need.changed(players=players)))

    def same(players: int) -> Candidate | None:
        return next((one for one in answer(need.changed(players=players)) if one.label == pick.label), None)

    def dearer(players: int) -> bool:
        found = same(players)
        return found is None or _machines(found) != _machines(pick)

    most = min(FARTHEST * need.players, most_known)
    changed = _first_size(need.players, most, lambda players: _differs(best(players), pick))
    if changed is not None:
        yield _threshold("players", f"from about {significant(changed, 2)} players on", best(changed))
    elif most_known < min(FARTHEST * need.players, MOST_PLAYERS):
        unknown, then = f"{pick.label} {beyond_words(most_known // FURTHEST)}", best(most_known + 1)
        if then is None:
            yield Threshold("players", f"above {most_known:,} players, nothing is known: {unknown}", None)
        else:
            yield _threshold("players", f"above {most_known:,} players, as {unknown}", then)
    rises = _first_size(need.players, most, dearer)
    if rises is not None and (changed is None or rises < changed / CLOSE) and (then := same(rises)):
        machines = then.bill.runs_on if then.bill else "an amount that is not known"
        text = f"from about {significant(rises, 2)} players on it needs {machines}, {then.cost}"
        yield Threshold("players", text, pick.label)


def _first_size(players: int, most: int, changed: Callable[[int], bool]) -> int | None:
    """Return the first size above, to a hundredth, at which something has changed; `None` without one up to the most.

    It is searched at 2, 4, 8 … times the players, then between the last two of these: a change that is undone within
    such a step is missed. Cost: about 15 calls.
    """
    same, size = players, min(2 * players, most)
    while size > same and not changed(size):
        same, size = size, min(2 * size, most)
    if size <= same:
        return None
    while size / same > CLOSE and size - same > 1:
        middle = round(sqrt(same * size))
        same, size = (same, middle) if changed(middle) else (middle, size)
    return size


def _alternatives(need: Need, answer: Answer) -> Iterator[tuple[str, str, Candidate | None]]:
    """Yield the answer with each other durability, and with other numbers of app processes, by demand and text."""
    asked = DURABILITIES.index(need.durability)
    for durability in DURABILITIES[asked + 1 :]:
        yield "durability", _MUST_KEEP[durability], _first(answer(need.changed(durability=durability)))
    for durability in DURABILITIES[:asked]:
        ranked = answer(need.changed(durability=durability))
        if weaker := _first(one for one in ranked if one.facts.durability == durability):
            yield "durability", _MAY_LOSE[durability], weaker
    others = {
        "with a second app process": need.changed(workers=2) if need.processes == 1 else None,
        "with a second app server": need.changed(servers=2) if need.servers == 1 else None,
        "with one app server": need.changed(servers=1) if need.servers > 1 else None,
        "with one app process": need.changed(servers=1, workers=1) if need.processes > 1 else None,
    }
    for text, other in others.items():
        if other is not None:
            yield "servers and workers", text, _first(answer(other))


def _other_p99(need: Need, pick: Candidate, answer: Answer) -> Iterator[Threshold]:
    mine = pick.p99_us(need)
    if mine is None:
        return
    if need.p99_us is not None:
        then = _first(answer(need.changed(p99_us=mine / _JUST_MORE)))
        yield _threshold("p99", f"where p99 must stay below {time_words(mine)}", then)
        return
    known = [(time, one) for one in answer(need) if (time := one.p99_us(need)) is not None]
    fastest = min(known, key=lambda found: found[0])[1]
    if fastest.label != pick.label:
        yield _threshold("p99", "where p99 matters more than cost", fastest, need, pick)


def _relaxed(need: Need, answer: Answer) -> Iterator[Threshold]:
    """Yield each single demand without which something would fit."""
    weaker, carried = DURABILITIES[: DURABILITIES.index(need.durability)], _carried(need, answer)
    load = f"with {_about(carried.updates, 'update')} and {_about(carried.reads, 'read')}"
    others = [
        *(("durability", f"with {durability}", need.changed(durability=durability)) for durability in reversed(weaker)),
        ("servers and workers", "with one app server", need.changed(servers=1)),
        ("servers and workers", "with one app process", need.changed(servers=1, workers=1)),
        ("p99", "without a limit on p99", need.changed(p99_us=None)),
        ("load", load, carried),
    ]
    seen: set[str] = set()
    for demand, text, other in others:
        then = _first(answer(other)) if demand not in seen and other != need else None
        if then is not None:
            seen.add(demand)
            yield _threshold(demand, text, then)


def _carried(need: Need, answer: Answer) -> Need:
    """Return the need with as much of its load, to a hundredth, as something carries; whole where nothing does."""

    def part(of_it: float) -> Need:
        return need.changed(updates=need.updates * of_it, reads=need.reads * of_it)

    fits, fails = _LEAST_PART, 1.0
    if not answer(part(fits)):
        return need
    while fails / fits > CLOSE:
        middle = sqrt(fits * fails)
        fits, fails = (middle, fails) if answer(part(middle)) else (fits, middle)
    return part(fits)


def _first(ranked: Iterable[Candidate]) -> Candidate | None:
    return next(iter(ranked), None)


def _differs(then: Candidate | None, pick: Candidate) -> bool:
    return then is None or then.label != pick.label


def _machines(one: Candidate) -> list[str]:
    """Return the machines of its bill: disks grow with every player."""
    items = one.bill.items if one.bill and not one.bill.problem else ()
    return [item.what for item in items if item.kind != "disk"]


def _threshold(
    demand: str, text: str, then: Candidate | None, need: Need | None = None, pick: Candidate | None = None
) -> Threshold:
    """Return a threshold, for a need with what cost and p99 are instead of those of a pick, where both are known."""
    if then is None:
        return Threshold(demand, f"{text}: nothing fits", None)
    answer = f"{then.label}, {then.cost}"
    if need and pick and (one := then.p99_us(need)) is not None and (two := pick.p99_us(need)) is not None:
        cost = then.cost if None in (then.monthly, pick.monthly) else f"{then.monthly:,.2f} instead of {pick.cost}"
        answer = f"{then.label}, {cost}, p99 {time_words(one)} instead of {time_words(two)} ({times(one / two)})"
    return Threshold(demand, f"{text}: {answer}", then.label)


def _about(rate: float, what: str) -> str:
    return rate_words(float(f"{rate:.1e}"), what)
