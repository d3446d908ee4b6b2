"""Whether a thread comes amid a section of its own, as a finalizer or a signal handler does."""

from __future__ import annotations

from threading import RLock

import pytest

from leaderboard_backends.errors import BackendUnavailableError
from leaderboard_backends.hardening.reentrance import is_inside, refuse_inside
from leaderboard_backends.testing.crew import Crew


def test_only_the_thread_that_holds_a_lock_is_refused() -> None:
    lock = RLock()
    refuse_inside(lock)
    with lock:
        assert is_inside(lock)
        with pytest.raises(BackendUnavailableError, match="in the middle of another call of this thread"):
            refuse_inside(lock)
        assert Crew([lambda: is_inside(lock)]).join(20) == [False]
    assert not is_inside(lock)
