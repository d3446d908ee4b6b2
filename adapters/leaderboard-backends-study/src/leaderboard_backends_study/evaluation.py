"""Judges every claim of the study by a result: one finding per claim."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from leaderboard_backends.comparison.cost.source import Inputs
from leaderboard_backends.comparison.schema import Result

from . import choices, code, money, ratings, rivals, speed, structures
from .evidence import Evaluator, Evidence
from .findings import Finding, Judged, NotMeasuredError, Verdict
from .inputs import Claim, claims

EVALUATORS: Final[dict[str, Evaluator]] = {
    claim: judge
    for module in (speed, rivals, structures, money, code, ratings, choices)
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


def evaluate(result: Result, inputs: Inputs | None = None) -> list[Finding]:
    """Return a finding for each claim, in the order of the study.

    A claim without an evaluator is an opinion, or cannot be measured here, as its entry says. Where the result lacks
    the figures, the claim is not measured, and the finding says what to run.
    """
    found = Evidence(result, inputs)
    judged = {claim.id: _judge(claim, found) for claim in claims() if claim.id not in COMBINED}
    judged.update({name: _combined([judged[part] for part in parts], parts) for name, parts in COMBINED.items()})
    return [_finding(claim, judged[claim.id]) for claim in claims()]


def _finding(claim: Claim, judged: Judged) -> Finding:
    return Finding(claim.id, claim.section, claim.claim, judged.measured, judged.verdict, claim.method)


def _judge(claim: Claim, found: Evidence) -> Judged:
    judge = EVALUATORS.get(claim.id)
    if judge is None:
        return Judged(claim.method, "opinion" if claim.kind == "opinion" else "not measured")
    try:
        return judge(claim, found)
    except NotMeasuredError as error:
        return Judged(str(error), "opinion" if claim.kind == "opinion" else "not measured")


def _combined(parts: Sequence[Judged], names: Sequence[str]) -> Judged:
    """Combine the verdicts of several claims: `not measured` where one of them is, unless another one fails."""
    said = "; ".join(f"{name}: {part.verdict}" for name, part in zip(names, parts, strict=True))
    verdicts = [part.verdict for part in parts]
    verdict: Verdict = "holds"
    if "not measured" in verdicts:
        verdict = "not measured"
    if any(each != "holds" for each in verdicts if each != "not measured"):
        verdict = "does not hold" if "does not hold" in verdicts else "holds in part"
    return Judged(said, verdict)
