"""What holds for the cached top holds for that of asyncio programs: the same tests, on coroutines."""

from __future__ import annotations

import pytest

from .blocking_parts import adopted

pytestmark = pytest.mark.proof

globals().update(adopted("test_cached_top"))
