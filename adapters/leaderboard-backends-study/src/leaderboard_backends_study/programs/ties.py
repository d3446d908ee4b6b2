"""`study: ties`: how many players a board loses whose keys are not unique. A counted fact, not a time.

A key of the score alone loses every player but one of each score (third anti-pattern, which the study warns of). Its
remedy, (-score, timestamp), "ensures unique keys" only as far as no two players reach one score at one reading of the
clock. So every clock is tried: the one of Python as fast as a loop can read it, clocks that tell whole microseconds,
milliseconds and seconds at the study's own 10,000 updates per second, and one that is read once for each batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from time import time
from typing import Final

from sortedcontainers import SortedDict

from leaderboard_backends.comparison.programs import Program, Setting
from leaderboard_backends.comparison.schema import ProgramFigures

from .players import BEST, draw_names, draw_scores

RATE: Final = 10_000
"""Updates per second, arriving at random (Poisson)."""

BATCH: Final = 0.1
"""Seconds of a batch, whose updates (about 1,000) share one reading of the clock."""

CROWDS: Final = {"scores up to 1,000,000": BEST, "scores up to 1,000": 1_000, "all tied": 0}
"""How many different scores there can be."""

SCORE_ALONE: Final = "-score"
CLOCKS: Final = {
    "(-score, time.time())": 0.0,
    "(-score, microseconds)": 1e-6,
    "(-score, milliseconds)": 1e-3,
    "(-score, seconds)": 1.0,
    "(-score, time of the batch)": BATCH,
}
"""The key, with the resolution of its clock in seconds; 0: this machine's clock, read as it is."""


def lost(key: str, crowd: str) -> str:
    """Return the name of a count: players that are not on the board, of all that were put there."""
    return f"lost, {key}, {crowd}"


def run(setting: Setting) -> ProgramFigures:
    """Fill a board for each kind of key and each crowd, and count who is missing."""
    names = draw_names(setting.players)
    counts: dict[str, float] = {}
    for crowd, best in CROWDS.items():
        scores = draw_scores(setting.players, setting.seed, best)
        counts[lost(SCORE_ALONE, crowd)] = missing(names, (-score for score in scores))
        for key, step in CLOCKS.items():
            keys = ((-score, now) for score, now in zip(scores, readings(step, setting.seed), strict=False))
            counts[lost(key, crowd)] = missing(names, keys)
    return ProgramFigures([], counts=counts)


def missing(names: list[str], keys: Iterable[object]) -> int:
    """Put everybody on a board under these keys, and return how many are not there in the end."""
    board: SortedDict[object, str] = SortedDict()
    for name, key in zip(names, keys, strict=True):
        board[key] = name
    return len(names) - len(board)


def readings(step: float, seed: int) -> Iterator[float]:
    """Yield the reading of a clock with a resolution of `step` seconds at each update; this machine's clock for 0."""
    if not step:
        yield from iter(time, None)
    rng = Random(f"arrivals of the study {seed}")  # noqa: S311 - nothing here is a secret
    now = 0.0
    while True:
        now += rng.expovariate(RATE)
        yield now // step


PROGRAMS: Final = (
    Program(
        "study: ties",
        "How many players a board loses under keys that a tie, or a clock, makes equal.",
        100_000,
        run,
    ),
)
