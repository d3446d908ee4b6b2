"""The test class that the runner collects: the whole kit, on the factory that the run is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ..model import Keep, Order
from ..protocol import LeaderboardBackend
from .conformance import BackendConformance
from .task import TASK


class TestSubject(BackendConformance):
    """The kit on the subject of the run."""

    _make: Callable[..., LeaderboardBackend]

    @pytest.fixture(autouse=True)
    def _take_factory(self, pytestconfig: pytest.Config) -> None:
        made = pytestconfig.stash[TASK].make
        assert made is not None
        self._make = made

    def make(self, *, name: str, order: Order, keep: Keep, **options: Any) -> LeaderboardBackend:
        """Open a board by the factory."""
        return self._make(name, order=order, keep=keep, **options)
