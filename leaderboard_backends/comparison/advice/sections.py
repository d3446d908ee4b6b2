"""Advice as sections of a report: a small matrix of typical needs, and the whole answer to one need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ...errors import ConfigurationError
from ...numerals import NONE, whole
from ..cost.source import Inputs
from ..document import Section, Table, Value, columns, listed, operation_title, quoted, word
from ..measurements import Measurements
from ..schema import DISTURBED_FROM, Durability, Result
from .answer import Advice, advise_from
from .candidates import DISTURBED, Basis, Candidate
from .need import Need, time_words
from .performance import Latency

NAME: Final = "which"
TITLE: Final = "Which, at your size"

SIZES: Final = (10_000, 100_000, 1_000_000, 10_000_000)
UPDATES: Final = 500.0
"""Updates per second of the typical needs, and as many reads, whatever the size."""

ALONE: Final = "†"
"""Marks a p99 of one client alone where the need has several processes."""

DISTURBED_MARK: Final = "~"

BEYOND: Final = "*"
"""Marks what is extrapolated beyond the largest measured size."""


class Typical(NamedTuple):
    """A typical need, whatever the size."""

    title: str
    servers: int
    workers: int
    durability: Durability

    def need(self, players: int) -> Need:
        """Return the need at a size."""
        return Need(players, UPDATES, UPDATES, self.servers, self.workers, self.durability)


WORKERS: Final = 4
"""App processes per server in those typical needs that have several processes."""

_AND_DURABLE: Final = ", durable"

TYPICAL: Final = (
    Typical("one app process", 1, 1, "memory only"),
    Typical(f"one app process{_AND_DURABLE}", 1, 1, "every commit"),
    Typical("one server", 1, WORKERS, "memory only"),
    Typical(f"one server{_AND_DURABLE}", 1, WORKERS, "every commit"),
    Typical("3 servers", 3, WORKERS, "memory only"),
    Typical(f"3 servers{_AND_DURABLE}", 3, WORKERS, "every commit"),
)


PICKED: Final = "Picked: the cheapest that keeps up; of equal ones the fastest; within the noise, the simplest."
DURABLE: Final = "**Durable**: no acknowledged update is lost in a power cut."

_HOW_TO_READ: Final = (
    f"Each cell has the backend to take, the p99 of an update with its new rank, and the cost per month, for "
    f"{UPDATES:g} updates and {UPDATES:g} reads per second, and {WORKERS} app processes on each server. {DURABLE}"
)
_YOUR_OWN: Final = "For a need of your own: `leaderboard advise --players 50K --updates 500/s --durable`."


def price_of_durability(advised: Mapping[str, Advice]) -> str:
    """Return what it costs to be wrong about durability, each way; `advised` is by the titles of `TYPICAL`."""
    equal, slower, losing = [], [], dict[str, None]()
    for title, without in advised.items():
        keeps = advised.get(f"{title}{_AND_DURABLE}")
        if keeps is None or keeps.pick is None or without.pick is None:
            continue
        if keeps.pick.label == without.pick.label:
            equal.append(f" With {title} it costs nothing: `{keeps.pick.label}` is taken with or without it.")
        else:
            losing[without.pick.label] = None
            slower.append(f"{_update_time(keeps)} instead of {_update_time(without)} with {title}")
    said = "".join(equal)
    if losing:
        without_it = ", ".join(f"`{label}`" for label in losing)
        said += (
            f" Taken where you do not need it, it costs time (p99 of an update): {', '.join(slower)}. Left out where "
            f"you need it ({without_it}), a power cut loses all updates since the last backup."
        )
    return said.strip()


def in_rows(advised: Mapping[Typical, Sequence[Advice]]) -> Iterator[tuple[str, Sequence[Advice]]]:
    """Yield each typical need's title and what to take; one row for both where durability changes nothing."""
    rows = {typical.title: row for typical, row in advised.items()}
    merged = set[str]()
    for title, row in rows.items():
        durable = f"{title}{_AND_DURABLE}"
        if durable in rows and _labels(row) == _labels(rows[durable]):
            merged.add(durable)
            yield f"{durable} or not", rows[durable]
        elif title not in merged:
            yield title, row


def _labels(row: Sequence[Advice]) -> list[str]:
    return [advice.pick.label if advice.pick else "" for advice in row]


