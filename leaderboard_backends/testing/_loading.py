"""Imports the kit so that its failing asserts show their values in any repo; says which extra is missing."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import MissingExtraError

if TYPE_CHECKING:
    from .conformance import BackendConformance

KIT = f"{__package__}.conformance"


def load_kit() -> type[BackendConformance]:
    """Return `BackendConformance`; raises `MissingExtraError` where pytest or hypothesis is not installed."""
    require_extra()
    if KIT not in sys.modules:
        import_module("pytest").register_assert_rewrite(KIT)
    found: type[BackendConformance] = import_module(KIT).BackendConformance
    return found


def require_extra() -> None:
    """Raise `MissingExtraError` unless pytest and hypothesis are installed; imports neither."""
    for library in ("pytest", "hypothesis"):
        if find_spec(library) is None:
            raise MissingExtraError(
                f"the conformance kit needs {library}, which is not installed: "
                f"pip install 'leaderboard-backends[testing]'"
            )
