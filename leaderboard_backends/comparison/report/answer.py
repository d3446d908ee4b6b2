"""The answer of a comparison on a terminal, in 40 lines: what to take, the line for a config, a table and a chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import log2
from typing import Final

from ...errors import ConfigurationError
from ...numerals import counted, whole
from ..advice.answer import Advice, advise_without_thresholds
from ..advice.candidates import Basis, Candidate
from ..advice.need import LOST, Need, time_words
from ..advice.performance import sizes, times
from ..advice.sections import (
    DURABLE,
    PICKED,
    TYPICAL,
    UPDATES,
    WORKERS,
    Typical,
    disturbed_words,
    in_rows,
    price_of_durability,
)
from ..cost.source import Inputs
from ..document import Column, Section, Table, Value, columns, quoted
from ..measurements import Measurements

NAME: Final = "answer"
TITLE: Final = "The answer"
BLOCK: Final = "#"
MOST_SIZES: Final = 4
"""Columns of the table: the largest sizes, where more were measured."""


NO_SORTED_SET: Final = (
    "**Why not a plain sorted set?** On a tie, `ZADD` sorts by id: `zoe` before `adam`, even if `adam` was first; and "
    "it returns no rank. Here, whoever was first ranks first, and an update returns the rank."
)

HEADLINES: Final = (TYPICAL[3], TYPICAL[1], TYPICAL[2], TYPICAL[0])
"""What the sentence is about: the first of these needs that something meets."""


def answer_of_comparison(m: Measurements, inputs: Inputs | None = None) -> Section:
    """Return the answer, a column for each size; a result without service times of updates says that alone."""
    try:
        basis = Basis(m, inputs)
    except ConfigurationError as error:
        return Section(NAME, TITLE, [f"No advice: {error}"])
    known = sorted({size for facts in m.result.backends for size in sizes(m, facts.label)})[-MOST_SIZES:]
    if not known:
        return Section(NAME, TITLE, ["No advice: no backend that was judged has service times of updates."])
    advised = {typical: [advise_without_thresholds(basis, typical.need(size)) for size in known] for typical in TYPICAL}
    met = next((typical for typical in HEADLINES if advised[typical][-1].pick), HEADLINES[0])
    answer = advised[met][-1]
    disturbed = disturbed_words([one for row in advised.values() for advice in row for one in advice.candidates])
    return Section(
        NAME,
        TITLE,
        [*_sentences(met, answer), *disturbed],
        [_table(known, advised, met), *_chart(m, known[-1], answer.pick)],
    )


def _sentences(typical: Typical, advice: Advice) -> Iterator[str]:
    need, pick = advice.need, advice.pick
    if pick is None:
        yield f"For {need.players:,} players, {typical.title}: **{advice.verdict}**. {' '.join(advice.why)}"
        return
    tied = [label for labels in advice.ranking.ties if pick.label in labels for label in labels if label != pick.label]
    equal = f" Within the noise it equals {quoted(tied)}." if tied else ""
    yield f"For {need.players:,} players, {typical.title}: **{pick.label}**.{equal}"
    if pick.facts.metadata.configuration:
        yield f"In a config: `{pick.facts.metadata.configuration}`"
    by = counted(need.processes, "process", "processes")
    carries = f"{by}: at most {whole(pick.carries)} updates per second"
    plug_in = [f"A plug-in: {pick.plug_in}"] if pick.plug_in else []
    yield f"{'. '.join([*_time_and_cost(pick, need), carries, *plug_in])}."


def _time_and_cost(one: Candidate, need: Need) -> Iterator[str]:
    update = one.judged(need)
    if update and update.p99_us:
        yield f"p99 of an update: {time_words(update.p99_us)} (one client)"
    if one.monthly is not None:
        yield f"{one.monthly:,.2f} USD per month"


def _table(known: Sequence[int], advised: Mapping[Typical, Sequence[Advice]], met: Typical) -> Table:
    why: dict[str, list[str]] = {}
    for typical, row in advised.items():
        for reason in {advice.why[0] for advice in row if not advice.pick}:
            why.setdefault(reason, []).append(typical.title)
    rows = list(in_rows(advised))
    alike = [list(equal) for _, equal in groupby(range(len(known)), lambda at: [_take(row[at]) for _, row in rows])]
    return Table(
        f"What to take, up to this many players ({UPDATES:g} updates and {UPDATES:g} reads per second)",
        columns(
            f"what you have ({WORKERS} app processes per server)",
            *(" / ".join(f"{known[at]:,}" for at in equal) for equal in alike),
        ),
        [[Value(title), *(_take(row[equal[0]]) for equal in alike)] for title, row in rows],
        f"{_next_best(met, advised[met][-1])}{PICKED}\n{DURABLE} "
        f"{price_of_durability({typical.title: row[-1] for typical, row in advised.items()})}"
        f"\n{NO_SORTED_SET}"
        + "".join(f" Nothing fits {'; '.join(titles)}. {reason}" for reason, titles in why.items()),
    )


def _next_best(typical: Typical, advice: Advice) -> str:
    one = next(iter(advice.ranking.order[1:]), None)
    if one is None:
        return ""
    return f"Next best for {typical.title}: `{one.label}`. {'. '.join(_time_and_cost(one, advice.need))}.\n"


def _take(advice: Advice) -> Value:
    return Value(advice.pick.label) if advice.pick else Value(advice.verdict, tone="bad")


def _chart(m: Measurements, players: int, pick: Candidate | None) -> Iterator[Table]:
    """Yield the chart: a bar for each backend that was measured at this size, those not picked dimmed."""
    measured = [facts for facts in m.result.backends if players in sizes(m, facts.label)]
    found = [(facts, times(m, facts.label, players)) for facts in measured]
    p50s = [(one.update.p50_us, facts) for facts, one in found if one is not None and one.update.p50_us]
    if p50s:
        least = min(p50 for p50, _ in p50s)
        yield Table(
            f"Median time of an update with its new rank at {players:,} players (log scale)",
            [
                *columns("backend", "lost in a power cut", "#median"),
                Column("", figures=False, scale=True),
            ],
            [
                [
                    Value(facts.label),
                    Value(LOST[facts.durability]),
                    Value(time_words(p50), p50),
                    Value(_bar(p50 / least), p50, "" if pick is None or facts.label == pick.label else "dim"),
                ]
                for p50, facts in sorted(p50s, key=lambda found: found[0])
            ],
        )


def _bar(ratio: float) -> str:
    return BLOCK * (1 + round(log2(ratio)))
