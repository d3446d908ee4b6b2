"""A program of a plug-in, whose metadata is beside this file as an installer lays it out: tells what it was given."""

from __future__ import annotations

from leaderboard_backends.comparison.figures import ProgramFigures, Timing, distribution
from leaderboard_backends.comparison.programs import Program, Setting


def run(setting: Setting) -> ProgramFigures:
    given = {"players": setting.players, "seed": setting.seed, "seconds": setting.seconds}
    return ProgramFigures([Timing("count", distribution([1_000] * 200))], counts=given)


PROGRAMS = (Program("counting", 1_000, run),)
