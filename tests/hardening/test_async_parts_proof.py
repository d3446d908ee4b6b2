"""All that holds for the parts around a board holds for those of asyncio programs: the same tests, on coroutines."""

from __future__ import annotations

import pytest

from .blocking_parts import adopted

pytestmark = pytest.mark.proof

globals().update(
    adopted(
        "test_validation",
        "test_validation_backends",
        "test_validation_races",
        "test_rate_limiting",
        "test_rate_limit_outage",
    )
)
