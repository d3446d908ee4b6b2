"""What holds for monitoring holds for that of asyncio programs: the same tests, on coroutines."""

from __future__ import annotations

import pytest

from .blocking_parts import adopted

pytestmark = pytest.mark.proof

globals().update(
    adopted(
        "test_monitoring",
        "test_monitoring_alerts",
        "test_monitoring_snapshot",
        "test_monitoring_spans",
    )
)
