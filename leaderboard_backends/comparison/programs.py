"""Programs of plug-ins, measured beside backends: code that is no board, timed in fresh processes, in rounds.

A plan asks for all programs of a distribution (`[[programs]]`); the distribution names a sequence of `Program` in the
entry-point group `leaderboard_backends.programs`. A program compares its own answers with a plain computation before
its figures count. Programs keep no contract, and none of their figures is compared with a board's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import metadata
from importlib.metadata import EntryPoint
from typing import Final

from ..errors import PluginError
from ..model import shorten
from ..registry import load_plugin
from .figures import ProgramFigures

ENTRY_POINT_GROUP: Final = "leaderboard_backends.programs"


class WrongProgramError(Exception):
    """A program computed something else than a plain computation: it has no figures, and the text says what differs."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Settings of a run: players, the seed that they are drawn from, the most seconds of all calls of one operation."""

    players: int
    seed: int = 1
    seconds: float = 1.0


@dataclass(frozen=True, slots=True)
class Program:
    """One program."""

    name: str
    players: int
    """The size at which a plan runs it."""
    run: Callable[[Setting], ProgramFigures] = field(repr=False)
    """Runs in a fresh process. Raises `WrongProgramError` where its answers are wrong."""


def modules_of(distribution: str) -> list[str]:
    """Return the modules that name the programs of a distribution, none where it is not installed; imports nothing."""
    return [point.module for point in _points(distribution)]


def programs_of(distribution: str) -> dict[str, Program]:
    """Return the programs of a distribution by name; none where it is not installed.

    Raises `PluginError` where what it names are no programs, or two of one name.
    """
    found: dict[str, Program] = {}
    owner = f"the programs of {distribution}"
    for point in _points(distribution):
        named = load_plugin(point, owner)
        if not isinstance(named, list | tuple) or not all(isinstance(one, Program) for one in named):
            raise PluginError(
                f"{owner} are {shorten(named)}, not a list or tuple of Program: {point.value} must name one."
            )
        for program in named:
            if program.name in found:
                raise PluginError(f"{owner}: {shorten(program.name)} comes twice; give each its own name.")
            found[program.name] = program
    return found


def _points(distribution: str) -> Iterable[EntryPoint]:
    """Return what a distribution names, however its name is spelled: as package indexes compare names."""
    try:
        return metadata.distribution(distribution).entry_points.select(group=ENTRY_POINT_GROUP)
    except (metadata.PackageNotFoundError, ValueError):  # the latter where the name is empty
        return ()
