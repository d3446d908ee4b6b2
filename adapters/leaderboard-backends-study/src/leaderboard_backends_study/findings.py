"""The finding on a claim: a verdict, and the figures that led to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

Verdict: TypeAlias = Literal["holds", "does not hold", "holds in part", "not measured", "opinion"]
"""`not measured`: the result lacks the figures, nothing here measures them, or the feature is not built yet. What is
stated and not measured has no influence. `opinion`: no figure decides it.
"""


class Judged(NamedTuple):
    """What an evaluator returns for a claim: the figures as text, and the verdict."""

    measured: str
    verdict: Verdict


class NotMeasuredError(Exception):
    """A claim cannot be judged by a result; the text says why, and what to do."""


class MissingFiguresError(NotMeasuredError):
    """The result lacks figures that can be measured; the text says which, and what to run."""


def decide(parts: Sequence[bool]) -> Verdict:
    """Return `holds` where all parts do, `does not hold` where none does, else `holds in part`."""
    if all(parts):
        return "holds"
    return "holds in part" if any(parts) else "does not hold"