def _update_time(advice: Advice) -> str:
    update = advice.pick.judged(advice.need) if advice.pick else None
    return time_words(update.p99_us) if update and update.p99_us else NONE


def advice_section(m: Measurements, inputs: Inputs | None = None) -> Section:
    """Return the section "Which, at your size"; without service times of updates it says that alone."""
    try:
        basis = Basis(m, inputs)
    except ConfigurationError as error:
        return Section(NAME, TITLE, [f"No advice: {error}"])
    rows = [(typical, [advise_from(basis, typical.need(size)) for size in SIZES]) for typical in TYPICAL]
    candidates = [one for _, advised in rows for advice in advised for one in advice.candidates]
    said = [*disturbed_words(candidates), *_never_opened(m.result)]
    return Section(NAME, TITLE, said, [_matrix(rows)], sections=[_behind(rows)])


Rows = Sequence[tuple[Typical, Sequence[Advice]]]


def _matrix(rows: Rows) -> Table:
    return Table(
        "Backend, p99 of an update, and cost per month",
        columns("what you have", *(f"up to {size:,} players" for size in SIZES)),
        [[Value(typical.title), *map(_place, advised)] for typical, advised in rows],
        " ".join(_notes([(advice.pick, advice.need) for _, advised in rows for advice in advised if advice.pick])),
    )


def _notes(picks: Sequence[tuple[Candidate, Need]]) -> Iterator[str]:
    """Yield notes on the picks in the matrix; nothing on other backends."""
    yield _HOW_TO_READ
    yield PICKED
    if any(pick.times and pick.times.beyond for pick, _ in picks):
        yield f"`{BEYOND}` extrapolated: more players than were measured."
    if several := {pick.concurrency.measured for pick, need in picks if need.processes > 1}:
        carried = "" if several == {True} else "not " if several == {False} else "not always "
        yield (
            f"{ALONE} p99 of one client alone: the throughput of several processes was {carried}measured, their p99 "
            f"was not."
        )
    if any(pick.disturbed for pick, _ in picks):
        yield f"`{DISTURBED_MARK}` {DISTURBED}."
    if any(pick.facts.home == "process" for pick, _ in picks):
        yield "Boards in a process are lost with it, and serve it alone."
    yield _YOUR_OWN


def disturbed_words(candidates: Sequence[Candidate]) -> Iterator[str]:
    """Yield a sentence where other work may have decided who is taken."""
    labels = dict.fromkeys(one.label for one in candidates if one.disturbed)
    if labels:
        yield (
            f"**Disturbed**: while {quoted(labels)} ran, other processes kept at least {DISTURBED_FROM:g} cores of the "
            f"machine busy. Their times are too long, and the answer may differ on a quiet machine: measure again."
        )


def _never_opened(result: Result) -> Iterator[str]:
    """Yield a sentence for each requested backend that could not be judged."""
    for label in result.settings.backends:
        if result.facts(label) is None:
            yield f"{quoted([label])} was not judged: {result.why_not(label)}."


def _place(advice: Advice) -> Value:
    pick = advice.pick
    if pick is None:
        return Value(advice.verdict, tone="bad", hint=" ".join(advice.why))
    beyond = BEYOND if pick.times is not None and pick.times.beyond else ""
    cost = "cost not known" if pick.monthly is None else f"${pick.monthly:,.0f}"
    time = _time(pick.judged(advice.need))
    marks = (ALONE if time and advice.need.processes > 1 else "") + (DISTURBED_MARK if pick.disturbed else "")
    said = [pick.label + beyond, time + marks, cost]
    return Value(", ".join(filter(None, said)), pick.label, hint=" ".join([*advice.why, *pick.cautions]))


def _behind(rows: Rows) -> Section:
    head = columns(
        *("what you have", "#players", "take", "durability", "#p99 update", "#p99 slowest read", "#carries updates/s"),
        *("#USD per month", "next best", "measured", "what would change it"),
    )
    figures = [_behind_row(typical, advice) for typical, advised in rows for advice in advised]
    table = Table("Picks with their figures, and who comes next", head, figures)
    return Section("which-why", "Why, and what would change it", tables=[table], detail=True)


