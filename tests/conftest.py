"""What all tests run under."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Iterable, Iterator
from typing import Final

import pytest
from hypothesis import settings

from leaderboard_backends.testing.conformance.foundation import ALL_RULES
from leaderboard_backends.testing.honesty import HonestKit, kit_part

UNDER_ONE_RULE: Final = (
    "test_histories_of_threads_are_linearizable",
    "test_histories_of_processes_are_linearizable",
    "test_ties_between_processes_are_first_come_first_served",
    "test_what_a_process_left_is_found_by_the_next",
)
"""Slow tests of the kit to which order and keep matter little: `make test` runs them under one of the four rules."""

# How long an example takes is the machine's business.
settings.register_profile("here", deadline=None)
settings.load_profile("here")

# A shell starts what it runs in the background with Ctrl-C ignored, and children inherit that; tests of Ctrl-C need it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Under nohup, children would inherit that a hang-up is ignored; a handler is not inherited by what is started anew.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture
def unlogged(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For tests that interrupt wherever they can: what is lost in a finalizer is not reported, and nothing is logged.

    Reporting it could be interrupted, too, and logging has a lock that an interrupt can leave taken for good.
    """
    monkeypatch.setattr(logging.Logger, "isEnabledFor", lambda *_: False)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    yield
    gc.collect()  # redis-py's connections that were interrupted leave a socket to the interpreter, which closes it


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, obj: object) -> list[pytest.Item] | None:
    """Make no items of a class that is marked `proof` in a run of none of those: they are two thirds of all."""
    marks = getattr(obj, "pytestmark", ()) if isinstance(obj, type) else ()
    left_out = collector.config.option.markexpr == "not proof" and any(mark.name == "proof" for mark in marks)
    return [] if left_out else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Mark as `proof` what repeats in the kit: a second rule where it changes little, and parts that a class `repeats`.

    A class with `under_one_rule` has all its tests under one of the four rules, any other the slow ones.
    """
    for item in items:
        if not isinstance(item, pytest.Function) or not issubclass(kit := item.cls or object, HonestKit):
            continue
        name, case = item.originalname, getattr(item, "callspec", None)
        again = case is not None and case.params.get("rules", ALL_RULES[0]) != ALL_RULES[0]
        again = again and (name in UNDER_ONE_RULE or getattr(kit, "under_one_rule", False))
        if again or kit_part(kit, name) in getattr(kit, "repeats", ()):
            item.add_marker(pytest.mark.proof)


def pytest_collection_finish() -> None:
    """Keep thousands of collected tests out of every collection of garbage, here and in forked children."""
    gc.collect()
    gc.freeze()
