"""Advice as sections of a report: the answer, what to take for typical needs, and the whole answer to one need."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from math import log2
from typing import Final

from ...errors import ConfigurationError
from ...numerals import NONE, counted, whole
from ..advice.answer import Advice, advise_from
from ..advice.candidates import DISTURBED, Basis, Candidate
from ..advice.need import LOST, Need, time_words
from ..advice.performance import Latency, sizes, times
from ..cost.source import Inputs
from ..document import NOTHING, Column, Section, Table, Tone, Value, columns, listed, operation_title, quoted
from ..measurements import Measurements
from ..schema import Result
from .tables import DISTURBED as DISTURBED_MARK
from .tables import Row, filled, row_of, section, table_of, words

WHICH: Final = "which"

SIZES: Final = (10_000, 100_000, 1_000_000, 10_000_000)
UPDATES: Final = 500.0
"""Updates per second of the typical needs, and as many reads, whatever the size."""

ALONE: Final = "†"
"""Marks a p99 of one client alone where the need has several processes."""

BEYOND: Final = "*"
"""Marks what is extrapolated beyond the largest measured size."""

WORKERS: Final = 4
"""App processes per server in those typical needs that have several processes."""

_AND_DURABLE: Final = ", durable"

TYPICAL: Final = {
    "one app process": Need(1, UPDATES, UPDATES, 1, 1, "memory only"),
    f"one app process{_AND_DURABLE}": Need(1, UPDATES, UPDATES, 1, 1, "every commit"),
    "one server": Need(1, UPDATES, UPDATES, 1, WORKERS, "memory only"),
    f"one server{_AND_DURABLE}": Need(1, UPDATES, UPDATES, 1, WORKERS, "every commit"),
    "3 servers": Need(1, UPDATES, UPDATES, 3, WORKERS, "memory only"),
    f"3 servers{_AND_DURABLE}": Need(1, UPDATES, UPDATES, 3, WORKERS, "every commit"),
}
"""Typical needs by title, whatever the number of players."""

PICKED: Final = (
    "How we pick: of those that carry the load, the cheapest; at equal cost, the fastest; within the noise, the "
    "simplest to run."
)
DURABLE: Final = "**Durable**: a power cut loses no acknowledged update, as its storage promises."


def of_typical_needs(basis: Basis, known: Sequence[int]) -> dict[str, list[Advice]]:
    """Return what to take for each typical need at each size."""
    return {
        title: [advise_from(basis, need.changed(players=size)) for size in known] for title, need in TYPICAL.items()
    }


def price_of_durability(advised: Mapping[str, Advice]) -> str:
    """Return what it costs to be wrong about durability, each way; `advised` is by the titles of `TYPICAL`."""
    same, slower, losing = [], [], dict[str, None]()
    for title, without in advised.items():
        keeps = advised.get(f"{title}{_AND_DURABLE}")
        if keeps is None or keeps.pick is None or without.pick is None:
            continue
        if keeps.pick.label == without.pick.label:
            same.append(f"With {title}, the pick is durable in any case: `{keeps.pick.label}`.")
        else:
            losing[without.pick.label] = None
            slower.append(f"{_update_time(keeps)} instead of {_update_time(without)} with {title}")
    without_it = " or ".join(f"`{label}`" for label in losing)
    price = [words("durability", slower=", ".join(slower), without=without_it)] if losing else []
    return " ".join([*price, *same])


def in_rows(advised: Mapping[str, Sequence[Advice]]) -> Iterator[tuple[str, Sequence[Advice]]]:
    """Yield each typical need's title and what to take; one row for both where durability changes nothing."""
    left = dict(advised)
    for title, row in advised.items():
        durable = f"{title}{_AND_DURABLE}"
        if durable in left and _labels(row) == _labels(left[durable]):
            yield f"{durable} or not", left.pop(durable)
        elif title in left:
            yield title, row


def _labels(row: Sequence[Advice]) -> list[str]:
    return [advice.pick.label if advice.pick else "" for advice in row]


def _update_time(advice: Advice) -> str:
    p99 = advice.pick.p99_us(advice.need) if advice.pick else None
    return time_words(p99) if p99 else NONE


# ---------------------------------------------------------------------- the answer

