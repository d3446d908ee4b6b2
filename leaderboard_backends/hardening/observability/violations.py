"""What the parts inside counted as against a rule: validation, and the rate limit.

Both have their counts by rule in an attribute `counts`, which is read as it is: neither part, nor its libraries, need
be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

Violations = Mapping[tuple[str, str], int]
"""Numbers of updates and queries, by rule and outcome."""

OUTCOMES: Final = ("flagged", "refused")
"""What validation has counts of; those of the rate limit are refusals."""
UNCOUNTED: Final = "uncounted"
"""What the rate limit calls updates that passed while its storage did not answer."""


def violations(stack: Iterable[object]) -> Violations:
    """Return what the layers of a stack counted, by rule and outcome; nothing where no layer counts."""
    counted: dict[tuple[str, str], int] = {}
    for board in stack:
        for rule, outcome, number in _counts(getattr(board, "counts", None)):
            counted[rule, outcome] = counted.get((rule, outcome), 0) + number
    return counted


def _counts(counts: object) -> Iterator[tuple[str, str, int]]:
    if isinstance(counts, Mapping):
        for rule, number in counts.items():
            yield rule, UNCOUNTED if rule == UNCOUNTED else "refused", number
        return
    for outcome in OUTCOMES:
        for rule, number in getattr(counts, outcome, {}).items():
            yield rule, outcome, number