def _behind_row(typical: Typical, advice: Advice) -> list[Value]:
    size, pick = advice.need.players, advice.pick
    head = [Value(typical.title), Value(f"{size:,}", size)]
    changes = listed(threshold.text for threshold in advice.thresholds)
    if pick is None:
        return [*head, Value(advice.verdict, tone="bad"), *[Value(NONE)] * 6, Value(" ".join(advice.why)), changes]
    return [*head, *_figures(pick, advice.need), _next(advice), word(pick.times.source if pick.times else ""), changes]


def _next(advice: Advice) -> Value:
    others = advice.ranking.order[1:2]
    return Value(NONE) if not others else Value(f"{others[0].label}, {_money(others[0])}")


# ---------------------------------------------------------------------- one need


def answer_section(advice: Advice) -> Section:
    """Return the whole answer to one need: the pick and why, the ranking, what rules others out, what changes it."""
    pick = advice.pick
    nothing = "**Nothing fits**" if advice.known else "**Nothing is known** of"
    verdict = f"Take {quoted([pick.label])} for" if pick else nothing
    return Section(
        name="advice",
        title="The answer",
        paragraphs=[
            f"{verdict} {advice.need.words}.",
            *disturbed_words(advice.candidates),
            *_never_opened(advice.result),
            *advice.why,
            *(f"Mind: {caution}." for caution in (pick.cautions if pick else ())),
        ],
        tables=[table for table in (_ranking(advice), _everybody(advice), _changes(advice)) if table.rows],
    )


def _ranking(advice: Advice) -> Table:
    tied = {label for labels in advice.ranking.ties for label in labels}
    head = columns(
        *("backend", "durability", "#p99 update", "#p99 slowest read", "#carries updates/s", "#USD per month"),
        *(f"#USD over {advice.inputs.model.years:g} years", "note"),
    )
    rows = [
        [*_figures(one, advice.need), _total(one), _note(one, tie=one.label in tied)] for one in advice.ranking.order
    ]
    note = "By cost per month; where that is equal, the durability asked for before stronger ones; then by p99."
    return Table("What fits, best first", head, rows, note)


def _figures(one: Candidate, need: Need) -> list[Value]:
    update, read = (one.times.update, one.times.slowest_read) if one.times else (None, None)
    source = one.times.source if one.times else ""
    return [
        Value(one.label),
        Value(one.facts.durability),
        _time_value(update, source),
        _time_value(read, source),
        Value(whole(one.carries), one.carries, hint=f"{one.concurrency.source}; {need.reads:g} reads/s beside"),
        Value(NONE) if one.monthly is None else Value(f"{one.monthly:,.2f}", one.monthly, hint=_trace(one)),
    ]


def _total(one: Candidate) -> Value:
    total = None if one.bill is None or one.bill.problem else one.bill.total
    return Value(NONE) if total is None else Value(f"{total:,.0f}", total, hint=_trace(one))


def _trace(one: Candidate) -> str:
    return "" if one.bill is None else "; ".join(one.bill.trace())


def _note(one: Candidate, *, tie: bool) -> Value:
    return listed([*(["equal to another within the noise"] if tie else []), *one.cautions])


def _time_value(taken: Latency | None, source: str) -> Value:
    if taken is None or taken.p99_us is None:
        return Value(NONE)
    return Value(
        time_words(taken.p99_us), taken.p99_us, hint=f"{operation_title(taken.operation)}: {taken.p99_words}, {source}"
    )


def _everybody(advice: Advice) -> Table:
    return Table(
        "Every backend, and what rules it out",
        columns("backend", "fits", "demand", "why not"),
        [list(row) for one in advice.candidates for row in _verdicts(one)],
    )


def _verdicts(one: Candidate) -> Iterator[tuple[Value, ...]]:
    if one.fits:
        yield Value(one.label), Value("fits", tone="good"), Value(NONE), Value(NONE)
    for reason in one.reasons:
        yield Value(one.label), Value("no", tone="bad"), Value(reason.demand), Value(reason.text)


def _changes(advice: Advice) -> Table:
    return Table(
        "What would change the answer",
        columns("demand", "then"),
        [[Value(threshold.demand), Value(threshold.text)] for threshold in advice.thresholds],
    )


def _time(taken: Latency | None) -> str:
    return "" if taken is None or taken.p99_us is None else time_words(taken.p99_us)


def _money(one: Candidate) -> str:
    return "cost not known" if one.monthly is None else f"{one.monthly:,.2f} USD"