MOST_BARS: Final = 9
"""Bars of the chart, so that the answer fits a screen: what is taken for any need, and the fastest of the others."""

HEADLINES: Final = (f"one server{_AND_DURABLE}", f"one app process{_AND_DURABLE}", "one server", "one app process")
"""What the sentence is about: the first of these needs that something meets."""


def answer_of_comparison(m: Measurements) -> Section:
    """Return the answer, a column for each size; a result without service times of updates says that alone."""
    try:
        basis = Basis(m)
    except ConfigurationError as error:
        return section("answer", more=[f"No advice: {error}"])
    known = sorted({size for facts in m.result.backends for size in sizes(m, facts.label)})[-4:]  # the largest
    if not known:
        return section("answer", more=["No advice: no backend that was judged has service times of updates."])
    advised = of_typical_needs(basis, known)
    met = next((title for title in HEADLINES if advised[title][-1].pick), HEADLINES[0])
    disturbed = disturbed_words([one for row in advised.values() for advice in row for one in advice.candidates])
    price = price_of_durability({title: row[-1] for title, row in advised.items()})
    taken = {row[-1].pick.label for row in advised.values() if row[-1].pick}
    chart = _chart(m, known[-1], advised[met][-1].pick, taken, f"{DURABLE} {price}\n{words('no-sorted-set')}")
    said = [*_sentences(met, advised[met]), *disturbed]
    return section("answer", [*chart, _table(known, advised, met)], more=said)


def need_in_words(title: str, row: Sequence[Advice]) -> str:
    """Return what the first sentence is about: "up to" the largest size, if the pick is the same for all of them."""
    players = f"{'up to ' if len(row) > 1 and len({*_labels(row)}) == 1 else ''}{row[-1].need.players:,} players"
    workers = row[-1].need.workers
    return f"{players} and {f'{workers} app processes on ' if workers > 1 else ''}{title}"


def _sentences(title: str, row: Sequence[Advice]) -> Iterator[str]:
    advice, need, pick = row[-1], row[-1].need, row[-1].pick
    if pick is None:
        yield f"For {need_in_words(title, row)}: **{advice.verdict}**. {' '.join(advice.why)}"
        return
    tied = [label for labels in advice.ranking.ties if pick.label in labels for label in labels if label != pick.label]
    equal = f" Within the noise it equals {quoted(tied)}." if tied else ""
    yield f"For {need_in_words(title, row)}: **{pick.label}**.{equal}"
    if pick.facts.metadata.configuration:
        yield f"In a config: `{pick.facts.metadata.configuration}`"
    by = counted(need.processes, "process", "processes")
    carries = f"{by}: at most {whole(pick.carries)} updates per second"
    plug_in = [f"Plug-in: {pick.plug_in}"] if pick.plug_in else []
    yield f"{'. '.join([*_time_and_cost(pick, need), carries, *plug_in])}."


def _time_and_cost(one: Candidate, need: Need) -> Iterator[str]:
    if p99 := one.p99_us(need):
        yield f"p99 of an update: {time_words(p99)} (one client)"
    if one.monthly is not None:
        yield one.cost


def _table(known: Sequence[int], advised: Mapping[str, Sequence[Advice]], met: str) -> Table:
    why: dict[str, list[str]] = {}
    for title, row in advised.items():
        for reason in {advice.why[0] for advice in row if not advice.pick}:
            why.setdefault(reason, []).append(title)
    rows = list(in_rows(advised))
    alike = [list(equal) for _, equal in groupby(range(len(known)), lambda at: [_take(row[at]) for _, row in rows])]
    up_to = (" to ".join(f"{known[at]:,}" for at in sorted({equal[0], equal[-1]})) + " players" for equal in alike)
    last = advised[met][-1]
    next_best = "".join(
        f"Next best for {met}: `{one.label}`. {'. '.join(_time_and_cost(one, last.need))}.\n"
        for one in last.ranking.order[1:2]
    )
    return table_of(
        f"What to take for {UPDATES:g} updates and {UPDATES:g} reads per second",
        "|".join([f"what you have (a server has {WORKERS} app processes)", *up_to]),
        (row_of(title, *(_take(row[equal[0]]) for equal in alike)) for title, row in rows),
        f"{next_best}{PICKED}"
        + "".join(f" Nothing fits {'; '.join(titles)}. {reason}" for reason, titles in why.items()),
    )


