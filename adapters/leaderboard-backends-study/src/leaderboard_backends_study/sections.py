"""Judges every claim of the study by a result, and shows one finding per claim as sections of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from leaderboard_backends.comparison.document import Section, Table, Tone, Value, anchor, columns
from leaderboard_backends.comparison.report.extensions import Subject

from . import code, money, operating, rivals, speed, structures
from .costs import costs_section
from .evidence import Evaluator, Evidence, MissingFiguresError, NotMeasuredError, Verdict
from .inputs import Claim, claims

EVALUATORS: Final[dict[str, Evaluator]] = {
    claim: judge
    for module in (speed, rivals, structures, money, code, operating)
    for claim, judge in module.EVALUATORS.items()
}
"""By the claim's id."""

COMBINED: Final = {
    "meets-all-requirements": (
        "update-target-100k",
        "top-100-target-100k",
        "rank-target-100k",
        "memory-target-100k",
        "requirement-1000s-updates-a-second",
        "requirement-100k-to-1m-players",
    )
}
"""Claims that follow from others."""

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


@dataclass(frozen=True, slots=True)
class Finding:
    """A claim, what was measured as text, and whether it holds."""

    claim: Claim
    measured: str
    verdict: Verdict
    missing: bool = False
    """Whether the result lacks figures for it that can be measured."""


def evaluate(evidence: Evidence) -> list[Finding]:
    """Return a finding for each claim, in the order of the study.

    A claim without an evaluator is an opinion, or cannot be measured here, as its entry says. Where the result lacks
    the figures, the claim is not measured, and the finding says what to run.
    """
    found = {claim.id: _find(claim, evidence) for claim in claims() if claim.id not in COMBINED}
    return [found.get(claim.id) or _combined(claim, [found[part] for part in COMBINED[claim.id]]) for claim in claims()]


def _find(claim: Claim, evidence: Evidence) -> Finding:
    unmeasured: Verdict = "opinion" if claim.kind == "opinion" else "not measured"
    judge = EVALUATORS.get(claim.id)
    if judge is None:
        return Finding(claim, claim.method, unmeasured)
    try:
        return Finding(claim, *judge(claim, evidence))
    except NotMeasuredError as error:
        return Finding(claim, str(error), unmeasured, isinstance(error, MissingFiguresError))


def _combined(claim: Claim, parts: Sequence[Finding]) -> Finding:
    """Combine several findings: `not measured` where one of them is, unless another one fails."""
    every = {part.verdict for part in parts}
    verdict: Verdict = "not measured" if "not measured" in every else "holds"
    if every - {"holds", "not measured"}:
        verdict = "does not hold" if "does not hold" in every else "holds in part"
    said = "; ".join(f"{part.claim.id}: {part.verdict}" for part in parts)
    return Finding(claim, said, verdict, any(part.missing for part in parts))


# ---------------------------------------------------------------------- sections


def claims_sections(subject: Subject) -> list[Section]:
    """Return the section of the study's claims: how many hold, and a table for each part of the study."""
    findings = evaluate(Evidence(subject.measurements, subject.inputs))
    parts = groupby(findings, key=lambda finding: finding.claim.section)
    return [
        Section(
            name="claims",
            title="The claims of a study, checked",
            paragraphs=[INTRODUCTION, _count(findings), VERDICTS, BOARDS],
            sections=[
                *(Section(anchor("claims", title), title, tables=[_table(list(part))]) for title, part in parts),
                costs_section(subject),
            ],
        )
    ]


def _count(findings: Sequence[Finding]) -> str:
    counted = Counter(finding.verdict for finding in findings)
    said = ", ".join(f"**{verdict}** {counted[verdict]}" for verdict in TONES if counted[verdict])
    return f"{len(findings)} claims: {said}."


def _table(findings: Sequence[Finding]) -> Table:
    return Table("", columns("claim", "measured", "verdict", "how"), [_row(finding) for finding in findings])


def _row(finding: Finding) -> list[Value]:
    claim, verdict = finding.claim, finding.verdict
    measured, how = (text.replace("`", "") for text in (finding.measured, claim.method))  # cells show them as they are
    return [Value(claim.claim, hint=claim.id), Value(measured), Value(verdict, tone=TONES[verdict]), Value(how)]
