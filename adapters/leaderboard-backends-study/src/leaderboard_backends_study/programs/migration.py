"""`study: bintrees adapter`: how much of bintrees' interface the study's adapter over `SortedDict` has.

The study gives an hour or two for an adapter, and shows two methods of it, written with `SortedDict.iloc`, which
version 2 of sortedcontainers deprecated.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

from sortedcontainers import SortedDict

from leaderboard_backends.comparison.programs import Program, Setting, WrongProgramError
from leaderboard_backends.comparison.schema import ProgramFigures

from .ordered_maps import import_bintrees

ALL: Final = "public methods of bintrees.RBTree"
COVERED: Final = "of them in the adapter"
DEPRECATIONS: Final = "deprecation warnings"


class BintreesAdapter(SortedDict[Any, Any]):
    """A `SortedDict` with the two methods of bintrees that the study gives it."""

    def min_key(self) -> Any:
        """Return the least key."""
        return self.iloc[0]

    def max_key(self) -> Any:
        """Return the greatest key."""
        return self.iloc[-1]


def run(setting: Setting) -> ProgramFigures:
    """Ask both for their ends, and compare their public names."""
    theirs = public_names(import_bintrees().RBTree)
    adapter = BintreesAdapter(dict.fromkeys(range(setting.players)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ends = (adapter.min_key(), adapter.max_key())
    if ends != (0, setting.players - 1):
        raise WrongProgramError(f"the adapter's ends are {ends}, not 0 and {setting.players - 1}")
    deprecations = sum(issubclass(warning.category, DeprecationWarning) for warning in caught)
    covered = len(theirs & public_names(BintreesAdapter))
    return ProgramFigures([], counts={ALL: len(theirs), COVERED: covered, DEPRECATIONS: deprecations})


def public_names(kind: type) -> set[str]:
    """Return the names of a class that a user may call."""
    return {name for name in dir(kind) if not name.startswith("_") and callable(getattr(kind, name, None))}


PROGRAMS: Final = (
    Program("study: bintrees adapter", "What of bintrees' interface the study's adapter has.", 1_000, run),
)