def _take(advice: Advice) -> Value:
    return Value(advice.pick.label) if advice.pick else Value(advice.verdict, tone="bad")


def _chart(m: Measurements, players: int, pick: Candidate | None, taken: Collection[str], note: str) -> Iterator[Table]:
    """Yield the chart: a bar for each backend that was measured at this size, those not picked dimmed."""
    measured = [facts for facts in m.result.backends if players in sizes(m, facts.label)]
    found = [(facts, times(m, facts.label, players)) for facts in measured]
    p50s = [(one.update.p50_us, facts) for facts, one in found if one is not None and one.update.p50_us]
    rows, least = [], min((p50 for p50, _ in p50s), default=1.0)
    shown = sorted(p50s, key=lambda pair: (pair[1].label not in taken, pair[0]))[:MOST_BARS]
    for p50, facts in sorted(shown, key=lambda pair: pair[0]):
        tone: Tone = "" if pick is None or facts.label == pick.label else "dim"
        bar = Value("#" * (1 + round(log2(p50 / least))), p50, tone)
        rows.append(row_of(facts.label, LOST[facts.durability], Value(time_words(p50), p50), bar))
    if rows:
        head = [*columns("backend", "lost in a power cut", "#median"), Column("", figures=False, scale=True)]
        part = f", {len(rows)} of {len(p50s)} backends" if len(rows) < len(p50s) else ""
        title = f"Median time of an update with its new rank at {players:,} players{part} (log scale)"
        yield Table(title, head, rows, note)


# ---------------------------------------------------------------------- which, at any size


def advice_section(m: Measurements, inputs: Inputs | None = None) -> Section:
    """Return the section "Which, at your size"; without service times of updates it says that alone."""
    try:
        basis = Basis(m, inputs)
    except ConfigurationError as error:
        return section("which", more=[f"No advice: {error}"])
    rows = of_typical_needs(basis, SIZES)
    every = [(title, advice) for title, advised in rows.items() for advice in advised]
    picks = [(advice.pick, advice.need) for _, advice in every if advice.pick]
    head = "|".join(["what you have", *(f"up to {size:,} players" for size in SIZES)])
    cells = (row_of(title, *map(_place, advised)) for title, advised in rows.items())
    matrix = table_of("Backend, p99 of an update, and cost per month", head, cells, " ".join(_notes(picks)))
    head = f"what you have|#players|take|{_FIGURES}|next best|measured|what would change it"
    behind = table_of("Picks with their figures, and who comes next", head, (_behind(*each) for each in every))
    why = Section("which-why", "Why, and what would change it", tables=[behind], detail=True)
    said = [*disturbed_words([one for _, advice in every for one in advice.candidates]), *_never_opened(m.result)]
    return section("which", [matrix], [why], said)


def _notes(picks: Sequence[tuple[Candidate, Need]]) -> Iterator[str]:
    """Yield notes on the picks in the matrix; nothing on other backends."""
    yield words("each-cell", rate=UPDATES, workers=WORKERS)
    yield PICKED
    if any(pick.times and pick.times.beyond for pick, _ in picks):
        yield f"`{BEYOND}` extrapolated: more players than were measured."
    if several := {pick.concurrency.measured for pick, need in picks if need.processes > 1}:
        carried = "" if several == {True} else "not " if several == {False} else "not always "
        yield words("alone", mark=ALONE, carried=carried)
    if any(pick.disturbed for pick, _ in picks):
        yield f"`{DISTURBED_MARK}` {DISTURBED}."
    if in_process := quoted(sorted({pick.label for pick, _ in picks if pick.facts.home == "process"})):
        yield f"Only its own process can use a board of {in_process}, and the board ends with it."
    yield "For a need of your own: `leaderboard advise --players 50K --updates 500/s --durable`."


