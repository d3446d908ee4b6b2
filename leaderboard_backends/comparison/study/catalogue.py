"""All programs by name, and what runs one of them."""

from __future__ import annotations

from ...errors import ConfigurationError
from ...model import shorten
from ..samples import distribution
from ..schema import StudyFigures
from . import entries, hardening, migration, ordered_maps, queries, refusals, sharding, sorted_dict, ties
from .program import SECONDS, Findings, Program, Setting, Summarise


def programs() -> dict[str, Program]:
    """Return all programs by name, whether what they need is installed or not."""
    homes = (sorted_dict, queries, ordered_maps, ties, entries, hardening, refusals, migration, sharding)
    return {program.name: program for home in homes for program in home.PROGRAMS}


def find_program(name: str) -> Program:
    """Return the program of a name. Raises `ConfigurationError`, with the names that there are."""
    known = programs()
    if name not in known:
        raise ConfigurationError(f"{shorten(name)} names no program of the study: give one of {', '.join(known)}.")
    return known[name]


def run(
    name: str,
    players: int | None = None,
    seed: int = 1,
    seconds: float = SECONDS,
    summarise: Summarise = distribution,
) -> Findings:
    """Run a program, at the claim's size unless another is given, in this process, which should be a fresh one.

    Each operation takes `seconds` at most. Raises `WrongProgramError` where its answers are wrong, `MissingExtraError`
    where what it needs is not installed.
    """
    chosen = find_program(name)
    return chosen.run(Setting(players or chosen.players, seed, seconds, summarise))


def run_program(
    name: str,
    players: int | None = None,
    seed: int = 1,
    seconds: float = SECONDS,
    summarise: Summarise = distribution,
) -> StudyFigures:
    """Run a program as `run` does, and return its figures as a result keeps them."""
    found = run(name, players, seed, seconds, summarise)
    return StudyFigures(found.timings, found.memory_bytes, found.counts)
