"""The conformance kit: every line of the contract as a test, in parts by theme.

`BackendConformance` has them all. Each part can be subclassed alone while a backend is being written.
"""

from __future__ import annotations

import pytest

_PARTS = (
    "foundation",
    "bulk",
    "capabilities",
    "increments",
    "isolation",
    "iteration",
    "life",
    "lookups",
    "machine",
    "order",
    "ranges",
    "removal",
    "scores",
    "texts",
    "threads",
    "updates",
    "values",
)
pytest.register_assert_rewrite(*(f"{__name__}.{part}" for part in _PARTS))

from .suite import BackendConformance  # noqa: E402 - the parts' asserts are rewritten as they are imported

__all__ = ["BackendConformance"]
