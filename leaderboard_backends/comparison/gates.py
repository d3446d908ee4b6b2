"""Wrong means no figure of that backend at all: which short runs come ahead to know it, and what a wrong run withholds.

The runs that time single operations compare every answer with the model's. A plan that has none of these under a
workload has a short one ahead, of each backend, whose figures are not published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from .plan import DrillPart, Plan, ResponsePart, ServicePart, ThroughputPart, Unit
from .schema import Cell, Gate, Run

PLAYERS: Final = 10_000
"""Players of the short run; fewer where no board of the plan has that many."""

STEPS: Final = 2_000

WITHHELD: Final = "withheld, as another run was wrong"


def gates_of(plan: Plan, only_sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the workloads whose answers no run of a plan compares, each with the size of its short run.

    `only_sizes` has, by workload, the only size of workloads that are made of events.
    """
    compared = {name for part in plan.service for name in part.workloads}
    found: dict[str, int] = {}
    parts: list[ThroughputPart | ResponsePart | DrillPart] = [*plan.throughput, *plan.response, *plan.drill]
    for part in parts:
        if part.workload not in compared:
            size = only_sizes.get(part.workload) or min(PLAYERS, max(part.players))
            found[part.workload] = max(size, found.get(part.workload, 0))
    return found


def gate_unit(workload: str, players: int, backend: str) -> Unit:
    """Return the short run: that of a service time, whose answers are all compared."""
    return Unit(Cell("service", workload, players, backend), 1, STEPS, ServicePart([workload], [players], STEPS))


def refusal(gate: Gate) -> str:
    """Return why a backend that did not pass a gate has no figures."""
    return f"in a short run of {gate.workload} with {gate.players:,} players, before any measurement: {gate.reason}"


def withholding(wrong: Run) -> str:
    """Return why no run of the backend of a wrong run has figures."""
    if wrong.reason.startswith(WITHHELD):
        return wrong.reason
    cell = wrong.cell
    return f"{WITHHELD} ({cell.mode}, {cell.workload}, {cell.players:,} players): {wrong.reason}"


def withheld(runs: Sequence[Run]) -> list[Run]:
    """Return the runs, those of backends that were wrong in any of them without figures, but with the reason."""
    reasons: dict[str, str] = {}
    for run in sorted(runs, key=lambda run: not run.reason.startswith(WITHHELD)):  # one that was told stays the one
        if run.status == "wrong":
            reasons.setdefault(run.cell.backend, withholding(run))
    return [
        replace(run, status="wrong", figures=None, reason=reasons[run.cell.backend])
        if run.status == "ok" and run.cell.backend in reasons
        else run
        for run in runs
    ]
