"""A program of a plug-in, whose metadata is beside this file as an installer lays it out: tells what it was given."""

from __future__ import annotations

from leaderboard_backends.comparison.programs import Program, Setting
from leaderboard_backends.comparison.samples import distribution
from leaderboard_backends.comparison.schema import ProgramFigures, Timing


def run(setting: Setting) -> ProgramFigures:
    given = {"players": setting.players, "seed": setting.seed, "seconds": setting.seconds}
    return ProgramFigures([Timing("count", distribution([1_000] * 200))], counts=given)


PROGRAMS = (Program("counting", 1_000, run),)
