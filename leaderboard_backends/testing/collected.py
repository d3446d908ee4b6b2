"""The test class that the runner collects: the whole kit, on the factory that the run is about."""

from __future__ import annotations

import pytest

from ..model import Keep, Order
from ..protocol import LeaderboardBackend
from .conformance import BackendConformance
from .subject import SUBJECT, Subject


class TestSubject(BackendConformance):
    """The kit on the subject of the run."""

    _subject: Subject

    @pytest.fixture(autouse=True)
    def _take_subject(self, pytestconfig: pytest.Config) -> None:
        self._subject = pytestconfig.stash[SUBJECT]
        self.seed, self.examples = self._subject.seed, self._subject.examples

    def make(self, *, name: str, order: Order, keep: Keep) -> LeaderboardBackend:
        """Open a board by the factory."""
        return self._subject.make(name, order=order, keep=keep)
