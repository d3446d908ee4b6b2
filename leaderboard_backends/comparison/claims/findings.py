"""What was found of a claim: a verdict, and the figures behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

Verdict: TypeAlias = Literal["holds", "does not hold", "holds in part", "not measured", "opinion"]
"""`not measured`: the result lacks what it takes, nothing here measures it, or it is not built yet. What was only
stated decides nothing. `opinion`: no figure decides it.
"""


class Judged(NamedTuple):
    """What an evaluator says of a claim."""

    measured: str
    verdict: Verdict


class Finding(NamedTuple):
    """A claim, what was measured, and whether it holds."""

    id: str
    section: str
    claim: str
    measured: str
    verdict: Verdict
    how: str


class NotMeasuredError(Exception):
    """A result lacks what a claim is judged by; the text says what, and what to run."""


def decide(parts: Sequence[bool]) -> Verdict:
    """Return `holds` where all parts do, `does not hold` where none does, and `holds in part` between."""
    if all(parts):
        return "holds"
    return "holds in part" if any(parts) else "does not hold"
