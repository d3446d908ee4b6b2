"""The conformance kit on one backend, in a process of its own: `python -m …measure.prove`, a request in, a verdict out.

It runs before anything is measured, and on the target that is measured, so that no figure is published of a board that
breaks the contract.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import sys
from typing import Final

import msgspec

from ...testing.lifetimes import end_with_parent
from ...testing.opening import is_url, load_target, url_factory
from ...testing.report import Report
from ...testing.runner import run_kit
from ..schema import Verdict

ALL: Final = "all"
SHOWN: Final = 3
"""Failures whose names are kept."""


class Request(msgspec.Struct, frozen=True):
    """What is to be proven: a URL, or `module:callable`. It may hold a password, so it travels through a pipe."""

    target: str
    label: str
    parts: list[str]
    """None named: all."""
    seed: int
    give_up_after: float
    """Seconds after which the process ends itself."""


def prove(request: Request) -> Verdict:
    """Run the kit, once more where it fails: a failure that comes back is the backend's, and both runs are counted."""
    report = _run(request)
    if report.verdict == "DOES NOT CONFORM":
        again = _run(request)
        if again.verdict != "DOES NOT CONFORM":
            return _verdict(request, again, [f"passed only when tried again: {name}" for name in _failed(report)])
    return _verdict(request, report, _failed(report))


def _run(request: Request) -> Report:
    make = url_factory(request.target) if is_url(request.target) else load_target(request.target)
    return run_kit(make, name=request.label, seed=request.seed, parts=request.parts)


def _failed(report: Report) -> list[str]:
    names = [outcome.test for outcome in report.failures]
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return [*names[:SHOWN], *more] or ([report.problem] if report.problem else [])


def _verdict(request: Request, report: Report, failures: list[str]) -> Verdict:
    counts = report.counts()
    return Verdict(
        verdict=report.verdict,
        parts=", ".join(request.parts) or ALL,
        passed=counts["passed"] + counts["refused"],
        failed=counts["failed"] + counts["not run"],
        kit=report.versions.kit if report.versions else "",
        seconds=report.seconds,
        failures=[" ".join(text.split()) for text in failures],
    )


def main() -> None:
    """Read a request from standard input, write the verdict to standard output; all else goes to stderr."""
    end_with_parent(os.getppid())
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    gc.freeze()  # what was imported is no garbage, and pytest looks for some
    faulthandler.enable()
    faulthandler.dump_traceback_later(request.give_up_after, exit=True)
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        out.write(msgspec.json.encode(prove(request)))


if __name__ == "__main__":
    main()
