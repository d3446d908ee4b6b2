"""The study's claims and the facts of operating a board, as sections of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from ...numerals import NONE, duration
from ..cost.sections import study_costs_section
from ..cost.source import Inputs
from ..document import Section, Table, Tone, Value, anchor, listed, number, numbers, word, words
from ..schema import Result
from .evaluation import evaluate
from .findings import Finding, Verdict
from .operating import STATED, Operation, operations

TONES: Final[dict[Verdict, Tone]] = {
    "holds": "good",
    "does not hold": "bad",
    "holds in part": "",
    "not measured": "dim",
    "opinion": "dim",
}

INTRODUCTION: Final = (
    "This project started from a study that recommends storages for leaderboards, with times and costs. Each row is "
    "one of its claims, with what was measured here."
)
VERDICTS: Final = (
    "**Holds in part**: some parts of the claim hold. **Not measured**: this result lacks the figures, nothing here "
    "measures it, or it is not built yet. **Opinion**: no figure decides it; related figures are shown. **Stated, not "
    "measured**: a list that we wrote; no verdict depends on it. A claimed time holds where no measured time is longer."
)
BOARDS: Final = (
    "`sortedcontainers` is the board on SortedContainers, `redis` the one on a Redis server, `zodb` the one on BTrees. "
    "Names with a colon are programs written as the study shows them, not boards of this library."
)


def claims_sections(result: Result, inputs: Inputs | None = None) -> list[Section]:
    """Return the section of the study's claims: how many hold, and a table for each part of the study."""
    findings = evaluate(result, inputs)
    return [
        Section(
            name="claims",
            title="The claims of a study, checked",
            paragraphs=[INTRODUCTION, _count(findings), VERDICTS, BOARDS],
            sections=[
                Section(anchor("claims", title), title, tables=[_table(list(found))])
                for title, found in groupby(findings, key=lambda finding: finding.section)
            ]
            + [study_costs_section(result, inputs)],
        )
    ]


def _count(findings: Sequence[Finding]) -> str:
    counted = Counter(finding.verdict for finding in findings)
    said = ", ".join(f"**{verdict}** {counted[verdict]}" for verdict in TONES if counted[verdict])
    return f"{len(findings)} claims: {said}."


def _table(findings: Sequence[Finding]) -> Table:
    return Table(
        "",
        words("claim", "measured", "verdict", "how"),
        [
            [
                Value(finding.claim, hint=finding.id),
                Value(_plain(finding.measured)),
                Value(finding.verdict, tone=TONES[finding.verdict]),
                Value(_plain(finding.how)),
            ]
            for finding in findings
        ],
    )


def _plain(text: str) -> str:
    """Return a text without backticks, which a cell would show as they are."""
    return text.replace("`", "")


# ---------------------------------------------------------------------- operations


def operations_sections(result: Result) -> list[Section]:
    """Return what operating each board takes: running and restoring, measured; set-up and monitoring, stated."""
    every = operations(result)
    return [
        Section(
            name="operations",
            title="What it takes to operate",
            paragraphs=[_DRILL],
            tables=[_running(every), _setting_up(every)],
        )
    ]


_DRILL: Final = (
    "Processes: those in addition to the app's own. Start: from nothing to the first acknowledged update. Restore: "
    "from a `kill -9` during updates until answers are correct again, median over the runs; where the storage kept "
    "nothing, the app loads all players again. A kill is not a power cut: durability says what that leaves."
)


def _running(every: Sequence[Operation]) -> Table:
    return Table(
        "To run, and to recover",
        [
            *words("backend", "durability"),
            *numbers("processes", "ports", "start", "players", "restore"),
            *words("by", "updates lost"),
        ],
        [list(_running_row(one)) for one in every],
        "" if all(one.drilled for one in every) else f"{NONE}: no crash was measured.",
    )


def _running_row(one: Operation) -> Iterator[Value]:
    yield from (Value(one.label), Value(one.durability))
    yield from (number(one.processes), number(one.ports))
    yield from (number(one.start_seconds, duration), number(one.players), number(one.restore_seconds, duration))
    yield word({"load": "loading again", "restart": "a restart"}.get(one.restored_by, one.restored_by))
    lost = "" if one.lost is None else f"{one.lost:,} of {one.acknowledged:,}"
    yield Value(lost or NONE, one.lost, tone="bad" if one.lost else "")


def _steps(one: Operation) -> Value:
    return Value(f"{len(one.setup)}" if one.setup else NONE, len(one.setup) or None)


def _setting_up(every: Sequence[Operation]) -> Table:
    return Table(
        f"To set up, and to monitor: {STATED}",
        [*words("backend"), *numbers("set-up steps"), *words("set-up", "what can be monitored")],
        [[Value(one.label), _steps(one), listed(one.setup), listed(one.watch)] for one in every],
        "From the file that describes each backend: not measured, and no verdict depends on it.",
    )
