"""The conformance gate: wrong means no figure of that backend at all.

The conformance kit judges each backend ahead, on the target that is measured; a verdict stays while nothing changes.
The runs that time single operations compare every answer with the model's; a plan that has none of these under a
workload has a short one ahead, of each backend, whose figures are not published. One wrong run withholds all figures.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ...installing import DISTRIBUTION
from ..identity import source_digest, versions
from ..plan import ALL, Plan
from ..result_files import write_atomically
from ..schema import BackendFacts, Verdict
from ..targets import Target
from .processes import Answer, Job, answer

if TYPE_CHECKING:
    from ...testing.report import Report

TIMEOUT: Final = 600.0
"""Seconds of the kit's run on a backend."""

SHOWN: Final = 3
"""Failures whose names are kept."""

NON_CONFORMING: Final = "DOES NOT CONFORM"

PLAYERS: Final = 10_000
"""Players of the short run; fewer where no board of the plan has that many."""

STEPS: Final = 2_000


def judge(job: Job) -> Verdict:
    """Run the kit in this process, once more where it fails: a failure that comes back is the backend's.

    Both runs are counted.
    """
    gc.freeze()  # what was imported is no garbage, and pytest looks for some
    report = _run_kit(job)
    failures = _failed(report)
    if report.verdict == NON_CONFORMING:
        again = _run_kit(job)
        if again.verdict != NON_CONFORMING:
            report, failures = again, [f"passed only when tried again: {name}" for name in failures]
    counts = report.counts()
    return Verdict(
        verdict=report.verdict,
        parts=", ".join(job.parts) or ALL,
        passed=counts["passed"] + counts["refused"],
        failed=counts["failed"] + counts["not run"],
        kit=report.versions.kit if report.versions else "",
        seconds=report.seconds,
        failures=[" ".join(text.split()) for text in failures],
    )


def _run_kit(job: Job) -> Report:
    from ...testing.opening import is_url, load_target, url_factory  # noqa: PLC0415 - pytest, in this process alone
    from ...testing.runner import run_kit  # noqa: PLC0415 - as above

    make = url_factory(job.where.target) if is_url(job.where.target) else load_target(job.where.target)
    return run_kit(make, name=job.label, seed=job.seed, parts=job.parts)


def _failed(report: Report) -> list[str]:
    names = [outcome.test for outcome in report.failures]
    more = [f"and {len(names) - SHOWN} more"] if len(names) > SHOWN else []
    return [*names[:SHOWN], *more] or ([report.problem] if report.problem else [])


def verdict_on(target: Target, facts: BackendFacts, job: Job, stored: Path | None) -> Verdict:
    """Return the kit's verdict on a backend at its target: one from the folder `stored`, or that of a run now.

    Only verdicts on this library's own backends at targets made for a run are stored: what others depend on is not
    known here.
    """
    path = None
    if stored is not None and target.place is not None and facts.distribution.startswith(f"{DISTRIBUTION} "):
        inputs = [target.identity, facts.server, source_digest(), versions(), job.parts, job.seed]
        path = stored / f"{sha256(msgspec.json.encode(inputs)).hexdigest()}.json"
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(path.read_bytes(), type=Verdict)
    given = answer(replace(job, task="conformance"), target.path)
    verdict = given.verdict or Verdict("NOT RUN", ", ".join(job.parts) or ALL, 0, 0, "", 0.0, [given.reason])
    if path is not None and verdict.allows_figures:
        with suppress(OSError):  # a folder that cannot be written means that the kit runs again next time
            write_atomically(path, msgspec.json.encode(verdict))
    return verdict


def gates_of(plan: Plan, only_sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the workloads whose answers no run of a plan compares, each with the size of its short run.

    `only_sizes` has, by workload, the only size of workloads that are made of events.
    """
    compared = {name for part in plan.service for name in part.workloads}
    found: dict[str, int] = {}
    for mode, part in plan.asked():
        for name in part.workloads:
            if mode not in ("service", "hardening") and name not in compared:
                size = only_sizes.get(name) or min(PLAYERS, max(part.players))
                found[name] = max(size, found.get(name, 0))
    return found


def refusal(facts: BackendFacts) -> Answer | None:
    """Return why a backend has no figures, by its verdict and its short runs; `None` where it may have some."""
    verdict = facts.verdict
    if verdict is not None and not verdict.allows_figures:
        reason = f"the conformance kit says {verdict.verdict}: {'; '.join(verdict.failures)}"
        return Answer("wrong" if verdict.verdict == NON_CONFORMING else "failed", reason)
    for gate in facts.gates:
        if gate.status != "ok":
            where = f"in a short run of {gate.workload} with {gate.players:,} players, before any measurement"
            return Answer(gate.status, f"{where}: {gate.reason}")
    return None
