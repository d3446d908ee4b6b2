"""Scores as integers that order as the scores do: the bits of their doubles, with the sign of the score.

Each score of the contract is one double, whole numbers within ±2^53 too, so this is exact for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct, pack, unpack
from typing import Final

from ...model import Score, score_from_float

_double: Final = Struct("<d")
_bits: Final = Struct("<q")


def pack_score(score: Score) -> int:
    """Return the integer of a score. O(1)."""
    magnitude: int = _bits.unpack(_double.pack(abs(score)))[0]
    return -magnitude if score < 0 else magnitude


def unpack_score(packed: int) -> Score:
    """Return the score of an integer. O(1)."""
    magnitude: float = _double.unpack(_bits.pack(abs(packed)))[0]
    return score_from_float(-magnitude if packed < 0 else magnitude)


def unpack_scores(packed: Sequence[int]) -> list[Score]:
    """Return the scores of integers. O(length)."""
    found: tuple[float, ...] = unpack(f"<{len(packed)}d", pack(f"<{len(packed)}q", *map(abs, packed)))
    return [score_from_float(-each if number < 0 else each) for number, each in zip(packed, found, strict=True)]
