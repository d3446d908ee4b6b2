"""The answer of a comparison on a terminal, in 40 lines: what to take, the line for a config, a table and a chart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2
from typing import Final

from ...errors import ConfigurationError
from ..advice.answer import Advice, advise_from
from ..advice.need import time_words
from ..advice.records import Records
from ..advice.sections import TYPICAL, UPDATES, Typical, disturbed_words
from ..advice.times import times
from ..cost.sections import Inputs
from ..document import NONE, Section, Table, Value
from ..document.numerals import whole
from ..document.values import numbers, quoted, words
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
    players = max(size for label in labels for size in records.sizes(label))
    advised = {typical: advise_from(records, typical.need(players), given) for typical in TYPICAL}
    met = next((typical for typical in HEADLINES if advised[typical].pick), HEADLINES[0])
    return Section(
        NAME,
        TITLE,
        [*_sentences(met, advised[met]), *disturbed_words(advised[met].candidates)],
        [_table(players, list(advised.items())), *_chart(records, labels, players)],
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
    yield Value(NONE if update is None or update.p99_us is None else time_words(update.p99_us))
    yield Value(whole(pick.carries))
    yield Value(NONE if pick.monthly is None else f"{pick.monthly:,.2f}")


def _chart(records: Records, labels: Sequence[str], players: int) -> Iterator[Table]:
    """Yield the chart: a bar for each backend that was measured at this size."""
    found = {label: times(records, label, players) for label in labels if players in records.sizes(label)}
    taken = {label: one.update.p50_us for label, one in found.items() if one is not None and one.update.p50_us}
    if taken:
        least = min(taken.values())
        yield Table(
            f"Time of an update with its new rank at {players:,} players (p50): each {BLOCK} more doubles it",
            [*words("backend"), *numbers("p50"), *words("")],
            [
                [Value(label), Value(time_words(p50)), Value(BLOCK * (1 + round(log2(p50 / least))))]
                for label, p50 in sorted(taken.items(), key=lambda item: item[1])
            ],
        )
