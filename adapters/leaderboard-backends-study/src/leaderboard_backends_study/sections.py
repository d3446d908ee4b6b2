"""The study's claims as sections of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from leaderboard_backends.comparison.document import Section, Table, Tone, Value, anchor, words
from leaderboard_backends.comparison.report.extensions import Subject

from .costs import costs_section
from .evaluation import evaluate
from .findings import Finding, Verdict

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


def claims_sections(subject: Subject) -> list[Section]:
    """Return the section of the study's claims: how many hold, and a table for each part of the study."""
    findings = evaluate(subject.result, subject.inputs)
    return [
        Section(
            name="claims",
            title="The claims of a study, checked",
            paragraphs=[INTRODUCTION, _count(findings), VERDICTS, BOARDS],
            sections=[
                Section(anchor("claims", title), title, tables=[_table(list(found))])
                for title, found in groupby(findings, key=lambda finding: finding.section)
            ]
            + [costs_section(subject)],
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
