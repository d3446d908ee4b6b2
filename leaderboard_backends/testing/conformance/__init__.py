"""The conformance kit: every line of the contract as a test, in parts by theme.

`BackendConformance` has them all. Each part can be subclassed alone while a backend is being written.
"""

from __future__ import annotations

import pytest

from ..subject import PARTS

pytest.register_assert_rewrite(*(f"{__name__}.{module}" for module in ("foundation", "stateful", "tasks", *PARTS)))

from .suite import BackendConformance  # noqa: E402 - the parts' asserts are rewritten as they are imported
from .tasks import AsyncConformance  # noqa: E402 - as above

__all__ = ["AsyncConformance", "BackendConformance"]