def disturbed_words(candidates: Sequence[Candidate]) -> Iterator[str]:
    """Yield a sentence where other work may have decided who is taken."""
    labels = dict.fromkeys(one.label for one in candidates if one.disturbed)
    if labels:
        yield words("disturbed", backends=quoted(labels))


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
    p99 = pick.p99_us(advice.need)
    time = "" if p99 is None else time_words(p99)
    marks = (ALONE if time and advice.need.processes > 1 else "") + (DISTURBED_MARK if pick.disturbed else "")
    said = [pick.label + beyond, time + marks, cost]
    return Value(", ".join(filter(None, said)), pick.label, hint=" ".join([*advice.why, *pick.cautions]))


_FIGURES: Final = "durability|#p99 update|#p99 slowest read|#carries updates/s|#USD per month"
"""The columns after the label, of a row with `_figures`."""


def _behind(title: str, advice: Advice) -> Row:
    pick, players = advice.pick, advice.need.players
    changes = listed(threshold.text for threshold in advice.thresholds)
    if pick is None:
        verdict, why = Value(advice.verdict, tone="bad"), Value(" ".join(advice.why))
        return row_of(title, players, verdict, *[None] * 6, why, changes)
    following = "".join(f"{one.label}, {one.cost.removesuffix(' per month')}" for one in advice.ranking.order[1:2])
    source = pick.times.source if pick.times else ""
    return row_of(title, players, *_figures(pick, advice.need), following, source, changes)


# ---------------------------------------------------------------------- one need


def answer_section(advice: Advice) -> Section:
    """Return the whole answer to one need: the pick and why, the ranking, what rules others out, what changes it."""
    pick = advice.pick
    nothing = "**Nothing fits**" if advice.known else "**Nothing is known** of"
    verdict = f"Take {quoted([pick.label])} for" if pick else nothing
    said = [
        f"{verdict} {advice.need.words}.",
        *disturbed_words(advice.candidates),
        *_never_opened(advice.basis.m.result),
        *advice.why,
        *(f"Mind: {caution}." for caution in (pick.cautions if pick else ())),
    ]
    changes = (row_of(threshold.demand, threshold.text) for threshold in advice.thresholds)
    what_if = table_of("What would change the answer", "demand|then", changes)
    verdicts = list[Row]()
    for one in advice.candidates:
        fits, no = Value("fits", tone="good"), Value("no", tone="bad")
        verdicts += [row_of(one.label, no, reason.demand, reason.text) for reason in one.reasons] or [
            row_of(one.label, fits, None, None)
        ]
    ruled_out = table_of("Every backend, and what rules it out", "backend|fits|demand|why not", verdicts)
    tables = filled(_ranking(advice), ruled_out, what_if)
    return Section("advice", "The answer", said, tables)


def _ranking(advice: Advice) -> Table:
    tied, rows = {label for labels in advice.ranking.ties for label in labels}, []
    for one in advice.ranking.order:
        total = None if one.bill is None or one.bill.problem else one.bill.total
        notes = [*(["equal to another within the noise"] if one.label in tied else []), *one.cautions]
        rows.append(row_of(*_figures(one, advice.need), _amount(one, total, "{:,.0f}"), listed(notes)))
    head = f"backend|{_FIGURES}|#USD over {advice.basis.inputs.model.years:g} years|note"
    note = "Sorted by cost per month; at equal cost, the requested durability class before stronger ones; then by p99."
    return table_of("What fits, best first", head, rows, note)


def _figures(one: Candidate, need: Need) -> Row:
    update, read = (one.times.update, one.times.slowest_read) if one.times else (None, None)
    source = one.times.source if one.times else ""
    hint = f"{one.concurrency.source}; in addition to {need.reads:g} reads/s"
    carries = Value(whole(one.carries), one.carries, hint=hint)
    taken = _time_value(update, source), _time_value(read, source)
    return row_of(one.label, one.facts.durability, *taken, carries, _amount(one, one.monthly, "{:,.2f}"))


def _amount(one: Candidate, usd: float | None, form: str) -> Value:
    trace = "; ".join(one.bill.trace()) if one.bill else ""
    return NOTHING if usd is None else Value(form.format(usd), usd, hint=trace)


def _time_value(latency: Latency | None, source: str) -> Value:
    if latency is None or latency.p99_us is None:
        return NOTHING
    hint = f"{operation_title(latency.operation)}: {latency.p99_words}, {source}"
    return Value(time_words(latency.p99_us), latency.p99_us, hint=hint)
