"""What all tests run under."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

from leaderboard_backends.testing.conformance.foundation import ALL_RULES, Rules
from leaderboard_backends.testing.honesty import HonestKit, kit_part

UNDER_ONE_RULE: Final = (
    "test_histories_of_threads_are_linearizable",
    "test_histories_of_processes_are_linearizable",
    "test_ties_between_processes_are_first_come_first_served",
    "test_what_a_process_left_is_found_by_the_next",
)
"""Slow tests of the kit to which order and keep matter little: `make test` runs them under one of the four rules."""

# How long an example takes is the machine's business.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")
# `make quick` tries a quarter of the examples; `make test`, which CI runs, tries all.
settings.register_profile("quick", settings.get_profile("here"), max_examples=25)

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
def pytest_collection() -> None:
    """Look for no garbage while thousands of tests are collected, as nearly all of it stays."""
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> list[pytest.Item] | None:
    """Make no items of what is `proof` as a whole in a run of none of those: they are two thirds of all."""
    if not _without_proof(collector.config):
        return None
    marks = getattr(obj, "pytestmark", ()) if isinstance(obj, type) else ()
    kit = collector.obj if isinstance(collector, pytest.Class) else object
    return [] if any(mark.name == "proof" for mark in marks) or _repeats(kit, name) else None


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make no items under rules that are `proof` in a run of none of those, either."""
    rules = _rules_of(metafunc.cls or object, metafunc.function.__name__)
    if _without_proof(metafunc.config) and "rules" in metafunc.fixturenames and len(rules) < len(ALL_RULES):
        metafunc.definition.add_marker(pytest.mark.parametrize("rules", rules, ids=str, indirect=True))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Mark as `proof` what repeats in the kit: further rules where they change little, parts that a class `repeats`."""
    for item in items:
        if not isinstance(item, pytest.Function):
            continue
        kit, name, case = item.cls or object, item.originalname, getattr(item, "callspec", None)
        rules = case.params.get("rules", ALL_RULES[0]) if case else ALL_RULES[0]
        if _repeats(kit, name) or rules not in _rules_of(kit, name):
            item.add_marker(pytest.mark.proof)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show at the end of a run with tests marked `proof` what faults came to: lines that begin with `tally:`."""
    if _without_proof(terminalreporter.config):
        return
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for line in report.capstdout.splitlines():
            if line.startswith("tally: "):
                terminalreporter.write_line(line)


def _without_proof(config: pytest.Config) -> bool:
    return bool(config.option.markexpr == "not proof")


def _repeats(kit: type, name: str) -> bool:
    """Whether a class leaves a test of the kit to `make proof`."""
    return issubclass(kit, HonestKit) and kit_part(kit, name) in getattr(kit, "repeats", ())


def _rules_of(kit: type, name: str) -> Sequence[Rules]:
    """Return the combinations of order and keep under which a class runs a test, the others being `proof`.

    One with `under_one_rule`, and for slow tests; with `under_two_rules` two that have each order and each keep, but
    for random programs, which run under all four; else all four.
    """
    if not issubclass(kit, HonestKit):
        return ALL_RULES
    if name in UNDER_ONE_RULE or getattr(kit, "under_one_rule", False):
        return ALL_RULES[:1]
    if getattr(kit, "under_two_rules", False) and kit_part(kit, name) != "machine":
        return [ALL_RULES[0], ALL_RULES[-1]]
    return ALL_RULES


def pytest_collection_finish() -> None:
    """Keep thousands of collected tests out of every collection of garbage, here and in forked children."""
    gc.collect()
    gc.freeze()
    gc.enable()
