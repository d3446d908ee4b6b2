"""The answer of a comparison on a terminal, in 40 lines: what to take, the line for a config, a table and a chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2
from typing import Final

from ...errors import ConfigurationError
from ..advice.answer import Advice, advise_from
from ..advice.candidates import Candidate
from ..advice.need import LOST, time_words
from ..advice.records import Records
from ..advice.sections import TYPICAL, UPDATES, Typical, disturbed_words
from ..advice.times import times
from ..cost.sections import Inputs
from ..document import NONE, Column, Section, Table, Value
from ..document.values import number, numbers, quoted, words
from ..schema import Result

NAME: Final = "answer"
TITLE: Final = "The answer"
BLOCK: Final = "#"


HEADLINES: Final = (TYPICAL[3], TYPICAL[1], TYPICAL[2], TYPICAL[0])
"""What the sentence is about: the first of these needs that something meets."""


def answer_of_comparison(result: Result, inputs: Inputs | None = None) -> Section:
    """Return the answer for the largest measured size; a result without service times of updates says that alone."""
    try:
        records = Records(result)
    except ConfigurationError as error:
        return Section(NAME, TITLE, [f"No advice: {error}"])
    given = inputs or Inputs.shipped()
    labels = [facts.label for facts in result.backends]
    players = max((size for label in labels for size in records.sizes(label)), default=0)
    if not players:
        return Section(NAME, TITLE, ["No advice: no backend that was judged has service times of updates."])
    advised = {typical: advise_from(records, typical.need(players), given) for typical in TYPICAL}
    met = next((typical for typical in HEADLINES if advised[typical].pick), HEADLINES[0])
    return Section(
        NAME,
        TITLE,
        [*_sentences(met, advised[met]), *disturbed_words(advised[met].candidates)],
        [_table(players, list(advised.items())), *_chart(records, players, advised[met].pick)],
    )


def _sentences(typical: Typical, advice: Advice) -> Iterator[str]:
    need, pick = advice.need, advice.pick
    if pick is None:
        yield f"For {need.players:,} players, {typical.title}: **{advice.verdict}**. {' '.join(advice.why)}"
        return
    tied = [label for labels in advice.ranking.ties if pick.label in labels for label in labels if label != pick.label]
    equal = f" Within the noise it equals {quoted(tied)}." if tied else ""
    yield f"For {need.players:,} players, {typical.title}: **{pick.label}**.{equal}"
    if pick.facts.sheet.configuration:
        yield f"In a config: `{pick.facts.sheet.configuration}`"


def _table(players: int, advised: Sequence[tuple[Typical, Advice]]) -> Table:
    return Table(
        f"What to take for {players:,} players, {UPDATES:g} updates and {UPDATES:g} reads per second",
        [*words("what you have", "take"), *numbers("p99 update", "updates/s", "USD/month")],
        [[Value(typical.title), *_row(advice)] for typical, advice in advised],
        "The cheapest that fits, then the fastest; within the noise, the simplest to run. Durable: every acknowledged "
        "update survives a power cut. In the other rows, data may be lost in one.",
    )


def _row(advice: Advice) -> Iterator[Value]:
    pick = advice.pick
    if pick is None:
        yield from (Value(advice.verdict, tone="bad"), *[Value(NONE)] * 3)
        return
    update = pick.judged(advice.need)
    yield Value(pick.label)
    yield number(None if update is None else update.p99_us, time_words)
    yield number(pick.carries)
    yield number(pick.monthly, "{:,.2f}".format)


def _chart(records: Records, players: int, pick: Candidate | None) -> Iterator[Table]:
    """Yield the chart: a bar for each backend that was measured at this size, those not picked dimmed."""
    measured = [facts for facts in records.result.backends if players in records.sizes(facts.label)]
    found = [(facts, times(records, facts.label, players)) for facts in measured]
    p50s = [(one.update.p50_us, facts) for facts, one in found if one is not None and one.update.p50_us]
    if p50s:
        least = min(p50 for p50, _ in p50s)
        yield Table(
            f"Time of an update with its new rank at {players:,} players (p50)",
            [
                *words("backend", "power cut takes"),
                *numbers("p50"),
                Column(f"each {BLOCK} more doubles it", figures=False, scale=True),
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
