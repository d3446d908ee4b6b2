"""Whose fault an error is, and what kind it is called in metrics."""

from __future__ import annotations

import builtins
from typing import Final

from ... import errors
from .names import CALLER, STORAGE

REFUSALS: Final = (
    errors.InvalidValueError,
    errors.RateLimitExceededError,
    errors.UnsupportedOperationError,
    errors.LeaderboardClosedError,
)
"""Errors that refuse what was asked: they are neither load on the board nor a failure of it."""

EXPECTED: Final = (
    errors.BackendUnavailableError,
    errors.BackendReadOnlyError,
    errors.BackendFullError,
    errors.WriteConflictError,
    errors.WriteOutcomeUnknownError,
    errors.BoardMismatchError,
    errors.RateLimitExceededError,
    errors.UpdateRefusedError,
)
"""Errors that are counted from 0 on: a counter that appears with its first error hides that one from `rate()`."""

KNOWN: Final = frozenset({errors.__name__, builtins.__name__})
"""The modules whose classes are kinds of errors, so that there are only so many."""


def is_failure(error: type[BaseException]) -> bool:
    """Whether an error is one of the storage, rather than a refusal."""
    return not issubclass(error, REFUSALS)


def fault_of(error: type[BaseException]) -> str:
    """Return the label for whose fault an error is."""
    return STORAGE if is_failure(error) else CALLER


def kind_of(error: type[BaseException]) -> str:
    """Return the nearest class of an error that is in the tree of `errors`, or else Python's own."""
    known = [base for base in error.__mro__ if base.__module__ in KNOWN]
    ours = (base for base in known if base.__module__ == errors.__name__)
    return next(ours, known[0]).__name__
