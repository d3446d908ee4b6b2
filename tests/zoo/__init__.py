"""Boards with one bug each, and the test of the kit that must see it: what the kit itself is tested by.

One module a theme, one class a mutant; the class's docstring says the bug as a user would meet it.
"""

from __future__ import annotations

from . import (
    changes,
    chunked,
    increments,
    isolation,
    iteration,
    journals,
    life,
    lookups,
    promises,
    races,
    ranges,
    ranks,
    removal,
    scale,
    scores,
    sharded,
    sharded_changes,
    texts,
    ties,
    values,
    writes,
)
from .registry import MUTANTS, Mutant

__all__ = [
    "MUTANTS",
    "Mutant",
    "changes",
    "chunked",
    "increments",
    "isolation",
    "iteration",
    "journals",
    "life",
    "lookups",
    "promises",
    "races",
    "ranges",
    "ranks",
    "removal",
    "scale",
    "scores",
    "sharded",
    "sharded_changes",
    "texts",
    "ties",
    "values",
    "writes",
]
