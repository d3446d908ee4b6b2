"""Imports the kit so that its failing asserts show their values in any repo; says which extra is missing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import MissingExtraError

if TYPE_CHECKING:
    from .conformance import BackendConformance

KIT = f"{__package__}.conformance"


def load_kit() -> type[BackendConformance]:
    """Return `BackendConformance`; raises `MissingExtraError` where pytest or hypothesis is not installed."""
    try:
        import pytest  # noqa: PLC0415 - loaded when the kit is asked for

        pytest.register_assert_rewrite(KIT)
        found: type[BackendConformance] = import_module(KIT).BackendConformance
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(__package__.partition(".")[0]):
            raise
        raise MissingExtraError(
            f"the conformance kit needs {error.name}, which is not installed: "
            f"pip install 'leaderboard-backends[testing]'"
        ) from error
    return found
